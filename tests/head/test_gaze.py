import numpy as np
import pytest

from vividlib.conventions import ARKIT_INDEX, GAZE_AT_ONE
from vividlib.head.gaze import eye_shapes, gaze_of


def test_looking_to_the_own_left_turns_the_left_eye_out_and_the_right_eye_in():
    left = eye_shapes(np.array([[GAZE_AT_ONE, 0], [GAZE_AT_ONE, 0]]))
    assert left[ARKIT_INDEX["eyeLookOutLeft"]] == pytest.approx(1)
    assert left[ARKIT_INDEX["eyeLookInRight"]] == pytest.approx(1)
    assert left.sum() == pytest.approx(2)


def test_gaze_and_shapes_say_the_same():
    gaze = np.random.default_rng(0).uniform(-GAZE_AT_ONE, GAZE_AT_ONE, (20, 2, 2))
    np.testing.assert_allclose(gaze_of(eye_shapes(gaze)), gaze, atol=1e-6)
