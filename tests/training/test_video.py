"""The second stage's training: pairs fit together, mirrored and recoloured pairs too, and a network learns from them."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT_INDEX
from vividlib.errors import InputError
from vividlib.geometry.camera import head_to_camera, project
from vividlib.head.model import deform, landmarks_of
from vividlib.mesh_to_video.warp import lay
from vividlib.training import video
from vividlib.training.filmed import save
from vividlib.training.video_pairs import BEYOND, fitted, pairs_of


@pytest.fixture(scope="module")
def folder(astronaut, head, tmp_path_factory):
    """Two people of one video each: a photo that turns on the spot, darker from frame to frame."""
    frames = [np.ascontiguousarray((astronaut * (1 - 0.1 * i)).astype(np.uint8)) for i in range(3)]
    folder = tmp_path_factory.mktemp("pairs")
    for person in ("anna", "id22"):
        for name, arrays in pairs_of(frames, 0, [1, 2], head):
            save(folder / person / f"clip_0{name and '_'}{name}.npz", **arrays)
    return folder


@pytest.fixture(scope="module")
def batch(folder):
    return video.batch_of(video.find_pairs(folder)[:2])


def analytic(batch):
    driven = batch.driven
    return lay(batch.photo.layers, driven.flow, driven.occlusion, driven.fill)


def test_fitting_a_drawn_pose_finds_it_again(face):
    """However far the renderer slows turns down: what is asked of it puts the landmarks where they were seen."""
    blendshapes = face.expression.copy()
    blendshapes[ARKIT_INDEX["jawOpen"]] += 0.3
    turn = Rotation.from_quat(face.rotation) * Rotation.from_euler("YX", [-18, 4], degrees=True)
    aside = np.array([0.01, -0.006, 0.02])
    vertices = deform(face.head, face.neutral, blendshapes, face.gaze)
    camera = head_to_camera(landmarks_of(face.head, vertices), turn.as_quat(), aside)
    pixels, _ = project(face.camera, camera)
    landmarks = np.column_stack([pixels, -face.camera.scale * camera[:, 2]])
    motion = fitted(face, landmarks[None], 25)
    from vividlib.mesh_to_video.dense_motion import _pose
    from vividlib.mesh_to_video.scene import build_scene

    scene = build_scene(face, face.portrait.image, 1.0)
    now = next(motion.frames())
    drawn = deform(face.head, face.neutral, now[0], now[3], now[4])
    points = _pose(scene, drawn, now[1], now[2])[: len(drawn)] + [*scene.window[:2], 0]
    seen = landmarks_of(face.head, points)[:468, :2]
    assert np.abs(seen - pixels[:468]).mean() < 0.006 * face.portrait.box[3]


def test_pairs_show_the_same_place(batch):
    """The frames are one photo, darker: the analytic frame has the photo's light."""
    truth, made = batch.truth, analytic(batch)
    light = (made * batch.weight).sum((1, 2, 3)) / (truth * batch.weight).sum((1, 2, 3))
    for pair, wanted in ((0, 1 / 0.9), (1, 1 / 0.8)):
        assert float(light[pair]) == pytest.approx(wanted, rel=0.03)
        assert (light[pair] * truth[pair] - made[pair]).abs().mean() < 0.02


def test_what_lies_beyond_the_picture_does_not_count(folder):
    for pair in video.find_pairs(folder):
        *_, looked_at = video.read_pair(pair)
        assert set(np.unique(looked_at)) <= {0, 1, 2, BEYOND}
        assert 0.02 < np.isin(looked_at, (1, 2)).mean() < 0.2


def test_mirrored_pairs_are_pairs(folder, batch):
    mirror = video.Batches(video.find_pairs(folder), 0).mirror
    turned = video.mirrored(batch, mirror)
    torch.testing.assert_close(analytic(turned).flip(-1), analytic(batch), atol=1e-4, rtol=0)
    again = video.mirrored(turned, mirror)
    for part, other in zip((*again.photo, *again.driven, *again[2:]), (*batch.photo, *batch.driven, *batch[2:])):
        torch.testing.assert_close(part, other, atol=1e-4, rtol=0)
    # A face is nearly its own mirror image, and so are normalised coordinates: left lips stay on the left.
    photo, other = batch.photo, turned.photo
    assert (other.lips[0, 0, 0] < 128) == (photo.lips[0, 0, 0] < 128)
    both = (photo.texture[0, 3] > 0) & (other.texture[0, 3] > 0)
    assert (photo.texture[0, 0] - other.texture[0, 0])[both].abs().mean() < 0.12


def test_recoloured_and_blurred_pairs_are_pairs(batch):
    """The same is done to both sides: what told them apart before, tells them apart after."""
    other = video.recoloured(batch, np.random.default_rng(1))
    assert (other.truth - batch.truth).abs().mean() > 0.02
    before, after = analytic(batch) - batch.truth, analytic(other) - other.truth
    assert after.abs().mean() < 1.5 * before.abs().mean()
    blurred = video.blurred(batch, 2.0)
    assert (analytic(blurred) - blurred.truth).abs().mean() < 1.5 * before.abs().mean()


def test_a_network_learns_and_resumes(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(video, "BATCH", 2)
    monkeypatch.setattr(video, "SAVE_EVERY", 3)
    video.train(folder, tmp_path / "once", 6)
    straight = (tmp_path / "once" / video.WEIGHTS).read_bytes()
    with pytest.raises(KeyboardInterrupt), monkeypatch.context() as patch:
        patch.setattr(video.Batches, "at", _until(4, video.Batches.at))
        video.train(folder, tmp_path / "twice", 6)
    video.train(folder, tmp_path / "twice", 6)
    assert (tmp_path / "twice" / video.WEIGHTS).read_bytes() == straight


def _until(last, at):
    def some(self, step):
        if step == last:
            raise KeyboardInterrupt
        return at(self, step)

    return some


def test_losses_fall_on_one_batch(batch):
    """A photo that gets darker: nothing analytic knows that."""
    torch.manual_seed(0)
    networks = video.VideoNetworks(video.FAST)
    moving = batch._replace(driven=batch.driven._replace(flow=batch.driven.flow + 2))
    optimizer = torch.optim.Adam(networks.parameters(), 1e-3)
    found = []
    for _ in range(12):
        parts = video.losses(networks, moving)
        optimizer.zero_grad()
        sum(parts.values()).backward()
        optimizer.step()
        found.append(float(parts["difference"].detach()))
    assert found[-1] < 0.85 * found[0]


def test_a_folder_without_pairs_is_refused(tmp_path):
    with pytest.raises(InputError, match="No pairs"):
        video.find_pairs(tmp_path)
