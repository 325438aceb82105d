"""Landmarks of rendered heads are nearer to the truth after the correction, however the picture is turned."""

import cv2
import numpy as np
import pytest

from vividlib.head.model import landmarks_of, load, twins
from vividlib.reconstruction.correction import correct, habit, normalise, scores_of
from vividlib.reconstruction.landmarks import detect
from vividlib.training.landmarks import draw


@pytest.fixture(scope="module")
def heads():
    """Pictures of 20 heads that nothing was learned from, and their landmarks (20 478 3 px): detected, true."""
    rng = np.random.default_rng(12345)
    pictures, true = zip(*(draw(load(), None, rng) for _ in range(20)))
    return pictures, np.array([detect(picture)[0] for picture in pictures]).astype(float), np.array(true)


@pytest.fixture(scope="module")
def corrected(heads):
    pictures, detected, _ = heads
    return np.concatenate([correct(picture, points[None]) for picture, points in zip(pictures, detected)])


def _off(points, true):
    return np.linalg.norm((points - true)[..., :2], axis=2).mean()


def test_corrected_landmarks_are_nearer_to_the_truth(heads, corrected):
    _, detected, true = heads
    assert _off(corrected, true) < 0.6 * _off(detected, true)


def test_the_pixels_tell_more_than_the_landmarks(heads, corrected):
    _, detected, true = heads
    faces, roll, size = normalise(detected)
    by_habit = detected + size[:, None, None] * (habit(scores_of(faces)) @ roll)
    assert _off(corrected, true) < 0.9 * _off(by_habit, true)


def test_it_turns_scales_and_moves_with_the_picture(heads, corrected):
    picture, points = heads[0][0], heads[1][:1]
    turn = cv2.getRotationMatrix2D((320, 320), 25, 0.8)
    turn[:, 2] += [9, -6]
    turned = cv2.warpAffine(picture, turn, picture.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)

    def moved(points):
        return np.concatenate([points[..., :2] @ turn[:, :2].T + turn[:, 2], 0.8 * points[..., 2:]], -1)

    found = correct(turned, moved(points))
    assert np.abs(found - moved(corrected[:1])).mean() < 0.05 * np.abs(found - moved(points)).mean()


def test_a_mirrored_face_is_corrected_alike(heads, corrected):
    picture, points = heads[0][0], heads[1][:1]
    twin = twins(landmarks_of(load(), load().template))
    width = picture.shape[1] - 1

    def mirror(points):
        return points[:, twin] * [-1, 1, 1] + [width, 0, 0]

    found = mirror(correct(np.ascontiguousarray(picture[:, ::-1]), mirror(points)))
    assert np.abs(found - corrected[:1]).mean() < 0.05 * np.abs(corrected[:1] - points).mean()


def test_several_faces_of_a_picture_are_corrected_as_one_is(heads):
    picture, points = heads[0][3], heads[1][3]
    several = np.stack([points, 0.9 * points + 20])
    np.testing.assert_allclose(correct(picture, several)[1], correct(picture, several[1:])[0], atol=1e-3)


def test_faces_half_outside_of_the_picture_are_corrected_as_if_its_border_went_on(heads):
    picture, points = heads[0][0], heads[1][:1]
    cut = picture[:, :320]
    wider = np.pad(cut, ((0, 0), (0, 600), (0, 0)), mode="edge")
    assert np.abs(correct(cut, points) - correct(wider, points)).mean() < 0.1


def test_faces_far_outside_of_the_picture_do_no_harm(heads):
    assert np.isfinite(correct(heads[0][0], heads[1][:1] - [2000, 0, 0])).all()
