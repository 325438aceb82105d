"""Rasterising as small operators that the caller composes, in the style of nvdiffrast (Laine et al. 2020).

::

    fragments = rasterize(points, faces, width, height)
    flow = interpolate(source - target, faces, fragments)
    frame = warp(photo, flow)

or, with a texture::

    uv = interpolate(head.uv, head.uv_faces, fragments)
    picture = sample(texture, uv, derivatives(head.uv, head.uv_faces, fragments, points, head.faces))

All are batched: axes before those named below are frames. NumPy's arrays give arrays. Torch's tensors give tensors on
the same device, with gradients with respect to points, attributes, textures and places.

Image space: x right, y down, in pixels with centres at integers; z is depth as camera-space Z in metres, so the
*larger* z is nearer to the viewer. It is the native form, and not clip space, because pixels are what the callers have
and want: integers and halves of pixels are exact in float32, so an edge through pixel centres belongs to one side
whatever the size of the image; windows and finer grids are shifts and factors; depth buffers compare in metres.
Vertices in clip space come through `vividlib.geometry.clip.from_clip`.

Points may carry the w of clip space as a fourth number: weights are then those on the surface (perspective). Without
it they are linear in the image, which is what carries pixels to pixels: the places of the vertices, interpolated, are
then the pixel itself. The difference is small: inside a triangle l pixels long, whose depth changes by dz at the
distance d, at most about l dz / 4d pixels: 0.01 px for the 5 mm triangles of a face in a 512 px picture, seen from
1.2 m at 45 degrees.
"""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from vividlib import backend as backends
from vividlib.errors import BackendError
from vividlib.geometry.arrays import Array, is_tensor, library
from vividlib.geometry.barycentric import weights

MODULES = {
    "numpy": "raster_reference",
    "numba": "raster_numba",
    "nvdiffrast": "raster_nvdiffrast",
    "pytorch3d": "raster_pytorch3d",
}


@dataclass(frozen=True, eq=False)
class Fragments:
    """What each pixel sees. A pixel without a triangle has -1, zeros and minus infinity."""

    triangle: Array  # ... H W int32, index into the faces
    barycentrics: Array  # ... H W 3 float32, sum to 1
    depth: Array  # ... H W float32, z of the points, linear in the image as in any depth buffer; larger is nearer


def rasterize(
    points: Array,
    faces: Array,
    width: int,
    height: int,
    *,
    cull: Literal["back", "none"] = "back",
    backend: str = "auto",
) -> Fragments:
    """Find the nearest triangle at the centre of every pixel.

    A pixel on the edge of two triangles belongs to exactly one of them (top-left rule), so a closed
    surface shows no holes. Where two triangles are equally near, the one with the lower index wins. Numba and NumPy
    hold to both; nvdiffrast and PyTorch3D round edges their own way.

    Parameters
    ----------
    points
        (..., V, 3) image space: x and y in pixels, z in metres, larger is nearer; or (..., V, 4) with w.
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
        If points are not finite or behind the viewer (w), a shape is wrong or an index is out of range.
    BackendError
        If the backend cannot be used.

    Notes
    -----
    Pineda, "A parallel algorithm for polygon rasterization", SIGGRAPH 1988. Weights with w: Heckbert and Moreton,
    "Interpolation for polygon texture mapping and shading", 1991.
    """
    points = _floats(points, "points", (3, 4))
    faces = _faces(faces, points, "pass the faces of this mesh")
    if not library(points).isfinite(points).all():
        raise ValueError("points hold NaN or infinite values; check the pose and the mesh they come from.")
    if points.shape[-1] == 4 and not (points[..., 3] > 0).all():
        raise ValueError("points lie behind the viewer (w is not positive); move the mesh away from the camera.")
    if cull not in ("back", "none"):
        raise ValueError(f"cull is 'back' or 'none', not {cull!r}.")
    kernels = _kernels(backend, points)
    shape = (*points.shape[:-2], int(height), int(width))
    if 0 in (*shape, len(faces)):
        return _blank(points, shape)
    batch = points.reshape(-1, *points.shape[-2:])
    triangle, barycentrics, depth = kernels.rasterize(batch, faces, *shape[-2:], cull == "back")
    return Fragments(triangle.reshape(shape), barycentrics.reshape(*shape, 3), depth.reshape(shape))


def interpolate(attributes: Array, faces: Array, fragments: Fragments, *, backend: str = "auto") -> Array:
    """Blend what the vertices carry over the image.

    Parameters
    ----------
    attributes
        (..., V, C) with the axes of the fragments' batch, or (V, C) for all its frames.
    faces
        (F, 3): those that were rasterised, or as many with other vertices, as of UV.
    fragments
        From `rasterize`.
    backend
        See `vividlib.backend.rasterizer`.

    Returns
    -------
    numpy.ndarray or torch.Tensor
        (..., H, W, C) float32, 0 where no triangle is.

    Raises
    ------
    ValueError
        If a shape is wrong or the faces name vertices without attributes.
    BackendError
        If the backend cannot be used.
    """
    attributes, faces, triangle = _carried(attributes, faces, fragments)
    shape, channels = fragments.triangle.shape, attributes.shape[-1]
    kernels = _kernels(backend, attributes)
    if 0 in (*shape, len(faces), channels):
        return _zeros(attributes, (*shape, channels))
    barycentrics = fragments.barycentrics.reshape(*triangle.shape, 3)
    return kernels.interpolate(attributes, faces, triangle, barycentrics).reshape(*shape, channels)


def derivatives(attributes: Array, faces: Array, fragments: Fragments, points: Array, point_faces: Array) -> Array:
    """How what `interpolate` blends changes from pixel to pixel, within the triangle that each pixel sees.

    Parameters
    ----------
    attributes, faces, fragments
        As `interpolate` takes them.
    points, point_faces
        What was rasterised.

    Returns
    -------
    numpy.ndarray or torch.Tensor
        (..., H, W, 2, C) float32: the change over one pixel to the right and over one downwards.

    Raises
    ------
    ValueError
        As `interpolate`.
    """
    attributes, faces, triangle = _carried(attributes, faces, fragments)
    points = _floats(points, "points", (3, 4))
    point_faces = _faces(point_faces, points, "pass the faces of this mesh")
    if points.shape[:-2] != fragments.triangle.shape[:-2]:
        raise ValueError(f"points of shape {tuple(points.shape)} are not those that were rasterised; pass these.")
    batch = points.reshape(-1, *points.shape[-2:])
    kernels, steps = _kernels("numpy", attributes), []
    for right, down in ((0.5, 0), (0, 0.5)):
        before, after = (weights(batch, point_faces, triangle, (s * right, s * down)) for s in (-1, 1))
        steps.append(kernels.interpolate(attributes, faces, triangle, after - before))
    return library(points).stack(steps, -2).reshape(*fragments.triangle.shape, 2, attributes.shape[-1])


def sample(texture: Array, uv: Array, steps: Array | None = None, *, backend: str = "auto") -> Array:
    """Look into a texture, whose border goes on beyond it.

    Parameters
    ----------
    texture
        (..., H, W, C) uint8 or float32 with the axes of the batch of ``uv``, or (H, W, C) for all its frames.
    uv
        (..., h, w, 2) from 0 to 1, origin top left: the centre of texel (x, y) is at (x + 0.5) / W, (y + 0.5) / H.
    steps
        (..., h, w, 2, 2) what `derivatives` says of ``uv``. With it the texture is averaged over what each pixel covers
        (mipmaps of 2 x 2 texels for as long as both sides are even, linear between them and within); without it
        texels are skipped where pixels are larger (bilinear).
    backend
        See `vividlib.backend.rasterizer`.

    Returns
    -------
    numpy.ndarray or torch.Tensor
        (..., h, w, C) float32.

    Raises
    ------
    ValueError
        If a shape or type is wrong, or a place is not finite.
    BackendError
        If the backend cannot be used.

    Notes
    -----
    Williams, "Pyramidal parametrics", SIGGRAPH 1983. The level is that of the longer axis of a pixel's ellipse.
    """
    texture = _image(texture, "texture")
    uv = _floats(uv, "uv", (2,))
    shape = uv.shape[:-1]
    texture = _shared(texture, 3, shape[:-2], "texture")
    if steps is not None:
        steps = _floats(steps, "steps", (2,))
        if steps.shape != (*shape, 2, 2):
            raise ValueError(f"steps have shape {tuple(steps.shape)}; they need {(*shape, 2, 2)}, as from derivatives.")
        steps = steps.reshape(-1, *shape[-2:], 2, 2)
    if not library(uv).isfinite(uv).all():
        raise ValueError("uv hold NaN or infinite values; check the mesh they come from.")
    kernels = _kernels(backend, uv)
    if 0 in shape:
        return _zeros(uv, (*shape, texture.shape[-1]))
    return kernels.sample(texture, uv.reshape(-1, *shape[-2:], 2), steps).reshape(*shape, texture.shape[-1])


def warp(image: Array, flow: Array, origin: tuple[int, int] = (0, 0), *, backend: str = "auto") -> Array:
    """Sample ``image`` bilinearly at each pixel's own position plus ``flow`` (backward warping).

    Positions beyond the border take the border's colour. Where the flow is zero the image is
    returned bit for bit.

    Parameters
    ----------
    image
        (..., H, W, C) uint8 or float32 with the axes of the batch of the flow, or (H, W, C) for all its frames.
    flow
        (..., h, w, 2) px, x then y. Covers the window of the image whose top left pixel is ``origin``.
    origin
        x, y of the window in pixels.
    backend
        See `vividlib.backend.rasterizer`.

    Returns
    -------
    numpy.ndarray or torch.Tensor
        (..., h, w, C) of the image's type.

    Raises
    ------
    ValueError
        If a shape or type is wrong, or the flow holds NaN.
    BackendError
        If the backend cannot be used.
    """
    image = _image(image, "image")
    if flow.ndim < 3 or flow.shape[-1] != 2:
        raise ValueError(f"flow has shape {tuple(flow.shape)}; it needs (..., h, w, 2).")
    if library(flow).isnan(flow.sum()):
        raise ValueError("flow holds NaN; check the motion it comes from.")
    shape = flow.shape[:-1]
    image = _shared(image, 3, shape[:-2], "image")
    kernels = _kernels(backend, flow)
    if 0 in shape:
        return _zeros(image, (*shape, image.shape[-1]))
    flow = _contiguous(flow, np.float32).reshape(-1, *shape[-2:], 2)
    return kernels.warp(image, flow, int(origin[0]), int(origin[1])).reshape(*shape, image.shape[-1])


def antialias(
    picture: Array, points: Array, faces: Array, fragments: Fragments, *, backend: str = "nvdiffrast"
) -> Array:
    """Smooth a picture (..., H, W, C float32) where outlines cross pixels, so that it has gradients there too.

    Parameters
    ----------
    picture
        Made from the fragments, on CUDA.
    points, faces, fragments
        What was rasterised, and what came of it.
    backend
        Only nvdiffrast can do it.

    Raises
    ------
    BackendError
        If the backend cannot be used or cannot do it.
    """
    points = _floats(points, "points", (3, 4))
    faces = _faces(faces, points, "pass the faces of this mesh")
    kernels = _kernels(backend, points)
    if not hasattr(kernels, "antialias"):
        raise BackendError(f"{backend} does not smooth outlines; use nvdiffrast on tensors, or draw finer and average.")
    batch = (-1, *fragments.triangle.shape[-2:])
    parts = (part.reshape(*batch, *part.shape[fragments.triangle.ndim :]) for part in vars(fragments).values())
    smooth = kernels.antialias(
        picture.reshape(*batch, picture.shape[-1]), points.reshape(-1, *points.shape[-2:]), faces, *parts
    )
    return smooth.reshape(picture.shape)


def _kernels(backend: str, values: Array) -> Any:
    """The operators of a backend, for arrays or for tensors as these are."""
    tensors = is_tensor(values)
    name = backends.rasterizer(backend, values.device.type if tensors else "cpu").name
    module = importlib.import_module(f"vividlib.geometry.{MODULES[name]}")
    if tensors and name == "nvdiffrast" and values.device.type != module.DEVICE:
        raise BackendError(f"nvdiffrast works on {module.DEVICE}; move the tensors there, or use auto.")
    if tensors == hasattr(module, "DEVICE"):
        return module
    from vividlib.geometry import raster_torch

    return raster_torch.OnArrays(module) if tensors else raster_torch.OnTensors(module)


def _contiguous(values: Array, dtype: type) -> Array:
    """As an array or a tensor of NumPy's ``dtype``."""
    if is_tensor(values):
        return values.to(getattr(library(values), np.dtype(dtype).name)).contiguous()
    return np.ascontiguousarray(values, dtype)


def _floats(values: Array, name: str, columns: tuple[int, ...]) -> Array:
    """(..., N, one of ``columns``) float32, contiguous."""
    values = _contiguous(values, np.float32)
    if values.ndim < 2 or values.shape[-1] not in columns:
        wanted = " or ".join(f"(..., N, {count})" for count in columns)
        raise ValueError(f"{name} have shape {tuple(values.shape)}; they need {wanted}.")
    return values


def _faces(faces: Array, values: Array, advice: str) -> Array:
    """(F, 3) int32 beside the points or attributes (..., V, C) whose vertices they name."""
    if is_tensor(values):
        faces = library(values).as_tensor(faces, device=values.device)
    faces = _contiguous(faces, np.int32)
    if faces.ndim != 2 or faces.shape[1] != 3:
        raise ValueError(f"faces have shape {tuple(faces.shape)}; they need (N, 3).")
    if len(faces) and (faces.min() < 0 or faces.max() >= values.shape[-2]):
        raise ValueError(f"faces name vertices outside 0 to {values.shape[-2] - 1}; {advice}.")
    return faces


def _carried(attributes: Array, faces: Array, fragments: Fragments) -> tuple[Array, Array, Array]:
    """Attributes (B or 1, V, C), faces and triangles (B, H, W) that belong together."""
    attributes = _contiguous(attributes, np.float32)
    if attributes.ndim < 2:
        raise ValueError(f"attributes have shape {tuple(attributes.shape)}; they need (..., vertices, channels).")
    faces = _faces(faces, attributes, "pass one attribute row a vertex")
    triangle = fragments.triangle.reshape(-1, *fragments.triangle.shape[-2:])
    if 0 not in triangle.shape and triangle.max() >= len(faces):
        raise ValueError("fragments come from another mesh; pass the faces that were rasterised.")
    return _shared(attributes, 2, fragments.triangle.shape[:-2], "attributes"), faces, triangle


def _shared(values: Array, own: int, batch: tuple[int, ...], name: str) -> Array:
    """Values with ``own`` axes of their own as (B or 1, ...): for each frame of the batch, or one for all of them."""
    lead, shape, batch = tuple(values.shape[:-own]), tuple(values.shape[-own:]), tuple(batch)
    if lead not in ((), batch):
        raise ValueError(
            f"{name} of shape {lead + shape} do not fit frames {batch}; they need {batch + shape} or {shape}."
        )
    return values.reshape(math.prod(lead), *shape)


def _image(values: Array, name: str) -> Array:
    kind = str(values.dtype).removeprefix("torch.")
    if values.ndim < 3 or kind not in ("uint8", "float32") or 0 in values.shape:
        shape = tuple(values.shape)
        raise ValueError(f"{name} is {kind} {shape}; it needs (..., H, W, C) of uint8 or float32, not empty.")
    return _contiguous(values, np.dtype(kind))


def _zeros(like: Array, shape: tuple[int, ...]) -> Array:
    return like.new_zeros(shape) if is_tensor(like) else np.zeros(shape, like.dtype)


def _blank(points: Array, shape: tuple[int, ...]) -> Fragments:
    """What there is to see without triangles or pixels."""
    nothing = _zeros(points, shape)
    triangle = _contiguous(nothing - 1, np.int32)
    return Fragments(triangle, _zeros(points, (*shape, 3)), nothing - np.inf)
