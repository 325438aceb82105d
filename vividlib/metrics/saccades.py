"""Saccades in a noisy direction of gaze: steps between two rests.

Velocity thresholds (Engbert and Kliegl, "Microsaccades uncover the orientation of covert attention", 2003) need an eye
tracker's 500 Hz. Of a video's 25 Hz a saccade is one frame, so here a step is found as Canny finds an edge: where the
means before and after it differ most.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import convolve1d, maximum_filter1d
from scipy.signal import find_peaks

LEAST = np.radians(2.0)
"""The smallest step that stands out from a video's noise."""
REST, GAP = 0.2, 0.08
"""Seconds of rest compared on either side, and left out between them."""
CLEAR = 3.5
"""How many times as large as what the rests on its two sides vary a step is at least."""
QUICK = 0.6
"""Share of the step that the gap itself must show, so that a drift is no saccade."""
NEARLY = 0.9
"""Share of the largest step around it that a step is at least."""


class Saccades(NamedTuple):
    """What was found, each field (N,) or (N, 2), and where it could be."""

    start: np.ndarray  # seconds from the curve's beginning
    origin: np.ndarray  # radians: yaw, pitch before
    target: np.ndarray  # radians: yaw, pitch after
    judged: np.ndarray  # (T,) bool: frames at which a saccade would have been found


def find_saccades(direction: np.ndarray, rate: float, unknown: np.ndarray | None = None) -> Saccades:
    """Steps of at least LEAST in a direction (T, 2: yaw, pitch in radians) at ``rate`` Hz.

    Parameters
    ----------
    unknown : (T,) bool, frames whose direction is not to be believed, such as those in a blink
    """
    rest, gap = round(REST * rate), max(1, round(GAP * rate / 2))
    reach = rest + gap
    judged = np.ones(len(direction), bool) if unknown is None else ~maximum_filter1d(unknown, 2 * reach + 1)
    judged[:reach] = judged[max(0, len(judged) - reach) :] = False
    # The mean of the rest before a frame, and after it; the step between them belongs to the frame.
    kernel = np.zeros(2 * reach + 1)
    kernel[-rest:] = 1 / rest
    before = convolve1d(direction, kernel, axis=0, mode="nearest")
    after = convolve1d(direction, kernel[::-1], axis=0, mode="nearest")
    size = np.linalg.norm(after - before, axis=1)
    spread = np.maximum(*(_spread(direction, taps) for taps in (kernel, kernel[::-1])))
    quick = np.zeros(len(direction))
    quick[gap:-gap] = np.linalg.norm(direction[2 * gap :] - direction[: -2 * gap], axis=1)[
        : max(0, len(quick) - 2 * gap)
    ]
    largest = size >= NEARLY * maximum_filter1d(size, 2 * reach + 1)
    step = np.where(largest, np.minimum(size, quick / QUICK), 0)
    at, _ = find_peaks(step, distance=rest)
    at = at[judged[at] & (step >= np.maximum(LEAST, CLEAR * spread))[at]]
    return Saccades((at - gap) / rate, before[at], after[at], judged)


def _spread(direction: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Standard deviation of a direction under a kernel, (T,)."""
    mean, square = (convolve1d(part, kernel, axis=0, mode="nearest") for part in (direction, direction**2))
    return np.sqrt(np.maximum(square - mean**2, 0).sum(1))
