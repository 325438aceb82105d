"""What a motion and a speech accept, and how curves are sampled."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vividlib.errors import AudioError, MotionError
from vividlib.types import Motion, Speech

CURVES = ("blendshapes", "head_rotation", "head_translation", "gaze", "lip_offsets")
STILL = np.zeros((3, 52))


def test_a_motion_of_blendshapes_alone_keeps_the_rest_still():
    motion = Motion(STILL)
    assert (Rotation.from_quat(motion.head_rotation).magnitude() == 0).all()
    assert not motion.head_translation.any() and not motion.gaze.any() and motion.lip_offsets.size == 0
    assert all(getattr(motion, name).dtype == np.float32 and len(getattr(motion, name)) == 3 for name in CURVES)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"blendshapes": np.zeros((0, 52))}, "at least one frame"),
        ({"blendshapes": np.zeros((3, 51))}, r"\(3, 51\); it needs \(3, 52\)"),
        ({"blendshapes": np.float32(1)}, "shape"),
        ({"blendshapes": np.full((3, 52), "open")}, "other than numbers"),
        ({"blendshapes": np.full((3, 52), np.inf)}, "blendshapes holds NaN or infinite"),
        ({"gaze": np.full((3, 2, 2), np.nan)}, "gaze holds NaN"),
        ({"gaze": np.zeros((2, 2, 2))}, "gaze has shape"),
        ({"lip_offsets": np.zeros((3, 40, 2))}, r"needs \(3, any, 3\)"),
        ({"lip_offsets": np.zeros((3, 7, 3))}, "LIP_LANDMARKS"),
        ({"head_rotation": np.zeros((3, 4))}, "length 0"),
        ({"rate": 0}, "rate"),
        ({"rate": np.nan}, "rate"),
        ({"rate": np.inf}, "rate"),
    ],
)
def test_what_makes_no_motion_is_refused(fields, said):
    with pytest.raises(MotionError, match=said):
        Motion(**{"blendshapes": STILL} | fields)


def test_motions_are_joined_only_where_they_fit(motion):
    whole = Motion.joined([motion.since(0), motion.since(len(motion) - 3)])
    assert len(whole) == len(motion) + 3 and whole.rate == motion.rate
    for name in CURVES:
        assert np.array_equal(getattr(whole, name)[-3:], getattr(motion, name)[-3:]), name
    lips = Motion(STILL, lip_offsets=np.zeros((3, 40, 3)))
    for parts in ([], [Motion(STILL), lips], [Motion(STILL), Motion(STILL, rate=25)]):
        with pytest.raises(MotionError, match="one rate"):
            Motion.joined(parts)


def test_sampling_passes_through_every_frame_and_runs_straight_between(motion):
    there = motion.at(np.arange(len(motion)) / motion.rate)
    for name in CURVES[:-1]:
        np.testing.assert_allclose(getattr(there, name), getattr(motion, name), atol=1e-6, err_msg=name)
    quarter = motion.at(np.array([3.25]) / motion.rate)
    for name in ("blendshapes", "head_translation", "gaze"):
        low, high = getattr(motion, name)[3:5]
        np.testing.assert_allclose(getattr(quarter, name)[0], 0.75 * low + 0.25 * high, atol=1e-6)
    start, end, seen = (Rotation.from_quat(q) for q in (*motion.head_rotation[3:5], quarter.head_rotation[0]))
    np.testing.assert_allclose((start.inv() * seen).as_rotvec(), (start.inv() * end).as_rotvec() / 4, atol=1e-6)


def test_both_ends_are_held(motion):
    around = motion.at(np.array([-5, 1e6]))
    for name in CURVES[:-1]:
        np.testing.assert_allclose(getattr(around, name), getattr(motion, name)[[0, -1]], atol=1e-6)
    assert len(Motion(STILL[:1]).at(np.arange(4))) == 4


@pytest.mark.parametrize("rate", [24, 25, 30000 / 1001, 120])
def test_another_rate_is_the_same_motion(motion, rate):
    again = motion.resample(rate)
    assert again.rate == rate and abs(again.duration - motion.duration) < 1 / rate
    np.testing.assert_allclose(again["jawOpen"], motion.at(np.arange(len(again)) / rate)["jawOpen"])
    assert motion.resample(motion.rate) is motion


def test_speech_is_a_row_of_finite_float32():
    assert Speech(np.zeros(8000, np.float32)).duration == 0.5
    for samples in (np.zeros((2, 8), np.float32), np.zeros(8), np.array([0, np.nan], np.float32)):
        with pytest.raises(AudioError):
            Speech(samples)
