"""How lively curves are: how far they go, how fast, and whether left and right go together.

What is sampled cannot be compared with a truth frame by frame. CodeTalker's upper-face dynamics deviation (Xing et al.,
2023, section 4.2) compares the standard deviations of the two motions; a tremble and a slow wave of one deviation differ
in speed, and a face whose halves know nothing of each other in the correlation of its sides. Jerk, the third derivative, is what people's own movements keep small (Flash and Hogan,
"The coordination of arm movements", 1985).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.signal import butter, sosfiltfilt

FASTEST = 6.0
"""Hz, above which a tracked curve is mostly noise: Winter, "Biomechanics and Motor Control of Human Movement" (2009,
section 3.4), smooths positions with a Butterworth filter of second order, run both ways, before derivatives."""


class Dynamics(NamedTuple):
    """Each field (C,), one value a curve."""

    deviation: np.ndarray  # in the unit of the curves
    speed: np.ndarray  # mean of its size, in the unit of the curves a second


def dynamics(curves: np.ndarray, rate: float, known: np.ndarray | None = None) -> Dynamics:
    """Root mean square and mean speed of curves (T, C) at ``rate`` Hz, 0 at rest.

    Parameters
    ----------
    known : (T,) bool, frames that count; None: all
    """
    known = np.ones(len(curves), bool) if known is None else known
    steps = np.abs(np.diff(curves, axis=0))[known[1:] & known[:-1]]
    return Dynamics(np.sqrt(np.mean(curves[known] ** 2, axis=0)), steps.mean(0) * rate)


def jerk(curves: np.ndarray, rate: float) -> np.ndarray:
    """Mean size of the third derivative of curves (T, C) at ``rate`` Hz, in their unit / s^3: (C,).

    Three derivatives make noise the largest thing there is, so the curves are low-passed at FASTEST first: whether
    tracked or made, the same is asked of both.
    """
    smooth = sosfiltfilt(butter(2, FASTEST, fs=rate, output="sos"), curves, axis=0)
    return np.abs(np.diff(smooth, 3, axis=0)).mean(0) * rate**3


def sides_together(left: np.ndarray, right: np.ndarray) -> float:
    """Pearson's correlation of the left and the right side of a face, (T,) each."""
    return float(np.corrcoef(left, right)[0, 1])
