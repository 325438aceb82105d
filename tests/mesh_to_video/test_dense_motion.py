"""Where things go, and what the photo can show there, as properties of the flow itself."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vividlib.geometry.camera import head_to_camera, project
from vividlib.geometry.raster import rasterize
from vividlib.head.model import deform
from vividlib.mesh_to_video.dense_motion import MOST_TURN, _pose, draw
from vividlib.mesh_to_video.scene import BEYOND, build_scene
from vividlib.mesh_to_video.seen import SHEET, enlarged
from vividlib.reconstruction.colours import PARTS

STILL, HERE = np.array([0, 0, 0, 1.0]), np.zeros(3)


@pytest.fixture(scope="module")
def turned(face):
    """The astronaut as if the photo showed her head turned and tilted by much."""
    rotation = Rotation.from_euler("YXZ", [25, 10, 15], degrees=True).as_quat()
    return build_scene(replace(face, rotation=rotation), face.portrait.image, 1.0)


@pytest.fixture(scope="module")
def scene(face):
    return build_scene(face, face.portrait.image, 1.0)


def vertices_of(scene):
    face = scene.face
    return deform(face.head, face.neutral, face.expression, face.gaze) + face.remainder


def own_motion(scene, rotation=STILL, translation=HERE, **curves):
    face = scene.face
    curves = {"blendshapes": face.expression, "gaze": face.gaze} | curves
    return draw(scene, rotation=rotation, translation=translation, **curves)


@pytest.mark.parametrize("axis", "XYZ")
def test_the_head_turns_about_its_own_axes_and_the_chest_stays(turned, axis):
    face, vertices = turned.face, vertices_of(turned)
    turn, aside = Rotation.from_euler(axis, 3, degrees=True), np.array([0.004, 0.007, 0.01])
    points = _pose(turned, vertices, turn.as_quat(), aside)[: len(vertices)]
    driven = (Rotation.from_quat(face.rotation) * turn).as_quat()
    wanted, _ = project(turned.camera, head_to_camera(vertices, driven, face.translation + aside))
    head, chest = face.head.head_weight == 1, face.head.head_weight == 0
    scale = turned.camera.scale
    np.testing.assert_allclose(points[head, :2], wanted[head], atol=0.0005 * scale)  # half a millimetre
    np.testing.assert_allclose(points[chest], turned.source[: len(vertices)][chest], atol=1e-3)
    assert chest.any() and np.abs(wanted - turned.source[: len(vertices), :2])[head].max() > 0.005 * scale


def test_hair_goes_with_the_head_as_one_piece(turned):
    face, vertices = turned.face, vertices_of(turned)
    turn, aside = Rotation.from_euler("YXZ", [3, 2, 4], degrees=True), np.array([0.004, 0.007, 0.01])
    points = _pose(turned, vertices, turn.as_quat(), aside)[len(vertices) :]
    rest = Rotation.from_quat(face.rotation)
    in_head = rest.inv().apply(turned.sheet - face.translation)
    driven = (rest * turn).as_quat()
    wanted, _ = project(turned.camera, head_to_camera(in_head, driven, face.translation + aside))
    near, far = turned.share > 0.99, turned.share == 0
    assert near.sum() > 20 and far.sum() > 20
    np.testing.assert_allclose(points[near, :2], wanted[near], atol=0.001 * turned.camera.scale)
    np.testing.assert_allclose(points[far], turned.source[len(vertices) :][far], atol=1e-3)


def test_a_turn_too_far_to_show_is_held_back(scene):
    vertices = vertices_of(scene)
    still, *shown = (
        _pose(scene, vertices, Rotation.from_euler("Y", angle).as_quat(), HERE)[: len(vertices), 0]
        for angle in (0, 0.05, np.pi / 3, np.pi / 2)
    )
    little, far, farther = (np.abs(x - still).max() for x in shown)
    assert far < farther < 1.05 * far
    assert farther < MOST_TURN / 0.05 * little < 1.2 * farther


def test_the_sheet_covers_the_crop_and_lies_behind_the_head(scene):
    count = len(scene.face.neutral)
    _, _, width, height = scene.window
    sheet = scene.source[count:]
    _, top, _, _ = scene.window
    assert top == 0  # the photo ends there, and the sheet goes on
    wanted = [[-1, -BEYOND * scene.size], [width, height]]
    np.testing.assert_allclose([sheet[:, :2].min(0), sheet[:, :2].max(0)], wanted, atol=0.01)
    assert sheet[:, 2].max() < scene.source[:count, 2].min()


def test_what_turns_away_is_hidden_and_what_nods_is_not(scene):
    skin = (scene.whole.part != SHEET) & (scene.trust == 1)
    little = own_motion(scene, Rotation.from_euler("Y", 2, degrees=True).as_quat())
    far = own_motion(scene, Rotation.from_euler("Y", 20, degrees=True).as_quat())
    assert (little.occlusion[skin] < 0.5).sum() < 20
    assert 200 < (far.occlusion[skin] < 0.5).sum() < 1500  # pixels: the far side of nose and cheek, the near one's rim


def test_nothing_of_the_mouth_shows_between_closed_lips(scene):
    face, times = scene.face, 3
    points = _pose(scene, deform(face.head, face.neutral, np.zeros(52), face.gaze), STILL, HERE)
    _, _, width, height = scene.window
    seen = rasterize(enlarged(points, times), scene.faces, times * width, times * height)
    shown = np.bincount(scene.part[seen.triangle].ravel(), minlength=SHEET + 1)
    assert shown[PARTS.index("teeth")] == 0
    assert shown[PARTS.index("inner")] <= 1  # a ninth of a pixel, at a corner
    assert shown[PARTS.index("skin")] > 10_000 and shown[PARTS.index("eyes")] > 100


def test_the_pixels_of_a_finer_grid_lie_around_those_they_replace():
    pixels = np.array([[0, 0, 0.1], [7, 4, 0.2]])
    for times in (1, 2, 3):
        np.testing.assert_allclose(enlarged(pixels, times)[:, :2], times * pixels[:, :2] + (times - 1) / 2)
    np.testing.assert_allclose(enlarged(pixels, 2, 7, 4)[1], [0.5, 0.5, 0.2])


def test_nothing_stays_behind_where_the_person_was(scene):
    """Beside the driven sheet nothing comes from the photo, not even a little at its edge."""
    moved = own_motion(scene, Rotation.from_euler("Y", 10, degrees=True).as_quat(), [0.06, 0, 0])
    bare = moved.fragments.triangle < 0
    assert (bare & scene.layers.person).sum() > 100
    assert (moved.occlusion[bare] == 0).all() and (moved.fill[bare] == 0).all()
