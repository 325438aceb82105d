"""Does long motion wander off, or come around again? Means of its parts, and peaks of its autocorrelation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.signal import correlate


class Repeat(NamedTuple):
    """The lag at which motion is most like itself."""

    correlation: float  # 1 for what is repeated exactly
    lag: float  # seconds


def drift(curves: np.ndarray, rate: float, part: float) -> np.ndarray:
    """Mean of curves (T, C) at ``rate`` Hz over each whole ``part`` seconds, in their unit: (P, C)."""
    size = round(part * rate)
    count = len(curves) // size
    return curves[: count * size].reshape(count, size, -1).mean(1)


def repetition(curves: np.ndarray, rate: float, least: float) -> Repeat:
    """The largest autocorrelation of curves (T, C) at ``rate`` Hz, all together, from a lag of ``least`` seconds on.

    Each curve is taken about its mean and in units of its deviation. Lags go to half the length, and a lag's products
    are divided by how many there are (the unbiased estimate of Box and Jenkins, "Time Series Analysis", 1976).
    """
    moving = curves - curves.mean(0)
    moving = moving / np.maximum(moving.std(0), 1e-12)
    count = len(moving)
    products = sum(correlate(curve, curve, method="fft")[count - 1 :] for curve in moving.T)
    lags = np.arange(round(least * rate), count // 2)
    values = products[lags] / (count - lags) / moving.shape[1]
    best = int(values.argmax())
    return Repeat(float(values[best]), float(lags[best] / rate))
