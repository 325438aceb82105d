"""Where things go, and what the photo can show there, as properties of the flow itself."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT_INDEX, LIP_LANDMARKS
from vividlib.geometry.camera import head_to_camera, project
from vividlib.geometry.raster import rasterize
from vividlib.head.model import deform
from vividlib.mesh_to_video.dense_motion import (
    FREE_SHIFT,
    MOST_SHIFT,
    MOST_TURN,
    RESTING,
    _enough,
    _likeness,
    _pose,
    draw,
)
from vividlib.mesh_to_video.scene import BEYOND, build_scene
from vividlib.mesh_to_video.seen import SHEET, enlarged
from vividlib.reconstruction.colours import PARTS, parts
from vividlib.types import Camera

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


def test_a_move_too_far_to_show_is_held_back(scene):
    vertices = vertices_of(scene)
    still, *shown = (
        _pose(scene, vertices, STILL, np.array([metres, 0, 0]))[: len(vertices), 0]
        for metres in (0, 0.01, FREE_SHIFT, 0.3, 3)
    )
    little, free, far, farther = (np.abs(x - still).max() for x in shown)
    np.testing.assert_allclose([free, farther], [FREE_SHIFT / 0.01 * little, MOST_SHIFT / 0.01 * little], rtol=1e-3)
    assert free < far <= farther < 1.01 * far


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


def test_the_underside_of_the_chin_has_no_hole(face):
    """A bowed head hides it in the photo; from below nothing of the mouth is seen through it all the same."""
    bowed = replace(face, rotation=Rotation.from_euler("X", 10, degrees=True).as_quat())
    scene = build_scene(bowed, face.portrait.image, 1.0)
    head, camera = face.head, Camera(900.0, (128.0, 128.0))
    own = scene.faces[(scene.faces < len(head.template)).all(1)]
    below = Rotation.from_euler("X", -30, degrees=True).as_quat()
    pixels, depth = project(camera, head_to_camera(face.neutral, below, np.zeros(3)))
    points, part = np.column_stack([pixels, depth]), parts(head)
    mouth = [PARTS.index("teeth"), PARTS.index("inner")]
    drawn, whole = (rasterize(points, faces, 256, 256).triangle for faces in (own, head.faces))
    through = np.isin(part[own].max(1)[drawn], mouth) & (drawn >= 0) & ~np.isin(part[head.faces].max(1)[whole], mouth)
    assert through.sum() <= 1 and (drawn >= 0).sum() > 10_000


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


def with_remainder(face, metres):
    """The astronaut as if the 52 shapes had left so much of her expression over, all of it to the right."""
    return build_scene(replace(face, remainder=np.full_like(face.remainder, [metres, 0, 0])), face.portrait.image, 1.0)


@pytest.mark.parametrize("curves, mouth_stays, eyes_stay", [
    ({}, True, True), ({"eyeBlinkLeft": 1, "eyeBlinkRight": 1}, True, False), ({"jawOpen": 1}, False, True),
])  # fmt: skip
def test_the_photos_own_look_stays_where_the_expression_does(face, curves, mouth_stays, eyes_stay):
    scene, shapes = with_remainder(face, 0.01), face.expression.copy()
    for name, value in curves.items():
        shapes[ARKIT_INDEX[name]] = value
    flow = own_motion(scene, blendshapes=shapes).flow[..., 0]
    far = 0.01 * scene.camera.scale  # px back to the photo where nothing of what is left over stays
    x, y = scene.source[:, :2].round().astype(int).T
    upper_lip, brow = 13, 105  # MediaPipe: moved neither by the jaw nor by a blink
    for mark, stays in ((upper_lip, mouth_stays), (brow, eyes_stay)):
        vertex = face.head.landmark_vertices[mark, 0]
        np.testing.assert_allclose(flow[y[vertex], x[vertex]] / far, 0 if stays else 1, atol=0.25)


def test_likeness_is_all_in_the_photo_none_at_rest_and_little_counts_as_rest(scene):
    """She smiles."""
    face, lips = scene.face, scene.face.head.lips
    photo = deform(face.head, face.neutral, face.expression, face.gaze)
    assert _likeness(scene, photo, lips, scene.lips) == pytest.approx(1, abs=1e-3)
    assert _likeness(scene, face.neutral, lips, scene.lips) == pytest.approx(0, abs=1e-3)
    nothing = np.zeros((len(lips), 3))
    assert _likeness(scene, face.neutral, lips, nothing) == 1
    assert _likeness(scene, face.neutral + np.float32([RESTING / 2, 0, 0]), lips, nothing) == pytest.approx(
        0.5, abs=1e-3
    )


def test_lip_offsets_move_the_lips(scene):
    up = np.full((len(LIP_LANDMARKS), 3), [0, 0.005, 0], np.float32)
    x, y = scene.source[scene.face.head.lips, :2].mean(0).round().astype(int)
    still, moved = own_motion(scene), own_motion(scene, lip_offsets=up)
    assert still.flow[y, x, 1] == 0 and moved.flow[y, x, 1] > 1  # px, of 3


def test_folds_that_open_have_too_few_pixels(scene):
    """Grown threefold half of it is enough, grown fivefold none; an open mouth looks like the photo's or is new."""
    own, count = parts(scene.face.head), len(scene.face.neutral)
    detail = scene.faces[scene.detail]
    wholly = np.setdiff1d(detail, np.delete(scene.faces, scene.detail, 0))
    shown = np.setdiff1d(wholly, detail[scene.areas <= 0.1])
    assert len(shown) > 100
    for growth, share in ((1, 1), (3, 0.5), (5, 0)):
        enough = _enough(scene, scene.source * np.float32([np.sqrt(growth), np.sqrt(growth), 1]), 1.0)
        np.testing.assert_allclose(enough[shown], share, atol=1e-3)
        assert (enough[count:] == 1).all()
    mouth, teeth = (wholly[own[wholly] == PARTS.index(kind)] for kind in ("inner", "teeth"))
    unlike = _enough(scene, scene.source, 0.0)
    assert len(mouth) and (unlike[mouth] < 1e-6).all() and (unlike[teeth] == 1).all()


def test_what_has_too_few_pixels_is_not_shown(scene, monkeypatch):
    likeness = []

    def none(scene, points, like):
        likeness.append(like)
        return np.zeros(len(points))

    monkeypatch.setattr("vividlib.mesh_to_video.dense_motion._enough", none)
    shut = scene.face.expression.copy()
    shut[[ARKIT_INDEX["eyeBlinkLeft"], ARKIT_INDEX["eyeBlinkRight"]]] = 1
    head = scene.part[own_motion(scene, blendshapes=shut).fragments.triangle] != SHEET
    assert (
        own_motion(scene, blendshapes=shut).occlusion[cv2.erode(head.astype(np.uint8), np.ones((3, 3))) > 0].max() == 0
    )
    assert min(likeness) > 0.95  # of the mouth, which does as in the photo


def test_eyes_and_mouth_are_those_of_the_finer_grid(scene):
    shapes = np.zeros(52)
    shapes[ARKIT_INDEX["jawOpen"]] = 0.5
    drawn = draw(scene, shapes, STILL, HERE)
    coarse = draw(replace(scene, fine=scene.whole), shapes, STILL, HERE)
    points = _pose(scene, deform(scene.face.head, scene.face.neutral, shapes), STILL, HERE)
    within = np.zeros(drawn.occlusion.shape, bool)
    for left, top, width, height in scene.windows(points):
        within[top - 2 : top + height + 2, left - 2 : left + width + 2] = True
    assert scene.fine.fine == 3 and (drawn.flow != coarse.flow).any(-1)[within].sum() > 200
    np.testing.assert_array_equal(drawn.flow[~within], coarse.flow[~within])
    assert np.abs(drawn.flow - coarse.flow)[within].mean() < 0.5  # the same places, seen more exactly
    assert np.abs(drawn.fill - coarse.fill)[within].mean() < 10
