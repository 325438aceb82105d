"""The generator: what a warped photo lacks, as a residual on it.

A U-Net (Ronneberger et al., MICCAI 2015) on pixels folded into channels (Shi et al., CVPR 2016). It sees the frame as the
corrected motion gives it, where the photo lacks something and what the driven mesh has there (teeth, mouth cavity, eyes,
hidden skin), and what it has read of the photo, once, and warps to each frame as the photo itself is (Siarohin et al.,
"First order motion model", NeurIPS 2019). Since its result is added, skin keeps the photo's sharpness at any size. The
last layer begins at zero: a generator that has learned nothing changes nothing.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from vividlib.mesh_to_video.motion_network import GRID, Block
from vividlib.mesh_to_video.network_sizes import NetworkSizes
from vividlib.mesh_to_video.patch import SIDE
from vividlib.mesh_to_video.warp import warped


class PhotoEncoder(nn.Module):
    """What there is to know of a photo (B 7 SIDE SIDE) and its texture (B 4 128 128), B photo GRID GRID: once a photo."""

    def __init__(self, sizes: NetworkSizes):
        super().__init__()
        self.stem = nn.Conv2d(7 * 16 + 4 * 4, 2 * sizes.photo, 1)
        self.blocks = nn.Sequential(Block(2 * sizes.photo, 2 * sizes.photo), Block(2 * sizes.photo, sizes.photo))

    def forward(self, photo: torch.Tensor, texture: torch.Tensor) -> torch.Tensor:
        return self.blocks(self.stem(torch.cat([F.pixel_unshuffle(photo, 4), F.pixel_unshuffle(texture, 2)], 1)))


class Generator(nn.Module):
    """A frame and what is known beside it to what is added to it."""

    def __init__(self, sizes: NetworkSizes):
        super().__init__()
        finest, fine, middle, coarse = sizes.generator
        self.stem = nn.Conv2d(9 * 4 + 4, finest, 3, 1, 1)
        self.fine, self.middle, self.coarse = Block(finest, fine, 2), Block(fine, middle, 2), Block(middle, coarse, 2)
        self.know = nn.Conv2d(sizes.photo, fine, 1)
        # Narrowed where they are coarse, so that the finest grids stay cheap.
        self.narrow = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in zip(sizes.generator[:0:-1], sizes.generator[-2::-1]))
        self.wide = nn.ModuleList(Block(a, a) for a in sizes.generator[-2::-1])
        self.out = nn.Conv2d(finest, 3 * 4, 3, 1, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(
        self, photo: torch.Tensor, frame: torch.Tensor, flow: torch.Tensor, occlusion: torch.Tensor,
        fill: torch.Tensor, texture: torch.Tensor, gate: torch.Tensor,
    ) -> torch.Tensor:  # fmt: skip
        """The residual, B 3 SIDE SIDE, of frames in [0, 1].

        Parameters
        ----------
        photo : B photo GRID GRID, from the `PhotoEncoder`
        frame : B 3 SIDE SIDE
        flow, occlusion : of the corrected motion, B 2 SIDE SIDE px and B 1 SIDE SIDE
        fill : B 4 SIDE SIDE, of the driven mesh
        texture : B 4 128 128, of the driven mesh
        gate : B 1 GRID GRID, as from `moved`
        """
        step = SIDE // GRID
        small_flow, small_occlusion = F.avg_pool2d(flow, step) / step, F.avg_pool2d(occlusion, step)
        known = warped(photo.float(), small_flow) * small_occlusion
        folded = F.pixel_unshuffle(torch.cat([frame, occlusion, fill, F.interpolate(gate, scale_factor=step)], 1), 2)
        finest = F.leaky_relu(self.stem(torch.cat([folded, texture], 1).to(photo.dtype)), 0.1)
        fine = self.fine(finest) + self.know(known.to(photo.dtype))
        middle = self.middle(fine)
        x = self.coarse(middle)
        for narrow, wide, same in zip(self.narrow, self.wide, (middle, fine, finest)):
            x = wide(F.interpolate(narrow(x), scale_factor=2) + same)
        return F.pixel_shuffle(self.out(x), 2).float()
