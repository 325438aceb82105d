"""What the networks may do to an analytic frame: nothing before they have learned anything, nothing to what stands still."""

import cv2
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT_INDEX, LIP_LANDMARKS
from vividlib.errors import WeightsError
from vividlib.mesh_to_video import motion_network
from vividlib.mesh_to_video.composite import composite
from vividlib.mesh_to_video.dense_motion import draw
from vividlib.mesh_to_video.layers import of_larger
from vividlib.mesh_to_video.motion_network import GRID, gaussians
from vividlib.mesh_to_video.network_sizes import FAST, FULL
from vividlib.mesh_to_video.networks import (
    VideoNetworks,
    corrected,
    driven_tensors,
    larger,
    photo_tensors,
    with_weights,
)
from vividlib.mesh_to_video.patch import COARSE, SIDE, Square, cut, driven_patch, paste, photo_patch, square_of
from vividlib.mesh_to_video.refine import Refiner
from vividlib.mesh_to_video.render import Renderer
from vividlib.mesh_to_video.scene import build_scene
from vividlib.mesh_to_video.textures import projected_textures
from vividlib.mesh_to_video.warp import lay, moved, warped
from vividlib.types import Motion

STILL, HERE = (0, 0, 0, 1), (0, 0, 0)


@pytest.fixture(scope="module")
def scene(face):
    return build_scene(face, face.portrait.image, 1.0)


def driven(scene, degrees=6.0, jaw=0.5):
    blendshapes = scene.face.expression.copy()
    blendshapes[ARKIT_INDEX["jawOpen"]] += jaw
    turn = Rotation.from_euler("YX", [degrees, degrees / 2], degrees=True).as_quat()
    return draw(scene, blendshapes, turn, HERE, scene.face.gaze)


def untrained(seed=0):
    torch.manual_seed(seed)
    return VideoNetworks(FAST)


def awake(seed=0):
    """Networks whose last layers do something."""
    networks = untrained(seed)
    for layer in (networks.motion.out, networks.motion.along, networks.generator.out):
        torch.nn.init.normal_(layer.weight, 0, 0.05)
    return networks.eval()


def test_untrained_networks_give_the_analytic_frames_bit_for_bit(scene):
    frames = [driven(scene), driven(scene, -9, 0.1), driven(scene, 0, 1)]
    for networks in (untrained().eval(), with_weights(untrained().state_dict(), FAST)):
        refiner = Refiner(scene, networks, scene.layers)
        for drawn in frames:
            np.testing.assert_array_equal(refiner.picture(drawn), composite(scene.layers, drawn))


def test_the_photos_own_motion_returns_the_photo_whatever_the_networks_say(scene):
    still = draw(scene, scene.face.expression, STILL, HERE, scene.face.gaze)
    made, other = (Refiner(scene, awake(), scene.layers).picture(one) for one in (still, driven(scene)))
    np.testing.assert_array_equal(made, scene.layers.photo)
    assert (other != composite(scene.layers, driven(scene))).mean() > 0.02  # they do say something


def test_nothing_changes_beside_the_patch(scene):
    drawn = driven(scene)
    made = Refiner(scene, awake(), scene.layers).picture(drawn)
    left, top, side = square_of(scene)
    outside = np.ones(made.shape[:2], bool)
    outside[max(0, top) : top + side, max(0, left) : left + side] = False
    np.testing.assert_array_equal(made[outside], composite(scene.layers, drawn)[outside])


def test_large_pictures_are_changed_where_small_ones_are(scene):
    drawn, networks = driven(scene), awake()
    large = of_larger(scene.layers, cv2.resize(scene.layers.photo, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC))
    changes = []
    for layers in (scene.layers, large):
        made = Refiner(scene, networks, layers).picture(drawn)
        changes.append(made.astype(np.float32) - composite(layers, drawn))
    smaller = cv2.resize(changes[1], changes[0].shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(changes[0]).mean() > 2 * np.abs(smaller - changes[0]).mean()


def test_a_patch_does_not_depend_on_its_batch(scene):
    """Training learns from batches what is drawn one by one."""
    networks, square = awake(), square_of(scene)
    some = [driven_patch(scene, one, square) for one in (driven(scene), driven(scene, -8, 0.2))]
    photo = photo_tensors([photo_patch(scene, square)])
    with torch.inference_mode():
        both = type(photo)(*(part.expand(2, *part.shape[1:]) for part in photo))
        together = networks(networks.read(both), both, driven_tensors(some)).residual
        alone = [networks(networks.read(photo), photo, driven_tensors([one])).residual for one in some]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-4, rtol=1e-4)


def test_the_picture_in_torch_is_the_one_of_composite(scene):
    """On the pixels of the crop itself; composite blurs a seam of whole pixels on top."""
    drawn, layers = driven(scene), scene.layers
    tensors = [
        torch.from_numpy(np.ascontiguousarray(np.moveaxis(np.atleast_3d(a), 2, 0))).float()[None]
        for a in (np.dstack([layers.photo, layers.matte, layers.plate]) / 255, drawn.flow, drawn.occlusion, drawn.fill)
    ]
    tensors[3][:, :3] /= 255
    made = (255 * lay(*tensors)[0]).permute(1, 2, 0).numpy()
    difference = np.abs(made - composite(layers, drawn))[~drawn.seam]
    assert difference.max() < 0.6


def test_warping_by_nothing_is_exact_and_by_a_pixel_shifts():
    image = torch.rand(1, 2, 20, 30)
    torch.testing.assert_close(warped(image, torch.zeros(1, 2, 20, 30)), image, atol=1e-5, rtol=0)
    flow = torch.zeros(1, 2, 20, 30)
    flow[:, 0] = 1
    torch.testing.assert_close(warped(image, flow)[..., :-1], image[..., 1:], atol=1e-5, rtol=0)


def test_only_what_moves_or_lacks_something_may_change():
    flow, occlusion, fill = torch.zeros(1, 2, SIDE, SIDE), torch.ones(1, 1, SIDE, SIDE), torch.zeros(1, 4, SIDE, SIDE)
    assert not moved(flow, occlusion, fill).any()
    assert not moved(flow, 0 * occlusion, fill).any()  # background: nothing is there, nothing is lacking
    flow[:, 1, :, :64] = 3
    gate = moved(flow, occlusion, fill)
    assert (gate[..., :16] == 1).all() and not gate[..., 24:].any()
    fill[:, 3, 128:160, 128:160], occlusion[..., 128:160, 128:160] = 1, 0
    assert moved(flow, occlusion, fill)[0, 0, 36, 36] == 1


@pytest.mark.parametrize("square", [Square(-20, 30, 256), Square(10, -5, 190), Square(5, 5, 300)])
def test_what_is_cut_out_is_pasted_where_it_was(square):
    y, x = np.mgrid[:280, :270].astype(np.float32)
    image = np.dstack([x, y])
    empty = np.zeros_like(image)
    paste(empty, cut(image, square), square)
    left, top, side = square
    inner = (slice(max(0, top) + 4, top + side - 4), slice(max(0, left) + 4, left + side - 4))
    np.testing.assert_allclose(empty[inner], image[inner], atol=0.3)


def test_the_patch_shows_projected_textures(scene):
    square = square_of(scene)
    pose = {"head_rotation": [Rotation.from_euler("Y", 6, degrees=True).as_quat()], "gaze": scene.face.gaze[None]}
    textures = projected_textures(scene, Motion(scene.face.expression[None], **pose))
    frame = draw(scene, scene.face.expression, pose["head_rotation"][0], HERE, scene.face.gaze)
    steps = ((np.arange(COARSE) + 0.5) * square.side / COARSE - 0.5).round().astype(int)
    here = np.ix_((square.top + steps).clip(0, None), (square.left + steps).clip(0, None))
    for patch, image, inner in (
        (photo_patch(scene, square), textures.reference.image, textures.reference.inner),
        (driven_patch(scene, frame, square), textures.driven.image[0], textures.driven.inner[0]),
    ):
        seen = patch.texture[..., 3] == 255
        assert (seen == inner[here]).mean() > 0.98 and 0.2 < seen.mean() < 0.8
        seen &= inner[here]
        assert np.abs(patch.texture[seen, :3].astype(int) - image[here][seen]).mean() < 1


def test_the_patch_knows_the_lips(scene):
    square = square_of(scene)
    photo, patch = photo_patch(scene, square), driven_patch(scene, driven(scene, 0, 0), square)
    found = (scene.face.portrait.landmarks[LIP_LANDMARKS, :2] - scene.window[:2] - square[:2]) * SIDE / square.side
    assert np.linalg.norm(photo.lips - found, axis=1).max() < 3
    np.testing.assert_allclose(patch.lips, photo.lips, atol=0.1)
    opened = driven_patch(scene, driven(scene, 0, 1), square).lips[:, 1] - photo.lips[:, 1]
    assert opened.max() > 10 and np.abs(opened).min() < 2  # the lower lip goes down, the upper one stays


def test_gaussians_stand_where_the_points_are():
    points = torch.tensor([[[10.0, 200.0], [128.5, 31.0]]])
    maps = gaussians(points)
    for (x, y), one in zip(points[0], maps[0]):
        row, column = divmod(int(one.argmax()), GRID)
        assert abs((column + 0.5) * 4 - 0.5 - x) <= 2 and abs((row + 0.5) * 4 - 0.5 - y) <= 2
    assert not gaussians(points).sub(gaussians(points)).any()


def test_gradients_reach_every_weight(scene, monkeypatch):
    """Of both branches, once the last layers are awake and the branches are heard."""
    monkeypatch.setattr(motion_network, "HEARD", 1)
    networks = awake().train()
    square = square_of(scene)
    photo = photo_tensors([photo_patch(scene, square)])
    tensors = driven_tensors([driven_patch(scene, driven(scene), square)])
    _, frame, residual = networks(networks.read(photo), photo, tensors)
    (frame + residual).square().mean().backward()
    without = [name for name, weight in networks.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert not without


def test_branches_are_left_out_of_training_alone(scene, monkeypatch):
    monkeypatch.setattr(motion_network, "HEARD", 0)
    networks = awake()
    torch.nn.init.zeros_(networks.motion.along.weight)
    photo = photo_tensors([photo_patch(scene, square_of(scene))])
    tensors = driven_tensors([driven_patch(scene, driven(scene), square_of(scene))])
    with torch.inference_mode():
        assert networks.correct(photo, tensors, networks.gate(tensors)).flow.any()
        networks.train()
        assert not networks.correct(photo, tensors, networks.gate(tensors)).flow.any()


def test_what_goes_along_with_a_head_hangs_on_its_motion_alone(scene):
    """Whoever is shown, and twice as far for twice the motion."""
    networks = untrained().eval()
    torch.nn.init.normal_(networks.motion.along.weight, 0, 0.05)
    photo = photo_tensors([photo_patch(scene, square_of(scene))])
    once = driven_tensors([driven_patch(scene, driven(scene), square_of(scene))])
    gate = torch.ones(1, 1, GRID, GRID)
    with torch.inference_mode():
        own, other, far = (
            networks.correct(who, moved, gate).flow
            for who, moved in (
                (photo, once),
                (photo._replace(layers=1 - photo.layers), once),
                (photo, once._replace(flow=2 * once.flow)),
            )
        )
    assert own.abs().mean() > 0.1
    torch.testing.assert_close(other, own)
    torch.testing.assert_close(far, 2 * own)


def test_an_opening_between_lips_stays_as_wide_as_the_mesh_has_it(scene):
    """A correction can take a place from the photo, not give it one: neither in a patch nor in a picture."""
    networks, square = untrained().eval(), square_of(scene)
    networks.motion.out.bias.data[2] = 1.0
    drawn = driven(scene, 0, 1)
    tensors = driven_tensors([driven_patch(scene, drawn, square)])
    photo = photo_tensors([photo_patch(scene, square)])
    with torch.inference_mode():
        correction = networks.correct(photo, tensors, networks.gate(tensors))
        assert correction.occlusion.max() == 1
        torch.testing.assert_close(corrected(tensors, correction).occlusion, tensors.occlusion)
        less = corrected(tensors, correction._replace(occlusion=-0.5 * correction.occlusion)).occlusion
    assert (
        (less <= tensors.occlusion).all()
        and less.min() < tensors.occlusion.min() + 0.01
        and less.mean() < tensors.occlusion.mean()
    )
    np.testing.assert_array_equal(Refiner(scene, networks, scene.layers).picture(drawn), composite(scene.layers, drawn))
    networks.motion.out.bias.data[2] = -1.0
    assert not np.array_equal(Refiner(scene, networks, scene.layers).picture(drawn), composite(scene.layers, drawn))


def test_the_photo_keeps_what_it_shows(scene):
    """A generator that would lighten everything lightens what the photo lacks five times as much."""
    networks, square = untrained().eval(), square_of(scene)
    networks.generator.out.bias.data[:] = 0.1
    photo = photo_tensors([photo_patch(scene, square)])
    tensors = driven_tensors([driven_patch(scene, driven(scene, 0, 1), square)])
    with torch.inference_mode():
        whole = larger(networks.gate(tensors)) > 0.99
        residual = networks(networks.read(photo), photo, tensors).residual.mean(1, keepdim=True)
    shown, lacking = (residual[whole & (tensors.occlusion == value)] for value in (1, 0))
    torch.testing.assert_close(shown, torch.full_like(shown, 0.02), atol=1e-3, rtol=0)
    torch.testing.assert_close(lacking, torch.full_like(lacking, 0.1), atol=2e-3, rtol=0)
    assert len(shown) > 1000 and len(lacking) > 100


def test_small_faces_get_all_of_what_is_added():
    """A patch that is made smaller is averaged: pixels left out would flicker."""
    patch = np.zeros((SIDE, SIDE, 1), np.float32)
    patch[::4] = 4
    image = np.zeros((40, 40), np.float32)
    paste(image, patch[..., 0], Square(4, 4, 32))
    np.testing.assert_allclose(image[4:36, 4:36], 1, atol=1e-4)
    picture = np.full((40, 40, 3), 250, np.uint8)
    paste(picture, np.full((SIDE, SIDE, 3), 20, np.float32), Square(-10, 5, 30))
    assert (picture[5:35, :20] == 255).all() and (picture[:, 20:] == 250).all()


def test_weights_of_other_networks_are_refused():
    with pytest.raises(WeightsError, match="do not fit"):
        with_weights(untrained().state_dict(), FULL)


def test_sizes():
    weights = {
        name: sum(p.numel() for p in VideoNetworks(sizes).parameters())
        for name, sizes in (("fast", FAST), ("full", FULL))
    }
    assert 2 * weights["fast"] < 15e6 and 2 * weights["full"] < 80e6  # bytes, as stored in half precision


def test_a_renderer_draws_with_networks_and_without(face):
    plain, same, other = (Renderer(face, 300, networks) for networks in (None, untrained().eval(), awake()))
    motion = Motion(np.repeat(face.expression[None], 3, 0), gaze=np.repeat(face.gaze[None], 3, 0))
    motion.blendshapes[1:, ARKIT_INDEX["jawOpen"]] = 0.6
    for first, second in zip(plain.frames(motion), same.frames(motion)):
        np.testing.assert_array_equal(first, second)
    still, *moving = other.frames(motion)
    np.testing.assert_array_equal(still, next(plain.frames(motion)))
    np.testing.assert_array_equal(other.frame(motion.blendshapes[1], gaze=face.gaze), moving[0])
    assert (moving[0] != next(plain.frames(motion.since(1)))).any()


def test_frames_of_a_motion_are_made_by_networks_on_one_core_each(face, monkeypatch):
    networks, motion = awake(), Motion(np.repeat(face.expression[None], 3, 0), gaze=np.repeat(face.gaze[None], 3, 0))
    renderer, seen = Renderer(face, 64, networks), []
    monkeypatch.setattr(renderer, "_shown", lambda picture: seen.append(torch.get_num_threads()))
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        list(renderer.frames(motion))
        assert seen == [1, 1, 1] and torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
