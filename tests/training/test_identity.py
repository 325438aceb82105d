"""What is learned finds people again among what differs between their pictures."""

import numpy as np
import pytest

from vividlib.errors import InputError, NoFaceError
from vividlib.media.image import save_image
from vividlib.media.video import VideoWriter
from vividlib.metrics.separation import separation
from vividlib.reconstruction.identity import WEIGHTS
from vividlib.training import identity
from vividlib.training.__main__ import main
from vividlib.training.identity import learn, share


def people(random: np.random.Generator, count: int, pictures: int) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of people (N 12), who differ in four directions, and of their pictures (N P 12), which stray in all."""
    axes, _ = np.linalg.qr(random.normal(size=(12, 12)))
    own = random.normal(size=(count, 4)) @ axes[:4]
    stray = random.normal(size=(count, pictures, 12)) * np.linspace(0.1, 1.0, 12)
    return own, own[:, None] + stray


def test_people_are_found_again():
    own, seen = people(np.random.default_rng(0), 300, 6)
    learned = share(list(seen[:200]))
    assert learned.shape == (12, 12)
    told = seen[200:] @ learned.T
    off = [np.linalg.norm(one - own[200:, None], axis=2).mean() for one in (told, seen[200:])]
    assert off[0] < 0.6 * off[1]

    def ratio(found):
        flat = found.reshape(-1, 12)
        return separation(np.linalg.norm(flat[:, None] - flat, axis=2), np.repeat(np.arange(100), 6).tolist())["ratio"]

    assert ratio(told) > 1.3 * ratio(seen[200:])


def test_one_picture_of_each_says_nothing_of_what_strays():
    with pytest.raises(NoFaceError, match="two videos"):
        share([np.ones((1, 12)), np.zeros((1, 12))])


def test_it_is_learned_from_pictures_but_not_of_those_compared(tmp_path, astronaut, monkeypatch):
    shown = []
    for who in ("id00", "id01", "id24"):
        for number in range(2):
            video = tmp_path / "videos" / who / f"{number}.mp4"
            video.parent.mkdir(parents=True, exist_ok=True)
            with VideoWriter(video, 512, 512, 25) as out:
                for _ in range(identity.FRAME + 1):
                    out.write(np.roll(astronaut, 5 * number, 1))
    (tmp_path / "portraits").mkdir()
    save_image(tmp_path / "portraits" / "one.png", astronaut)
    monkeypatch.setattr(identity, "share", lambda found: shown.extend(map(len, found)) or np.eye(80))
    assert main(["identity", *(str(tmp_path / name) for name in ("videos", "portraits", WEIGHTS))]) == 0
    assert shown == [2, 1]
    with np.load(tmp_path / WEIGHTS, allow_pickle=False) as learned:
        np.testing.assert_array_equal(learned["share"], np.eye(80, dtype=np.float32))
    with pytest.raises(InputError, match="nowhere"):
        learn(tmp_path / "videos", tmp_path / "nowhere", tmp_path / WEIGHTS)
    (tmp_path / "nobody").mkdir()
    monkeypatch.undo()
    with pytest.raises(NoFaceError):  # those of one folder alone are of one person each
        learn(tmp_path / "videos" / "id00", tmp_path / "nobody", tmp_path / WEIGHTS)
