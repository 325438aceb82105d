"""Mouth cues: one of a few mouth shapes at a time, as cartoons and speech services have them.

A motion becomes the sequence of shapes that looks most like it on the default head, where every change has its
price and no shape is seen for less than a fade (dynamic programming, as Viterbi 1967); cues become curves that
fade from one shape to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vividlib.conventions import MOTION_RATE
from vividlib.errors import MotionError
from vividlib.export.mixtures import mouth_distances
from vividlib.export.reading import MAX_FRAMES, finite
from vividlib.export.timing import smooth_steps
from vividlib.types import Motion

_RATE = 100  # cues begin at hundredths of a second
_FADE = 0.08  # seconds from one shape to the next, about what lips need
_CHANGE = 5e-6  # square metres times hundredths of a second: a change must bring 1 mm for 0.05 s


@dataclass(frozen=True)
class Cue:
    """A mouth shape and when it is seen."""

    start: float  # seconds
    end: float  # seconds
    shape: str


def cues_of(motion: Motion, shapes: dict[str, np.ndarray]) -> list[Cue]:
    """The cues that look most like a motion, without gaps from 0 to its end.

    Parameters
    ----------
    motion
        Any.
    shapes
        Name -> the 52 blendshapes of that mouth shape.
    """
    frames = motion.resample(_RATE)
    costs = mouth_distances(frames.blendshapes, np.stack(list(shapes.values()))) ** 2
    path = _cheapest(costs, _CHANGE, round(_FADE * _RATE))
    starts = np.concatenate([[0], 1 + np.flatnonzero(np.diff(path))])
    times = np.append(starts / _RATE, motion.duration)
    names = list(shapes)
    return [Cue(float(a), float(b), names[path[frame]]) for a, b, frame in zip(times, times[1:], starts)]


def _cheapest(costs: np.ndarray, change: float, shortest: int) -> np.ndarray:
    """Which column to be in at each row (T,), so that ``costs`` (T, N) and the changes cost least together.

    Every stay but the first lasts ``shortest`` rows or more.
    """
    until = np.concatenate([np.zeros((1, costs.shape[1])), np.cumsum(costs, axis=0)])
    total = until[1:].copy()  # of the best way to row t that ends in this column, after a whole stay there
    came_from = np.full(costs.shape, -1)  # the column before, where the last stay began ``shortest`` rows ago
    for row in range(1, len(costs)):
        total[row] = total[row - 1] + costs[row]
        if row >= shortest:
            before = total[row - shortest].argmin()
            entered = total[row - shortest, before] + change + until[row + 1] - until[row + 1 - shortest]
            came_from[row] = np.where(entered < total[row], before, -1)
            total[row] = np.minimum(entered, total[row])
    path = np.empty(len(costs), int)
    row, column = len(costs) - 1, total[-1].argmin()
    while row >= 0:
        before = came_from[row, column]
        begin = row if before < 0 else row - shortest + 1
        path[begin : row + 1] = column
        row, column = begin - 1, column if before < 0 else before
    return path


def motion_of(cues: Sequence[Cue], shapes: dict[str, np.ndarray], path: str | Path) -> Motion:
    """A motion at `MOTION_RATE` that shows each shape until the next cue; the last until its end.

    Raises
    ------
    MotionError
        If there are none, their times do not rise, a shape is unknown, or the last ends too late.
    """
    if not cues:
        raise MotionError(f"{path} holds no cues; export it again.")
    unknown = sorted({cue.shape for cue in cues} - shapes.keys())
    if unknown:
        raise MotionError(f"{path} has the mouth shape {unknown[0]!r}; known are {', '.join(shapes)}.")
    starts, end = finite(np.array([cue.start for cue in cues]), path, "the column of times"), cues[-1].end
    if starts[0] < 0 or (np.diff(starts) < 0).any() or not end >= starts[-1]:
        raise MotionError(f"{path}: the times of its cues do not rise from 0; export it again.")
    if not end * MOTION_RATE < MAX_FRAMES:
        raise MotionError(f"{path} lasts {end:.0f} s, which is too long; cut it into shorter ones.")
    starts[0] = 0  # the first shape is there from the beginning
    levels = np.stack([shapes[cue.shape] for cue in cues]).astype(np.float64)
    return Motion(np.clip(smooth_steps(starts, levels, end, MOTION_RATE, _FADE), 0, 1), rate=MOTION_RATE)
