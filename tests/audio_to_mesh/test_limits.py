from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vividlib.audio_to_mesh.limits import FURTHEST, KNEE, LARGEST, LEAST, TURN, Limits, limits_of
from vividlib.types import Camera

PITCH, YAW, ROLL, X, Y, Z = range(6)
WHOLE = limits_of(None)


def photo(yaw=0.0, pitch=0.0, confidence=0.9, left=0.1, right=0.1, top=0.1):
    """What limits depend on: a head 0.2 m wide, so many metres from the borders of a picture of 1000 px a metre."""
    skull = np.array([[-0.1, -0.1, 0], [0.1, -0.1, 0], [0.1, 0.15, 0], [-0.1, 0.15, 0], [0, -0.4, 0]], np.float32)
    turn = Rotation.from_euler("YXZ", [yaw, pitch, 0], degrees=True)
    place = turn.inv().apply(skull).astype(np.float32)  # the picture is the same however the head is turned
    width = round(1000 * (left + 0.2 + right))
    return SimpleNamespace(
        head=SimpleNamespace(head_weight=np.array([1, 1, 1, 1, 0], np.float32)),
        neutral=place,
        rotation=turn.as_quat(),
        translation=np.zeros(3),
        camera=Camera(1000, (1000 * (left + 0.1), 1000 * (top + 0.15))),
        confidence=confidence,
        portrait=SimpleNamespace(image=np.zeros((600, width, 3), np.uint8)),
    )


def test_a_photo_from_the_front_with_room_leaves_all_freedom():
    limits = limits_of(photo())
    np.testing.assert_allclose(limits.low, WHOLE.low)
    np.testing.assert_allclose(limits.high, WHOLE.high)
    corners = Rotation.from_rotvec(list(product(*zip(WHOLE.low[:3], WHOLE.high[:3]))))
    assert 14.5 < np.abs(corners.as_euler("YXZ", degrees=True)).max() < 15


@pytest.mark.parametrize(("name", "axis"), [("yaw", YAW), ("pitch", PITCH)])
def test_a_head_that_is_turned_turns_less_far_on(name, axis):
    for angle in (10, 25, 31, 45):
        left, right = limits_of(photo(**{name: angle})), limits_of(photo(**{name: -angle}))
        assert left.high[axis] == pytest.approx(-right.low[axis])
        assert left.low[axis] == pytest.approx(-TURN) and right.high[axis] == pytest.approx(TURN)  # back is free
        assert left.high[axis] == pytest.approx(np.clip(FURTHEST - np.radians(angle), np.radians(4), TURN))


def test_a_head_that_the_upper_border_cuts_hardly_bows_sinks_or_goes_back():
    free, cut = limits_of(photo(top=0.02)), limits_of(photo(top=-0.03))
    np.testing.assert_allclose(free.high, WHOLE.high)
    for side, axis in (("high", PITCH), ("low", Y), ("low", Z), ("low", ROLL), ("high", ROLL)):
        assert 0.2 < getattr(cut, side)[axis] / getattr(free, side)[axis] < 0.5, (side, axis)
    for side, axis in (("low", PITCH), ("high", Y), ("high", Z), ("high", YAW), ("low", X)):
        assert getattr(cut, side)[axis] == pytest.approx(getattr(WHOLE, side)[axis]), (side, axis)


def test_a_head_that_a_border_cuts_at_its_side_moves_less_away_from_it():
    left, right = limits_of(photo(left=-0.02)), limits_of(photo(right=-0.02))
    np.testing.assert_allclose(left.high[[YAW, X]], -right.low[[YAW, X]], rtol=0.05)  # a pixel
    np.testing.assert_allclose(left.low[[YAW, X]], WHOLE.low[[YAW, X]])
    assert (left.high[[YAW, X]] < 0.6 * WHOLE.high[[YAW, X]]).all()


def test_a_face_that_is_hardly_read_moves_less():
    poor = limits_of(photo(confidence=0.2))
    np.testing.assert_allclose(poor.low, 0.4 * WHOLE.low)
    for confidence in (0, 0.01, 0.49):
        worst = limits_of(photo(yaw=50, pitch=-50, confidence=confidence, left=-0.08, right=-0.08, top=-0.2))
        assert (worst.low < 0).all() and (worst.high > 0).all()
        assert (worst.high >= LEAST**2 * WHOLE.high - 1e-9).all()


def test_a_real_face(face):
    limits = limits_of(face)
    assert (-LARGEST <= limits.low).all() and (limits.low < 0).all()
    assert (limits.high <= LARGEST).all() and (limits.high > 0).all()


def test_softened_poses_stay_inside_without_a_stop():
    limits = Limits(-LARGEST, LARGEST * 0.4)
    way = np.linspace(-3, 3, 6001)[:, None] * LARGEST
    soft = limits.soften(way)
    assert limits.share(soft).max() < 1 + 1e-12
    small = (limits.share(way) < KNEE).all(1)
    assert small.sum() > 500
    np.testing.assert_allclose(soft[small], way[small], atol=1e-12)
    speed = np.diff(soft, axis=0) / np.diff(way, axis=0)
    assert speed.min() > -1e-9 and speed.max() < 1 + 1e-6
    assert np.abs(np.diff(speed, axis=0)).max() < 0.02  # of 1: no corner


def test_what_breath_and_distance_leave():
    part = np.array([-0.1, 0, 0, 0, 0.001, -0.002])
    left = WHOLE.beside(part, part)
    np.testing.assert_allclose(left.low - WHOLE.low, [0.2, 0, 0, 0, 0, 0.004])
    np.testing.assert_allclose(WHOLE.high - left.high, [0, 0, 0, 0, 0.002, 0])
