import numpy as np
import pytest

from vividlib.conventions import ARKIT_INDEX
from vividlib.metrics.lve import lip_basis, lme, lve
from vividlib.metrics.mouth import lip_vertices


def test_no_error_for_the_same_curves_and_none_from_the_eyes(head):
    truth = np.random.default_rng(0).uniform(0, 1, (20, 52))
    made = truth.copy()
    made[:, ARKIT_INDEX["eyeLookUpLeft"]] = 0
    true_lips, made_lips = lip_vertices(truth, head), lip_vertices(made, head)
    assert lve(true_lips, true_lips) == lme(true_lips, true_lips) == 0
    assert lve(made_lips, true_lips) == pytest.approx(0, abs=0.01)


def test_the_farthest_lip_vertex_of_an_open_jaw_counts(head):
    made, truth = np.zeros((2, 3, 52))
    made[:, ARKIT_INDEX["jawOpen"]] = 1
    moved = np.linalg.norm(lip_basis(head)[ARKIT_INDEX["jawOpen"]], axis=1)
    rest = lip_vertices(truth, head)
    assert lve(lip_vertices(made, head), rest) == pytest.approx(moved.max(), rel=1e-4)
    assert lme(lip_vertices(made, head), rest) == pytest.approx(moved.mean(), rel=1e-4)
    made[1:] = 0
    assert lve(lip_vertices(made, head), rest) == pytest.approx(moved.max() / 3, rel=1e-4)


def test_an_offset_of_the_lips_is_an_error_of_its_size(head):
    curves = np.full((5, 52), 0.3)
    offsets = np.zeros((5, 40, 3), np.float32)
    offsets[:, :, 2] = 0.003
    made, truth = lip_vertices(curves, head, offsets), lip_vertices(curves, head)
    assert lve(made, truth) == pytest.approx(3, rel=0.15)
    assert 1.5 < lme(made, truth) < 3  # offsets fade where the lips end
