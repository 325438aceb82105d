"""Curves over time held against sounds whose beginnings and ends are known: spans (N, 2) in seconds."""

from __future__ import annotations

import numpy as np

NEAR = 0.04
"""Seconds by which a gesture may be early or late: two frames of a film."""


def inside(spans: np.ndarray, frames: int, rate: float, wider: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """Which frames lie in one of the spans, (frames,) bool; ``wider`` by seconds before and after (less if below 0)."""
    times = np.arange(frames) / rate
    found = np.zeros(frames, bool)
    for start, end in spans:
        found |= (times >= start - wider[0]) & (times < end + wider[1])
    return found


def lowest(curve: np.ndarray, spans: np.ndarray, rate: float, near: float = NEAR) -> np.ndarray:
    """The lowest value of a curve (T,) in each span and ``near`` seconds before and after it, (N,)."""
    first = np.clip(np.ceil((spans[:, 0] - near) * rate - 1e-6).astype(int), 0, len(curve) - 1)
    last = np.clip(np.floor((spans[:, 1] + near) * rate + 1e-6).astype(int), first, len(curve) - 1)
    return np.array([curve[a : b + 1].min() for a, b in zip(first, last)], curve.dtype)
