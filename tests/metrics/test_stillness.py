import numpy as np
import pytest

from vividlib.metrics.stillness import AROUND, background_stillness

PHOTO = np.random.default_rng(0).integers(20, 200, (40, 50, 3), np.uint8)
PERSON = np.zeros((40, 50), bool)
PERSON[15:30, 20:30] = True
HEAD = 50  # px: 4 px around the person do not count


def test_a_still_clip_has_none():
    assert background_stillness([PHOTO] * 3, PHOTO, PERSON, HEAD) == 0


def test_levels_are_means_over_pixels_channels_and_frames():
    brighter, darker = PHOTO + np.uint8(3), PHOTO - np.uint8(1)
    assert background_stillness(iter([brighter, darker]), PHOTO, PERSON, HEAD) == pytest.approx(2)
    flicker = PHOTO.copy()
    flicker[0, 0, 0] += 30
    free = (~PERSON).sum()
    assert background_stillness([flicker], PHOTO, PERSON, 0) == pytest.approx(30 / (3 * free))


def test_the_person_may_move_and_what_is_near():
    moved = PHOTO.copy()
    near = round(AROUND * HEAD)
    moved[15 - near : 30 + near, 20:30] = 255
    assert background_stillness([moved], PHOTO, PERSON, HEAD) == 0
    moved[15 - near - 1, 25] = 255
    assert background_stillness([moved], PHOTO, PERSON, HEAD) > 0


def test_a_photo_without_anybody_is_all_background():
    assert background_stillness([PHOTO + np.uint8(1)], PHOTO, np.zeros_like(PERSON), HEAD) == 1


def test_nothing_to_measure_is_refused():
    with pytest.raises(ValueError, match="background"):
        background_stillness([PHOTO], PHOTO, np.ones_like(PERSON), HEAD)
    with pytest.raises(ValueError, match="frames"):
        background_stillness([], PHOTO, PERSON, HEAD)
