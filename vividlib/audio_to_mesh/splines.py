"""Curves that are drawn coefficient by coefficient: B-splines (Unser, "Splines: a perfect fit for signal and image
processing", 1999). Such a curve has no steps, nor has its velocity, and it stays in the hull of its coefficients.
"""

from __future__ import annotations

from functools import reduce

import numpy as np
from scipy.interpolate import BSpline
from scipy.signal import lfilter

KNOT = 4
"""Frames from one coefficient to the next."""
SPLINE = BSpline.basis_element(np.arange(4.0), extrapolate=False)((np.arange(3 * KNOT) + 0.5) / KNOT)
"""What one coefficient adds to the frames from its own on, quadratic: 0.11 s behind in its middle."""
QUINTIC = reduce(np.convolve, 3 * [np.full(KNOT, 1 / KNOT)], SPLINE)
"""The same three degrees smoother, 0.20 s behind."""
FIR = 1, 0
"""The denominator of a filter without feedback: for a bare 1 SciPy goes a way ten times slower."""


def begin(curves: int, spline: np.ndarray = SPLINE) -> np.ndarray:
    """The state of so many curves of a spline whose coefficients have been 0."""
    return np.zeros((len(spline) - 1, curves))


def knots(first: int, count: int) -> np.ndarray:
    """Which of ``count`` frames from number ``first`` on a coefficient begins at."""
    return np.arange(-first % KNOT, count, KNOT)


def coefficients_before(frame: int) -> int:
    """How many coefficients begin before a frame."""
    return -(-frame // KNOT)


def draw(
    state: np.ndarray, first: int, count: int, coefficients: np.ndarray, spline: np.ndarray = SPLINE
) -> tuple[np.ndarray, np.ndarray]:
    """The next frames.

    Parameters
    ----------
    state : from `begin` or the call before
    first : number of the first frame
    count : of frames, at least 1
    coefficients : (K, C), one for each of the `knots` of the frames
    spline : which, as in `begin`

    Returns
    -------
    curves : (count, C) float64
    state : for the next call
    """
    impulses = np.zeros((count, coefficients.shape[1]))
    impulses[knots(first, count)] = coefficients
    return lfilter(spline, FIR, impulses, axis=0, zi=state)
