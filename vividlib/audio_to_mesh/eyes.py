"""Eyes that live: blinks, saccades and fixations, and eyes that stay on the viewer while the head turns.

Blinks and saccades are events of a renewal process in discrete time: in each frame one begins with a chance that
depends on the time since the last one began and on what is heard (Singer and Willett, "It's about time", 1993), both
learned by `vividlib.training.upper`. What such an event is like is drawn from those that people made, each a little
changed (the smoothed bootstrap: Silverman and Young, 1987). Gaze while talking: Lee, Badler and Badler, "Eyes alive"
(2002).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation
from scipy.special import expit, ndtri

from vividlib.conventions import MOTION_RATE

AGES = np.array([0.1, 0.3, 0.6, 1.0, 1.7, 3.0, 5.0, 9.0])
"""Seconds since the last event at which its chance is learned; between them it is interpolated over log time."""
OLDEST = 30 * MOTION_RATE
"""Frames after which an event's age no longer counts."""
STRETCH = 128  # frames searched at once for the next event

BLINK_CHANGE = 0.1
"""Standard deviation of how a blink's times and depth differ from the one that it is drawn from, as a factor."""
TARGET_CHANGE = np.radians(0.6)
"""The same of where a saccade leads, in radians along yaw and pitch."""
SACCADE, SACCADE_PER_RADIAN = 0.021, np.degrees(0.0022)
"""Seconds that a saccade lasts, whatever its size and for each radian of it: 21 ms and 2.2 ms a degree (Carpenter,
"Movements of the eyes", 1988)."""
SETTLING = 5
"""Frames after a saccade's beginning in which no other begins: longer than the longest lasts."""


@dataclass(frozen=True)
class Blink:
    """A blink that has begun."""

    start: int  # frame
    closing: float  # seconds, and so the next two
    closed: float
    opening: float
    depth: float  # 1 closes the eye

    @property
    def end(self) -> float:
        """The frame from which on the eye is open again."""
        return self.start + (self.closing + self.closed + self.opening) * MOTION_RATE

    def lids(self, frames: np.ndarray) -> np.ndarray:
        """How closed the lids are at some frames: a sine down, and up slower towards the end."""
        seconds = (frames - self.start) / MOTION_RATE
        down = np.clip(seconds / self.closing, 0, 1)
        up = np.clip((seconds - self.closing - self.closed) / self.opening, 0, 1)
        # Lids are fastest soon after they begin to open: VanderWerf et al., "Eyelid movements" (2003), figure 2.
        return self.depth * (0.5 - 0.5 * np.cos(np.pi * down)) * (0.5 + 0.5 * np.cos(np.pi * up**0.75))


@dataclass(frozen=True)
class Look:
    """Where the eyes have looked last, and from where they came: yaw, pitch in radians from the resting head."""

    start: int  # frame at which the saccade began
    origin: tuple[float, float]
    target: tuple[float, float]  # (0, 0) is the viewer

    @property
    def away(self) -> bool:
        """Whether the eyes are on something else than the viewer."""
        return self.target != (0.0, 0.0)


def chances(logits: np.ndarray) -> np.ndarray:
    """Logit of an event's chance in a frame by its age in frames, (OLDEST + 1,), from those at AGES."""
    seconds = np.arange(OLDEST + 1) / MOTION_RATE
    return np.interp(np.log(np.maximum(seconds, AGES[0])), np.log(AGES), logits)


def first_event(by_age: np.ndarray, age: int, heard: np.ndarray, random: np.ndarray, rate: float = 1.0) -> int:
    """Index of the first frame in which the event happens, or how many there are.

    Parameters
    ----------
    by_age : from `chances`
    age : frames since the last event, in the first frame
    heard : (T,), what is added to the logit
    random : (T,), uniform in [0, 1)
    rate : factor on the chance, as of several such processes side by side
    """
    for begin in range(0, len(heard), STRETCH):
        part = slice(begin, begin + STRETCH)
        ages = np.minimum(age + begin + np.arange(len(heard[part])), OLDEST)
        stays = (1 - expit(by_age[ages] + heard[part])) ** rate
        happens = np.flatnonzero(random[part] > stays)
        if len(happens):
            return begin + int(happens[0])
    return len(heard)


def blink(
    last: Blink, first: int, heard: np.ndarray, random: np.ndarray, by_age: np.ndarray, blinks: np.ndarray, rate: float
) -> tuple[Blink, np.ndarray]:
    """The lids in the next frames.

    Parameters
    ----------
    last : the blink before
    first : number of the first frame
    heard : (T,), what the voice adds to the logit of a blink
    random : (T, 3) uniform: whether, which, and how changed
    by_age : from `chances`
    blinks : (N, 4) that people made: seconds of closing, closed and opening, and depth
    rate : factor on the chance of a blink

    Returns
    -------
    last : the blink after which the next frames follow
    lids : (T,) float64 in [0, 1]
    """
    frames = first + np.arange(len(heard))
    lids, done = np.zeros(len(heard)), 0
    while done < len(heard):
        open_again = max(done, int(np.ceil(last.end)) - first)
        begins = open_again + first_event(
            by_age, first + open_again - last.start, heard[open_again:], random[open_again:, 0], rate
        )
        begins = min(begins, len(heard))
        lids[done:begins] = last.lids(frames[done:begins])
        if begins < len(heard):
            change = np.exp(BLINK_CHANGE * np.clip(ndtri(random[begins, 2]), -2, 2))
            closing, closed, opening, depth = blinks[int(random[begins, 1] * len(blinks))]
            last = Blink(first + begins, closing * change, closed * change, opening * change, min(1, depth * change))
        done = begins
    return last, lids


def look(
    last: Look, first: int, heard: np.ndarray, stray: np.ndarray, random: np.ndarray, by_age: np.ndarray,
    targets: np.ndarray,
) -> tuple[Look, np.ndarray]:  # fmt: skip
    """Where the eyes look in the next frames.

    Parameters
    ----------
    last : where they look
    first : number of the first frame
    heard : (T,), what the voice adds to the logit of a saccade
    stray : (T,) chance that a saccade from elsewhere does not lead back to the viewer; one from the viewer never does
    random : (T, 4) uniform: whether, whither, which, and how changed
    by_age : (2, OLDEST + 1) from `chances`, of eyes on the viewer and of eyes elsewhere
    targets : (N, 2) radians where people look when they look elsewhere

    Returns
    -------
    last : where they look after
    direction : (T, 2) yaw, pitch in radians as seen from the resting head
    """
    frames = first + np.arange(len(heard))
    direction, done = np.empty((len(heard), 2)), 0
    while done < len(heard):
        settled = min(max(done, last.start + SETTLING - first), len(heard))
        begins = settled + first_event(
            by_age[int(last.away)], first + settled - last.start, heard[settled:], random[settled:, 0]
        )
        direction[done:begins] = _saccade(last, frames[done:begins])
        if begins < len(heard):
            target = (0.0, 0.0)
            if not last.away or random[begins, 1] < stray[begins]:
                target = _elsewhere(targets, *random[begins, 2:])
            last = Look(first + begins, last.target, target)
        done = begins
    return last, direction


def _elsewhere(targets: np.ndarray, which: float, angle: float) -> tuple[float, float]:
    """One of the targets, moved by TARGET_CHANGE; both numbers are uniform in [0, 1)."""
    index, rest = divmod(which * len(targets), 1)
    radius = TARGET_CHANGE * np.sqrt(-2 * np.log1p(-rest))  # Rayleigh's, that of a normal in the plane
    yaw, pitch = targets[int(index)] + radius * np.array([np.cos(2 * np.pi * angle), np.sin(2 * np.pi * angle)])
    return float(yaw), float(pitch)


def _saccade(saccade: Look, frames: np.ndarray) -> np.ndarray:
    """Yaw and pitch (T, 2) at some frames: a minimum-jerk step, then stillness."""
    origin, target = np.array(saccade.origin), np.array(saccade.target)
    lasts = SACCADE + SACCADE_PER_RADIAN * np.linalg.norm(target - origin)
    share = np.clip((frames - saccade.start + 1) / MOTION_RATE / lasts, 0, 1)[:, None]
    return origin + (target - origin) * share**3 * (10 - 15 * share + 6 * share**2)


def stay_on_target(target: np.ndarray, head_rotation: np.ndarray) -> np.ndarray:
    """Turn the eyes against the head so that they stay on their target (the vestibulo-ocular reflex).

    Parameters
    ----------
    target : (T, 2) yaw, pitch in radians, seen from the resting head
    head_rotation : (T, 4) quaternions of the head

    Returns
    -------
    (T, 2, 2) float32 gaze of both eyes, relative to the head
    """
    gaze = _angles(Rotation.from_quat(head_rotation).inv().apply(direction_of(target)))
    return np.repeat(gaze[:, None], 2, axis=1).astype(np.float32)


def seen_from_camera(gaze: np.ndarray, head_rotation: np.ndarray) -> np.ndarray:
    """What `stay_on_target` undoes: gaze (T, 2) relative to the head to yaw, pitch (T, 2) from the resting head."""
    return _angles(Rotation.from_quat(head_rotation).apply(direction_of(gaze)))


def direction_of(angles: np.ndarray) -> np.ndarray:
    """Unit vectors (T, 3) to where yaw and pitch (T, 2) radians point."""
    yaw, pitch = angles.T
    return np.column_stack([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])


def _angles(direction: np.ndarray) -> np.ndarray:
    """Yaw and pitch (T, 2) radians of vectors (T, 3)."""
    x, y, z = direction.T
    return np.column_stack([np.arctan2(x, z), np.arctan2(y, np.hypot(x, z))])
