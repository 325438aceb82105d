"""Frame rates and frames behind the times that files hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vividlib.conventions import MOTION_RATE
from vividlib.errors import MotionError
from vividlib.export.reading import MAX_FRAMES

_KNOWN = (24000 / 1001, 24, 25, 30000 / 1001, 30, 48, 50, 60000 / 1001, 60, 72, 90, 100, 120000 / 1001, 120)

_SHORTEST = 1e-3  # seconds: no camera and no animation has shorter frames
_UNEVEN = 60.0  # frames a second for keys that stand on no common frames


def known_rate(rate: float, seconds: float) -> float:
    """The rate of the trade that is meant by a measured one, or the measured one.

    Times in files are rounded and phones keep their own time: a known rate is meant if it differs by less than
    1 % and a take of ``seconds`` ends within half a frame of it.
    """
    nearest = min(_KNOWN, key=lambda known: abs(known - rate))
    close = abs(nearest / rate - 1) < 0.01 and abs(nearest - rate) * seconds < 0.5
    return float(nearest if close else rate)


def frames_at(seconds: np.ndarray, path: str | Path, lone: float) -> tuple[float, np.ndarray]:
    """The frame rate behind a column of times (N,), and the frame number of each.

    Numbers skip where frames were dropped. ``lone`` is the rate of a single frame.

    Raises
    ------
    MotionError
        If the times do not rise steadily.
    """
    if len(seconds) == 1:
        return float(lone), np.zeros(1, int)
    steps = np.diff(seconds)
    frame = np.median(steps)
    if not _SHORTEST < frame < 1 or steps.min() <= 0:
        raise MotionError(f"{path}: its times do not rise steadily from frame to frame; export the take again.")
    counts = np.rint(steps / frame)
    if counts.min() < 1 or counts.sum() > min(10 * len(seconds), MAX_FRAMES):
        raise MotionError(f"{path}: its times repeat or jump; export the take again.")
    return known_rate(counts.sum() / steps.sum(), steps.sum()), np.concatenate([[0], np.cumsum(counts.astype(int))])


def even_times(keys: np.ndarray, lone: float = MOTION_RATE) -> tuple[float, np.ndarray]:
    """A frame rate and the times of its frames, on which key times (K seconds, rising) stand if they are even.

    Others are sampled at 60 frames a second. A single key is one frame, whose rate is ``lone``.

    Raises
    ------
    ValueError
        If the keys are too far apart.
    """
    try:
        rate, index = frames_at(keys, "", lone)
        count = index[-1] + 1
        if count == len(keys):
            return rate, keys  # as they are: sampled there, a curve keeps its last bit
    except MotionError:
        rate, count = _UNEVEN, round((keys[-1] - keys[0]) * _UNEVEN) + 1
    if count > MAX_FRAMES:
        raise ValueError("its keys are hours apart")
    return rate, np.linspace(keys[0], keys[-1], count)


def fill(index: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Rows for every frame number up to the last, linear between those of ``index`` (N, rising from 0)."""
    every = np.arange(index[-1] + 1)
    if len(every) == len(table):
        return table
    return np.stack([np.interp(every, index, column) for column in table.T], axis=1)


def smooth_steps(starts: np.ndarray, levels: np.ndarray, end: float, rate: float, fade: float) -> np.ndarray:
    """Frames of something that jumps: each frame is the mean of ``fade`` seconds around it.

    So every jump becomes a straight fade of that length, centred on it.

    Parameters
    ----------
    starts
        (N,) seconds, rising from 0: when each level begins.
    levels
        (N, C).
    end
        Seconds, when the last level ends; it is held beyond.
    rate
        Frames a second of the result.
    fade
        Seconds.

    Returns
    -------
    numpy.ndarray
        (T, C), where T is at least 1.
    """
    edges = np.concatenate([[starts[0] - fade], starts[1:], [max(end, starts[-1]) + fade]])
    area = np.concatenate([np.zeros((1, levels.shape[1])), np.cumsum(np.diff(edges)[:, None] * levels, axis=0)])
    times = np.arange(max(1, round(end * rate))) / rate

    def until(moments):
        return np.stack([np.interp(moments, edges, column) for column in area.T], axis=1)

    return (until(times + fade / 2) - until(times - fade / 2)) / fade
