"""Peak signal-to-noise ratio: how near a picture comes to another, in decibels."""

from __future__ import annotations

import numpy as np


def psnr(found: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None, peak: float = 255) -> float:
    """Ratio of the highest value squared to the mean squared difference, dB; infinite where there is none.

    Parameters
    ----------
    found, truth : (..., H, W, C), of the same unit
    mask : (..., H, W) bool, pixels that count; None: all
    peak : the highest value that a pixel can have
    """
    difference = found.astype(np.float64) - truth
    error = np.mean(difference[... if mask is None else mask] ** 2)
    return float(10 * np.log10(peak**2 / error)) if error else float("inf")
