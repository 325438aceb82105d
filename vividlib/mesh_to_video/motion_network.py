"""Dense motion in two branches: what the analytic flow gets wrong (VividTalk, arXiv 2312.01841, section 3.3).

The face branch sees both projected textures and, through the latent code of a motion VAE, says how the face as a whole
moves otherwise than its mesh; the lip branch sees where the landmarks of the lips were and are, as Gaussian maps, driven
minus reference, through an hourglass (Newell et al., ECCV 2016). Joined they give a residual flow and a residual
occlusion. Beside them a linear map says what goes along with a head in the mean of people, such as shoulders and hair. It
knows no picture and so cannot learn people by heart. The branches can, and learn what it says as well, so in training
they are left out of some batches (as in stochastic depth, Huang et al., ECCV 2016, but with no scaling afterwards: what
the branches say is a correction of what the map says).

The last layers begin at zero, so a network that has learned nothing leaves the analytic motion as it is.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from vividlib.conventions import LIP_LANDMARKS
from vividlib.mesh_to_video.network_sizes import NetworkSizes
from vividlib.mesh_to_video.patch import SIDE

GRID = 64  # px of the residual motion
BLUR = 1.5  # px of the grid, of a landmark's Gaussian
ASKED, TOLD = 4, 32  # places along the patch at which the linear map is given the motion, and gives what goes along
HEARD = 0.7  # of the batches: those in training in which the branches are heard
REACH = 8.0  # px of the patch that one unit of the network moves


class Correction(NamedTuple):
    """What the networks change of the analytic motion, and the code it comes from."""

    flow: torch.Tensor  # B 2 GRID GRID, px of the patch
    occlusion: torch.Tensor  # B 1 GRID GRID, share that the photo shows less, where negative
    mean: torch.Tensor  # B latent 8 8
    log_variance: torch.Tensor  # B latent 8 8


class Block(nn.Module):
    """Two convolutions beside a shortcut (He et al., CVPR 2016), the first of which may halve the grid."""

    def __init__(self, channels: int, out: int, stride: int = 1):
        super().__init__()
        self.first = nn.Conv2d(channels, out, 3, stride, 1)
        self.second = nn.Conv2d(out, out, 3, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.leaky_relu(self.first(x), 0.1)
        return x + F.leaky_relu(self.second(x), 0.1)


class FaceBranch(nn.Module):
    """Both textures to a latent code, and the code to a map of facial motion at 32 px."""

    def __init__(self, sizes: NetworkSizes):
        super().__init__()
        self.stem = nn.Conv2d(8 * 4, sizes.face[0], 3, 1, 1)
        self.down = nn.ModuleList(Block(a, b, 2) for a, b in zip(sizes.face, sizes.face[1:]))
        self.code = nn.Conv2d(sizes.face[-1], 2 * sizes.latent, 1)
        self.begin = nn.Conv2d(sizes.latent, sizes.face[-1], 3, 1, 1)
        self.up = nn.ModuleList(Block(a, b) for a, b in zip(sizes.face[:1:-1], sizes.face[-2:0:-1]))

    def forward(self, textures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        x = F.leaky_relu(self.stem(F.pixel_unshuffle(textures, 2)), 0.1)
        for block in self.down:
            x = block(x)
        mean, log_variance = self.code(x).float().chunk(2, 1)
        log_variance = log_variance.clamp(-8, 4)
        drawn = mean + torch.randn_like(mean) * (log_variance / 2).exp() if self.training else mean
        x = F.leaky_relu(self.begin(drawn.to(x.dtype)), 0.1)
        for block in self.up:
            x = block(F.interpolate(x, scale_factor=2))
        return x, mean, log_variance


class LipBranch(nn.Module):
    """Gaussian maps of the lips, driven minus reference, to a map of lip motion at 64 px."""

    def __init__(self, sizes: NetworkSizes):
        super().__init__()
        fine, middle, coarse = sizes.lips
        self.stem = nn.Conv2d(len(LIP_LANDMARKS), fine, 3, 1, 1)
        self.to_middle, self.to_coarse = Block(fine, middle, 2), Block(middle, coarse, 2)
        self.from_coarse, self.from_middle = Block(coarse + middle, middle), Block(middle + fine, fine)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        fine = F.leaky_relu(self.stem(maps), 0.1)
        middle = self.to_middle(fine)
        coarse = F.interpolate(self.to_coarse(middle), scale_factor=2)
        middle = F.interpolate(self.from_coarse(torch.cat([coarse, middle], 1)), scale_factor=2)
        return self.from_middle(torch.cat([middle, fine], 1))


class MotionNetwork(nn.Module):
    """Both branches, joined with the analytic motion, and the linear map to a `Correction`."""

    def __init__(self, sizes: NetworkSizes):
        super().__init__()
        self.face, self.lips = FaceBranch(sizes), LipBranch(sizes)
        self.join = Block(sizes.face[1] + sizes.lips[0] + 3, sizes.face[0])
        self.out = nn.Conv2d(sizes.face[0], 3, 3, 1, 1)
        self.along = nn.Linear(2 * ASKED**2, 2 * TOLD**2, bias=False)
        for zero in (self.out.weight, self.out.bias, self.along.weight):
            nn.init.zeros_(zero)

    def forward(
        self, reference: torch.Tensor, driven: torch.Tensor, lips: torch.Tensor, driven_lips: torch.Tensor,
        flow: torch.Tensor, occlusion: torch.Tensor,
    ) -> Correction:  # fmt: skip
        """
        Parameters
        ----------
        reference, driven : B 4 128 128, projected textures joined with what is around the head, and inner masks
        lips, driven_lips : B 40 2, px of the patch
        flow, occlusion : B 2 SIDE SIDE px and B 1 SIDE SIDE, analytic
        """
        face, mean, log_variance = self.face(torch.cat([reference, driven], 1))
        maps = (gaussians(driven_lips) - gaussians(lips)).to(face.dtype)
        motion = F.avg_pool2d(torch.cat([flow / REACH, occlusion], 1), SIDE // GRID)
        joined = torch.cat([F.interpolate(face, scale_factor=2), self.lips(maps), motion.to(face.dtype)], 1)
        out = self.out(self.join(joined)).float()
        if self.training:
            out = out * (torch.rand((), device=out.device) < HEARD)
        asked = F.avg_pool2d(motion[:, :2], GRID // ASKED).flatten(1).to(face.dtype)
        told = F.interpolate(self.along(asked).float().unflatten(1, (2, TOLD, TOLD)), GRID, mode="bilinear")
        return Correction(REACH * (out[:, :2] + told), out[:, 2:], mean, log_variance)


def gaussians(points: torch.Tensor) -> torch.Tensor:
    """A map for each point (B N 2 px of the patch), B N GRID GRID."""
    at = (points + 0.5) * (GRID / SIDE) - 0.5
    along = torch.exp(-((torch.arange(GRID, device=at.device) - at[..., None]) ** 2) / (2 * BLUR**2))  # B N 2 GRID
    return along[:, :, 1, :, None] * along[:, :, 0, None, :]
