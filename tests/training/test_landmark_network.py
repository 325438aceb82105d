"""Heads are drawn, learned from, and what was learned is what ships."""

import numpy as np
import pytest
import torch

from vividlib.errors import NoFaceError
from vividlib.head.model import landmarks_of, load, twins
from vividlib.media.video import VideoWriter
from vividlib.reconstruction.correction import SKIN, normalise
from vividlib.reconstruction.landmark_network import CROP, LandmarkNetwork
from vividlib.training import landmark_network as training
from vividlib.training.landmark_network import IRISES, Heads, disturbed, seen, shipped, turn, ways, weights, worsen
from vividlib.training.landmarks import looseness, wardrobe


@pytest.fixture(scope="module")
def rows():
    """Crops and landmarks of eight heads, in plain colours and in a grey skin."""
    rng = np.random.default_rng(0)
    skin = (np.full((512, 512, 3), 150, np.uint8), np.full((640, 640, 3), 90, np.uint8))
    found = [one for _ in range(12) if (one := seen(load(), [skin], rng)) is not None][:8]
    return [np.array(part) for part in zip(*found)]


@pytest.fixture(scope="module")
def data(rows):
    return Heads(*rows, looseness(load()))


def test_heads_are_seen_where_their_landmarks_are(rows):
    crops, detected, true = rows
    assert crops.shape == (8, CROP, CROP) and crops.dtype == np.uint8
    size = normalise(detected)[2][:, None]
    assert (np.linalg.norm((detected - true)[..., :2], axis=2) / size).max() < 0.6


@pytest.mark.parametrize("seed", range(8))
def test_worse_pictures_are_pictures(seed):
    image = np.random.default_rng(1).integers(0, 255, (80, 60, 3), np.uint8)
    worse, zoom = worsen(image, np.random.default_rng(seed))
    assert worse.dtype == np.uint8 and worse.ndim == 3 and 0.25 <= zoom <= 1
    assert abs(worse.shape[0] - zoom * 80) <= 1


def test_lips_and_lids_are_not_learned_to_move_but_in_depth(data):
    loose = looseness(load())
    held = np.flatnonzero(loose[:SKIN] == 0)
    assert data.left[:, held, :2].abs().max() < 1e-5
    assert data.left[:, held, 2].abs().max() > 1e-3
    assert data.left[:, SKIN:, :2].abs().max() > 1e-3


def test_a_turn_of_all_landmarks_is_found(data):
    faces = data.faces[:3]
    wanted = torch.tensor([[0.02, -0.01, 0.03], [0.0, 0.05, 0.0], [0.01, 0.0, -0.02]])
    moved = torch.cross(wanted[:, None].expand_as(faces), faces, dim=2)
    torch.testing.assert_close(turn(moved, faces), wanted, atol=1e-5, rtol=1e-4)


def test_ways_in_which_landmarks_stray_hold_what_they_were_made_from(data):
    basis = ways(data.left)
    flat, weight = data.left.flatten(1), weights().flatten()
    solution = torch.linalg.lstsq((basis * weight).T.double(), (flat * weight).T.double(), driver="gelsd").solution
    assert (solution.T @ basis.double() - flat).abs().mean() < 0.01 * flat.abs().mean()


def test_a_mirrored_batch_is_that_of_mirrored_heads(rows, data, monkeypatch):
    twin = twins(landmarks_of(load(), load().template))
    mirror = [points[:, twin] * [-1, 1, 1] for points in rows[1:]]
    other = Heads(np.ascontiguousarray(rows[0][..., ::-1]), *mirror, looseness(load()))
    monkeypatch.setattr(torch, "rand", torch.zeros)
    crops, faces, scores, left = disturbed(data[:], torch.tensor(twin))
    torch.testing.assert_close(crops, other.crops.float())
    torch.testing.assert_close(faces, other.faces, atol=1e-5, rtol=0)
    torch.testing.assert_close(scores, other.scores, atol=1e-3, rtol=0)
    torch.testing.assert_close(left, other.left, atol=1e-4, rtol=0)


def test_it_learns_stops_and_goes_on(rows, tmp_path):
    heads = tmp_path / "heads.npz"
    np.savez(heads, **dict(zip(("crops", "detected", "true"), rows)))
    training.train(heads, tmp_path / "run", steps=2)
    assert (tmp_path / "run" / "landmark_network.safetensors").exists()
    training.train(heads, tmp_path / "run", steps=12)
    saved = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert [row["step"] for row in saved["log"]] == [2, 12]
    assert saved["network"]["join.4.weight"].abs().max() > 0


def test_half_precision_and_irises_held_back_ship():
    network = LandmarkNetwork()
    network.basis.fill_(0.5)
    found = shipped(network)
    basis = found["basis"].view(-1, 478, 3)
    assert basis.dtype == torch.float16 and found["twin"].dtype == torch.int64
    assert (basis[:, :SKIN] == 0.5).all() and (basis[:, SKIN:] == 0.5 * IRISES).all()


def test_heads_are_drawn_from_videos_of_people_who_are_not_held_out(tmp_path, monkeypatch):
    photo = pytest.importorskip("skimage.data").astronaut()[:360, 60:420]
    for name in ("vox_01", "ada"):
        folder = tmp_path / name
        folder.mkdir()
        with VideoWriter(folder / f"{name}.mp4", 360, 360, 25) as out:
            for _ in range(6):
                out.write(photo)
    with pytest.raises(NoFaceError, match="shows a face"):
        training.draw_heads(tmp_path / "vox_01", tmp_path / "none.npz", 2)
    training.draw_heads(tmp_path / "ada", tmp_path / "heads.npz", 5)
    rng = np.random.default_rng([1, 3])
    while (one := seen(load(), wardrobe(tmp_path / "ada", 3, (5, 60)), rng)) is None:
        pass
    with np.load(tmp_path / "heads.npz") as drawn:
        for name, part in zip(("crops", "detected", "true"), one):
            assert len(drawn[name]) == 5
            np.testing.assert_allclose(drawn[name][3], part, atol=1e-3)
