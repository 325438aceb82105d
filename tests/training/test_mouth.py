import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT_INDEX
from vividlib.head.model import landmarks_of
from vividlib.metrics.lip_gap import lip_gap
from vividlib.training.mouth import STILL, align_faces, fit_mouths


def talking(head, frames: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """Blendshapes of a mouth that opens, rounds and closes, and the landmarks a camera sees (px)."""
    phase = np.linspace(0, 6 * np.pi, frames)
    truth = np.zeros((frames, 52), np.float32)
    truth[:, ARKIT_INDEX["jawOpen"]] = 0.4 * np.maximum(0, np.sin(phase))
    truth[:, ARKIT_INDEX["mouthPucker"]] = 0.6 * np.maximum(0, np.sin(phase)) * (phase > 3 * np.pi)
    points = landmarks_of(head, head.template + np.einsum("ts,svc->tvc", truth, head.blendshapes))
    turn = Rotation.from_euler("YX", np.column_stack([20 * np.sin(phase / 7), 8 * np.cos(phase / 5)]), degrees=True)
    seen = np.einsum("tij,tnj->tni", turn.as_matrix(), points) * 1500 * [1, -1, -1]
    return truth, seen + [300, 200, 0]


def test_known_mouths_are_found_again_whatever_the_pose(head):
    truth, landmarks = talking(head)
    found, turned = fit_mouths([landmarks[:70], landmarks[70:]], head)
    assert [len(part) for part in found] == [70, 50]
    made = np.concatenate(found)
    jaw, pucker = ARKIT_INDEX["jawOpen"], ARKIT_INDEX["mouthPucker"]
    wanted, gap = lip_gap(truth, head), lip_gap(made, head)
    assert np.corrcoef(gap, wanted)[0, 1] > 0.98
    assert np.corrcoef(made[:, jaw], truth[:, jaw])[0, 1] > 0.9
    assert np.corrcoef(made[:, pucker], truth[:, pucker])[0, 1] > 0.8
    assert gap[wanted < 0.1].max() < 1.5  # closed lips stay closed
    assert np.concatenate(turned).max() > 15


def test_people_with_small_mouths_are_brought_to_the_same_scale(head):
    truth, _ = talking(head)
    gaps = []
    for size in (0.8, 1.2):
        points = landmarks_of(head, head.template + size * np.einsum("ts,svc->tvc", truth, head.blendshapes))
        found, _ = fit_mouths([points * 1500 * [1, -1, -1]], head)
        gaps.append(np.percentile(lip_gap(found[0], head), 98))
    assert gaps[0] == pytest.approx(gaps[1], rel=0.1)


def test_alignment_undoes_a_similarity():
    random = np.random.default_rng(0)
    reference = random.normal(size=(478, 3)) * 50
    turn = Rotation.from_euler("XYZ", [10, -25, 5], degrees=True).as_matrix()
    seen = (3.0 * reference @ turn.T + [4, 5, 6]) * [1, -1, -1]
    faces, rotation = align_faces(seen[None], reference)
    np.testing.assert_allclose(faces[0], reference, atol=1e-9)
    np.testing.assert_allclose(rotation[0], turn.T, atol=1e-9)
    assert len(set(STILL)) == len(STILL)
