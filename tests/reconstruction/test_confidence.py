"""Good pictures are trusted, spoilt ones are not, and a warning says so."""

import warnings
from dataclasses import replace

import cv2
import numpy as np
import pytest

from vividlib.errors import FitWarning
from vividlib.reconstruction.confidence import (
    AGREE,
    INSIDE,
    POOR,
    TOLERANCE,
    _twins,
    advice,
    confidence,
    deviation,
    disagreement,
    eye_contrast,
    eye_distance,
    eyes_chance,
    lip_contrast,
    lips_chance,
)
from vividlib.reconstruction.fit import fit_portrait
from vividlib.reconstruction.landmarks import find_portrait
from vividlib.reconstruction.solve import EYES


@pytest.fixture(scope="module")
def portrait():
    return find_portrait(pytest.importorskip("skimage.data").astronaut())


def spoilt(portrait, way):
    """The same picture, harder to read."""
    x, y, w, h = portrait.box
    image = portrait.image.copy()
    if way == "half":
        image[y - 10 : y + h + 20, x - 20 : x + w // 2] = (40, 90, 60)
    elif way == "bar":
        image[y + h // 6 : y + h // 2, x - 5 : x + w + 5] = 15
    elif way == "forehead":  # skin, but no eyes
        image[y + h // 6 : y + h // 2, x : x + w] = np.tile(image[y : y + h // 6, x : x + w], (3, 1, 1))[
            : h // 2 - h // 6
        ]
    elif way == "sunglasses":
        for eye in EYES:
            middle = portrait.landmarks[eye, :2].mean(0)
            cv2.ellipse(image, middle.astype(int).tolist(), (w * 22 // 100, h * 14 // 100), 0, 0, 360, (30, 25, 25), -1)
    elif way == "blur":
        image = cv2.GaussianBlur(image, (0, 0), h / 22)
    elif way == "hand":  # four fingers in the colour of the cheeks
        skin = np.median(image[y + h // 2 : y + h * 2 // 3, x + w // 6 : x + w // 3], (0, 1))
        shade = 1 - 0.3 * np.abs(np.cos(np.linspace(0, 4 * np.pi, w))) ** 3
        cover_mouth(image[y : y + h, x : x + w], np.tile(shade[:, None] * skin, (h, 1, 1)))
    elif way == "mask":  # cloth that is lighter on one side
        cover_mouth(image[y : y + h, x : x + w], np.tile(np.linspace((90, 140, 200), (60, 100, 150), w), (h, 1, 1)))
    return image


def cover_mouth(face, texture):
    """Put an ellipse of a texture before mouth and chin, in place."""
    h, w = face.shape[:2]
    cover = cv2.ellipse(np.zeros((h, w), np.uint8), (w // 2, h * 85 // 100), (w * 38 // 100, h // 4), 0, 0, 360, 1, -1)
    face[cover > 0] = texture[:h][cover > 0]


def test_a_good_photo_is_trusted_and_raises_no_warning(portrait, head):
    with warnings.catch_warnings():
        warnings.simplefilter("error", FitWarning)
        face = fit_portrait(portrait, head)
    assert 0.8 < face.confidence <= 1


def test_landmarks_go_over_to_their_twins():
    twin = _twins()
    assert (twin[twin] == np.arange(478)).all()
    assert (twin[[33, 61, 468, 1, 13]] == [263, 291, 473, 1, 13]).all()


def test_the_disagreement_is_a_share_of_the_eye_distance(portrait):
    eyes = np.linalg.norm(portrait.landmarks[468] - portrait.landmarks[473])
    moved = replace(portrait, landmarks=portrait.landmarks + [0.5 * eyes, 0, 0])
    assert disagreement(portrait) < 0.04
    assert disagreement(moved) == pytest.approx(0.5, rel=0.1)


def test_it_falls_as_landmarks_go_astray(portrait):
    eyes = np.linalg.norm(portrait.landmarks[468] - portrait.landmarks[473])
    shifts = [0, TOLERANCE / 2, TOLERANCE, 2 * TOLERANCE]
    sure = [confidence(replace(portrait, landmarks=portrait.landmarks + [s * eyes, 0, 0])) for s in shifts]
    assert sorted(sure, reverse=True) == sure and sure[-1] < 0.2


def test_a_face_that_the_mirrored_picture_does_not_show_has_none(portrait):
    assert confidence(replace(portrait, image=np.full_like(portrait.image, 128))) == 0


def test_it_is_the_same_for_the_picture_at_another_place(portrait):
    wider = np.pad(portrait.image, ((60, 30), (90, 10), (0, 0)), mode="edge")
    x, y, w, h = portrait.box
    there = replace(portrait, image=wider, landmarks=portrait.landmarks + [90, 60, 0], box=(x + 90, y + 60, w, h))
    assert disagreement(there) == pytest.approx(disagreement(portrait), rel=0.1)


@pytest.mark.parametrize("way", ["half", "forehead", "blur"])
def test_a_warning_says_that_a_spoilt_photo_is_fitted_poorly(way, portrait, head):
    poor = find_portrait(spoilt(portrait, way), face=0)
    assert deviation(poor.landmarks[:, :2], portrait.landmarks[:, :2]) > TOLERANCE * eye_distance(portrait.landmarks)
    with pytest.warns(FitWarning, match="covered, blurred.*use a sharp photo"):
        assert fit_portrait(poor, head).confidence < POOR


@pytest.mark.parametrize("way", ["hand", "mask"])
def test_a_covered_mouth_is_named_though_the_mirror_sees_the_same(way, portrait, head):
    poor = find_portrait(spoilt(portrait, way), face=0)
    assert disagreement(poor) < AGREE[0]
    with pytest.warns(FitWarning, match="mouth or chin is covered.*use a photo that shows the lips"):
        assert fit_portrait(poor, head).confidence < POOR


@pytest.mark.parametrize("way", ["bar", "sunglasses"])
def test_covered_eyes_are_warned_of(way, portrait, head):
    poor = find_portrait(spoilt(portrait, way), face=0)
    with pytest.warns(FitWarning, match="covered"):
        fit_portrait(poor, head)


def test_sunglasses_are_named_and_the_fit_trusted(portrait, head):
    cool = find_portrait(spoilt(portrait, "sunglasses"), face=0)
    with pytest.warns(FitWarning, match="^Photo 2: The eyes are covered.*Use a photo that shows them"):
        assert fit_portrait(portrait, head, [cool]).confidence > POOR


def grey(image):
    return np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)


def lit_from_the_side(image):
    """Half as bright and less from the tip of the nose to the right."""
    across = np.linspace(-1, 1, image.shape[1])[:, None]
    return (image * (0.6 - 0.4 * np.tanh(20 * (across + 0.12)))).astype(np.uint8)


@pytest.mark.parametrize(
    "change", [grey, lambda image: (image * 0.1).astype(np.uint8), lambda image: image // 2 + 100, lit_from_the_side]
)
def test_lips_and_eyes_are_seen_whatever_the_colour_and_the_light(change, portrait):
    assert lips_chance(lip_contrast(change(portrait.image), portrait.landmarks)) > POOR
    assert eyes_chance(eye_contrast(change(portrait.image), portrait.landmarks)) > POOR


def test_lips_and_eyes_are_seen_in_a_small_picture(portrait):
    factor = 40 / portrait.box[3]
    image = cv2.resize(portrait.image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    assert lips_chance(lip_contrast(image, (portrait.landmarks + 0.5) * factor - 0.5)) > POOR
    assert eyes_chance(eye_contrast(image, (portrait.landmarks + 0.5) * factor - 0.5)) > POOR


def test_lips_are_not_seen_on_plain_or_noisy_ground_or_beside_the_mouth(portrait):
    noise = np.random.default_rng(0).integers(0, 255, portrait.image.shape, dtype=np.uint8)
    beside = portrait.landmarks - [0, 0.6 * eye_distance(portrait.landmarks), 0]
    assert lip_contrast(np.full_like(noise, 128), portrait.landmarks) == pytest.approx(0, abs=1e-6)
    assert lips_chance(lip_contrast(noise, portrait.landmarks)) < POOR
    assert lip_contrast(portrait.image, beside) < lip_contrast(portrait.image, portrait.landmarks) / 2


def test_eyes_are_not_seen_on_plain_or_noisy_ground_nor_one_eye_alone(portrait):
    noise = np.random.default_rng(0).normal(128, 5, portrait.image.shape).astype(np.uint8)
    assert eye_contrast(np.full_like(noise, 128), portrait.landmarks) == pytest.approx(0, abs=1e-4)
    for eye in EYES:
        one = portrait.image.copy()
        left, top = portrait.landmarks[eye, :2].min(0).astype(int) - 4
        right, bottom = portrait.landmarks[eye, :2].max(0).astype(int) + 5
        one[top:bottom, left:right] = noise[top:bottom, left:right]
        assert eyes_chance(eye_contrast(one, portrait.landmarks)) < POOR


def test_what_is_around_the_face_does_not_tell_whether_eyes_are_seen(portrait):
    inside = np.zeros(portrait.image.shape[:2], np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(portrait.landmarks[INSIDE, :2].astype(np.int32)), 1)
    inside = cv2.dilate(inside, np.ones((5, 5)))[..., None] > 0
    black, white = (
        eye_contrast(np.where(inside, portrait.image, v).astype(np.uint8), portrait.landmarks) for v in (0, 255)
    )
    assert black == pytest.approx(white, rel=0.1)


def test_eyes_beyond_the_border_of_the_picture_are_not_seen(portrait):
    for side in (slice(None, int(portrait.landmarks[362, 0])), slice(int(portrait.landmarks[133, 0]), None)):
        moved = portrait.landmarks - [side.start or 0, 0, 0]
        assert eye_contrast(np.ascontiguousarray(portrait.image[:, side]), moved) == 0


def test_a_large_picture_is_read_as_a_small_one_is(portrait):
    large = cv2.resize(portrait.image, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
    there = 8 * (portrait.landmarks + 0.5) - 0.5
    for contrast in (eye_contrast, lip_contrast):
        assert contrast(large, there) == pytest.approx(contrast(portrait.image, portrait.landmarks), rel=0.15)


def test_lips_beyond_the_border_of_the_picture_are_not_seen(portrait):
    for move in ([0, 2000, 0], [-2000, -2000, 0]):
        assert lips_chance(lip_contrast(portrait.image, portrait.landmarks + move)) < POOR


def test_of_several_photos_the_worst_counts_and_is_named(portrait, head):
    poor = find_portrait(spoilt(portrait, "half"), face=0)
    with pytest.warns(FitWarning, match="^Photo 2: The face is partly covered") as caught:
        face = fit_portrait(portrait, head, [poor])
    assert [w.category for w in caught].count(FitWarning) == 1
    assert face.confidence == pytest.approx(confidence(poor))


def test_the_advice_is_about_size_then_turn_then_the_picture(portrait):
    small = replace(portrait, box=(0, 0, 40, 48))
    assert "48 px" in advice(small, 50)
    assert "50 degrees" in advice(portrait, 50)
    assert "covered" in advice(portrait, 5)
