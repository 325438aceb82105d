"""nvdiffrast's operators, with gradients, on CUDA (Laine et al., "Modular primitives for high-performance
differentiable rendering", 2020).

Its conventions, and how they are met: clip space, in which its images begin with the bottom row, so y is turned
around; triangles numbered from 1, 0 where there is none; the third weight left out; z/w between -1 and 1, larger is
farther. It has no culling: only the triangles that face the viewer are given to it, frame by frame as ranges.
"""

from __future__ import annotations

import functools

import nvdiffrast.torch as dr
import torch

from vividlib.geometry.clip import to_clip
from vividlib.geometry.raster_torch import pyramid, warp

__all__ = ["antialias", "interpolate", "rasterize", "sample", "warp"]

DEVICE = "cuda"  # where NumPy's arrays go
INSIDE = 0.9  # share of the depth that clip space has room for: nothing is cut off by rounding
WHOLE, BITS = (
    1 << 24,
    0x4A800000,
)  # a float32 holds numbers of triangles to WHOLE; larger ones are its bits, from BITS on


def rasterize(points, faces, height, width, cull_back):
    """See `vividlib.geometry.raster.rasterize`, which checks the arguments; here there is one batch axis."""
    frames, vertices = points.shape[:2]
    clip, middle, half = _clip(points, height, width)
    shown = _facing(points.detach(), faces) if cull_back else faces.new_ones((frames, len(faces)), dtype=torch.bool)
    kept = shown.flatten().nonzero()[:, 0]
    if not len(kept):
        return _nothing(points, height, width)
    counts = shown.sum(1).cpu()
    ranges = torch.stack([counts.cumsum(0) - counts, counts], 1).int()
    first = vertices * torch.arange(frames, device=faces.device)[:, None, None]
    every = (faces + first).reshape(-1, 3)[kept].int().contiguous()
    seen, _ = dr.rasterize(
        _context(points.device), clip.reshape(-1, 4).contiguous(), every, (height, width), ranges=ranges, grad_db=False
    )
    number = seen[..., 3].detach()
    index = torch.where(number <= WHOLE, number.long(), number.view(torch.int32).long() - BITS)
    covered = index > 0
    triangle = torch.where(covered, kept[index - 1] % len(faces), -1).int()
    u, v = seen[..., 0], seen[..., 1]
    barycentrics = torch.stack([u, v, 1 - u - v], -1) * covered[..., None]
    depth = torch.where(covered, middle - seen[..., 2].detach() * half, -torch.inf)
    return triangle, barycentrics, depth


def interpolate(attributes, faces, triangle, barycentrics):
    """See `vividlib.geometry.raster.interpolate`."""
    depth = torch.zeros_like(barycentrics[..., 0])
    return dr.interpolate(attributes.contiguous(), _packed(triangle, barycentrics, depth), faces.int().contiguous())[0]


def sample(texture, uv, steps):
    """See `vividlib.geometry.raster.sample`."""
    texture = texture.float()
    if steps is None:
        return dr.texture(texture.contiguous(), uv.contiguous(), filter_mode="linear", boundary_mode="clamp")
    rates = steps.transpose(-1, -2).flatten(-2).contiguous()  # du/dx, du/dy, dv/dx, dv/dy
    levels = len(pyramid(texture[:1, ..., :1])) - 1
    return dr.texture(texture.contiguous(), uv.contiguous(), rates, boundary_mode="clamp", max_mip_level=levels)


def antialias(picture, points, faces, triangle, barycentrics, depth):
    """See `vividlib.geometry.raster.antialias`."""
    clip, middle, half = _clip(points, *triangle.shape[1:])
    depth = torch.where(triangle >= 0, (middle - depth) / half, 0)
    seen = _packed(triangle, barycentrics, depth)
    return dr.antialias(picture.contiguous(), seen, clip.contiguous(), faces.int().contiguous())


@functools.cache
def _context(device):
    return dr.RasterizeCudaContext(device=device)


def _clip(points, height, width):
    """Clip space (B V 4) with the top row at y = -1, and the depth (B 1 1) at z/w = 0 and what it changes by to 1."""
    z = points[..., 2].detach()
    low, high = z.amin(1)[:, None, None], z.amax(1)[:, None, None]
    middle, half = (low + high) / 2, ((high - low) / 2 / INSIDE).clamp(min=1e-6)
    normal = torch.cat([points[..., :2], (points[..., 2:3] - middle) / half, points[..., 3:]], -1)
    return to_clip(normal, width, height) * points.new_tensor([1, -1, 1, 1]), middle, half


def _facing(points, faces):
    """Which triangles (B F bool) turn their front to the viewer."""
    a, b, c = points[:, faces.long(), :2].double().unbind(2)
    (ux, uy), (vx, vy) = (b - a).unbind(-1), (c - a).unbind(-1)
    return ux * vy < uy * vx


def _packed(triangle, barycentrics, depth):
    """nvdiffrast's own form (B H W 4) of what each pixel sees."""
    return torch.cat([barycentrics[..., :2], depth[..., None], (triangle + 1).float()[..., None]], -1)


def _nothing(points, height, width):
    triangle = torch.full((len(points), height, width), -1, dtype=torch.int32, device=points.device)
    return triangle, points.new_zeros((*triangle.shape, 3)), torch.full_like(triangle, -torch.inf, dtype=points.dtype)
