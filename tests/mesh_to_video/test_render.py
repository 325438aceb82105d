"""What a viewer would notice, as properties of rendered frames."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from skimage.data import astronaut

from vividlib.conventions import ARKIT_INDEX
from vividlib.errors import InputError
from vividlib.geometry.camera import scaled
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


@pytest.mark.parametrize("largest, times", [(513, 1), (512, 1), (511, 2)])
def test_photos_that_are_not_larger_move_on_their_own_grid(face, monkeypatch, largest, times):
    """However large the face in it is."""
    monkeypatch.setattr("vividlib.mesh_to_video.render.LARGEST", largest)
    close = replace(face, portrait=replace(face.portrait, box=(0, 0, 500, 500)))
    assert Renderer(close, None)._times == times


def test_no_part_that_moves_is_larger_than_it_may_be(face, monkeypatch):
    monkeypatch.setattr("vividlib.mesh_to_video.render.LARGEST", 330)
    scene = Renderer(face, None).scene
    assert max(scene.window[2:]) <= 330


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


def test_frames_are_drawn_when_they_are_asked_for(renderer, motion, monkeypatch):
    drawn = []
    monkeypatch.setattr(renderer, "frame", lambda *now: drawn.append(now))
    monkeypatch.setattr("vividlib.mesh_to_video.render.get_num_threads", lambda: 3)
    frames = renderer.frames(motion)
    assert not drawn
    for _ in range(4):
        next(frames)
    assert len(drawn) == 6


def test_what_goes_wrong_in_a_frame_is_raised_and_nothing_is_drawn_after_it(renderer, motion, monkeypatch):
    drawn = []

    def broken(*now):
        drawn.append(now)
        raise InputError("of this frame")

    monkeypatch.setattr(renderer, "frame", broken)
    with pytest.raises(InputError, match="of this frame"):
        list(renderer.frames(motion))
    assert len(drawn) <= 8


def test_enlarged_again_eyes_and_mouth_are_averages(face, monkeypatch):
    monkeypatch.setattr("vividlib.mesh_to_video.render.LARGEST", 1300)
    monkeypatch.setattr("vividlib.mesh_to_video.scene.FINE_BELOW", ())
    assert Renderer(face, 2048).scene.fine.fine == 2 and Renderer(face, 1000).scene.fine.fine == 1


@pytest.mark.parametrize("size, times", [(1001, 2), (997, 3)])
def test_sides_that_make_no_whole_pixels_of_the_coarser_grid(face, monkeypatch, size, times):
    monkeypatch.setattr("vividlib.mesh_to_video.render.LARGEST", size // times + 1)
    monkeypatch.setattr("vividlib.mesh_to_video.render.FACES", 100)
    photo = cv2.resize(face.portrait.image, (size, size))
    factor = size / 512
    portrait = replace(face.portrait, image=photo, mask=cv2.resize(face.portrait.mask, (size, size)))
    large = Renderer(replace(face, portrait=portrait, camera=scaled(face.camera, factor)), None)
    assert large._times == times
    np.testing.assert_array_equal(drive(large, face), photo)
    turn = Rotation.from_euler("Y", 0.1).as_quat()
    pictures = ((photo, face.portrait.image), (drive(large, face, turn), drive(Renderer(face, None), face, turn)))
    still, turned = (
        np.abs(cv2.resize(there, (512, 512), interpolation=cv2.INTER_AREA).astype(int) - here).mean()
        for there, here in pictures
    )
    assert turned < still + 0.2  # of 255


def test_hair_that_a_border_cuts_moves_up_to_it_on_a_coarser_grid_too(face, monkeypatch):
    """Three times the photo up to its 290th column, and all but one of the last three columns."""
    monkeypatch.setattr("vividlib.mesh_to_video.render.LARGEST", 150)
    photo, mask = (
        np.ascontiguousarray(cv2.resize(a[:330, :290], None, fx=3, fy=3)[:, :868])
        for a in (face.portrait.image, face.portrait.mask)
    )
    cut = replace(face, portrait=replace(face.portrait, image=photo, mask=mask), camera=scaled(face.camera, 3))
    large = Renderer(cut, None)
    assert large._times == 3
    np.testing.assert_array_equal(drive(large, face), photo)
    changed = np.abs(drive(large, face, Rotation.from_euler("Y", -0.2).as_quat()).astype(int) - photo).mean((0, 2))
    assert changed[-1] > 0.7 * changed[-5] > 0.7
