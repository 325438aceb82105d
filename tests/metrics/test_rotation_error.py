import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vividlib.metrics.rotation_error import rotation_error

TRUTH = Rotation.random(200, rng=np.random.default_rng(0))


def test_one_angle_about_any_axis():
    axes = np.random.default_rng(1).normal(size=(200, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    found = TRUTH * Rotation.from_rotvec(np.radians(3) * axes)
    assert rotation_error(found.as_quat(), TRUTH.as_quat()) == pytest.approx(3)
    assert rotation_error(-TRUTH.as_quat(), TRUTH.as_quat()) == pytest.approx(0, abs=1e-5)


def test_it_is_the_root_of_the_mean_square():
    angles = np.radians([3.0, 4.0])[:, None] * [0, 1, 0]
    found = TRUTH[:2] * Rotation.from_rotvec(angles)
    assert rotation_error(found.as_quat(), TRUTH[:2].as_quat()) == pytest.approx(np.sqrt(12.5))
