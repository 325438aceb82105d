"""Rasterising as small operators that the caller composes, in the style of nvdiffrast.

::

    fragments = rasterize(points, faces, width, height)
    flow = interpolate(source - target, faces, fragments)
    frame = warp(photo, flow)

Image space: x right, y down, in pixels with centres at integers; z is depth as camera-space Z in metres,
so the *larger* z is nearer to the viewer. Interpolation is affine in image space, without perspective
correction: inside a triangle l pixels long, whose depth changes by dz at the distance d, that moves
what it carries by at most about l dz / 4d pixels: 0.01 px for the 5 mm triangles of a face in a
512 px picture, seen from 1.2 m at 45 degrees.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType
from typing import Literal

import numpy as np

from vividlib import backend as backends


@dataclass(frozen=True, eq=False)
class Fragments:
    """What each pixel sees. A pixel without a triangle has -1, zeros and minus infinity."""

    triangle: np.ndarray  # H W int32, index into the faces
    barycentrics: np.ndarray  # H W 3 float32, sum to 1
    depth: np.ndarray  # H W float32, metres, larger is nearer


def rasterize(
    points: np.ndarray,
    faces: np.ndarray,
    width: int,
    height: int,
    *,
    cull: Literal["back", "none"] = "back",
    backend: str = "auto",
) -> Fragments:
    """Find the nearest triangle at the centre of every pixel.

    A pixel on the edge of two triangles belongs to exactly one of them (top-left rule), so a closed
    surface shows no holes. Where two triangles are equally near, the one with the lower index wins.

    Parameters
    ----------
    points
        (V, 3) image space: x and y in pixels, z in metres, larger is nearer.
    faces
        (F, 3) vertex indices, counter-clockwise seen from outside (on the screen, as the viewer sees it).
    width, height
        Size of the image in pixels.
    cull
        ``"back"`` leaves out triangles seen from behind; ``"none"`` keeps them.
    backend
        See `vividlib.backend.rasterizer`.

    Raises
    ------
    ValueError
        If points are not finite, a shape is wrong or an index is out of range.
    BackendError
        If the backend cannot be used.

    Notes
    -----
    Pineda, "A parallel algorithm for polygon rasterization", SIGGRAPH 1988.
    """
    points = _matrix(points, "points", 3, np.float32)
    faces = _matrix(faces, "faces", 3, np.int32)
    if not np.isfinite(points).all():
        raise ValueError("points hold NaN or infinite values; check the pose and the mesh they come from.")
    if len(faces) and (faces.min() < 0 or faces.max() >= len(points)):
        raise ValueError(f"faces name vertices outside 0 to {len(points) - 1}; pass the faces of this mesh.")
    if cull not in ("back", "none"):
        raise ValueError(f"cull is 'back' or 'none', not {cull!r}.")
    return Fragments(*_kernels(backend).rasterize(points, faces, int(width), int(height), cull == "back"))


def interpolate(
    attributes: np.ndarray, faces: np.ndarray, fragments: Fragments, *, backend: str = "auto"
) -> np.ndarray:
    """Blend what the vertices carry (V, C) over the image: (H, W, C) float32, 0 where no triangle is.

    Raises
    ------
    ValueError
        If a shape is wrong or the faces name vertices without attributes.
    BackendError
        If the backend cannot be used.
    """
    attributes = np.ascontiguousarray(attributes, np.float32)
    if attributes.ndim != 2:
        raise ValueError(f"attributes have shape {attributes.shape}; they need (vertices, channels).")
    faces = _matrix(faces, "faces", 3, np.int32)
    if len(faces) and (faces.min() < 0 or faces.max() >= len(attributes)):
        raise ValueError(f"faces name vertices outside 0 to {len(attributes) - 1}; pass one attribute row a vertex.")
    if fragments.triangle.size and fragments.triangle.max() >= len(faces):
        raise ValueError("fragments come from another mesh; pass the faces that were rasterised.")
    return _kernels(backend).interpolate(attributes, faces, fragments.triangle, fragments.barycentrics)


def warp(image: np.ndarray, flow: np.ndarray, origin: tuple[int, int] = (0, 0), *, backend: str = "auto") -> np.ndarray:
    """Sample ``image`` bilinearly at each pixel's own position plus ``flow`` (backward warping).

    Positions beyond the border take the border's colour. Where the flow is zero the image is
    returned bit for bit.

    Parameters
    ----------
    image
        (H, W, C) uint8 or float32.
    flow
        (h, w, 2) px, x then y. Covers the window of the image whose top left pixel is ``origin``.
    origin
        x, y of the window in pixels.

    Returns
    -------
    numpy.ndarray
        (h, w, C) of the image's type.

    Raises
    ------
    ValueError
        If a shape or type is wrong, or the flow holds NaN.
    BackendError
        If the backend cannot be used.
    """
    if image.ndim != 3 or image.dtype not in (np.uint8, np.float32) or not image.size:
        raise ValueError(f"image is {image.dtype} {image.shape}; it needs (H, W, C) of uint8 or float32, not empty.")
    if flow.ndim != 3 or flow.shape[2] != 2:
        raise ValueError(f"flow has shape {flow.shape}; it needs (h, w, 2).")
    if np.isnan(np.sum(flow)):
        raise ValueError("flow holds NaN; check the motion it comes from.")
    flow = np.ascontiguousarray(flow, np.float32)
    return _kernels(backend).warp(np.ascontiguousarray(image), flow, int(origin[0]), int(origin[1]))


def sample(image: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Look bilinearly into an image (H, W, C) at places (h, w, 2 px, x then y): (h, w, C). As `warp`, and raises so."""
    return warp(image, at - np.stack(np.mgrid[: at.shape[0], : at.shape[1]][::-1], -1))


def _kernels(backend: str) -> ModuleType:
    name = {"numba": "raster_numba", "numpy": "raster_reference"}[backends.rasterizer(backend).name]
    return importlib.import_module(f"vividlib.geometry.{name}")


def _matrix(values: np.ndarray, name: str, columns: int, dtype: type) -> np.ndarray:
    values = np.ascontiguousarray(values, dtype)
    if values.ndim != 2 or values.shape[1] != columns:
        raise ValueError(f"{name} have shape {values.shape}; they need (N, {columns}).")
    return values
