"""The adversary of the second stage: it looks at mouths and eyes and tells filmed ones from drawn ones.

A patch discriminator (Isola et al., CVPR 2017, section 3.2) with instance normalisation and hinge loss. It sees what
the mesh has at each pixel, too: a mouth that stays shut where the mesh opens it is not real. Its features are the
perceptual ones of the training (feature matching: Wang et al., CVPR 2018, section 3.3).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from vividlib.training.video_batches import EYES, Batch

MOUTH_CROP, EYES_CROP = (80, 80), (64, 128)  # rows and columns, px of the patch
CHANNELS = 32, 64, 128, 128


class Critic(nn.Module):
    """Crops (B 3 H W in [0, 1]) and what the mesh has there (B 4 H W) to features, the last of which are verdicts."""

    def __init__(self):
        super().__init__()
        first, second, third, last = CHANNELS
        self.layers = nn.ModuleList(
            [
                nn.Conv2d(7, first, 4, 2, 1), nn.Conv2d(first, second, 4, 2, 1), nn.Conv2d(second, third, 4, 2, 1),
                nn.Conv2d(third, last, 3, 1, 1), nn.Conv2d(last, 1, 3, 1, 1),
            ]
        )  # fmt: skip

    def forward(self, crops: torch.Tensor, mesh: torch.Tensor) -> list[torch.Tensor]:
        x, features = torch.cat([2 * crops - 1, mesh], 1), []
        for layer in self.layers[:-1]:
            x = layer(x)
            x = F.leaky_relu(F.instance_norm(x) if features else x, 0.2)
            features.append(x)
        return [*features, self.layers[-1](x)]


def crops_of(frames: torch.Tensor, batch: Batch) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Mouths and eyes of frames (B 3 SIDE SIDE), and the mesh's texture there."""
    side = frames.shape[-1]
    mesh = F.interpolate(batch.driven.texture, side)
    both = torch.cat([frames, mesh], 1)
    found = []
    for (height, width), middles in ((MOUTH_CROP, batch.driven.lips.mean(1)), (EYES_CROP, _eyes(batch))):
        corners = [
            (min(max(round(x - width / 2), 0), side - width), min(max(round(y - height / 2), 0), side - height))
            for x, y in middles.tolist()
        ]
        crops = torch.stack([one[:, y : y + height, x : x + width] for one, (x, y) in zip(both, corners)])
        found.append((crops[:, :3], crops[:, 3:]))
    return found


def _eyes(batch: Batch) -> torch.Tensor:
    """Middle of both eyes, B 2 px; that of the patch where none are seen."""
    eyes = (batch.weight[:, 0] == 1 + EYES).float()
    steps = torch.arange(eyes.shape[-1], dtype=torch.float32, device=eyes.device)
    count = eyes.sum((1, 2))
    middle = torch.stack([(eyes.sum(1) * steps).sum(1), (eyes.sum(2) * steps).sum(1)], 1) / count.clamp(min=1)[:, None]
    return torch.where(count[:, None] > 0, middle, torch.full_like(middle, eyes.shape[-1] / 2))


def verdict_loss(critic: Critic, frames: torch.Tensor, batch: Batch) -> torch.Tensor:
    """What the critic minimises: hinge loss of drawn frames and their truths."""
    total = 0.0
    for (drawn, mesh), (real, _) in zip(crops_of(frames.detach(), batch), crops_of(batch.truth, batch)):
        total = total + F.relu(1 + critic(drawn, mesh)[-1]).mean() + F.relu(1 - critic(real, mesh)[-1]).mean()
    return total


def adversarial(critic: Critic, frames: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """What the networks minimise: that frames are told to be drawn, and how far their features are from the truth's."""
    verdict, matching = 0.0, 0.0
    for (drawn, mesh), (real, _) in zip(crops_of(frames, batch), crops_of(batch.truth, batch)):
        *features, told = critic(drawn, mesh)
        with torch.no_grad():
            *wanted, _ = critic(real, mesh)
        verdict = verdict - told.mean()
        matching = matching + sum((a - b).abs().mean() for a, b in zip(features, wanted)) / len(features)
    return verdict, matching
