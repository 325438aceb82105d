"""Closures of the lips, those of p, b and m: are they made where they are heard, and nowhere else.

That lips fail to close on these sounds is what gives synthetic speech away first: Agarwal et al., "Detecting
deep-fake videos from phoneme-viseme mismatches" (2020). The unit is a share of closures or of frames, 0 to 1.
"""

from __future__ import annotations

import numpy as np

from vividlib.metrics.spans import NEAR, inside, lowest

CLOSED = 1.0
"""mm of lip gap that a viewer takes for closed."""
LONGEST = 0.3
"""Seconds: what is longer is a pause."""


def brief_closures(gap: np.ndarray, rate: float) -> list[tuple[int, int]]:
    """Where the lips (gap in mm, (T,)) close and open again: first frame and the one after the last."""
    change = np.diff((gap < CLOSED).astype(int))
    starts, ends = np.flatnonzero(change == 1) + 1, np.flatnonzero(change == -1) + 1
    ends = ends[np.searchsorted(ends, starts[0]) :] if len(starts) else ends
    return [(int(start), int(end)) for start, end in zip(starts, ends) if end - start <= LONGEST * rate]


def closures_met(gap: np.ndarray, reference: np.ndarray, rate: float) -> list[bool]:
    """For each brief closure of ``reference`` whether ``gap`` closes there too; both (T,) mm at ``rate`` Hz."""
    near = round(NEAR * rate)
    return [
        bool(gap[max(0, start - near) : end + near].min() < CLOSED) for start, end in brief_closures(reference, rate)
    ]


def closed_at(gap: np.ndarray, sounds: np.ndarray, rate: float) -> np.ndarray:
    """For each sound, (N, 2) s from start to end, whether the lips (gap in mm, (T,)) come to close within NEAR of it."""
    return lowest(gap, sounds, rate) < CLOSED


def closed_elsewhere(gap: np.ndarray, allowed: np.ndarray, rate: float) -> np.ndarray:
    """For each frame that is closed (gap in mm, (T,)) whether it is NEAR none of the ``allowed`` spans, (N, 2) s."""
    return ~inside(allowed, len(gap), rate, (NEAR, NEAR))[gap < CLOSED]
