"""Take the jitter out of curves without lag, and without rounding off blinks and plosives.

A local Wiener filter (Lee, "Digital image enhancement and noise filtering by use of local statistics", 1980) over
ever longer windows: where a curve varies no more than its noise it becomes its local mean; where it varies
more it passes as it is. How much is noise is told by the curve's own quietest moments.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d

WINDOWS = (0.6, 1.8, 4.0)  # seconds
QUIET = 20  # percentile of moments that show nothing but noise
MARGIN = 1.4  # times its usual size that noise may have
STILL = 1e-9  # below this a curve does not vary


def smooth(curves: np.ndarray, rate: float) -> np.ndarray:
    """Curves (T C) at ``rate`` Hz without their jitter (T C float64)."""
    result = curves.astype(np.float64)
    noise = None
    for seconds in WINDOWS:
        window = 2 * round(seconds * rate / 2) + 1
        if window > len(result):
            break
        if noise is None:
            steps = uniform_filter1d(np.diff(result, axis=0) ** 2 / 2, window, axis=0, mode="nearest")
            noise = np.sqrt(np.percentile(np.maximum(steps, 0), QUIET, axis=0))  # running sums round below zero
        mean = uniform_filter1d(result, window, axis=0, mode="nearest")
        spread = uniform_filter1d((result - mean) ** 2, window, axis=0, mode="nearest")
        passes = np.clip(1 - (MARGIN * noise) ** 2 / np.maximum(spread, STILL), 0, 1)
        result = mean + passes * (result - mean)
        noise = noise / np.sqrt(window)
    return result
