"""The operators on torch's tensors, with gradients, on any device.

Which triangle each pixel sees is found by another backend and has no gradient; everything that follows from it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partialmethod
from types import ModuleType

import numpy as np
import torch

from vividlib.geometry.barycentric import weights


def depth_of(points, faces, triangle):
    """Depth (B H W float32) of known triangles, linear on the screen; minus infinity where there is none."""
    on_screen = weights(points[..., :3], faces, triangle).clamp(min=0)
    z = interpolate(points[..., 2:3].double(), faces, triangle, on_screen)[..., 0]
    return torch.where(triangle >= 0, z, -torch.inf).float()


def interpolate(attributes, faces, triangle, barycentrics):
    """See `vividlib.geometry.raster.interpolate`."""
    frame, row, column = torch.where(triangle >= 0)
    own = frame if len(attributes) > 1 else torch.zeros_like(frame)
    corners = attributes[own[:, None], faces[triangle[frame, row, column]]]
    values = attributes.new_zeros((*triangle.shape, attributes.shape[2]))
    values[frame, row, column] = (barycentrics[frame, row, column, :, None] * corners).sum(1).to(values.dtype)
    return values


def sample(texture, uv, steps):
    """See `vividlib.geometry.raster.sample`."""
    texture = texture.float()
    if steps is None:
        return _at(texture, uv)
    levels = pyramid(texture)
    level = _level(steps, *texture.shape[1:3]).clamp(0, len(levels) - 1)
    shares = ((1 - (level - index).abs()).clamp(min=0)[..., None] for index in range(len(levels)))
    return sum(share * _at(texture, uv) for share, texture in zip(shares, levels))


def _at(texture, uv):
    height, width = texture.shape[1:3]
    return _bilinear(texture, uv[..., 0] * width - 0.5, uv[..., 1] * height - 0.5)


def pyramid(texture):
    """As `vividlib.geometry.raster_reference.pyramid`."""
    levels = [texture]
    while max(texture.shape[1:3]) > 1 and all(side % 2 == 0 or side == 1 for side in texture.shape[1:3]):
        pairs = [min(side, 2) for side in texture.shape[1:3]]
        texture = torch.nn.functional.avg_pool2d(texture.movedim(-1, 1), pairs).movedim(1, -1)
        levels.append(texture)
    return levels


def _level(steps, height, width):
    """As in `vividlib.geometry.raster_reference`."""
    right, down = (steps * steps.new_tensor([width, height])).unbind(-2)
    half = ((right**2).sum(-1) + (down**2).sum(-1)) / 2
    apart = (((right**2).sum(-1) - (down**2).sum(-1)) / 2) ** 2 + (right * down).sum(-1) ** 2
    tiny = torch.finfo(steps.dtype).tiny  # a root has no gradient at 0
    return (half + (apart + tiny).sqrt()).log2() / 2


def warp(image, flow, left, top):
    """See `vividlib.geometry.raster.warp`."""
    rows = torch.arange(top, top + flow.shape[1], device=flow.device)[:, None]
    columns = torch.arange(left, left + flow.shape[2], device=flow.device)
    values = _bilinear(image, columns + flow[..., 0].double(), rows + flow[..., 1].double())
    return (values + 0.5).to(torch.uint8) if image.dtype == torch.uint8 else values.to(image.dtype)


def _bilinear(image, x, y):
    """Values (B h w C) of images (B or 1, H W C) at places (B h w) in pixels, beyond the border those of the border."""
    height, width = image.shape[1:3]
    frame = torch.arange(len(image), device=image.device)[:, None, None]
    x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
    x0, y0 = x.detach().long(), y.detach().long()
    x1, y1 = (x0 + 1).clamp(max=width - 1), (y0 + 1).clamp(max=height - 1)
    share_x, share_y = (x - x0)[..., None], (y - y0)[..., None]
    upper = image[frame, y0, x0] * (1 - share_x) + image[frame, y0, x1] * share_x
    lower = image[frame, y1, x0] * (1 - share_x) + image[frame, y1, x1] * share_x
    return upper * (1 - share_y) + lower * share_y


@dataclass(frozen=True)
class OnArrays:
    """A backend for NumPy's arrays as one for tensors: it finds the triangles, the rest is done here."""

    arrays: ModuleType

    interpolate, sample, warp = staticmethod(interpolate), staticmethod(sample), staticmethod(warp)

    def rasterize(self, points, faces, height, width, cull_back):
        """See `vividlib.geometry.raster.rasterize`, which checks the arguments; here there is one batch axis."""
        found, _, _ = self.arrays.rasterize(
            points.detach().cpu().numpy(), faces.cpu().numpy(), height, width, cull_back
        )
        triangle = torch.from_numpy(found).to(points.device)
        barycentrics = weights(points, faces, triangle).clamp(min=0)
        return triangle, barycentrics.float(), depth_of(points, faces, triangle)


@dataclass(frozen=True)
class OnTensors:
    """A backend for tensors as one for NumPy's arrays, which go to its device and come back."""

    tensors: ModuleType

    def _run(self, operator, *arguments):
        def there(value):
            return torch.from_numpy(value).to(self.tensors.DEVICE) if isinstance(value, np.ndarray) else value

        with torch.no_grad():
            results = getattr(self.tensors, operator)(*map(there, arguments))
        return tuple(part.cpu().numpy() for part in results) if operator == "rasterize" else results.cpu().numpy()

    rasterize, interpolate = partialmethod(_run, "rasterize"), partialmethod(_run, "interpolate")
    sample, warp = partialmethod(_run, "sample"), partialmethod(_run, "warp")
