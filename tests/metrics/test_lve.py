import numpy as np
import pytest

from vividlib.conventions import ARKIT_INDEX
from vividlib.metrics.lve import lve


def test_no_error_for_the_same_curves_and_none_from_the_eyes(head):
    truth = np.random.default_rng(0).uniform(0, 1, (20, 52))
    made = truth.copy()
    made[:, ARKIT_INDEX["eyeLookUpLeft"]] = 0
    assert lve(truth, truth, head) == 0
    assert lve(made, truth, head) == pytest.approx(0, abs=0.01)


def test_the_farthest_lip_vertex_of_an_open_jaw_counts(head):
    made, truth = np.zeros((2, 3, 52))
    made[:, ARKIT_INDEX["jawOpen"]] = 1
    farthest = 1000 * np.linalg.norm(head.blendshapes[ARKIT_INDEX["jawOpen"], head.lips], axis=1).max()
    assert lve(made, truth, head) == pytest.approx(farthest)
    made[1:] = 0
    assert lve(made, truth, head) == pytest.approx(farthest / 3)
