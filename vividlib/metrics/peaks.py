"""How much of the peaks of a curve survives tracking and smoothing: blinks, lips that open, lips that close.

A correlation hardly sees that a smoother rounds off what lasts two frames. Peaks are found, and their heights
counted, by topographic prominence: the height above the higher of the two valleys beside them.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import find_peaks

NEAR = 1
"""Frames by which a peak may be early or late."""


def peaks_kept(curve: np.ndarray, reference: np.ndarray, least: float, reach: int) -> np.ndarray:
    """Of each peak of ``reference`` the share of its height that ``curve`` shows there.

    Parameters
    ----------
    curve, reference : (T,), one unit
    least : prominence from which a rise of ``reference`` counts as a peak, in its unit
    reach : frames, before and after, in which the valleys beside a peak are looked for

    Returns
    -------
    numpy.ndarray
        (P,): 1 is all of it, 0 nothing; noise of ``curve`` may take it over 1.
    """
    peaks, _ = find_peaks(reference, prominence=least, wlen=2 * reach + 1)
    return np.array([_height(curve, peak, reach, NEAR) / _height(reference, peak, reach, 0) for peak in peaks])


def _height(curve: np.ndarray, peak: int, reach: int, near: int) -> float:
    """Height of the curve about ``peak`` above the higher of the valleys beside it."""
    top = curve[max(0, peak - near) : peak + near + 1].max()
    return top - max(curve[max(0, peak - reach) : peak + 1].min(), curve[peak : peak + reach + 1].min())
