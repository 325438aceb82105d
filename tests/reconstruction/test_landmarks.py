import numpy as np
import pytest
from skimage.data import astronaut

from vividlib.errors import FaceTooSmallError, NoFaceError, SeveralFacesError
from vividlib.reconstruction import landmarks
from vividlib.reconstruction.correction import correct
from vividlib.reconstruction.landmarks import PATIENCE, bounding_box, find_faces, find_portrait, track_faces


def on_canvas(face_height_share: float, side: int = 1200) -> np.ndarray:
    """The astronaut's face so high in a large grey picture."""
    import cv2

    photo = astronaut()
    factor = face_height_share * side / 106  # her face is about 106 px high
    small = cv2.resize(photo, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    canvas = np.full((side, side, 3), 120, np.uint8)
    canvas[40 : 40 + small.shape[0], 60 : 60 + small.shape[1]] = small[: side - 40, : side - 60]
    return canvas


def test_portrait_of_the_astronaut():
    portrait = find_portrait(astronaut())
    assert portrait.landmarks.shape == (478, 3)
    x, y, width, height = portrait.box
    assert 150 < x < 230 and 40 < y < 110 and 80 < width < 110 and 95 < height < 120
    assert portrait.mask[150, 220] > 0.9 and portrait.mask[20, 20] < 0.2
    assert portrait.mask[508, 250] > 0.9, "where the window of the segmentation ends, the body goes on"
    assert portrait.mask.shape == portrait.image.shape[:2]


def test_a_face_that_the_segmentation_misses_belongs_to_the_person():
    portrait = find_portrait(astronaut()[:140])  # the picture ends at her mouth
    x, y, width, height = portrait.box
    assert y + height > 170
    assert portrait.mask[y + 10 : 138, x + width // 3 : x + width * 2 // 3].min() > 0.9
    assert portrait.mask[:, : x - 20].max() < 0.5


@pytest.mark.parametrize("side", [1200, 512])
def test_a_face_of_8_percent_of_the_height_is_found(side):
    portrait = find_portrait(on_canvas(0.08, side))
    assert portrait.box[3] == pytest.approx(0.08 * side, rel=0.15)


def test_landmarks_move_with_the_picture():
    photo = astronaut()
    moved = np.roll(photo, (10, 20), (0, 1))
    difference = find_faces(moved)[0] - find_faces(photo)[0]
    np.testing.assert_allclose(np.median(difference[:, :2], 0), [20, 10], atol=1)


def test_errors_tell_what_is_wrong():
    photo = astronaut()
    with pytest.raises(NoFaceError):
        find_portrait(np.random.default_rng(0).integers(0, 255, (300, 300, 3), np.uint8))
    with pytest.raises(SeveralFacesError) as caught:
        find_portrait(np.hstack([photo, photo]))
    assert len(caught.value.boxes) == 2 and "0: x=" in str(caught.value)
    with pytest.raises(FaceTooSmallError):
        find_portrait(on_canvas(0.025, 1000))


def test_faces_are_counted_by_size_and_bystanders_do_not_count():
    import cv2

    photo = astronaut()[:256, 90:346]

    def beside(factor):
        small = cv2.resize(photo, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        ground = np.full_like(photo, 120)
        ground[: len(small), : len(small)] = small
        return np.hstack([ground, photo])

    heights = [bounding_box(points)[3] for points in find_faces(beside(0.6))]
    np.testing.assert_allclose(heights, [107, 64], atol=3)
    with pytest.raises(SeveralFacesError):
        find_portrait(beside(0.6))
    assert len(find_faces(beside(0.35))) == 2
    assert find_portrait(beside(0.35)).box[3] > 100


def test_a_face_can_be_picked():
    photo = astronaut()
    pair = np.hstack([photo, photo])
    first, second = find_portrait(pair, 0), find_portrait(pair, 1)
    assert abs(first.box[0] - second.box[0]) == pytest.approx(512, abs=5)
    with pytest.raises(NoFaceError, match="There is no face 5"):
        find_portrait(pair, 5)


def test_a_small_face_is_followed_through_a_video_and_found_again():
    picture = on_canvas(0.1)
    still = find_faces(picture)[0]
    offsets = [*[(2 * i, i) for i in range(8)], (500, 300), (502, 300), (504, 302)]  # it walks, then there is a cut
    tracked = list(track_faces(np.roll(picture, (dy, dx), (0, 1)) for dx, dy in offsets))
    for points, offset in zip(tracked, offsets):
        np.testing.assert_allclose(np.median((points - still)[:, :2], 0), offset, atol=2.5)


@pytest.mark.parametrize("count", range(4))
def test_every_frame_is_corrected_by_its_own_pixels(monkeypatch, count):
    photo = astronaut()
    frames = [photo // (1 + i) + 60 * i for i in range(count)]
    found = [None if i == 1 else landmarks.detect(photo)[0] + i for i in range(count)]
    monkeypatch.setattr(landmarks, "_tracked", lambda frames: zip(frames, found))
    tracked = list(track_faces(frames))
    assert [points is None for points in tracked] == [points is None for points in found]
    for frame, points, seen in zip(frames, tracked, found):
        if seen is not None:
            np.testing.assert_allclose(points, correct(frame, seen[None], twice=False)[0], atol=1e-3)


def test_where_no_face_is_none_is_given_and_looking_thoroughly_is_rare(monkeypatch):
    looks = []
    monkeypatch.setattr(landmarks, "detect", lambda frame: looks.append(frame) or [])
    empty = np.full((120, 160, 3), 120, np.uint8)
    assert list(track_faces([empty] * (2 * PATIENCE))) == [None] * (2 * PATIENCE)
    assert len(looks) == 2


@pytest.mark.parametrize("picture", [lambda: astronaut()[:256, 90:346], lambda: on_canvas(0.1)], ids=["near", "far"])
def test_the_first_frame_agrees_with_the_later_ones_also_after_a_loss(monkeypatch, picture):
    monkeypatch.setattr(landmarks, "PATIENCE", 1)
    still = picture()
    shown = [still] * 9 + [np.full_like(still, 120)] * 2 + [still] * 9
    tracked = list(track_faces(shown))
    assert [points is None for points in tracked] == [frame is not still for frame in shown], "a frame, a result"
    for stretch in (np.array(tracked[:9]), np.array(tracked[11:])):
        eyes = np.linalg.norm((stretch[-1, 33] - stretch[-1, 263])[:2])
        astray = np.linalg.norm((stretch - stretch[4:].mean(0))[..., :2], axis=2).mean(1) / eyes
        assert astray.max() < 0.006, "unsettled, the first one is a hundredth of the eyes' distance away"
