"""What lets one function serve NumPy's arrays and torch's tensors alike."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import torch

Array: TypeAlias = "np.ndarray | torch.Tensor"


def is_tensor(values: object) -> bool:
    """Whether these are torch's, found without importing it."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(values, torch.Tensor)


def library(values: Array) -> ModuleType:
    """NumPy or torch, whose functions take these."""
    return sys.modules["torch"] if is_tensor(values) else np
