"""Looking into pictures: warping them by a flow, and textures by their coordinates."""

import numpy as np
import pytest
import torch

from vividlib.geometry.raster import derivatives, interpolate, rasterize, sample, warp

WIDTH, HEIGHT = 70, 50


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_no_flow_returns_the_image_bit_for_bit(backend, dtype):
    image = np.random.default_rng(6).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(dtype)
    still = warp(image, np.zeros((HEIGHT, WIDTH, 2), np.float32), backend=backend)
    assert still.dtype == dtype
    np.testing.assert_array_equal(still, image)
    window = warp(image, np.zeros((20, 30, 2), np.float32), (15, 7), backend=backend)
    np.testing.assert_array_equal(window, image[7:27, 15:45])


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


def test_warping_bytes_rounds_to_the_nearest(backend):
    image = np.array([[[0], [10]], [[20], [31]]], np.uint8)
    flow = np.zeros((2, 2, 2), np.float32)
    flow[0, 0] = 0.5
    flow[0, 1] = -0.04, 0
    assert warp(image, flow, backend=backend)[..., 0].tolist() == [[15, 10], [20, 31]]  # 15.25 and 9.6


def test_beyond_the_border_stands_the_borders_colour(backend):
    image = np.random.default_rng(7).integers(0, 256, (HEIGHT, WIDTH, 1), np.uint8)
    far = np.full((HEIGHT, WIDTH, 2), 1e9, np.float32)
    assert (warp(image, far, backend=backend) == image[-1, -1]).all()
    assert (warp(image, -far, backend=backend) == image[0, 0]).all()
    outside = warp(image, np.zeros((4, 4, 2), np.float32), (-2, -2), backend=backend)
    np.testing.assert_array_equal(outside[2:, 2:], image[:2, :2])
    assert (outside[:3, :3] == image[0, 0]).all()


def test_warps_agree_with_the_reference(backend):
    rng = np.random.default_rng(8)
    flow = rng.normal(0, 20, (HEIGHT, WIDTH, 2)).astype(np.float32)
    for image in (rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8), rng.normal(size=(40, 90, 5)).astype(np.float32)):
        difference = warp(image, flow, backend=backend) - warp(image, flow, backend="numpy").astype(float)
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
    with pytest.raises(ValueError, match=r"h, w, 2\)"):
        warp(image, flow[..., :1])


def centres(width, height):
    """UV of the centres of texels."""
    y, x = np.mgrid[:height, :width]
    return np.stack([(x + 0.5) / width, (y + 0.5) / height], -1).astype(np.float32)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_sampling_at_the_texels_own_places_returns_them(backend, dtype):
    texture = np.random.default_rng(0).integers(0, 256, (7, 9, 3)).astype(dtype)
    own = centres(9, 7)
    found = sample(texture, own, backend=backend)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, texture, atol=1e-3)
    np.testing.assert_allclose(sample(texture, own[::-1, ::-1], backend=backend), texture[::-1, ::-1], atol=1e-3)
    between = sample(texture, own[:1, :1] + np.float32([0.25 / 9, 0.5 / 7]), backend=backend)[0, 0]
    rows = texture[:2, :2].astype(np.float32).mean(0)
    np.testing.assert_allclose(between, 0.75 * rows[0] + 0.25 * rows[1], atol=1e-3)
    outside = sample(texture, np.float32([[[-3, 0.5 / 7], [9, 9]]]), backend=backend)
    np.testing.assert_allclose(outside[0], [texture[0, 0], texture[-1, -1]], atol=1e-3)


def test_each_frame_has_its_own_texture_or_all_share_one(backend):
    rng = np.random.default_rng(1)
    textures = rng.normal(size=(3, 6, 8, 2)).astype(np.float32)
    uv = rng.uniform(-0.1, 1.1, (3, 5, 4, 2)).astype(np.float32)
    own, shared = sample(textures, uv, backend=backend), sample(textures[0], uv, backend=backend)
    for index in range(3):
        np.testing.assert_allclose(own[index], sample(textures[index], uv[index], backend=backend), atol=1e-5)
        np.testing.assert_allclose(shared[index], sample(textures[0], uv[index], backend=backend), atol=1e-5)
    flow = rng.normal(0, 3, (3, 6, 8, 2)).astype(np.float32)
    for images in (textures, textures[0]):
        warped = warp(images, flow, backend=backend)
        for index in range(3):
            alone = warp(images[index] if images.ndim == 4 else images, flow[index], backend=backend)
            np.testing.assert_allclose(warped[index], alone, atol=1e-5)
    with pytest.raises(ValueError, match="do not fit frames"):
        sample(textures[:2], uv, backend=backend)


@pytest.mark.parametrize("times", [2, 4, 8])
def test_pixels_so_many_times_larger_than_texels_see_their_mean(backend, times):
    texture = np.random.default_rng(2).uniform(0, 1, (64, 32, 3)).astype(np.float32)
    uv = centres(32 // times, 64 // times)
    steps = np.broadcast_to(np.diag([times / 32, times / 64]), (*uv.shape, 2)).astype(np.float32)
    mean = texture.reshape(64 // times, times, 32 // times, times, 3).mean((1, 3))
    np.testing.assert_allclose(sample(texture, uv, steps, backend=backend), mean, atol=1e-5)
    half = sample(texture, uv, steps / np.sqrt(2), backend=backend)
    finer = texture.reshape(128 // times, times // 2, 64 // times, times // 2, 3).mean((1, 3))
    np.testing.assert_allclose(half, (mean + sample(finer, uv, backend=backend)) / 2, atol=1e-5)
    np.testing.assert_array_equal(
        sample(texture, uv, steps / 99, backend=backend), sample(texture, uv, backend=backend)
    )


def test_mipmaps_agree_with_the_reference(backend):
    """In any direction and size of a pixel; a side of 12 can be halved twice, one of 1 stays."""
    rng = np.random.default_rng(3)
    uv = rng.uniform(-0.2, 1.2, (2, 9, 11, 2)).astype(np.float32)
    steps = (rng.normal(0, 1, (2, 9, 11, 2, 2)) * rng.choice([0.01, 0.1, 3], (2, 9, 11, 1, 1))).astype(np.float32)
    for shape in ((32, 12, 3), (1, 8, 1), (7, 8, 2)):
        texture = rng.normal(size=shape).astype(np.float32)
        wanted = sample(texture, uv, steps, backend="numpy")
        np.testing.assert_allclose(sample(texture, uv, steps, backend=backend), wanted, atol=2e-3)


def test_a_checkerboard_far_away_is_grey_and_not_moire(backend):
    """Through all operators: a floor in perspective, whose texture is finer than the pixels at its far end."""
    board = np.indices((256, 256)).sum(0)[..., None].astype(np.float32) % 2
    floor = np.array([[-30, 45, 0, 1], [100, 45, 0, 1], [45, 5, -1, 20], [25, 5, -1, 20]], np.float32)
    corners, faces = np.float32([[0, 1], [1, 1], [1, 0], [0, 0]]), np.array([[0, 1, 2], [0, 2, 3]])
    found = rasterize(floor, faces, WIDTH, HEIGHT, backend=backend)
    uv = interpolate(corners, faces, found, backend=backend)
    steps = derivatives(corners, faces, found, floor, faces)
    far = np.zeros((HEIGHT, WIDTH), bool)
    far[7:20] = found.triangle[7:20] >= 0
    assert far.sum() > 200
    smooth = sample(board, uv, steps, backend=backend)[far]
    np.testing.assert_allclose(smooth, 0.5, atol=0.01)
    assert sample(board, uv, backend=backend)[far].std() > 0.15


@pytest.mark.parametrize("perspective", [False, True])
def test_derivatives_are_differences_between_neighbouring_pixels(perspective):
    w = [1, 3, 2] if perspective else [1, 1, 1]
    points = np.column_stack([[[-200, -150], [-200, 400], [500, -150]], [0, 0, 0], w]).astype(np.float32)
    carried = np.random.default_rng(4).normal(size=(3, 2)).astype(np.float32)
    faces = np.array([[0, 1, 2]])
    fragments = rasterize(points, faces, WIDTH, HEIGHT)
    values = interpolate(carried, faces, fragments)
    steps = derivatives(carried, faces, fragments, points, faces)
    assert steps.shape == (HEIGHT, WIDTH, 2, 2)
    np.testing.assert_allclose(steps[:, 1:-1, 0], (values[:, 2:] - values[:, :-2]) / 2, atol=1e-5)
    np.testing.assert_allclose(steps[1:-1, :, 1], (values[2:] - values[:-2]) / 2, atol=1e-5)
    tensors = [torch.from_numpy(each) for each in (carried, faces, points)]
    again = derivatives(tensors[0], tensors[1], rasterize(tensors[2], faces, WIDTH, HEIGHT), tensors[2], faces)
    np.testing.assert_allclose(again, steps, atol=1e-6)


def test_sample_refuses_what_does_not_fit():
    texture, uv = np.zeros((4, 4, 3), np.float32), np.zeros((2, 2, 2), np.float32)
    with pytest.raises(ValueError, match="NaN"):
        sample(texture, uv * np.nan)
    with pytest.raises(ValueError, match="uint8 or float32"):
        sample(texture.astype(float), uv)
    with pytest.raises(ValueError, match="as from derivatives"):
        sample(texture, uv, uv)
