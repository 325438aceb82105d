import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vividlib.audio_to_mesh.limits import LARGEST, Limits
from vividlib.audio_to_mesh.reference import TURNING, take_of
from vividlib.conventions import MOTION_RATE
from vividlib.types import Motion

FREE = Limits(-LARGEST * 10, LARGEST * 10)


def nodding(seconds=3.0, rate=25, size=0.1, turned=0.0):
    """A motion around a pose that is turned: smooth, and none of its times like another."""
    times = np.arange(round(seconds * rate)) / rate
    poses = np.column_stack([np.sin(1.3 * times**1.2 + axis) for axis in range(6)]) * ([size] * 3 + [0.01] * 3)
    turns = Rotation.from_rotvec([0, turned, 0]) * Rotation.from_rotvec(poses[:, :3])
    return Motion(np.zeros((len(times), 52)), turns.as_quat(), poses[:, 3:] + [0.3, -0.2, 0.1], rate=rate)


def test_the_middle_of_a_take_is_the_photos_pose():
    straight, turned = (take_of(nodding(turned=angle), 1, FREE) for angle in (0, 0.6))
    times = np.linspace(0, 1.4, 71)
    poses = straight.at(times)
    np.testing.assert_allclose(turned.at(times), poses, atol=1e-5)
    own = straight.poses(np.arange(75) / 25)
    assert np.abs(own[:, 3:].mean(0)).max() < 1e-9 and np.abs(own[:, :3].mean(0)).max() < 2e-3
    assert own.std(0).min() > 0.003


@pytest.mark.parametrize("rate", [24, 29.97, 60])
def test_takes_of_any_rate_keep_their_time(rate):
    fine, other = (take_of(nodding(6, rate=r), 1, FREE) for r in (100, rate))
    times = np.arange(2 * MOTION_RATE) / MOTION_RATE
    one, two = fine.at(times), other.at(times)
    assert np.abs((one - one.mean(0)) - (two - two.mean(0))).max() < 0.03 * np.abs(one).max()


def test_a_take_that_is_over_goes_back_and_forth_without_a_jump():
    take = take_of(nodding(), 1, FREE)
    times = np.arange(0, 30, 1 / MOTION_RATE)
    poses = take.at(times)
    own = take.poses(np.arange(0, take.seconds, 1 / MOTION_RATE))
    fastest, hardest = (np.abs(np.diff(own, n, axis=0)).max(0) for n in (1, 2))
    assert (np.abs(np.diff(poses, axis=0)).max(0) <= 1.01 * fastest).all()
    softened = fastest / MOTION_RATE / TURNING  # what the slowing down adds to the acceleration
    assert (np.abs(np.diff(poses, 2, axis=0)).max(0) <= 1.05 * hardest + softened).all()
    np.testing.assert_allclose(np.ptp(poses, 0), np.ptp(own, 0), rtol=0.01)
    period = round(2 * (take.seconds + TURNING) * MOTION_RATE)
    np.testing.assert_allclose(poses[period + 100 : 2 * period], poses[100:period], atol=2e-3)


def test_a_take_of_a_second_is_enough_and_an_hour_does_not_wear_it_out():
    take = take_of(nodding(1.0, 50), 1, FREE)
    late = take.at(3600 + np.arange(500) / MOTION_RATE)
    assert np.isfinite(late).all() and late.std(0).min() > 1e-4
    assert np.abs(late).max() <= np.abs(take.poses(np.linspace(0, take.seconds, 500))).max() + 1e-9


def test_strength():
    half, whole = (take_of(nodding(), strength, FREE).at(np.linspace(0, 9, 99)) for strength in (0.5, 1))
    np.testing.assert_allclose(half, whole / 2, atol=1e-12)


def test_a_take_that_asks_for_too_much_becomes_smaller_as_a_whole():
    tight = Limits(-LARGEST, LARGEST * [1, 0.5, 1, 1, 1, 1])
    times = np.linspace(0, 9, 199)
    wild, tamed = (take_of(nodding(size=0.8), 1, room).at(times) for room in (FREE, tight))
    for axis in range(3):
        assert np.corrcoef(wild[:, axis], tamed[:, axis])[0, 1] > 0.9999
        assert tamed[:, axis].std() < 0.6 * wild[:, axis].std()
    assert tight.share(tamed).max() < 1.2
    np.testing.assert_allclose(tamed[:, 3:], wild[:, 3:])
