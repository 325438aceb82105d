import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vividlib.metrics.vertex_error import vertex_error

POINTS = np.random.default_rng(0).normal(0, 0.1, (200, 3))


def test_size_place_and_direction_do_not_count():
    moved = 1.7 * Rotation.from_rotvec([0.3, -0.8, 0.2]).apply(POINTS) + [0.1, 2, -3]
    assert vertex_error(moved, POINTS) == pytest.approx(0, abs=1e-9)


def test_a_dent_counts_in_millimetres():
    dented = POINTS.copy()
    dented[:, 0] += np.random.default_rng(1).choice([-0.001, 0.001], 200)
    assert vertex_error(dented, POINTS) == pytest.approx(1, rel=0.03)
