"""One set of predicates for every rasteriser; the NumPy one is also what the others are held against."""

import numpy as np
import pytest
import torch
from scipy.ndimage import binary_erosion
from scipy.spatial.transform import Rotation

from tests.geometry.conftest import usable
from vividlib.errors import BackendError
from vividlib.geometry.barycentric import weights
from vividlib.geometry.camera import project
from vividlib.geometry.raster import antialias, interpolate, rasterize
from vividlib.types import Camera

WIDTH, HEIGHT = 70, 50
FRONT = np.array([[0, 1, 2]])  # with the points below: counter-clockwise as the viewer sees it
TRIANGLE = np.array([[10, 5, 0], [10, 40, 0], [60, 5, 0]], np.float32)


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


def outside(points, faces, triangle):
    """Pixels by which the centre of each lies outside of one edge of its triangle (H W), below 0 within it."""
    xy = points[faces[triangle], :2].astype(float)
    sides = np.roll(xy, -1, axis=2) - np.roll(xy, -2, axis=2)  # opposite each corner
    area = np.abs(np.linalg.det(sides[..., :2, :]))
    heights = area[..., None] / np.linalg.norm(sides, axis=-1)
    return (-weights(points[None], faces, triangle[None])[0] * heights).max(-1)


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
    own = backend in ("numpy", "numba")  # the others count in float32
    np.testing.assert_allclose(found.barycentrics[interior], wanted.barycentrics[interior], atol=1e-5 if own else 1e-3)
    np.testing.assert_allclose(found.depth[interior], wanted.depth[interior], atol=1e-6 if own else 1e-5)
    # On an edge the rounding of another machine may choose what is within a pixel, but nothing further away: of
    # what the reference sees between the pixels, or a sliver that it sees nowhere.
    fine = rasterize((points + [0.5, 0.5, 0]) * [5, 5, 1] - [0.5, 0.5, 0], faces, 5 * WIDTH, 5 * HEIGHT, cull=cull)
    around = np.pad(fine.triangle, 5, mode="edge")
    near = [around[y : y + 5 * HEIGHT : 5, x : x + 5 * WIDTH : 5] for y in range(15) for x in range(15)]
    sliver = (found.triangle >= 0) & (outside(points, faces, found.triangle) < 0.1)
    assert ((found.triangle == near).any(axis=0) | sliver).all()


def test_interpolated_positions_are_the_pixels_own(backend):
    points, faces = soup(np.random.default_rng(2))
    fragments = rasterize(points, faces, WIDTH, HEIGHT, cull="none", backend=backend)
    positions = interpolate(points, faces, fragments, backend=backend)
    covered = fragments.triangle >= 0
    y, x = np.indices(covered.shape)
    assert 0.5 < covered.mean() < 1
    rounding = 0.1 if backend == "nvdiffrast" else 1e-3  # a sixteenth of a pixel
    np.testing.assert_allclose(positions[covered][:, :2], np.stack([x, y], -1)[covered], atol=rounding)
    np.testing.assert_allclose(positions[covered][:, 2], fragments.depth[covered], atol=1e-3 * rounding + 1e-5)
    np.testing.assert_allclose(fragments.barycentrics[covered].sum(-1), 1, atol=1e-6)
    assert (fragments.barycentrics[covered] >= 0).all()
    assert not positions[~covered].any() and not fragments.barycentrics[~covered].any()
    assert (fragments.depth[~covered] == -np.inf).all()


@pytest.mark.parametrize("integers", [False, True])
def test_a_sheet_covers_every_pixel_exactly_once(exact, integers):
    points, faces = grid(np.random.default_rng(3), integers=integers)
    cover = np.zeros((HEIGHT, WIDTH), int)
    for face in faces:
        cover += rasterize(points, face[None], WIDTH, HEIGHT, backend=exact).triangle == 0
    assert (cover == 1).all()


def test_an_edge_that_grazes_a_pixel_leaves_no_hole(exact):
    """The edge passes through the pixel but for rounding, its ends at distances of any magnitude."""
    rng = np.random.default_rng(9)
    for _ in range(300):
        direction = rng.normal(size=2)
        start, end = direction * 10 ** rng.uniform(-8, 6), -direction * 10 ** rng.uniform(-8, 6)
        aside = np.array([direction[1], -direction[0]]) * 1e7
        xy = [start, end, aside, -aside]
        points = np.column_stack([xy, np.zeros(4)]).astype(np.float32)
        sides = [
            rasterize(points, np.array([face]), 1, 1, cull="none", backend=exact) for face in ([0, 1, 2], [1, 0, 3])
        ]
        assert sum((side.triangle == 0).sum() for side in sides) == 1


def test_borders_on_pixel_centres_belong_to_the_left_and_the_top(exact):
    square = np.array([[10, 20, 0], [30, 20, 0], [30, 40, 0], [10, 40, 0]], np.float32)
    wanted = np.zeros((HEIGHT, WIDTH), bool)
    wanted[20:40, 10:30] = True
    for faces in ([[0, 2, 1], [0, 3, 2]], [[0, 1, 2], [0, 2, 3]]):
        found = rasterize(square, np.array(faces), WIDTH, HEIGHT, cull="none", backend=exact)
        np.testing.assert_array_equal(found.triangle >= 0, wanted)


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


def test_larger_depth_is_nearer_and_ties_go_to_the_first(exact):
    twice = np.concatenate([TRIANGLE, TRIANGLE + [0, 0, 0.1]]).astype(np.float32)
    faces = np.array([[0, 1, 2], [3, 4, 5], [3, 4, 5]])
    found = rasterize(twice, faces, WIDTH, HEIGHT, backend=exact)
    assert found.triangle[10, 20] == 1
    assert set(np.unique(found.triangle)) == {-1, 1}


def test_back_faces_are_culled_unless_kept(backend):
    front = rasterize(TRIANGLE, FRONT, WIDTH, HEIGHT, backend=backend)
    assert (front.triangle == 0).sum() == pytest.approx(50 * 35 / 2, abs=45)
    assert (rasterize(TRIANGLE, FRONT[:, ::-1], WIDTH, HEIGHT, backend=backend).triangle == -1).all()
    kept = rasterize(TRIANGLE, FRONT[:, ::-1], WIDTH, HEIGHT, cull="none", backend=backend)
    np.testing.assert_array_equal(kept.triangle, front.triangle)


@pytest.mark.parametrize(
    "points",
    [
        [[5, 5, 0], [5, 5, 0], [20, 9, 0]],  # two corners in one place
        [[5.5, 5, 0], [10.5, 10, 0], [20.5, 20, 0]],  # all on a line
        [[-50, 5, 0], [-50, 40, 0], [-20, 5, 0]],  # left of the image
        [[10, 60, 0], [10, 80, 0], [60, 60, 0]],  # below it
        [[10.2, 10.2, 0], [10.2, 10.8, 0], [10.8, 10.2, 0]],  # between pixel centres
    ],
)
def test_triangles_that_cover_no_pixel(backend, points):
    found = rasterize(np.array(points, np.float32), FRONT, WIDTH, HEIGHT, cull="none", backend=backend)
    assert (found.triangle == -1).all()


def test_a_line_through_pixel_centres_covers_none(exact):
    line = np.array([[5, 5, 0], [10, 10, 0], [20, 20, 0]])
    assert (rasterize(line, FRONT, WIDTH, HEIGHT, cull="none", backend=exact).triangle == -1).all()


@pytest.mark.parametrize("reach", [1e4, 1e7, 1e15])
def test_a_huge_triangle_fills_the_image(backend, reach):
    points = np.array([[-reach, -reach, 0], [-reach, 3 * reach, 0], [3 * reach, -reach, 0]])
    found = rasterize(points, FRONT, WIDTH, HEIGHT, backend=backend)
    assert (found.triangle == 0).all()
    assert np.isfinite(found.barycentrics).all()


def test_an_empty_mesh_gives_empty_fragments(backend):
    found = rasterize(np.zeros((0, 3)), np.zeros((0, 3), int), WIDTH, HEIGHT, backend=backend)
    assert found.triangle.shape == found.depth.shape == (HEIGHT, WIDTH)
    assert (found.triangle == -1).all()
    assert not interpolate(np.zeros((0, 2)), np.zeros((0, 3), int), found, backend=backend).any()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_points_that_are_not_finite_are_refused(backend, bad):
    points = TRIANGLE.copy()
    points[1, 2] = bad
    with pytest.raises(ValueError, match="NaN"):
        rasterize(points, FRONT, WIDTH, HEIGHT, backend=backend)


def test_tensors_that_nvdiffrast_cannot_reach_are_refused(monkeypatch):
    for backend in usable("nvdiffrast", monkeypatch):
        monkeypatch.setattr("vividlib.geometry.raster_nvdiffrast.DEVICE", "elsewhere")
        with pytest.raises(BackendError, match="move the tensors"):
            rasterize(torch.from_numpy(TRIANGLE), FRONT, WIDTH, HEIGHT, backend=backend)


def test_arguments_that_do_not_fit_are_refused():
    fragments = rasterize(TRIANGLE, FRONT, WIDTH, HEIGHT)
    with pytest.raises(ValueError, match="0 to 2"):
        rasterize(TRIANGLE, FRONT + 1, WIDTH, HEIGHT)
    with pytest.raises(ValueError, match="0 to 2"):
        rasterize(TRIANGLE, FRONT - 1, WIDTH, HEIGHT)
    with pytest.raises(ValueError, match=r"\(..., N, 3\) or \(..., N, 4\)"):
        rasterize(TRIANGLE[:, :2], FRONT, WIDTH, HEIGHT)
    with pytest.raises(ValueError, match="cull"):
        rasterize(TRIANGLE, FRONT, WIDTH, HEIGHT, cull="front")
    with pytest.raises(ValueError, match="one attribute row"):
        interpolate(TRIANGLE[:2], FRONT, fragments)
    with pytest.raises(ValueError, match="another mesh"):
        interpolate(TRIANGLE, FRONT[:0], fragments)
    with pytest.raises(BackendError, match="use auto, nvdiffrast, numba"):
        rasterize(TRIANGLE, FRONT, WIDTH, HEIGHT, backend="vulkan")


def test_a_batch_is_its_frames(backend):
    rng = np.random.default_rng(10)
    points, faces = grid(rng, 8, 6)
    frames = np.stack([points, points + np.float32([3.3, -2.7, 0]), points[:, [0, 1, 2]] * np.float32([-1, 1, 1])])
    frames = frames[:, None]  # two axes, (3, 1)
    carried = rng.normal(size=(3, 1, len(points), 4)).astype(np.float32)
    found = rasterize(frames, faces, WIDTH, HEIGHT, backend=backend)
    own, shared = (interpolate(each, faces, found, backend=backend) for each in (carried, carried[0, 0]))
    assert found.depth.shape == (3, 1, HEIGHT, WIDTH) and own.shape == (3, 1, HEIGHT, WIDTH, 4)
    assert (found.triangle[2] == -1).all()  # mirrored: every triangle shows its back
    for index in range(3):
        alone = rasterize(frames[index, 0], faces, WIDTH, HEIGHT, backend=backend)
        np.testing.assert_array_equal(found.triangle[index, 0], alone.triangle)
        np.testing.assert_allclose(found.barycentrics[index, 0], alone.barycentrics, atol=1e-5)
        np.testing.assert_allclose(found.depth[index, 0], alone.depth, atol=1e-5)
        for all_at_once, attributes in ((own, carried[index, 0]), (shared, carried[0, 0])):
            blended = interpolate(attributes, faces, alone, backend=backend)
            np.testing.assert_allclose(all_at_once[index, 0], blended, atol=1e-4)
    with pytest.raises(ValueError, match="do not fit frames"):
        interpolate(carried[:2], faces, found, backend=backend)


def test_with_w_weights_are_those_on_the_surface(backend):
    """What is carried from camera space is seen by the camera at the very pixel; without w it is elsewhere."""
    camera = Camera(200.0, (WIDTH / 2, HEIGHT / 2), 0.5)
    plane = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) * 0.2
    posed = Rotation.from_euler("YX", (50, 30), degrees=True).apply(plane).astype(np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    pixels, depth = project(camera, posed)
    points = np.column_stack([pixels, depth, camera.distance - depth])
    found = rasterize(points, faces, WIDTH, HEIGHT, backend=backend)
    flat = rasterize(points[:, :3], faces, WIDTH, HEIGHT, backend=backend)
    np.testing.assert_array_equal(found.triangle, flat.triangle)
    np.testing.assert_allclose(found.depth, flat.depth, atol=1e-6)
    covered = found.triangle >= 0
    y, x = np.nonzero(covered)
    assert len(y) > 1000
    for fragments, error in ((found, 0.15 if backend == "nvdiffrast" else 2e-3), (flat, None)):
        seen, _ = project(camera, interpolate(posed, faces, fragments, backend=backend)[covered])
        away = np.abs(seen - np.column_stack([x, y])).max()
        assert away < error if error else away > 2
    with pytest.raises(ValueError, match="behind the viewer"):
        rasterize(points * [1, 1, 1, -1], faces, WIDTH, HEIGHT, backend=backend)


@pytest.mark.parametrize("columns", [3, 4])
def test_tensors_give_what_arrays_give(backend, device, columns):
    points, faces = soup(np.random.default_rng(11))
    points = np.column_stack([points, 1 - points[:, 2]])[:, :columns].astype(np.float32)
    arrays = rasterize(points, faces, WIDTH, HEIGHT, backend=backend)
    there = torch.from_numpy(points).to(device)
    tensors = rasterize(there, torch.from_numpy(faces), WIDTH, HEIGHT, backend=backend)
    np.testing.assert_array_equal(tensors.triangle.cpu(), arrays.triangle)
    np.testing.assert_allclose(tensors.barycentrics.cpu(), arrays.barycentrics, atol=1e-6)
    np.testing.assert_allclose(tensors.depth.cpu(), arrays.depth, atol=1e-6)
    assert {part.dtype for part in vars(tensors).values()} == {torch.int32, torch.float32}
    blended = interpolate(there, faces, tensors, backend=backend)
    np.testing.assert_allclose(blended.cpu(), interpolate(points, faces, arrays, backend=backend), atol=1e-4)


def test_outlines_are_smoothed_where_the_backend_can(backend, device):
    points, faces = (
        torch.from_numpy(TRIANGLE + [[0, 0, 0.3], [0, 0, 0.1], [0, 0, -0.2]]).float().to(device),
        torch.from_numpy(FRONT),
    )
    fragments = rasterize(points, faces, WIDTH, HEIGHT, backend=backend)
    picture = (fragments.triangle >= 0).float()[..., None]
    if backend == "nvdiffrast":
        assert antialias(picture, points, faces, fragments, backend=backend).shape == picture.shape
    else:
        with pytest.raises(BackendError, match="use nvdiffrast"):
            antialias(picture, points, faces, fragments, backend=backend)
