"""The picture of a driven scene as `composite` makes it, in torch: differentiable, for networks to learn through."""

from __future__ import annotations

import torch
from torch.nn import functional as F


def warped(image: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
    """An image (B C H W) where a backward flow (B 2 H W, px) points to, its border going on beyond it."""
    height, width = image.shape[2:]
    y, x = torch.meshgrid(*(torch.arange(n, device=flow.device) for n in (height, width)), indexing="ij")
    x, y = x + flow[:, 0], y + flow[:, 1]
    place = torch.stack([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], -1)
    return F.grid_sample(image, place.to(image.dtype), padding_mode="border", align_corners=True)


def lay(photo: torch.Tensor, flow: torch.Tensor, occlusion: torch.Tensor, fill: torch.Tensor) -> torch.Tensor:
    """The person as the flow moves it, filled in, on the plate: B 3 H W in [0, 1], as all that it is made of.

    Parameters
    ----------
    photo : B 7 H W, photo, matte and plate
    flow : B 2 H W px
    occlusion : B 1 H W
    fill : B 4 H W, premultiplied
    """
    plate, cover = photo[:, 4:], photo[:, 3:4]
    person = torch.cat([photo[:, :3] - (1 - cover) * plate, cover], 1)
    over = occlusion * warped(person, flow) + (1 - occlusion) * fill
    return over[:, :3] + (1 - over[:, 3:]) * plate


def moved(flow: torch.Tensor, occlusion: torch.Tensor, fill: torch.Tensor) -> torch.Tensor:
    """Where a frame may differ from the photo: B 1 h w in [0, 1] on the grid of the motion, 0 where nothing has moved.

    Where everything is as in the photo the photo is right, whatever networks think, and what stands still must not
    flicker.
    """
    change = flow.square().sum(1, keepdim=True).sqrt() + LACKING * (1 - occlusion) * fill[:, 3:]
    coarse = F.avg_pool2d(change, 4)
    near = F.max_pool2d(coarse, 2 * NEAR + 1, 1, NEAR)
    return ((near - STILL) / MOVING).clamp(0, 1)


LACKING = 4.0  # px of motion that a pixel the photo does not show counts for
NEAR = 2  # pixels of the grid, around what moves
STILL, MOVING = 0.02, 1.0  # px
