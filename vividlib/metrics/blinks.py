"""Blinks in a curve of the lids: when, how long and how deep.

A person who talks blinks 26 times a minute, who rests 17 times and who reads 5 times (medians of Bentivoglio et al.,
"Analysis of blink rate patterns in normal subjects", 1997); lids close in about 0.1 s and open in about 0.2 s
(VanderWerf et al., "Eyelid movements", 2003).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.signal import find_peaks, peak_widths

LEAST = 0.35
"""Prominence from which a dip of the lids is a blink: a partial one."""
LONGEST = 0.6
"""Seconds, at half height, beyond which closed eyes are no blink: who looks down lowers the lids, too."""
NEAR_BASE, NEAR_TOP = 0.9, 0.1  # shares of the height below the top, between which speed is measured


class Blinks(NamedTuple):
    """Each field (N,); seconds from the curve's beginning."""

    start: np.ndarray
    closing: np.ndarray  # seconds, and so the next two
    closed: np.ndarray
    opening: np.ndarray
    depth: np.ndarray  # the lids' highest value
    whole: np.ndarray  # bool: begins and ends inside the curve


def find_blinks(lids: np.ndarray, rate: float) -> Blinks:
    """The blinks of a curve (T,), 0 with open and 1 with closed eyes, at ``rate`` Hz.

    Times are those of a half sine that takes as long between a tenth and nine tenths of the height.
    """
    lids = np.asarray(lids, np.float64)
    margin = round(LONGEST * rate)
    padded = np.pad(lids, margin, constant_values=lids.min(initial=1))
    peaks, _ = find_peaks(padded, prominence=LEAST, wlen=4 * margin)
    peaks = peaks[peak_widths(padded, peaks, 0.5, wlen=4 * margin)[0] < LONGEST * rate]
    _, _, rises, falls = peak_widths(padded, peaks, NEAR_BASE, wlen=4 * margin)
    _, _, shut, opens = peak_widths(padded, peaks, NEAR_TOP, wlen=4 * margin)
    share = np.arccos(1 - 2 * NEAR_TOP) / np.pi  # of a half sine before it has done a tenth
    closing, opening = (np.maximum(part, 1) / (1 - 2 * share) for part in (shut - rises, falls - opens))
    start, end = rises - share * closing - margin, falls + share * opening - margin
    closed = np.maximum(opens - shut - share * (closing + opening), 0)
    whole = (start > 0) & (end < len(lids) - 1)
    return Blinks(start / rate, closing / rate, closed / rate, opening / rate, padded[peaks], whole)


def blink_rate(lids: np.ndarray, rate: float) -> float:
    """Blinks a minute in a curve (T,) at ``rate`` Hz."""
    return len(find_blinks(lids, rate).start) / (len(lids) / rate / 60)
