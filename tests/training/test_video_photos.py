"""What serves as the photo: frames beside it, photos with their mouths closed, and pictures unlike filmed ones."""

import numpy as np
import pytest

from vividlib.mesh_to_video.render import Renderer
from vividlib.reconstruction.landmarks import find_portrait
from vividlib.training import video_photos
from vividlib.training.video_photos import STIRRED, a_look, beside, gap, remade


@pytest.fixture(scope="module")
def portrait(astronaut):
    return find_portrait(astronaut)


def test_frames_beside_the_photo_have_still_heads_and_new_expressions():
    """Heads stand still in the first 15 frames; mouths and eyes move in each third one."""
    random = np.random.default_rng(0)
    points = np.repeat(random.uniform(0, 100, (1, 478, 2)), 45, 0) + random.normal(0, 0.01, (45, 478, 2))
    points[15:] += 20
    points[::3, STIRRED] += [0, 5]
    found = beside(points, 1, 8, random)
    assert len(set(found)) == 8 and 1 not in found
    assert found[1] == found[0] + 1
    assert found[0] % 3 == 0 and found[0] < 15
    assert found[2] in {0, 3, 6, 9, 12}


def test_a_video_too_short_to_choose_from_gives_what_it_has():
    points = np.random.default_rng(0).uniform(0, 100, (4, 478, 2))
    assert sorted(beside(points, 2, 8, np.random.default_rng(0))) == [0, 1, 3]


def test_a_remade_photo_has_its_mouth_closed(portrait, face, head):
    """The astronaut smiles with open lips."""

    closed = find_portrait(Renderer(face, None).frame(np.zeros(52, np.float32)))
    assert gap(closed.landmarks) < 0.5 * gap(portrait.landmarks)
    made = remade(portrait, closed.landmarks, head, np.random.default_rng(0))
    assert made.image.shape == portrait.image.shape
    assert gap(made.landmarks) < 0.5 * gap(portrait.landmarks)


def test_a_look_is_the_same_for_all_pictures_of_a_photo(portrait, monkeypatch):
    for name in ("TINTED", "PAINTED", "COVERED"):
        monkeypatch.setattr(video_photos, name, 1)
    look = a_look(portrait, np.random.default_rng(1))
    seen, other = look(portrait.image), look(portrait.image[:, ::-1].copy())
    assert seen.dtype == np.uint8 and seen.shape == portrait.image.shape
    assert np.array_equal(seen, look(portrait.image))
    assert np.abs(seen.astype(int) - portrait.image).mean() > 5
    # What covers the face stays where it is, whatever is behind it.
    same = (np.abs(seen.astype(int) - other) <= 1).all(2)
    x, y, width, height = portrait.box
    lower = same[y + height // 4 :, x : x + width]
    assert 0.04 < lower.mean() < 0.6


def test_most_photos_keep_their_look(portrait):
    shares = [
        np.array_equal(a_look(portrait, np.random.default_rng(seed))(portrait.image), portrait.image)
        for seed in range(40)
    ]
    assert 0.4 < np.mean(shares) < 0.8
