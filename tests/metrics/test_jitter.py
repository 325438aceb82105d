import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vividlib.metrics.jitter import pose_jitter, shape_jitter


def test_where_a_head_is_held_does_not_count():
    assert pose_jitter(np.tile(Rotation.from_rotvec([0.4, -0.9, 0.1]).as_quat(), (20, 1))) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("axis", ["X", "Y", "Z"])
def test_a_tremble_about_any_axis_counts_in_degrees(axis):
    held = Rotation.from_euler("Y", 50, degrees=True)
    tremble = Rotation.from_euler(axis, np.tile([[-0.3], [0.3]], (10, 1)), degrees=True)
    assert pose_jitter((held * tremble).as_quat()) == pytest.approx(0.3, rel=1e-3)


def test_the_worst_shape_is_named():
    curves = np.full((10, 4), 0.5)
    curves[::2, 2] += 0.02
    worst, deviation = shape_jitter(curves)
    assert worst == 2 and deviation == pytest.approx(0.01)
