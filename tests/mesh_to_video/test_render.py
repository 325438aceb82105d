"""What a viewer would notice, as properties of rendered frames."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from skimage.data import astronaut

from vividlib.conventions import ARKIT_INDEX
from vividlib.errors import InputError
from vividlib.head.model import load
from vividlib.mesh_to_video.layers import dilated
from vividlib.mesh_to_video.render import Renderer
from vividlib.reconstruction.fit import fit_portrait
from vividlib.reconstruction.landmarks import find_faces, find_portrait
from vividlib.reconstruction.solve import LIPS
from vividlib.types import Motion

UPPER_LIP, LOWER_LIP = 13, 14  # MediaPipe: middle of the inner lips
LIDS = ((159, 145), (386, 374))  # upper and lower, right and left eye


@pytest.fixture(scope="module")
def face():
    return fit_portrait(find_portrait(astronaut()), load())


@pytest.fixture(scope="module")
def renderer(face):
    return Renderer(face, None)


@pytest.fixture(scope="module")
def large(face):
    """Three times the size: in the photo's own 106 px of face the detector sees openings only to some pixels."""
    return Renderer(face, 1536)


def drive(renderer, face, rotation=(0, 0, 0, 1), **shapes):
    blendshapes = face.expression.copy()
    for name, value in shapes.items():
        blendshapes[ARKIT_INDEX[name]] = value
    return renderer.frame(blendshapes, rotation, gaze=face.gaze)


def gap(points, upper, lower):
    return np.linalg.norm(points[upper, :2] - points[lower, :2]) / np.linalg.norm(points[468, :2] - points[473, :2])


def test_the_photos_own_motion_returns_the_photo_exactly(renderer, face):
    np.testing.assert_array_equal(drive(renderer, face), astronaut())


def test_what_lies_outside_the_crop_never_changes(renderer, face):
    frame = drive(renderer, face, Rotation.from_euler("Y", 0.2).as_quat(), jawOpen=1)
    left, top, width, height = renderer.scene.window
    outside = np.ones(frame.shape[:2], bool)
    outside[top : top + height, left : left + width] = False
    np.testing.assert_array_equal(frame[outside], astronaut()[outside])


def test_the_mouth_closes_and_opens(large, face):
    silent = large.frame(np.zeros(52, np.float32), gaze=face.gaze)
    opened = drive(large, face, jawOpen=0.7, mouthSmileLeft=0, mouthSmileRight=0)
    closed_gap, open_gap = (gap(find_faces(f)[0], UPPER_LIP, LOWER_LIP) for f in (silent, opened))
    assert closed_gap < 0.04  # a smile with teeth, driven to closed lips
    assert open_gap > 0.2


def test_the_eyes_close(large, face):
    frame = drive(large, face, eyeBlinkLeft=1, eyeBlinkRight=1)
    before, after = find_faces(drive(large, face))[0], find_faces(frame)[0]
    for upper, lower in LIDS:
        assert gap(after, upper, lower) < 0.45 * gap(before, upper, lower)


@pytest.mark.parametrize("axis, name", [("Y", "yaw"), ("X", "pitch"), ("Z", "roll")])
def test_the_head_turns_as_asked(renderer, face, axis, name):
    turn = Rotation.from_euler(axis, 8, degrees=True)
    frame = drive(renderer, face, turn.as_quat())
    again = fit_portrait(find_portrait(frame), face.head)
    seen = Rotation.from_quat(face.rotation).inv() * Rotation.from_quat(again.rotation)
    assert np.degrees((seen * turn.inv()).magnitude()) < 4.5


def test_sizes():
    face = fit_portrait(find_portrait(astronaut()[:401, :387]), load())
    assert Renderer(face, 256).frame(face.expression, gaze=face.gaze).shape == (256, 248, 3)
    assert Renderer(face, None).frame(face.expression, gaze=face.gaze).shape == (401, 387, 3)
    with pytest.raises(InputError, match="size"):
        Renderer(face, 5)


def test_no_photo_colour_leaks_into_the_open_mouth(renderer, face):
    """Between the lips of a wide open mouth it is dark or teeth, never skin stretched across."""
    frame = drive(renderer, face, jawOpen=1, mouthSmileLeft=0, mouthSmileRight=0)
    points = find_faces(frame)[0]
    x, y = points[LIPS[1], :2].mean(0).round().astype(int)
    skin = frame[points[50, 1].astype(int), points[50, 0].astype(int)].astype(int)
    assert frame[y, x].astype(int).sum() < 0.6 * skin.sum()


def test_large_photos_move_on_a_coarser_grid_and_look_the_same(face, monkeypatch):
    turn = Rotation.from_euler("YX", (5, 3), degrees=True).as_quat()
    fine = Renderer(face, 1000)
    monkeypatch.setattr("vividlib.mesh_to_video.render.LARGEST", 300)
    coarse = Renderer(face, 1000)
    assert coarse._times == 3 and fine._times == 1
    np.testing.assert_array_equal(drive(coarse, face), drive(fine, face))
    difference = np.abs(drive(coarse, face, turn, jawOpen=0.4).astype(int) - drive(fine, face, turn, jawOpen=0.4))
    moved = np.abs(drive(fine, face).astype(int) - drive(fine, face, turn, jawOpen=0.4))
    assert difference.mean() < 0.15 * moved.mean()


def test_the_background_stands_still(renderer, face):
    """Outside the person, widened by 8 % of the head, a turning head changes hardly anything."""
    scene = renderer.scene
    away = ~dilated(scene.layers.matte > 0, 0.08 * scene.size)
    left, top, width, height = scene.window
    turns = Rotation.from_euler("YXZ", [[4, 0, 0], [0, 3, 0], [-3, -2, 3]], degrees=True).as_quat()
    shapes, gaze = (np.repeat(value[None], 3, 0) for value in (face.expression, face.gaze))
    before, changed = astronaut()[top : top + height, left : left + width], 0
    for frame in renderer.frames(Motion(shapes, turns, gaze=gaze)):
        crop = frame[top : top + height, left : left + width]
        assert np.abs(crop[away].astype(int) - before[away]).mean() < 0.001  # levels of 255
        changed += (crop != before).any(-1).sum()
    assert away.sum() > 5000 and changed > 50_000


def test_frames_of_a_motion_are_single_frames_in_order(renderer, face, motion):
    for frame, now in zip(renderer.frames(motion), motion.frames()):
        np.testing.assert_array_equal(frame, renderer.frame(*now))
