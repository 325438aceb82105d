"""Landmarks of rendered heads are nearer to the truth after the correction, however the picture is turned."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vividlib.head.model import landmarks_of, load, twins
from vividlib.reconstruction.correction import correct
from vividlib.training.landmarks import sample


@pytest.fixture(scope="module")
def pairs():
    """Landmarks (2 20 478 3 px) of heads that nothing was learned from: detected, true."""
    rng = np.random.default_rng(12345)
    return np.swapaxes([sample(load(), None, rng) for _ in range(20)], 0, 1)


def test_corrected_landmarks_are_nearer_to_the_truth(pairs):
    detected, true = pairs
    before, after = (
        np.linalg.norm((points - true)[..., :2], axis=2).mean() for points in (detected, correct(detected))
    )
    assert after < 0.7 * before


def test_it_turns_scales_and_moves_with_the_picture(pairs):
    detected = pairs[0].astype(float)
    turn = Rotation.from_euler("z", 25, degrees=True).as_matrix()
    np.testing.assert_allclose(
        correct(0.4 * detected @ turn.T + [300, -20, 7]), 0.4 * correct(detected) @ turn.T + [300, -20, 7], atol=1e-6
    )


def test_a_mirrored_face_is_corrected_alike(pairs):
    detected, head = pairs[0].astype(float), load()
    twin = twins(landmarks_of(head, head.template))
    mirrored = correct(detected[:, twin] * [-1, 1, 1])[:, twin] * [-1, 1, 1]
    moved = np.abs(correct(detected) - detected).mean()
    assert np.abs(mirrored - correct(detected)).mean() < 0.1 * moved


def test_one_face_is_corrected_as_in_a_batch(pairs):
    np.testing.assert_allclose(correct(pairs[0][3:4])[0], correct(pairs[0])[3], atol=1e-9)
