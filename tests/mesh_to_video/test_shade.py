"""What a pixel shows, where every pixel sees the same triangle and all of the photo is known."""

import numpy as np
import pytest

from vividlib.mesh_to_video.shade import FAR, NEAR, mark_seam, shade

SKIN, EYE, SHEET = 0, 1, 2
SIDE = 12
STIR = 2.0
COLUMN = np.arange(SIDE)


def shaded(
    part=SKIN, way=(0, 0), depth=0.0, enough=1.0, colour=(10, 20, 30, 1), triangle=0, fine=1, window=(0, 0, SIDE, SIDE),
    seen=(SKIN, 0, 0), trust=1, behind=(0, 0, 0, 0),
):  # fmt: skip
    """Flow, occlusion and fill of a window; ``seen`` are part, depth and slack of the photo."""
    left, top, width, height = window
    grid, whole = (fine * height, fine * width), (fine * SIDE, fine * SIDE)
    seen = tuple(np.broadcast_to(a, whole).astype(kind) for a, kind in zip(seen, (np.int64, np.float32, np.float32)))
    carried = np.repeat(np.float32([[*way, depth, enough, *colour]]), 3, 0)
    flow, occlusion, fill = (np.empty((height, width, *more), np.float32) for more in ((2,), (), (4,)))
    shade(
        np.broadcast_to(triangle, grid).astype(np.int32), np.full((*grid, 3), 1 / 3, np.float32),
        np.array([[0, 1, 2]], np.int32), carried, np.array([part, SHEET]), SHEET, fine, left, top, seen,
        np.broadcast_to(trust, (SIDE, SIDE)).astype(np.float32), STIR,
        np.broadcast_to(behind, (SIDE, SIDE, 4)).astype(np.uint8), flow, occlusion, fill,
    )  # fmt: skip
    return flow, occlusion, fill


@pytest.mark.parametrize("fine", [1, 3])
def test_what_the_photo_shows_is_taken_from_there(fine):
    flow, occlusion, _ = shaded(way=(1.25, -0.5), fine=fine)
    np.testing.assert_allclose(flow, np.broadcast_to([1.25, -0.5], flow.shape), rtol=1e-5)
    np.testing.assert_array_equal(occlusion, 1)


@pytest.mark.parametrize("slack", [0, 0.004])
def test_what_lies_behind_the_photos_surface_is_hidden_by_and_by(slack):
    for below, shown in ((-0.1, 1), (NEAR, 1), ((NEAR + FAR) / 2, 0.5), (FAR, 0), (0.001, 1), (0.01, 0)):
        _, occlusion, _ = shaded(depth=-below - slack, seen=(SKIN, 0, slack))
        np.testing.assert_allclose(occlusion, shown, atol=1e-4)


@pytest.mark.parametrize("part", [SKIN, EYE, SHEET])
@pytest.mark.parametrize("other", [SKIN, EYE, SHEET])
def test_parts_never_show_in_each_others_place(part, other):
    _, occlusion, _ = shaded(part, seen=(other, 0, 0))
    np.testing.assert_array_equal(occlusion, float(part == other))


def test_too_few_pixels_show_their_share():
    _, occlusion, _ = shaded(enough=0.25)
    np.testing.assert_allclose(occlusion, 0.25)


@pytest.mark.parametrize("length, share", [(1, 0), (STIR, 0), (2 * STIR, 0.5), (3 * STIR, 1), (4 * STIR, 1)])
def test_what_is_not_trusted_shows_while_it_hardly_moves(length, share):
    _, occlusion, _ = shaded(way=(0.6 * length, 0.8 * length), trust=0.2)
    np.testing.assert_allclose(occlusion, 1 - 0.8 * share, atol=1e-6)


def test_hidden_skin_has_its_own_colour_as_far_as_it_is_there():
    _, _, fill = shaded(seen=(EYE, 0, 0), colour=(40, 80, 120, 0.5))
    np.testing.assert_allclose(fill, np.broadcast_to([20, 40, 60, 0.5], fill.shape), rtol=1e-5)


@pytest.mark.parametrize("fine", [1, 2])
def test_the_sheet_shows_what_goes_on_behind_the_place_it_comes_from(fine):
    behind = np.empty((SIDE, SIDE, 4))
    behind[..., 0], behind[..., 1], behind[..., 2], behind[..., 3] = 20 * COLUMN, 20 * COLUMN[:, None], 7, 102
    _, occlusion, fill = shaded(SHEET, way=(2, 1), behind=behind, fine=fine)
    assert (occlusion == 0).all()
    expected = 0.4 * behind[1:, 2:] * [1, 1, 1, 1 / 102]
    np.testing.assert_allclose(fill[:-1, :-2], expected, rtol=1e-4)


def test_beside_the_person_is_nothing_of_the_photo():
    for part in shaded(triangle=-1, way=(3, 2)):
        assert (part == 0).all()
    # Of four on a finer grid two see nothing, one the photo and one what is hidden in it.
    four = np.tile([[-1, 0], [0, -1]], (SIDE, SIDE))
    hidden = np.tile([[EYE, SKIN], [EYE, EYE]], (SIDE, SIDE))
    flow, occlusion, fill = shaded(triangle=four, fine=2, seen=(hidden, 0, 0), way=(0.1, 0), colour=(100, 0, 0, 1))
    np.testing.assert_allclose(occlusion, 0.25)
    np.testing.assert_allclose(flow[..., 0], 0.1, rtol=1e-5)
    np.testing.assert_allclose(fill[..., [0, 3]], np.broadcast_to([100 / 3, 1 / 3], (SIDE, SIDE, 2)), rtol=0.03)


def test_a_window_sees_its_own_part_of_the_photo():
    """In the photo there is skin in one column and one row of pixels, and eyes around them."""
    for fine in (1, 2):
        part = np.full((SIDE, SIDE), EYE)
        part[2], part[:, 7] = SKIN, SKIN
        _, occlusion, _ = shaded(window=(4, 1, 6, 5), seen=(part.repeat(fine, 0).repeat(fine, 1), 0, 0), fine=fine)
        np.testing.assert_array_equal(occlusion, part[1:6, 4:10] == SKIN)


def test_places_are_rounded_to_the_nearest_and_end_at_the_border():
    part = np.where(COLUMN < 4, EYE, SKIN)
    for way, first in ((0.4, 4), (0.6, 3), (-0.4, 4), (-0.6, 5), (30, 0), (-30, SIDE)):
        _, occlusion, _ = shaded(way=(way, 0), seen=(part, 0, 0))
        np.testing.assert_array_equal(occlusion[5], COLUMN >= first)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_seam_is_both_sides_of_where_head_and_sheet_part(axis):
    triangle = np.where(COLUMN < 5, 0, -1) * np.ones((SIDE, 1), int)
    flow = np.zeros((SIDE, SIDE, 2), np.float32)
    flow[:, 5:, axis] = 0.6  # px
    flow[:3] = 0  # where they have not parted there is none
    flow[:, 9:, axis] = 9  # nor is there any within the sheet
    wanted = np.zeros((SIDE, SIDE), bool)
    wanted[3:, 4:6] = True
    for turned in (False, True):
        seam = np.zeros((SIDE, SIDE), bool)
        order = (1, 0) if turned else (0, 1)
        mark_seam(
            np.ascontiguousarray(triangle.transpose(order)).astype(np.int32), np.array([SKIN, SHEET]), SHEET,
            np.ascontiguousarray(flow.transpose(*order, 2)), seam,
        )  # fmt: skip
        np.testing.assert_array_equal(seam, wanted.transpose(order))
