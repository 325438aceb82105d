"""A person is read from landmarks as somebody whose closed lips rest."""

import numpy as np
import pytest

from vividlib.conventions import ARKIT_INDEX, LIP_LANDMARKS
from vividlib.errors import InputError
from vividlib.geometry.camera import head_to_camera, project
from vividlib.head.model import deform, landmarks_of, person
from vividlib.metrics.mouth import lip_gap
from vividlib.reconstruction.track import follow
from vividlib.training import filmed
from vividlib.training.filmed import Film, known_person
from vividlib.types import Camera

SIZE = 1500.0  # px a metre
CAMERA = Camera(SIZE, (256.0, 256.0))
HABIT = {"mouthSmileLeft": 0.25, "mouthSmileRight": 0.3, "mouthPucker": 0.1}
"""How this person's mouth rests: nothing that speech did."""


def seen(head, blendshapes, extra=0.0):
    """Landmarks (T 478 3 px) of somebody who faces the camera, moved by ``extra`` (T 478 3 metres)."""
    identity = np.random.default_rng(3).normal(0, 0.7, len(head.identity_basis))
    points = landmarks_of(head, deform(head, person(head, identity).astype(np.float32), blendshapes)) + extra
    points = head_to_camera(points, np.array([0, 0, 0, 1.0]), np.zeros(3))
    image, _ = project(CAMERA, points)
    noise = np.random.default_rng(4).normal(0, 0.1, image.shape)
    return np.concatenate([image + noise, -SIZE * points[..., 2:]], -1)


def talk(head, frames=150):
    """A mouth that is closed for a half of the time, and opens up to three tenths of the jaw's way; and its habit."""
    spoken = np.zeros((frames, 52), np.float32)
    spoken[:, ARKIT_INDEX["jawOpen"]] = 0.3 * np.maximum(0, np.sin(np.linspace(0, 10 * np.pi, frames)))
    resting = spoken.copy()
    for name, value in HABIT.items():
        resting[:, ARKIT_INDEX[name]] += value
    return spoken, resting


def test_how_a_mouth_rests_is_not_taken_for_speech(head):
    spoken, resting = talk(head)
    landmarks = seen(head, resting)
    _, neutral = known_person(landmarks, head)
    motion, leftover = follow(list(landmarks), 25.0, head, neutral)
    gap, truth = lip_gap(motion.blendshapes, head), lip_gap(spoken, head)
    closed = truth < 0.01
    assert np.abs(gap[closed]).max() < 0.7 and abs(np.median(gap[closed])) < 0.3
    assert np.corrcoef(gap, truth)[0, 1] > 0.99
    assert np.median(gap[truth > 6] / truth[truth > 6]) == pytest.approx(1, abs=0.15)
    smile = motion["mouthSmileLeft"] + motion["mouthSmileRight"]
    assert np.median(smile[closed]) < 0.1 < sum(HABIT.values()) / 2
    assert np.linalg.norm(leftover[closed].mean(0), axis=1).mean() < 0.0004


def test_a_mouth_that_never_closes_stays_as_it_was_read(head):
    _, resting = talk(head)
    resting[:, ARKIT_INDEX["jawOpen"]] += 0.2
    landmarks = seen(head, resting)
    _, neutral = known_person(landmarks, head)
    motion, _ = follow(list(landmarks), 25.0, head, neutral)
    gap = lip_gap(motion.blendshapes, head)
    truth = lip_gap(resting, head)
    assert gap.min() > 0.5 * truth.min() > 1


def test_what_no_blendshape_does_is_left_over_in_head_space(head):
    _, resting = talk(head)
    extra = np.zeros((len(resting), 478, 3))
    dent = np.zeros((40, 3))
    dent[[4, 5, 6], 1] = -0.002  # the middle of the lower lip's outer edge
    extra[100:, LIP_LANDMARKS] = dent
    landmarks = seen(head, resting, extra)
    _, neutral = known_person(landmarks[:100], head)
    _, leftover = follow(list(landmarks), 25.0, head, neutral)
    change = leftover[110:].mean(0) - leftover[:90].mean(0)
    assert leftover.shape == (150, 40, 3)
    assert change[5, 1] < -0.0005 and np.abs(change[:, 2]).max() < 0.0003
    assert (
        np.linalg.norm(change[[4, 5, 6]], axis=1).mean() > 4 * np.linalg.norm(change[[12, 13, 14, 15]], axis=1).mean()
    )


def test_lost_faces_are_found_out(tmp_path):
    film = Film("one", "anybody", tmp_path / "one.mp4")
    landmarks = np.ones((20, 478, 3), np.float32)
    for lost, raises in ((1, False), (5, True)):
        landmarks[:lost] = np.nan
        filmed.save(filmed.landmarks_file(film, tmp_path), landmarks=landmarks, fps=25.0)
        if raises:
            with pytest.raises(InputError, match="lost"):
                filmed.landmarks_of_film(film, tmp_path)
        else:
            assert filmed.landmarks_of_film(film, tmp_path)[1] == 25
