"""Clip space and image space hold the same."""

import numpy as np
import torch

from tests.geometry import doubles
from vividlib.geometry.clip import from_clip, to_clip
from vividlib.geometry.raster import interpolate, rasterize

WIDTH, HEIGHT = 40, 30


def scene(rng, count=20):
    """Triangles (3 count, 4) in clip space, in front of the viewer."""
    w = rng.uniform(0.5, 2, (3 * count, 1))
    return (
        np.concatenate([rng.uniform(-1.5, 1.5, (3 * count, 2)), rng.uniform(-0.9, 0.9, (3 * count, 1)), w / w], 1) * w
    )


def test_corners_of_the_picture():
    corners = np.array([[-1, 1, 0.5, 1], [2, -2, -1, 2]])
    points = from_clip(corners, WIDTH, HEIGHT)
    np.testing.assert_allclose(points, [[-0.5, -0.5, -0.5, 1], [WIDTH - 0.5, HEIGHT - 0.5, 0.5, 2]])


def test_there_and_back():
    vertices = scene(np.random.default_rng(0))
    np.testing.assert_allclose(to_clip(from_clip(vertices, WIDTH, HEIGHT), WIDTH, HEIGHT), vertices, atol=1e-12)
    tensor = torch.from_numpy(vertices)
    np.testing.assert_array_equal(from_clip(tensor, WIDTH, HEIGHT).numpy(), from_clip(vertices, WIDTH, HEIGHT))


def test_the_picture_is_that_of_a_rasteriser_of_clip_space():
    """Its rows begin at the bottom, its triangles count from 1, and the third weight is left out."""
    rng = np.random.default_rng(1)
    vertices, faces = scene(rng).astype(np.float32), np.arange(60, dtype=np.int32).reshape(-1, 3)
    context = doubles.RasterizeCudaContext()
    seen, _ = doubles.rasterize(context, torch.from_numpy(vertices)[None], torch.from_numpy(faces), (HEIGHT, WIDTH))
    u, v, depth, number = np.moveaxis(seen[0].numpy()[::-1], -1, 0)
    found = rasterize(from_clip(vertices, WIDTH, HEIGHT), faces, WIDTH, HEIGHT, cull="none")
    same = found.triangle + 1 == number
    assert same.mean() > 0.98 and (number > 0).mean() > 0.5  # edges are rounded to a sixteenth of a pixel there
    np.testing.assert_allclose(found.barycentrics[same][:, :2], np.stack([u, v], -1)[same], atol=1e-4)
    covered = same & (number > 0)
    np.testing.assert_allclose(-found.depth[covered], depth[covered], atol=1e-5)
    w = interpolate(vertices[:, 3:], faces, found)[covered]
    assert w.min() > 0.4
