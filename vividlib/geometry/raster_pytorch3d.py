"""PyTorch3D's rasteriser, with gradients, on the CPU and on CUDA (Ravi et al., "Accelerating 3D deep learning with
PyTorch3D", 2020).

Its pixels have their centres at halves, its x runs to the left and its y upwards, and the shorter side of the image
reaches from -1 to 1. What it calls z is both the depth that decides and the w of the perspective; here they need not
belong together, so it works without perspective, which is put in afterwards.
"""

from __future__ import annotations

import torch
from pytorch3d.renderer.mesh.rasterize_meshes import rasterize_meshes
from pytorch3d.structures import Meshes

from vividlib.geometry.raster_torch import interpolate, sample, warp

__all__ = ["interpolate", "rasterize", "sample", "warp"]

DEVICE = "cpu"  # where NumPy's arrays go: its builds for CUDA run there too
NEAREST = 1.0  # z of the point nearest to the viewer: behind the eye it leaves triangles out


def rasterize(points, faces, height, width, cull_back):
    """See `vividlib.geometry.raster.rasterize`, which checks the arguments; here there is one batch axis."""
    x, y, z = points[..., :3].unbind(-1)
    side = min(height, width)
    farthest = z.detach().amax() + NEAREST
    seen = torch.stack([(width - 1 - 2 * x) / side, (height - 1 - 2 * y) / side, farthest - z], -1)
    meshes = Meshes(seen, faces.long().expand(len(points), -1, -1))
    found, away, barycentrics, _ = rasterize_meshes(
        meshes, (height, width), blur_radius=0.0, faces_per_pixel=1, bin_size=0, cull_backfaces=cull_back
    )
    found, barycentrics = found[..., 0], barycentrics[..., 0, :]
    covered = found >= 0
    triangle = torch.where(covered, found % len(faces), -1).int()
    if points.shape[-1] == 4:
        frame = torch.arange(len(points), device=points.device)[:, None, None, None]
        shares = barycentrics / points[..., 3][frame, faces[triangle]]
        barycentrics = shares / shares.sum(-1, keepdim=True)
    depth = torch.where(covered, farthest - away[..., 0], -torch.inf)
    return triangle, torch.where(covered[..., None], barycentrics, 0), depth
