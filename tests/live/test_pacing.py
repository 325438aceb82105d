import math
import threading

import numpy as np
import pytest

from vividlib.errors import InputError, OutputError
from vividlib.export.retarget import Retarget, Shape
from vividlib.live import Played, Timeline, play
from vividlib.live.link import Link
from vividlib.live.pacing import Clock
from vividlib.types import Motion


class Machine:
    """A clock that only moves when somebody sleeps on it, or is slow."""

    def __init__(self):
        self.now = 100.0

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


class Notebook(Link):
    """Writes down what is sent and when; sending takes ``cost`` seconds of the machine's."""

    def __init__(self, machine: Machine, cost=lambda number: 0.0):
        super().__init__()
        self.machine, self.cost, self.frames = machine, cost, []

    def _send(self, frame, seconds):
        self.frames.append((self.machine.now - 100, seconds, frame))
        self.machine.now += self.cost(len(self.frames))

    def close(self):
        pass


def performed(motion, fps=60.0, cost=lambda number: 0.0, **settings):
    machine = Machine()
    out = Notebook(machine, cost)
    timeline = Timeline(motion)
    played = play(timeline, [out], fps, clock=Clock(timeline, monotonic=machine.time), sleep=machine.sleep, **settings)
    return played, out.frames


@pytest.mark.parametrize("fps", [1, 24, 25, 30000 / 1001, 30, 50, 60, 90, 120, 240])
def test_each_frame_leaves_when_it_is_due(motion, fps):
    played, frames = performed(motion, fps)
    assert played == Played(math.ceil(motion.duration * fps - 1e-6), 0) == Played(len(frames), 0)
    assert [at for at, _, _ in frames] == pytest.approx([index / fps for index in range(len(frames))], abs=1e-6)
    assert [seconds for _, seconds, _ in frames] == pytest.approx([at for at, _, _ in frames], abs=1e-6)
    for _, seconds, frame in frames:
        assert np.array_equal(frame.blendshapes, motion.at([seconds]).blendshapes)


def test_late_frames_are_dropped_not_queued(motion):
    played, frames = performed(motion, 60, lambda number: 0.1 if number == 10 else 0.0)
    indices = [round(seconds * 60) for _, seconds, _ in frames]
    assert indices == [*range(10), *range(15, 120)]  # 10 leaves late at 15's time
    assert played == Played(115, 5)
    assert all(at - seconds < 1 / 60 for at, seconds, _ in frames)  # what is sent is the newest


def test_a_receiver_slower_than_the_rate_gets_fewer_frames_of_the_same_length(motion):
    played, frames = performed(motion, 60, lambda number: 0.04)
    assert played.sent + played.late == 120 and 49 <= played.sent <= 51
    assert frames[-1][1] > 1.93


def test_retargeting_on_the_way_is_retargeting_before(motion):
    table = Retarget({"jawOpen": Shape(gain=0.5, cutoff=2, beta=1)}, mirror=True)
    frames = performed(motion, motion.rate, retarget=table)[1]
    whole = table.apply(motion)
    assert np.allclose(np.concatenate([frame.blendshapes for _, _, frame in frames]), whole.blendshapes, atol=1e-5)
    assert np.allclose(np.concatenate([frame.gaze for _, _, frame in frames]), whole.gaze, atol=1e-6)


def test_every_program_gets_every_frame(motion):
    machine = Machine()
    one, other = Notebook(machine), Notebook(machine)
    timeline = Timeline(motion)
    play(timeline, [one, other], 30, clock=Clock(timeline, monotonic=machine.time), sleep=machine.sleep)
    assert len(one.frames) == len(other.frames) == 60


def test_a_refusal_ends_it(motion):
    class Refuses(Notebook):
        def _send(self, frame, seconds):
            raise OutputError("no")

    with pytest.raises(OutputError):
        play(motion, [Refuses(Machine())], sleep=lambda seconds: None)


@pytest.mark.parametrize("fps", [0, -1, 1001, math.nan, math.inf])
def test_rates_that_cannot_be_sent(motion, fps):
    with pytest.raises(InputError, match="1000"):
        play(motion, [], fps)


def part(motion: Motion, begin: int, end: int) -> Motion:
    return motion.at(np.arange(begin, end) / motion.rate)


def test_what_grows_is_the_whole_at_any_time(motion):
    growing, random, begin = Timeline(), np.random.default_rng(0), 0
    assert growing.ready() < 0
    while begin < len(motion):
        end = min(len(motion), begin + int(random.integers(1, 9)))
        growing.extend(part(motion, begin, end))
        begin = end
        assert growing.ready() == pytest.approx((end - 1) / motion.rate)
        for seconds in (growing.ready(), max(0, growing.ready() - 0.5)):
            seen, wanted = growing.at(seconds), motion.at([seconds])
            assert np.allclose(seen.blendshapes, wanted.blendshapes, atol=1e-5)
            assert np.allclose(seen.head_rotation, wanted.head_rotation, atol=1e-5)
    growing.end()
    assert growing.duration() == pytest.approx(motion.duration)


def test_what_was_played_long_ago_is_forgotten(motion):
    growing = Timeline()
    for _ in range(20):
        growing.extend(motion)
        growing.at(growing.ready())
    assert growing.ready() == pytest.approx(20 * motion.duration - 1 / motion.rate)
    assert len(growing._motion) <= 4 * len(motion)


def test_nobody_sees_a_timeline_half_extended(motion, monkeypatch):
    growing, seen = Timeline(), []
    growing.extend(motion)
    growing.at(growing.ready())
    whole = Motion.joined

    def looked_at(*parts):
        reader = threading.Thread(target=lambda: seen.append(growing.ready()))
        reader.start()
        reader.join(0.05)
        return whole(*parts)

    monkeypatch.setattr(Motion, "joined", looked_at)
    growing.extend(motion)
    while not seen:
        pass
    assert seen == [pytest.approx(2 * motion.duration - 1 / motion.rate)]


def test_who_makes_motion_waits_for_who_plays_it(motion):
    growing, added = Timeline(), []

    def make():
        for number in range(4):
            growing.extend(motion)  # two seconds each
            added.append(number)

    maker = threading.Thread(target=make, daemon=True)
    maker.start()
    for seconds in (0.5, 2.0, 4.0, 6.0):
        while growing.ready() < seconds:
            pass
        assert growing.ready() <= seconds + 2 * motion.duration
        growing.at(seconds)
    growing.end()
    maker.join(60)
    assert not maker.is_alive()


def test_the_clock_waits_for_frames_and_skips_what_a_live_source_leaves_behind(motion):
    machine, growing = Machine(), Timeline()
    patient, live = (Clock(growing, lag, machine.time) for lag in (math.inf, 0.06))
    machine.now += 5  # nothing yet
    assert patient() < 0 and live() < 0
    growing.extend(part(motion, 0, 31))
    assert patient() == pytest.approx(0, abs=0.01)
    assert live() == pytest.approx(0.94)
    machine.now += 0.5
    assert patient() == pytest.approx(0.5, abs=0.01)
    assert live() == pytest.approx(1.0)  # the last there is
    machine.now += 1
    assert patient() == pytest.approx(1.0)
    growing.extend(part(motion, 31, 60))
    machine.now += 0.1
    assert patient() == pytest.approx(1.1)
    growing.end()
    machine.now += 3
    assert patient() == pytest.approx(4.1)


def test_a_performance_that_grows_while_it_is_played(motion):
    """Frames come in bursts of a quarter of a second, each a tenth late."""
    machine, growing, pending = Machine(), Timeline(), list(range(8))
    out = Notebook(machine)

    def sleep(seconds):
        machine.sleep(seconds)
        while pending and machine.now - 100 > 0.25 * (pending[0] + 1) + 0.1:
            number = pending.pop(0)
            growing.extend(part(motion, number * 60 // 8, (number + 1) * 60 // 8))
        if not pending:
            growing.end()

    played = play(growing, [out], 60, clock=Clock(growing, monotonic=machine.time), sleep=sleep)
    assert played.sent + played.late == 120 and played.late <= 8
    for _, seconds, frame in out.frames:
        assert np.allclose(frame.blendshapes, motion.at([seconds]).blendshapes, atol=1e-5)


def test_nothing_ever_came():
    growing = Timeline()
    growing.end()
    assert play(growing, []) == Played(0, 0)
