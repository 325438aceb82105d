import numpy as np

from vividlib.mesh_to_video.canvas import CELLS, _harmonic, stretch


def disc(size=200, radius=50):
    y, x = np.mgrid[:size, :size]
    return (x - size // 2) ** 2 + (y - size // 2) ** 2 < radius**2


def lay(covered, matte, person=None):
    ones = np.ones(covered.shape, np.float32)
    return stretch(covered, ones, 0.03 * ones, matte, ones > 0 if person is None else person)


def at(canvas, x, y, values):
    return values[np.linalg.norm(canvas.pixels - [x, y], axis=1).argmin()]


def test_the_sheet_moves_with_the_head_and_is_still_at_the_border():
    head = disc()
    canvas = lay(head, head.astype(np.float32))
    on_border = (canvas.pixels <= 0).any(1) | (canvas.pixels >= 199).any(1)
    assert np.all(canvas.weight[on_border] == 0)
    assert at(canvas, 100, 100, canvas.weight) == 1
    assert 0.05 < at(canvas, 100, 20, canvas.weight) < 0.95
    assert canvas.weight.min() >= 0 and canvas.weight.max() <= 1


def test_hair_follows_more_than_background():
    head = disc()
    hair = disc(radius=75)
    with_hair = lay(head, hair.astype(np.float32))
    without = lay(head, head.astype(np.float32))
    assert at(with_hair, 100, 30, with_hair.weight) > 0.9
    assert at(without, 100, 30, without.weight) < 0.8


def test_faces_cover_the_crop_once_and_depth_goes_on_from_the_outline():
    head = disc()
    canvas = lay(head, head.astype(np.float32))
    corners = canvas.pixels[canvas.faces]
    (ax, ay), (bx, by) = (corners[:, 1] - corners[:, 0]).T, (corners[:, 2] - corners[:, 0]).T
    area = ax * by - ay * bx
    assert np.all(area < 0)  # counter-clockwise on the screen, where y points down
    assert np.isclose(-area.sum() / 2, 201 * 201)
    np.testing.assert_allclose(canvas.depth, 0.03)


def test_the_sheet_is_cut_away_where_nothing_of_the_person_is():
    head, person = disc(), disc(radius=70)
    whole, cut = lay(head, person.astype(np.float32)), lay(head, person.astype(np.float32), person)
    corners = np.unique(cut.faces)
    away = np.linalg.norm(cut.pixels[corners] - 100, axis=1)
    assert len(cut.faces) < 0.6 * len(whole.faces)
    assert away.max() < 70 + 4 * 200 / CELLS
    needed = np.linalg.norm(cut.pixels - 100, axis=1) < 70
    assert np.isin(np.flatnonzero(needed), corners).all()


def test_where_the_photo_ends_the_sheet_goes_on_and_moves():
    head = disc()
    ones = np.ones(head.shape, np.float32)
    canvas = stretch(head, ones, 0.03 * ones, ones, ones > 0, (30, 0, 40))
    np.testing.assert_allclose(canvas.pixels.min(0), [-1, -30])
    np.testing.assert_allclose(canvas.pixels.max(0), [239, 200])
    assert at(canvas, 100, -30, canvas.weight) > 0.5 and at(canvas, 239, 100, canvas.weight) > 0.3
    for x, y in ((-1, 100), (100, 200)):
        assert at(canvas, x, y, canvas.weight) == 0


def test_the_depth_is_that_of_the_outline_not_of_the_cheek_beside_it():
    head = disc()
    y, x = np.mgrid[:200, :200] - 100
    ball = np.sqrt(np.maximum(50.0**2 - x**2 - y**2, 0)) / 1000  # metres, falling off steeply at the outline
    canvas = stretch(head, np.ones(head.shape, np.float32), ball.astype(np.float32), np.ones(head.shape), head)
    around = np.abs(np.linalg.norm(canvas.pixels - 100, axis=1) - 55) < 4
    assert np.abs(canvas.depth[around]).max() < 0.012  # of 0.05
    assert abs(at(canvas, 100, 100, canvas.depth)) < 0.012  # and so it is behind the nose


def test_beside_a_jaw_the_depth_is_the_jaws_and_beside_the_neck_the_necks():
    y, x = np.mgrid[:200, :200]
    jaw, neck = (abs(x - 100) < 40) & (y > 40) & (y < 110), (abs(x - 100) < 34) & (y >= 110)
    depth = np.where(jaw, np.float32(0.05), np.float32(0))
    canvas = stretch(jaw | neck, np.ones(depth.shape, np.float32), depth, np.ones(depth.shape), x > 0)
    assert abs(at(canvas, 61, 100, canvas.depth) - 0.05) < 0.005
    assert at(canvas, 65, 160, canvas.depth) < 0.005


def test_what_touches_the_lower_border_stands_still_there():
    head = disc()
    head[100:, 80:120] = True
    canvas = lay(head, head.astype(np.float32))
    assert at(canvas, 100, 200, canvas.weight) == 0 and at(canvas, 100, 190, canvas.weight) == 1


def test_stiff_parts_stretch_less_as_springs_in_series_do():
    value = np.array([[1.0, 0, 0, 0]])
    found = _harmonic(np.array([[1.0, 1.0, 0.1, 0.1]]), np.array([[True, False, False, True]]), value)
    compliance = np.cumsum([0, 1, 5.5, 10])  # a half of each neighbour's
    np.testing.assert_allclose(found[0], 1 - compliance / compliance[-1])
    np.testing.assert_array_equal(_harmonic(np.ones((1, 4)), np.zeros((1, 4), bool), value), value)
