"""What is laid out once a photo, on the astronaut and on what is cut out of her photo."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vividlib.geometry.camera import head_to_camera, project
from vividlib.geometry.raster import rasterize
from vividlib.head.model import deform
from vividlib.mesh_to_video.scene import BEYOND, DETAILS, _unproject, areas, build_scene, lids_of
from vividlib.mesh_to_video.seen import SHEET
from vividlib.reconstruction.colours import parts
from vividlib.types import Camera


def laid_out(face, left=0, top=0, right=512, bottom=512, image=None, **changed):
    """The scene of a part of the photo, or of the photo with something changed in it."""
    part = np.s_[top:bottom, left:right]
    portrait = replace(face.portrait, image=(face.portrait.image if image is None else image)[part])
    portrait = replace(portrait, mask=changed.pop("mask", face.portrait.mask)[part])
    x, y = face.camera.centre
    camera = replace(face.camera, centre=(x - left, y - top))
    return build_scene(replace(face, portrait=portrait, camera=camera, **changed), portrait.image, 1.0)


@pytest.fixture(scope="module")
def scene(face):
    return laid_out(face)


def sheet_of(scene):
    return scene.source[len(scene.face.neutral) :]


def test_places_in_space_are_seen_where_they_were_taken_from():
    camera, random = Camera(800.0, (100.0, 60.0), 1.1), np.random.default_rng(0)
    pixels, depth = random.uniform(0, 200, (50, 2)), random.uniform(-0.3, 0.2, 50)
    seen, deep = project(camera, _unproject(camera, pixels, depth))
    np.testing.assert_allclose(seen, pixels, atol=1e-9)
    np.testing.assert_allclose(deep, depth)


def test_triangles_seen_from_behind_have_no_area():
    points = np.array([[0, 0, 0], [4, 0, 0], [0, 3, 0]], np.float32)
    np.testing.assert_array_equal(areas(points, np.array([[0, 2, 1], [0, 1, 2]])), [6, 0])


def test_the_sheet_goes_on_where_a_border_cuts_and_only_there(face, scene):
    """Her hair reaches from 155 to 300 px; the crop otherwise ends where the photo goes on."""
    for left, right in ((0, 512), (120, 512), (0, 320)):
        cut = laid_out(face, left=left, right=right)
        _, _, width, _ = cut.window
        low, high = sheet_of(cut)[:, 0].min(), sheet_of(cut)[:, 0].max()
        room = BEYOND * cut.size
        np.testing.assert_allclose(
            [low, high], [-room if left else -1, width - 1 + (1 if right == 512 else room)], atol=0.1
        )


def test_what_the_lower_border_cuts_stands_still_there(face, scene):
    neck = face.head.regions["neck"]
    lowest = int(scene.source[neck, 1].mean())
    cut = laid_out(face, bottom=lowest + scene.window[1])
    below = neck[cut.source[neck, 1] >= lowest - 1]
    assert len(below) > 10 and (cut.weights[below] == 0).all()
    assert (scene.weights[below] > 0).mean() > 0.5
    other = np.setdiff1d(np.arange(len(cut.weights)), neck)
    np.testing.assert_array_equal(cut.weights[other], scene.weights[other])


def test_windows_hold_mouth_and_eyes(scene):
    head = scene.face.head
    for window, part in zip(scene.windows(scene.source), (head.lips, lids_of(head))):
        left, top, width, height = window
        x, y = scene.source[part, :2].T
        assert (
            left + 1 <= x.min() and x.max() <= left + width - 2 and top + 1 <= y.min() and y.max() <= top + height - 2
        )
        assert width < np.ptp(x) + 8 and height < np.ptp(y) + 8
    aside = scene.source + np.float32([5000, -5000, 0])
    for left, top, width, height in scene.windows(aside):
        assert left == scene.window[2] - 1 and top == 0 and width == height == 1


@pytest.mark.parametrize("factor, fine", [(1.0, 3), (2.0, 2), (4.0, 1)])
def test_small_eyes_and_mouths_are_drawn_on_a_finer_grid(face, factor, fine):
    photo = cv2.resize(face.portrait.image, None, fx=factor, fy=factor)
    scene = build_scene(face, photo, factor)
    assert scene.fine.fine == fine and scene.whole.fine == 1
    assert build_scene(face, photo, factor, finer=2).fine.fine == max(fine, 2)


def test_shoulders_and_an_ear_on_the_far_side_are_not_drawn(face, scene):
    head = face.head
    own = np.unique(scene.faces[(scene.faces < len(head.template)).all(1)])
    ears = head.regions["ears"]
    assert not np.isin(np.flatnonzero(head.head_weight == 0), own).all()
    moving = head.head_weight[head.faces].max(1) > 0
    assert np.isin(own, np.unique(head.faces[moving])).all()
    turned = laid_out(face, rotation=Rotation.from_euler("Y", 50, degrees=True).as_quat())
    left, right = (ears[np.sign(head.template[ears, 0]) == side] for side in (1, -1))
    shown = [np.isin(ear, turned.faces).mean() for ear in (left, right)]
    assert min(shown) == 0 and max(shown) > 0.4


@pytest.mark.parametrize("degrees", [0, 35])
def test_above_the_eyes_nothing_is_that_was_hidden(face, degrees):
    """The sheet has the hair; below, hidden skin is drawn."""
    head = face.head
    scene = laid_out(face, rotation=Rotation.from_euler("Y", degrees, degrees=True).as_quat())
    own = scene.faces[(scene.faces < len(head.template)).all(1)]
    away = areas(scene.source, own) == 0
    above = (head.template[own, 1] > head.template[lids_of(head), 1].max() + 0.01).all(1)
    assert (away & above).sum() <= 2 and (away & ~above).sum() > 100


def test_upper_face_and_mouth_are_told_apart(scene):
    head = scene.face.head
    assert (scene.upper[head.lips] == 0).all() and (scene.upper[lids_of(head)] == 1).all()
    assert 0.2 < scene.upper[head.regions["face"]].mean() < 0.8


def test_slanted_skin_and_details_give_way_and_hair_may_stretch(scene):
    head, detail = scene.face.head, scene.faces[scene.detail]
    assert detail.max() < len(head.template)
    member = np.zeros(len(head.template), bool)
    member[detail] = True
    for name in DETAILS:
        assert member[np.intersect1d(head.regions[name], scene.faces)].all()
    assert member[np.setdiff1d(head.regions["neck"], head.regions["scalp"])].mean() > 0.3
    scalp = np.flatnonzero(np.isin(scene.faces, head.regions["scalp"]).all(1))
    assert len(scalp) > 50 and not np.isin(scalp, scene.detail).any()


def test_lids_that_close_have_the_colour_of_the_skin_around(face, scene):
    """Whatever is painted on the lids themselves."""
    left, top, width, height = scene.window
    lid = np.isin(scene.faces, lids_of(face.head)).all(1)
    seen = rasterize(scene.source, scene.faces, width, height).triangle
    photo = face.portrait.image.copy()
    photo[top : top + height, left : left + width][lid[seen] & (seen >= 0)] = (0, 255, 0)
    before, after = (one.carried[lids_of(face.head), 4:7] for one in (scene, laid_out(face, image=photo)))
    assert (photo == (0, 255, 0)).all(-1).sum() > 100
    assert np.median(np.abs(after - before).max(1)) < 30  # single vertices within the rim show its colour


def test_hidden_skin_takes_no_colour_from_beside_the_person(face, scene):
    """All that is not her, up to where the mesh is wider than she is, is painted green."""
    x, y, width, height = scene.window[0], scene.window[1], *scene.window[2:]
    photo = face.portrait.image.copy()
    photo[y : y + height, x : x + width][scene.layers.matte == 0] = (0, 255, 0)
    painted = laid_out(face, image=photo)
    skin = parts(face.head) == 0
    before, after = (one.carried[: len(skin)][skin, 4:7] for one in (scene, painted))
    assert np.abs(after - before).max() < 12


def test_of_skin_beside_the_person_nothing_is_there(face, scene):
    """As if the photo showed her only up to beside the mouth."""
    mask = face.portrait.mask.copy()
    mask[:, 262:] = 0
    there = laid_out(face, mask=mask).carried[: len(face.neutral), 7]
    column = scene.source[: len(there), 0] + scene.window[0]
    skin = (parts(face.head) == 0) & (scene.weights == 1)
    assert there[skin & (column > 272)].mean() < 0.3
    assert there[skin & (column < 235)].mean() > 0.9


def test_parts_that_others_cover_lie_deeper_than_they_are(scene):
    face = scene.face
    vertices = deform(face.head, face.neutral, face.expression, face.gaze) + face.remainder
    depth = head_to_camera(vertices, face.rotation, face.translation)[:, 2]
    for part, deeper in (("teeth_upper", 0.01), ("mouth_cavity", 0.016), ("eyeball_left", 0.0008), ("eyelids_left", 0)):
        own = face.head.regions[part]
        np.testing.assert_allclose((depth - scene.source[: len(depth), 2])[own], deeper, atol=1e-6)
    assert scene.part[-1] == SHEET and len(scene.part) == len(scene.faces) + 1
