"""Between clip space, as OpenGL and nvdiffrast have it, and image space, as this library has it."""

from __future__ import annotations

from vividlib.geometry.arrays import Array, library


def from_clip(vertices: Array, width: int, height: int) -> Array:
    """Image-space points, as `vividlib.geometry.raster.rasterize` takes them, of vertices in clip space.

    Parameters
    ----------
    vertices
        (..., V, 4): x right, y up and z away from the viewer, in the picture from -w to w, and w.
    width, height
        Size of the image in pixels.

    Returns
    -------
    numpy.ndarray or torch.Tensor
        (..., V, 4): x right and y down in pixels with centres at integers, -z/w so that larger is nearer, and w.
    """
    x, y, z, w = (vertices[..., axis] for axis in range(4))
    place = (x / w + 1) * (width / 2) - 0.5, (1 - y / w) * (height / 2) - 0.5
    return library(vertices).stack([*place, -z / w, w], -1)


def to_clip(points: Array, width: int, height: int) -> Array:
    """Clip space (..., V, 4) of image-space points (..., V, 3 or 4): undoes `from_clip`. Without w it is 1."""
    x, y, z = (points[..., axis] for axis in range(3))
    w = points[..., 3] if points.shape[-1] == 4 else library(points).ones_like(x)
    place = ((x + 0.5) * (2 / width) - 1) * w, (1 - (y + 0.5) * (2 / height)) * w
    return library(points).stack([*place, -z * w, w], -1)
