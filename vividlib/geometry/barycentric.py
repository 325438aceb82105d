"""Barycentric weights of triangles that are known already: for gradients, and for how fast they change."""

from __future__ import annotations

from vividlib.geometry.arrays import Array, library


def weights(points: Array, faces: Array, triangle: Array, shift: tuple[float, float] = (0, 0)) -> Array:
    """Weights of each pixel's triangle at the pixel's centre, in double precision.

    Which triangle a pixel sees does not change continuously and has no gradient, but where in the triangle the
    pixel lies does: of torch's tensors the result has gradients with respect to ``points`` (Laine et al., "Modular
    primitives for high-performance differentiable rendering", 2020, section 3.2).

    Parameters
    ----------
    points
        (B, V, 3 or 4) image space, as `vividlib.geometry.raster.rasterize` takes it.
    faces
        (F, 3).
    triangle
        (B, H, W) index into the faces, -1 where there is none.
    shift
        x and y in pixels, from the centres to where the weights are taken. They may be negative there.

    Returns
    -------
    numpy.ndarray or torch.Tensor
        (B, H, W, 3) float64, sums to 1; zeros where no triangle is.
    """
    xp = library(points)
    frame, row, column = xp.where(triangle >= 0)
    corners = points[frame[:, None], faces[triangle[frame, row, column]]]
    right, down = (xp.asarray(step, dtype=xp.float64) for step in shift)
    x, y = corners[..., 0] - (column + right)[:, None], corners[..., 1] - (row + down)[:, None]
    ahead, behind = [1, 2, 0], [2, 0, 1]
    areas = x[:, ahead] * y[:, behind] - y[:, ahead] * x[:, behind]
    if points.shape[-1] == 4:
        areas = areas / corners[..., 3]
    result = xp.stack([xp.zeros_like(triangle, dtype=xp.float64)] * 3, -1)
    result[frame, row, column] = areas / areas.sum(-1)[:, None]
    return result
