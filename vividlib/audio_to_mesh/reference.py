"""A reference take: the head moves as somebody's did, in another motion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

from vividlib.audio_to_mesh.limits import Limits
from vividlib.types import Motion

TURNING = 0.6  # seconds in which a take slows down at its ends, and as many in which it sets off backwards
USUAL = 95  # percentile: a take whose usual poses exceed the limits is made smaller as a whole


@dataclass(frozen=True, eq=False)
class Take:
    """Poses over time, without an end: a take that is over is played backwards, and forwards again."""

    poses: CubicSpline  # seconds to 6, see `Limits`
    seconds: float  # from the first frame to the last

    def at(self, seconds: np.ndarray) -> np.ndarray:
        """Poses (T, 6) at times (T) from 0."""
        return self.poses(_there_and_back(seconds, self.seconds))


def take_of(motion: Motion, strength: float, room: Limits) -> Take:
    """The head of a motion, relative to its own mean pose, so that what was its middle is the photo's pose.

    Parameters
    ----------
    motion : of a second or more
    strength : factor on the poses
    room : where they have to stay; each axis of a take that needs more is made smaller as a whole, so that nothing of
        its course is lost but the rarest extremes
    """
    turns = Rotation.from_quat(motion.head_rotation)
    poses = np.column_stack([(turns.mean().inv() * turns).as_rotvec(), motion.head_translation])
    poses[:, 3:] -= poses[:, 3:].mean(0)
    poses *= strength
    poses /= np.maximum(np.percentile(room.share(poses), USUAL, axis=0), 1)
    return Take(CubicSpline(np.arange(len(motion)) / motion.rate, poses), (len(motion) - 1) / motion.rate)


def _there_and_back(seconds: np.ndarray, length: float) -> np.ndarray:
    """Times (T) of a take from times (T) of its playing: as they are at first, then back and forth, slower at the ends.

    A triangle wave under a moving average over twice TURNING: its speed goes evenly from 1 to -1 and back.
    """
    half = length + TURNING
    way = (seconds + TURNING / 2) % (2 * half)
    way = np.minimum(way, 2 * half - way)  # from the early end; the same from the late one is half - way
    slow = np.select(
        [way < TURNING, half - way < TURNING],
        [way**2 / (2 * TURNING), length - (half - way) ** 2 / (2 * TURNING)],
        way - TURNING / 2,
    )
    return np.where(seconds < length / 2, seconds, slow)
