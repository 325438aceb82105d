"""One set of predicates for every rasteriser; the NumPy one is also what the others are held against."""

import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from vividlib.backend import RASTERIZERS
from vividlib.errors import BackendError
from vividlib.geometry.raster import interpolate, rasterize, sample, warp

WIDTH, HEIGHT = 70, 50
FRONT = np.array([[0, 1, 2]])  # with the points below: counter-clockwise as the viewer sees it
TRIANGLE = np.array([[10, 5, 0], [10, 40, 0], [60, 5, 0]], np.float32)

backends = pytest.mark.parametrize("backend", RASTERIZERS)


def grid(rng, columns=14, rows=10, integers=False):
    """A jittered sheet of triangles that reaches beyond all four borders of the image."""
    y, x = np.mgrid[0:rows, 0:columns].reshape(2, -1)
    xy = np.stack([x, y], -1) * [1.3 * WIDTH / (columns - 1), 1.3 * HEIGHT / (rows - 1)] - [0.15 * WIDTH, 0.15 * HEIGHT]
    xy += rng.uniform(-1.4, 1.4, xy.shape)
    points = np.column_stack([np.round(xy) if integers else xy, rng.normal(0, 0.01, len(xy))]).astype(np.float32)
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    upper = np.column_stack([corner, corner + columns, corner + 1])
    lower = np.column_stack([corner + 1, corner + columns, corner + columns + 1])
    return points, np.concatenate([upper, lower])


def soup(rng, count=80):
    """Triangles of every size and facing that overlap, with depths far enough apart to be told."""
    centres = rng.uniform([-10, -10], [WIDTH + 10, HEIGHT + 10], (count, 1, 2))
    xy = centres + rng.normal(0, 1, (count, 3, 2)) * rng.choice([0.5, 4, 30], (count, 1, 1))
    z = np.repeat(rng.permutation(count)[:, None] * 0.01, 3, axis=1) + rng.uniform(0, 0.002, (count, 3))
    return np.concatenate([xy, z[..., None]], -1).reshape(-1, 3).astype(np.float32), np.arange(3 * count).reshape(-1, 3)


@backends
@pytest.mark.parametrize("make", [grid, soup])
@pytest.mark.parametrize("cull", ["back", "none"])
def test_agrees_with_the_reference(backend, make, cull):
    points, faces = make(np.random.default_rng(1))
    found = rasterize(points, faces, WIDTH, HEIGHT, cull=cull, backend=backend)
    wanted = rasterize(points, faces, WIDTH, HEIGHT, cull=cull, backend="numpy")

    interior = np.zeros((HEIGHT, WIDTH), bool)
    for triangle in np.unique(wanted.triangle):
        interior |= binary_erosion(wanted.triangle == triangle, np.ones((3, 3)), border_value=1)
    assert interior.sum() > 500
    np.testing.assert_array_equal(found.triangle[interior], wanted.triangle[interior])
    np.testing.assert_allclose(found.barycentrics[interior], wanted.barycentrics[interior], atol=1e-5)
    np.testing.assert_allclose(found.depth[interior], wanted.depth[interior], atol=1e-6)
    # On an edge the rounding of another machine may choose the neighbour, but nothing further away.
    around = np.pad(wanted.triangle, 1, mode="edge")
    shifts = [around[y : y + HEIGHT, x : x + WIDTH] for y in range(3) for x in range(3)]
    assert (found.triangle == shifts).any(axis=0).all()


@backends
def test_interpolated_positions_are_the_pixels_own(backend):
    points, faces = soup(np.random.default_rng(2))
    fragments = rasterize(points, faces, WIDTH, HEIGHT, cull="none", backend=backend)
    positions = interpolate(points, faces, fragments, backend=backend)
    covered = fragments.triangle >= 0
    y, x = np.indices(covered.shape)
    assert 0.5 < covered.mean() < 1
    np.testing.assert_allclose(positions[covered][:, :2], np.stack([x, y], -1)[covered], atol=1e-3)
    np.testing.assert_allclose(positions[covered][:, 2], fragments.depth[covered], atol=1e-5)
    np.testing.assert_allclose(fragments.barycentrics[covered].sum(-1), 1, atol=1e-6)
    assert (fragments.barycentrics[covered] >= 0).all()
    assert not positions[~covered].any() and not fragments.barycentrics[~covered].any()
    assert (fragments.depth[~covered] == -np.inf).all()


@backends
@pytest.mark.parametrize("integers", [False, True])
def test_a_sheet_covers_every_pixel_exactly_once(backend, integers):
    points, faces = grid(np.random.default_rng(3), integers=integers)
    cover = np.zeros((HEIGHT, WIDTH), int)
    for face in faces:
        cover += rasterize(points, face[None], WIDTH, HEIGHT, backend=backend).triangle == 0
    assert (cover == 1).all()


@backends
def test_an_edge_that_grazes_a_pixel_leaves_no_hole(backend):
    """The edge passes through the pixel but for rounding, its ends at distances of any magnitude."""
    rng = np.random.default_rng(9)
    for _ in range(300):
        direction = rng.normal(size=2)
        start, end = direction * 10 ** rng.uniform(-8, 6), -direction * 10 ** rng.uniform(-8, 6)
        aside = np.array([direction[1], -direction[0]]) * 1e7
        xy = [start, end, aside, -aside]
        points = np.column_stack([xy, np.zeros(4)]).astype(np.float32)
        sides = [
            rasterize(points, np.array([face]), 1, 1, cull="none", backend=backend) for face in ([0, 1, 2], [1, 0, 3])
        ]
        assert sum((side.triangle == 0).sum() for side in sides) == 1


@backends
def test_borders_on_pixel_centres_belong_to_the_left_and_the_top(backend):
    square = np.array([[10, 20, 0], [30, 20, 0], [30, 40, 0], [10, 40, 0]], np.float32)
    wanted = np.zeros((HEIGHT, WIDTH), bool)
    wanted[20:40, 10:30] = True
    for faces in ([[0, 2, 1], [0, 3, 2]], [[0, 1, 2], [0, 2, 3]]):
        found = rasterize(square, np.array(faces), WIDTH, HEIGHT, cull="none", backend=backend)
        np.testing.assert_array_equal(found.triangle >= 0, wanted)


@backends
def test_the_nearest_wins_in_any_order(backend):
    points, faces = soup(np.random.default_rng(4))
    order = np.random.default_rng(5).permutation(len(faces))
    straight = rasterize(points, faces, WIDTH, HEIGHT, cull="none", backend=backend)
    shuffled = rasterize(points, faces[order], WIDTH, HEIGHT, cull="none", backend=backend)
    np.testing.assert_array_equal(straight.depth, shuffled.depth)
    covered = straight.triangle >= 0
    np.testing.assert_array_equal(straight.triangle[covered], order[shuffled.triangle[covered]])
    deepest = np.full((HEIGHT, WIDTH), -np.inf, np.float32)
    for face in faces:
        deepest = np.maximum(deepest, rasterize(points, face[None], WIDTH, HEIGHT, cull="none", backend=backend).depth)
    np.testing.assert_array_equal(straight.depth, deepest)


@backends
def test_larger_depth_is_nearer_and_ties_go_to_the_first(backend):
    twice = np.concatenate([TRIANGLE, TRIANGLE + [0, 0, 0.1]]).astype(np.float32)
    faces = np.array([[0, 1, 2], [3, 4, 5], [3, 4, 5]])
    found = rasterize(twice, faces, WIDTH, HEIGHT, backend=backend)
    assert found.triangle[10, 20] == 1
    assert set(np.unique(found.triangle)) == {-1, 1}


@backends
def test_back_faces_are_culled_unless_kept(backend):
    front = rasterize(TRIANGLE, FRONT, WIDTH, HEIGHT, backend=backend)
    assert (front.triangle == 0).sum() == pytest.approx(50 * 35 / 2, abs=45)
    assert (rasterize(TRIANGLE, FRONT[:, ::-1], WIDTH, HEIGHT, backend=backend).triangle == -1).all()
    kept = rasterize(TRIANGLE, FRONT[:, ::-1], WIDTH, HEIGHT, cull="none", backend=backend)
    np.testing.assert_array_equal(kept.triangle, front.triangle)


@backends
@pytest.mark.parametrize(
    "points",
    [
        [[5, 5, 0], [5, 5, 0], [20, 9, 0]],  # two corners in one place
        [[5, 5, 0], [10, 10, 0], [20, 20, 0]],  # all on a line through pixel centres
        [[-50, 5, 0], [-50, 40, 0], [-20, 5, 0]],  # left of the image
        [[10, 60, 0], [10, 80, 0], [60, 60, 0]],  # below it
        [[10.2, 10.2, 0], [10.2, 10.8, 0], [10.8, 10.2, 0]],  # between pixel centres
    ],
)
def test_triangles_that_cover_no_pixel(backend, points):
    found = rasterize(np.array(points, np.float32), FRONT, WIDTH, HEIGHT, cull="none", backend=backend)
    assert (found.triangle == -1).all()


@backends
@pytest.mark.parametrize("reach", [1e4, 1e7, 1e15])
def test_a_huge_triangle_fills_the_image(backend, reach):
    points = np.array([[-reach, -reach, 0], [-reach, 3 * reach, 0], [3 * reach, -reach, 0]])
    found = rasterize(points, FRONT, WIDTH, HEIGHT, backend=backend)
    assert (found.triangle == 0).all()
    assert np.isfinite(found.barycentrics).all()


@backends
def test_an_empty_mesh_gives_empty_fragments(backend):
    found = rasterize(np.zeros((0, 3)), np.zeros((0, 3), int), WIDTH, HEIGHT, backend=backend)
    assert found.triangle.shape == found.depth.shape == (HEIGHT, WIDTH)
    assert (found.triangle == -1).all()
    assert not interpolate(np.zeros((0, 2)), np.zeros((0, 3), int), found, backend=backend).any()


@backends
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_points_that_are_not_finite_are_refused(backend, bad):
    points = TRIANGLE.copy()
    points[1, 2] = bad
    with pytest.raises(ValueError, match="NaN"):
        rasterize(points, FRONT, WIDTH, HEIGHT, backend=backend)


def test_arguments_that_do_not_fit_are_refused():
    fragments = rasterize(TRIANGLE, FRONT, WIDTH, HEIGHT)
    with pytest.raises(ValueError, match="0 to 2"):
        rasterize(TRIANGLE, FRONT + 1, WIDTH, HEIGHT)
    with pytest.raises(ValueError, match="0 to 2"):
        rasterize(TRIANGLE, FRONT - 1, WIDTH, HEIGHT)
    with pytest.raises(ValueError, match=r"\(N, 3\)"):
        rasterize(TRIANGLE[:, :2], FRONT, WIDTH, HEIGHT)
    with pytest.raises(ValueError, match="cull"):
        rasterize(TRIANGLE, FRONT, WIDTH, HEIGHT, cull="front")
    with pytest.raises(ValueError, match="one attribute row"):
        interpolate(TRIANGLE[:2], FRONT, fragments)
    with pytest.raises(ValueError, match="another mesh"):
        interpolate(TRIANGLE, FRONT[:0], fragments)
    with pytest.raises(BackendError, match="numba or numpy"):
        rasterize(TRIANGLE, FRONT, WIDTH, HEIGHT, backend="vulkan")


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@backends
def test_no_flow_returns_the_image_bit_for_bit(backend, dtype):
    image = np.random.default_rng(6).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(dtype)
    still = warp(image, np.zeros((HEIGHT, WIDTH, 2), np.float32), backend=backend)
    assert still.dtype == dtype
    np.testing.assert_array_equal(still, image)
    window = warp(image, np.zeros((20, 30, 2), np.float32), (15, 7), backend=backend)
    np.testing.assert_array_equal(window, image[7:27, 15:45])


@backends
def test_warping_an_affine_image_is_exact_inside(backend):
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    image = np.stack([2 * x + 3 * y, 5 - x, y], -1)
    turn = np.array([[0.9, -0.3], [0.3, 0.9]])
    target = (np.stack([x, y], -1) - [35, 25]) @ turn.T + [35.3, 24.6]
    warped = warp(image, (target - np.stack([x, y], -1)).astype(np.float32), backend=backend)
    inside = ((target >= 0) & (target <= [WIDTH - 1, HEIGHT - 1])).all(-1)
    wanted = np.stack([2 * target[..., 0] + 3 * target[..., 1], 5 - target[..., 0], target[..., 1]], -1)
    assert inside.mean() > 0.7
    np.testing.assert_allclose(warped[inside], wanted[inside], atol=1e-3)


@backends
def test_warping_bytes_rounds_to_the_nearest(backend):
    image = np.array([[[0], [10]], [[20], [31]]], np.uint8)
    flow = np.zeros((2, 2, 2), np.float32)
    flow[0, 0] = 0.5
    flow[0, 1] = -0.04, 0
    assert warp(image, flow, backend=backend)[..., 0].tolist() == [[15, 10], [20, 31]]  # 15.25 and 9.6


@backends
def test_beyond_the_border_stands_the_borders_colour(backend):
    image = np.random.default_rng(7).integers(0, 256, (HEIGHT, WIDTH, 1), np.uint8)
    far = np.full((HEIGHT, WIDTH, 2), 1e9, np.float32)
    assert (warp(image, far, backend=backend) == image[-1, -1]).all()
    assert (warp(image, -far, backend=backend) == image[0, 0]).all()
    outside = warp(image, np.zeros((4, 4, 2), np.float32), (-2, -2), backend=backend)
    np.testing.assert_array_equal(outside[2:, 2:], image[:2, :2])
    assert (outside[:3, :3] == image[0, 0]).all()


def test_warps_agree_with_the_reference():
    rng = np.random.default_rng(8)
    flow = rng.normal(0, 20, (HEIGHT, WIDTH, 2)).astype(np.float32)
    for image in (rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8), rng.normal(size=(40, 90, 5)).astype(np.float32)):
        difference = warp(image, flow, backend="numba") - warp(image, flow, backend="numpy").astype(float)
        assert np.abs(difference).max() <= (1 if image.dtype == np.uint8 else 1e-5)
        assert (np.abs(difference) > 1e-5).mean() < 1e-3


def test_warp_refuses_what_it_cannot_sample():
    image, flow = np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4, 2), np.float32)
    with pytest.raises(ValueError, match="NaN"):
        warp(image, flow * np.nan)
    with pytest.raises(ValueError, match="uint8 or float32"):
        warp(image.astype(float), flow)
    with pytest.raises(ValueError, match="uint8 or float32"):
        warp(image[..., 0], flow)
    with pytest.raises(ValueError, match=r"\(h, w, 2\)"):
        warp(image, flow[..., :1])


def test_kernels_compile_where_nothing_can_be_cached(monkeypatch):
    from numba.core.caching import CacheImpl

    from vividlib.geometry.raster_numba import compiled

    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    assert compiled(lambda x: x + 1)(1) == 2


def test_sampling_at_the_own_places_returns_the_image():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (7, 9, 3), np.uint8)
    own = np.stack(np.mgrid[:7, :9][::-1], -1).astype(np.float32)
    np.testing.assert_array_equal(sample(image, own), image)
    np.testing.assert_array_equal(sample(image, own[::-1, ::-1]), image[::-1, ::-1])
    between = sample(image.astype(np.float32), own[:1, :1] + [0.25, 0.5])[0, 0]
    rows = image[:2, :2].astype(np.float32).mean(0)
    np.testing.assert_allclose(between, 0.75 * rows[0] + 0.25 * rows[1], atol=1e-3)
