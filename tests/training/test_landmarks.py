"""The regression finds the habit of a detector that has one."""

import numpy as np
import pytest

from vividlib.errors import NoFaceError
from vividlib.head.model import landmarks_of, load, person, twins
from vividlib.media.video import VideoWriter
from vividlib.reconstruction import correction
from vividlib.reconstruction.solve import EYES, LIPS
from vividlib.training.clips import frames_of, videos_of
from vividlib.training.landmarks import fit, learn, looseness


def test_a_known_habit_is_unlearned(monkeypatch):
    """A detector that shows two thirds of what is personal but for the lips', and moves bare heads besides."""
    head, rng = load(), np.random.default_rng(0)
    people = [person(head, rng.normal(0, 0.7, len(head.identity_basis))) for _ in range(400)]
    true = 1000 * landmarks_of(head, np.array(people)) * [1, -1, -1]
    mean, bare = true.mean(0), np.arange(400) % 2 == 0
    detected = mean + (true - mean) * 2 / 3
    drawn, loose = true.copy(), np.ones(478)
    drawn[bare, :, 1] *= 0.96
    loose[LIPS[0]] = 0
    arrays = fit(detected[:300], drawn[:300], bare[:300], twins(landmarks_of(head, head.template)), loose)
    monkeypatch.setattr(correction, "_map", lambda: tuple(arrays.values()))
    fresh = np.flatnonzero(~bare)[150:]
    faces, roll, size = correction.normalise(detected[fresh])
    corrected = detected[fresh] + size[:, None, None] * (correction.habit(correction.scores_of(faces)) @ roll)

    def off(points):
        difference = np.delete(points - true[fresh], LIPS[0], 1)[..., :2]
        return np.linalg.norm(difference - difference.mean(1, keepdims=True), axis=2).mean()

    assert off(corrected) < 0.35 * off(detected[fresh])
    np.testing.assert_allclose(corrected[:, LIPS[0], :2], detected[fresh][:, LIPS[0], :2], atol=1e-6)


def test_lips_lids_and_irises_stay_where_they_are_seen():
    loose = looseness(load())
    assert not loose[np.concatenate([*LIPS, *EYES, range(468, 478)])].any()
    assert (loose[[10, 152, 234, 454, 4]] == 1).all()  # forehead, chin, cheeks, tip of the nose


@pytest.fixture
def videos(tmp_path):
    """Five videos of ada and one each of bo and cy, eight frames, whose brightness tells the video and the frame."""
    for shade, name in enumerate(["ada/0", "ada/1", "ada/2", "ada/3", "ada/4", "bo", "cy"]):
        path = tmp_path / f"{name}.mp4"
        path.parent.mkdir(exist_ok=True)
        with VideoWriter(path, 64, 64, 25) as out:
            for number in range(8):
                out.write(np.full((64, 64, 3), 30 * shade + 3 * number, np.uint8))
    return tmp_path


def test_a_folder_is_a_person_and_a_video_beside_it_another(videos):
    few = {person: [path.stem for path in paths] for person, paths in videos_of(videos, 2).items()}
    assert few == {"ada": ["0", "2"], "bo": ["bo"], "cy": ["cy"]}
    assert len(videos_of(videos, 9)["ada"]) == 5


def test_of_each_video_only_the_frames_asked_for_are_read(videos):
    found = [(person, round(float(image.mean()))) for person, image in frames_of(videos, 1, [2, 5])]
    assert [person for person, _ in found] == ["ada", "ada", "bo", "bo", "cy", "cy"]
    np.testing.assert_allclose([shade for _, shade in found], [6, 15, 156, 165, 186, 195], atol=2)


def test_videos_without_any_face_are_refused_before_anything_is_rendered(videos, tmp_path):
    with pytest.raises(NoFaceError, match="shows a face"):
        learn(videos, tmp_path / "map.npz")
