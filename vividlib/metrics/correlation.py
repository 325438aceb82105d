"""Pearson's correlation of what was made with the truth, clip by clip: does the mouth move with it, whatever the size."""

from __future__ import annotations

import numpy as np


def correlation(made: np.ndarray, truth: np.ndarray) -> float:
    """Pearson's r of two curves (T,), in [-1, 1]; 0 where one of them never moves."""
    a, b = made - made.mean(), truth - truth.mean()
    size = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / size) if size > 1e-9 else 0.0
