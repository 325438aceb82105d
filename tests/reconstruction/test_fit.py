import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from skimage.data import astronaut

from vividlib.conventions import ARKIT_INDEX
from vividlib.errors import FaceTurnedError, FitWarning
from vividlib.geometry.camera import head_to_camera, project
from vividlib.head.model import deform, landmarks_of, load, person
from vividlib.metrics.vertex_error import vertex_error
from vividlib.reconstruction.fit import fit_portrait, landmark_error, refine
from vividlib.reconstruction.landmarks import find_portrait
from vividlib.reconstruction.solve import LIPS, solve
from vividlib.reconstruction.texture import unwrap
from vividlib.types import Portrait


@pytest.fixture(scope="module")
def face():
    return fit_portrait(find_portrait(astronaut()), load())


def test_the_mesh_meets_the_landmarks(face):
    assert landmark_error(face) < 0.01


def test_the_smile_is_expression_and_the_neutral_lips_are_closed(face):
    assert face.expression[ARKIT_INDEX["mouthSmileLeft"]] > 0.3
    head = face.head
    upper = np.setdiff1d(head.regions["lips_upper"], head.regions["lips_outer"])
    inner = head.regions["lips_inner"]
    smiling = deform(head, face.neutral, face.expression) + face.remainder

    def gap(vertices):
        on_upper = np.isin(inner, upper)
        middle = np.abs(vertices[inner, 0]) < 0.01
        return vertices[inner[on_upper & middle], 1].mean() - vertices[inner[~on_upper & middle], 1].mean()

    assert abs(gap(face.neutral)) < 0.0015
    assert gap(smiling) > 0.003


def test_eyes_go_with_their_lids_and_teeth_with_the_lips_without_bending(face):
    head = face.head
    bend = face.neutral - person(head, solve(head, face.portrait.landmarks[None]).identity)
    guides = dict.fromkeys(("teeth_upper", "teeth_lower", "tongue"), "lips_inner")
    guides |= {f"eyeball_{side}": f"eyelids_{side}" for side in ("left", "right")}
    for part, guide in guides.items():
        wanted = bend[head.regions[guide]].mean(0)
        assert np.linalg.norm(wanted) > 1e-5
        np.testing.assert_allclose(bend[head.regions[part]], np.tile(wanted, (len(head.regions[part]), 1)), atol=1e-5)


def test_what_no_identity_explains_bends_the_neutral_head(face):
    """A chin to one side, as no person of the basis has it, is this person's shape, not an expression."""
    head = face.head
    low = np.clip((0.02 - head.template[:, 1]) / 0.06, 0, 1)
    odd = head.template + np.column_stack([0.008 * low**2, 0 * low, 0 * low])
    pixels = landmarks_of(head, odd) * 1500 * [1, -1, -1] + [300, 300, 0]
    solution = solve(head, pixels[None])
    neutral = head.template + np.tensordot(solution.identity, head.identity_basis, 1)
    before, after = (
        solve(head, pixels[None], shape).residual[0, :468] for shape in (neutral, refine(head, neutral, solution))
    )
    assert np.abs(after).mean() < 0.5 * np.abs(before).mean()


def test_a_gap_that_no_shape_reaches_does_not_open_the_neutral_lips(face):
    head = face.head
    pixels = landmarks_of(head, head.template) * 1500 * [1, -1, -1] + [300, 300, 0]
    solution = solve(head, pixels[None], head.template)
    lower, upper = LIPS[1][1:10], LIPS[1][11:]
    residual = np.zeros((1, 478, 2))
    residual[:, lower] = [2, 9]
    residual[:, upper] = [2, -3]  # 8 mm apart, both 2 mm down and a little aside
    bent = landmarks_of(head, refine(head, head.template, replace(solution, residual=residual)) - head.template)
    assert np.abs(bent[lower, 1] - bent[upper, 1]).max() < 0.0005
    assert bent[lower + upper, 1].mean() < -0.0005 and bent[lower + upper, 0].mean() > 0.0003


def test_she_looks_to_the_camera_with_her_head_a_little_turned(face):
    yaw, pitch, roll = Rotation.from_quat(face.rotation).as_euler("YXZ", degrees=True)
    assert abs(yaw) < 20 and abs(pitch) < 20 and abs(roll) < 15


def test_a_mirrored_photo_gives_the_mirrored_face(face):
    mirrored = fit_portrait(find_portrait(np.ascontiguousarray(astronaut()[:, ::-1])), face.head)
    yaw, _, roll = Rotation.from_quat(face.rotation).as_euler("YXZ", degrees=True)
    other_yaw, _, other_roll = Rotation.from_quat(mirrored.rotation).as_euler("YXZ", degrees=True)
    assert other_yaw == pytest.approx(-yaw, abs=3) and other_roll == pytest.approx(-roll, abs=3)


def test_a_face_seen_from_the_side_is_refused(face):
    portrait = face.portrait
    centred = portrait.landmarks - portrait.landmarks.mean(0)
    sideways = Rotation.from_euler("Y", 75, degrees=True).apply(centred) + portrait.landmarks.mean(0)
    with pytest.raises(FaceTurnedError, match="degrees"):
        fit_portrait(Portrait(portrait.image, sideways, portrait.mask, portrait.box), face.head)


def test_the_texture_shows_the_photo_where_the_photo_shows_the_face(face):
    texture = unwrap(face, 512)
    assert texture.shape == (512, 512, 3) and texture.dtype == np.uint8
    head = face.head
    corner = head.faces == head.landmark_vertices[1, 0]  # the tip of the nose
    u, v = head.uv[head.uv_faces[corner][0]] * 512
    x, y = face.portrait.landmarks[1, :2].round().astype(int)
    near = astronaut()[y - 3 : y + 4, x - 3 : x + 4].reshape(-1, 3)
    assert np.abs(texture[int(v), int(u)] - near.mean(0)).max() < 40


VIEWS = (0, 40, -40)  # degrees of yaw


@pytest.fixture(scope="module")
def odd_person(face):
    """A head that no identity of the basis is (its nose is 6 mm longer), and portraits of it from three sides."""
    head = face.head
    rng = np.random.default_rng(6)
    neutral = head.template + np.tensordot(rng.normal(0, 0.7, len(head.identity_basis)), head.identity_basis, 1)
    tip = landmarks_of(head, head.template)[1]
    neutral[:, 2] += 0.006 * np.exp(-((head.template - tip) ** 2).sum(1) / (2 * 0.02**2))
    portraits = []
    for yaw in VIEWS:
        turn = Rotation.from_euler("YXZ", (yaw, 4, -3), degrees=True)
        camera = head_to_camera(landmarks_of(head, neutral), turn.as_quat(), np.zeros(3))
        pixels, depth = project(face.camera, camera)
        noisy = np.column_stack([pixels, -depth * face.camera.scale]) + rng.normal(0, 0.2, (478, 3))
        portraits.append(replace(face.portrait, landmarks=noisy))
    return neutral, portraits


def fit(head, shown, *more):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)  # the picture is not that of the landmarks
        return fit_portrait(shown, head, more)


def test_three_views_of_a_person_give_a_truer_head_than_one(odd_person, face):
    truth, (front, *sides) = odd_person
    region = face.head.regions["face"]
    one, three = (fit(face.head, front, *more).neutral for more in ((), sides))
    assert vertex_error(three[region], truth[region]) < 0.8 * vertex_error(one[region], truth[region])


def test_photos_from_the_side_show_how_long_a_nose_is(odd_person, face):
    truth, (front, *sides) = odd_person
    tip, *cheeks = 1, 50, 280

    def length(vertices):
        points = landmarks_of(face.head, vertices) / np.linalg.norm(np.ptp(vertices[face.head.regions["face"]], 0)[:2])
        return points[tip, 2] - points[cheeks, 2].mean()

    one, three = (abs(length(fit(face.head, front, *m).neutral) - length(truth)) for m in ((), sides))
    assert three < 0.12 * one  # 0.25 where further photos are held in their depth as a single one is


def test_the_same_photo_again_changes_nothing(face):
    again = fit_portrait(face.portrait, face.head, [face.portrait])
    np.testing.assert_allclose(again.neutral, face.neutral, atol=1e-6)
    np.testing.assert_allclose(again.expression, face.expression, atol=1e-5)


def test_the_order_of_further_photos_does_not_matter(odd_person, face):
    _, (front, left, right) = odd_person
    one, other = fit(face.head, front, left, right), fit(face.head, front, right, left)
    np.testing.assert_allclose(one.neutral, other.neutral, atol=1e-6)
    np.testing.assert_allclose(one.identity, other.identity, atol=1e-4)


def test_the_first_photo_is_the_one_that_is_shown(odd_person, face):
    _, (front, left, _) = odd_person
    fitted = fit(face.head, left, front)
    assert fitted.portrait is left
    assert Rotation.from_quat(fitted.rotation).as_euler("YXZ", degrees=True)[0] == pytest.approx(VIEWS[1], abs=6)
    assert landmark_error(fitted) < 0.01


def test_photos_of_different_sizes_fit_together(odd_person, face):
    _, (front, left, _) = odd_person
    small = replace(left, landmarks=left.landmarks / 3)
    np.testing.assert_allclose(fit(face.head, front, left).neutral, fit(face.head, front, small).neutral, atol=2e-5)


def test_an_error_says_which_photo_is_turned_too_far(odd_person, face):
    _, (front, left, _) = odd_person
    middle = left.landmarks.mean(0)
    away = replace(left, landmarks=Rotation.from_euler("Y", -40, degrees=True).apply(left.landmarks - middle) + middle)
    with pytest.raises(FaceTurnedError, match="^Photo 3: The face looks"):
        fit(face.head, front, left, away)
