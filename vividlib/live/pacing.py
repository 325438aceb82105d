"""Frames at the right time: paced by a clock, late ones dropped, never queued."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from vividlib.errors import InputError
from vividlib.export.mixtures import fold_lips
from vividlib.export.retarget import Retarget
from vividlib.live.link import Link
from vividlib.types import Motion

BEFORE = -0.005
"""Seconds: where a performance waits for its first frame."""
_KEPT = 1.0  # seconds of what was played that a growing timeline remembers
_AHEAD = 2.0  # seconds that it may grow ahead of what is played
_ROUNDING = 1e-6  # of a frame: a frame is due at its time, not one rounding error later


@dataclass(frozen=True)
class Played:
    """What became of the frames of a performance."""

    sent: int
    late: int  # dropped, because a later one was due already


class Timeline:
    """Motion that may still be in the making: one thread extends it, another plays it.

    Parameters
    ----------
    motion
        All of it; None: it will come by `extend`.

    Attributes
    ----------
    ended : whether nothing more will come
    """

    def __init__(self, motion: Motion | None = None):
        self._motion, self._start, self._played = motion and fold_lips(motion), 0.0, 0.0
        self.ended = motion is not None
        self._change = threading.Condition()

    def extend(self, motion: Motion) -> None:
        """Add frames at the end, at the same rate; waits while there is more ahead than will be played soon."""
        with self._change:
            self._change.wait_for(lambda: self.ended or self.ready() - self._played < _AHEAD)
            if self.ended:
                return
            if self._motion is not None:
                old = int((self._played - _KEPT - self._start) * motion.rate)
                old = min(max(0, old), len(self._motion) - 1)
                self._start += old / motion.rate
                motion = Motion.joined([self._motion.since(old), motion])
            self._motion = motion

    def end(self) -> None:
        """Nothing more will come."""
        with self._change:
            self.ended = True
            self._change.notify_all()

    def ready(self) -> float:
        """Seconds of the last frame that is there; infinite once all are."""
        with self._change:
            if self.ended:
                return math.inf
            return BEFORE if self._motion is None else self._start + (len(self._motion) - 1) / self._motion.rate

    def duration(self) -> float:
        """Seconds; infinite as long as more may come."""
        with self._change:
            if not self.ended:
                return math.inf
            return self._start + self._motion.duration if self._motion else 0.0

    def at(self, seconds: float) -> Motion:
        """The one frame that is seen at ``seconds``."""
        with self._change:
            self._played = seconds
            self._change.notify_all()
            return self._motion.at([seconds - self._start])


class Clock:
    """Seconds into a performance, by the monotonic clock of the machine.

    Where motion is still being made, it begins with the first frame, waits for frames that are not there yet,
    and skips what a live source leaves behind.

    Parameters
    ----------
    timeline
        What is played.
    lag
        Seconds that it may be behind the latest frame.
    monotonic
        The machine's clock, in seconds.
    """

    def __init__(self, timeline: Timeline, lag: float = math.inf, monotonic: Callable[[], float] = time.monotonic):
        self._timeline, self._lag, self._monotonic = timeline, lag, monotonic
        self._origin = monotonic()

    def __call__(self) -> float:
        now, ready = self._monotonic(), self._timeline.ready()
        position = now - self._origin
        if ready < math.inf:
            position = min(max(position, ready - self._lag), ready)
            self._origin = now - position
        return position


def play(
    motion: Motion | Timeline, links: Iterable[Link], fps: float = 60, *, retarget: Retarget | None = None,
    clock: Callable[[], float] | None = None, sleep: Callable[[float], None] = time.sleep,
) -> Played:  # fmt: skip
    """Send a performance to programs, each frame when it is due.

    A frame that is late because a later one is due already is not sent at all.

    Parameters
    ----------
    motion
        What to play, at any rate: it is sampled at ``fps``.
    links
        Where to.
    fps
        Frames a second.
    retarget
        What the rig needs.
    clock
        Seconds into the performance; None: a `Clock`, from now on.
    sleep
        What to wait with.

    Raises
    ------
    InputError
        If ``fps`` is not from 1 to 1000.
    OutputError
        If a receiver refuses for good.
    """
    check_fps(fps)
    links = list(links)
    timeline = motion if isinstance(motion, Timeline) else Timeline(motion)
    clock = clock or Clock(timeline)
    sent = late = index = 0
    smoothing = None
    while index < (end := timeline.duration() * fps - _ROUNDING):
        now = clock()
        due = math.floor(min(now * fps + _ROUNDING, end))
        if due < index:
            sleep(index / fps - now)
            continue
        seconds = due / fps
        frame = timeline.at(seconds)
        if retarget:
            smoothing, frame = retarget.step(smoothing, frame, seconds)
        for link in links:
            link.send(frame, seconds)
        late, sent, index = late + due - index, sent + 1, due + 1
    return Played(sent, late)


def check_fps(fps: float) -> None:
    """Raise InputError unless ``fps`` is from 1 to 1000."""
    if not 1 <= fps <= 1000:
        raise InputError(f"{fps} frames a second cannot be sent; choose 1 to 1000.")
