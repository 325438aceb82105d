"""Which device and which rasteriser will be used, and why."""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, NamedTuple

from vividlib.errors import BackendError

if TYPE_CHECKING:
    import torch

RASTERIZERS = ("numba", "numpy")
"""In order of preference."""


class Choice(NamedTuple):
    """What was chosen, and the reason in words."""

    name: str
    reason: str


def available() -> dict[str, str]:
    """For each thing that can speed the library up: ``"yes"``, or the reason why it is not used."""
    cuda = _cuda()
    return {
        "numpy": "yes",
        "numba": _importable("numba"),
        "nvdiffrast": _importable("nvdiffrast") if cuda == "yes" else f"needs CUDA: {cuda}",
        "pytorch3d": _importable("pytorch3d"),
        "cuda": cuda,
    }


def device(name: str = "auto") -> torch.device:
    """The torch device called ``name``; ``"auto"`` takes CUDA where there is one, else the CPU.

    Raises
    ------
    BackendError
        If torch does not know the device, or CUDA was asked for and is not there.
    """
    import torch

    cuda = _cuda()
    if name == "auto":
        return torch.device("cuda" if cuda == "yes" else "cpu")
    try:
        chosen = torch.device(name)
    except RuntimeError:
        raise BackendError(f"There is no device called {name!r}; use auto, cpu, cuda or cuda:N.") from None
    if chosen.type not in ("cpu", "cuda"):
        raise BackendError(f"vividlib runs on cpu and cuda, not on {name!r}; use auto, cpu, cuda or cuda:N.")
    if chosen.type == "cuda" and cuda != "yes":
        raise BackendError(f"The device {name!r} cannot be used: {cuda}. Use cpu or auto.")
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise BackendError(f"There is no {name}: this machine has {torch.cuda.device_count()} GPU(s), from cuda:0.")
    return chosen


def rasterizer(name: str = "auto") -> Choice:
    """The rasteriser to use, with the reason; ``"auto"`` takes the fastest that is there.

    Raises
    ------
    BackendError
        If the one asked for is unknown or cannot be used.
    """
    if name == "auto":
        numba = _importable("numba")
        if numba == "yes":
            return Choice("numba", "the fastest that is installed")
        return Choice("numpy", f"slow; numba is not used: {numba}")
    if name not in RASTERIZERS:
        raise BackendError(f"There is no rasteriser called {name!r}; use auto, {' or '.join(RASTERIZERS)}.")
    state = _importable(name)
    if state != "yes":
        raise BackendError(f"The rasteriser {name!r} cannot be used: {state}. Use auto or numpy.")
    return Choice(name, "asked for")


def _importable(module: str) -> str:
    if importlib.util.find_spec(module) is None:
        return "not installed"
    try:
        importlib.import_module(module)
    except (ImportError, OSError) as problem:  # OSError: a shared library that does not load
        return f"installed, but does not import ({problem})"
    return "yes"


def _cuda() -> str:
    import torch

    if not torch.backends.cuda.is_built():
        return f"torch {torch.__version__} is built without CUDA"
    if not torch.cuda.is_available():
        return "torch sees no usable NVIDIA GPU or driver"
    return "yes"
