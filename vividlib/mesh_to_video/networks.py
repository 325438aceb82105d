"""Dense motion and generator as one: what is corrected of a driven patch, and what is added to it.

Everything that the networks do is weighted by how much has moved (`vividlib.mesh_to_video.warp.moved`) and fades towards
the border of the patch, so nobody finds the seam, and the photo's own motion returns the photo. What is added is added
above all where the photo shows nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from vividlib.errors import WeightsError
from vividlib.mesh_to_video.generator import Generator, PhotoEncoder
from vividlib.mesh_to_video.motion_network import GRID, Correction, MotionNetwork
from vividlib.mesh_to_video.network_sizes import NetworkSizes
from vividlib.mesh_to_video.patch import SIDE, DrivenPatch, PhotoPatch
from vividlib.mesh_to_video.warp import lay, moved

FADE = 5  # px of the grid, at the border
KEPT = (
    0.8  # of what the photo shows: its own teeth are whiter and sharper than those of the videos that were learned from
)


class Photo(NamedTuple):
    """B photos as tensors."""

    layers: torch.Tensor  # B 7 SIDE SIDE in [0, 1]: photo, matte and plate
    texture: torch.Tensor  # B 4 128 128 in [0, 1]
    lips: torch.Tensor  # B 40 2 px


class Driven(NamedTuple):
    """B driven patches as tensors."""

    flow: torch.Tensor  # B 2 SIDE SIDE px
    occlusion: torch.Tensor  # B 1 SIDE SIDE
    fill: torch.Tensor  # B 4 SIDE SIDE in [0, 1]
    texture: torch.Tensor  # B 4 128 128 in [0, 1]
    lips: torch.Tensor  # B 40 2 px


class Made(NamedTuple):
    """What the networks make of driven patches."""

    correction: Correction
    warped: torch.Tensor  # B 3 SIDE SIDE in [0, 1], the frame that the corrected motion gives
    residual: torch.Tensor  # B 3 SIDE SIDE, what is added to it


class VideoNetworks(nn.Module):
    """Motion network, photo encoder and generator."""

    def __init__(self, sizes: NetworkSizes):
        super().__init__()
        self.motion, self.encoder, self.generator = MotionNetwork(sizes), PhotoEncoder(sizes), Generator(sizes)
        steps = torch.arange(GRID)
        edge = ((torch.minimum(steps, GRID - 1 - steps)) / FADE).clamp(0, 1)
        self.register_buffer("fade", torch.minimum(edge, edge[:, None])[None, None], persistent=False)

    @property
    def dtype(self) -> torch.dtype:
        """In which the convolutions are computed."""
        return self.motion.out.weight.dtype

    def forward(self, known: torch.Tensor, photo: Photo, driven: Driven) -> Made:
        """Patches at their own size, from what was read of their photos."""
        gate = self.gate(driven)
        correction = self.correct(photo, driven, gate)
        better = corrected(driven, correction)
        warped = frame_of(photo, better)
        return Made(correction, warped, self.add(known, warped, better, gate))

    def read(self, photo: Photo) -> torch.Tensor:
        """What the generator needs to know of the photos: once a photo."""
        return self.encoder(photo.layers.to(self.dtype), photo.texture.to(self.dtype))

    def gate(self, driven: Driven) -> torch.Tensor:
        """How much the networks may change, B 1 GRID GRID."""
        return moved(driven.flow, driven.occlusion, driven.fill) * self.fade.float()

    def correct(self, photo: Photo, driven: Driven, gate: torch.Tensor) -> Correction:
        """What the motion of each patch lacks."""
        half, quarter = (F.avg_pool2d(x, 2) for x in (photo.layers, torch.cat(driven[:3], 1)))
        around = lay(half, quarter[:, :2] / 2, quarter[:, 2:3], quarter[:, 3:])
        textures = (
            torch.cat([image + texture[:, 3:] * (texture[:, :3] - image), texture[:, 3:]], 1).to(self.dtype)
            for image, texture in ((half[:, :3], photo.texture), (around, driven.texture))
        )
        made = self.motion(*textures, photo.lips, driven.lips, driven.flow, driven.occlusion)
        return made._replace(flow=made.flow * gate, occlusion=made.occlusion * gate)

    def add(self, known: torch.Tensor, frame: torch.Tensor, driven: Driven, gate: torch.Tensor) -> torch.Tensor:
        """What is added to frames (B 3 SIDE SIDE in [0, 1]) that the corrected motion of ``driven`` has given."""
        made = self.generator(known, frame, driven.flow, driven.occlusion, driven.fill, driven.texture, gate)
        return made * larger(gate) * (1 - KEPT * driven.occlusion)


def loaded(weights: dict[str, torch.Tensor], sizes: NetworkSizes) -> VideoNetworks:
    """Networks in float32.

    Raises
    ------
    WeightsError
        If the weights are not those of networks of these sizes.
    """
    networks = VideoNetworks(sizes).eval()
    try:
        networks.load_state_dict(weights)
    except RuntimeError as problem:
        raise WeightsError("The weights do not fit these sizes; choose those they were trained with.") from problem
    return networks


def with_weights(weights: dict[str, torch.Tensor], sizes: NetworkSizes) -> VideoNetworks:
    """Networks in the type that this processor multiplies fastest. Raises as `loaded`."""
    networks = loaded(weights, sizes)
    return networks.to(memory_format=torch.channels_last).to(_fastest())


def _fastest() -> torch.dtype:
    """bfloat16 where the processor has instructions for it; elsewhere it is emulated."""
    has = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return torch.bfloat16 if has() else torch.float32


def larger(motion: torch.Tensor) -> torch.Tensor:
    """From the grid of the motion (B C GRID GRID) to the patch."""
    return F.interpolate(motion, SIDE, mode="bilinear", align_corners=False)


def frame_of(photo: Photo, driven: Driven) -> torch.Tensor:
    """The frames that photos give as they are driven, B 3 SIDE SIDE in [0, 1]."""
    return lay(photo.layers, driven.flow, driven.occlusion, driven.fill)


def corrected(driven: Driven, correction: Correction) -> Driven:
    """Driven patches with their motion corrected.

    The photo can turn out not to show what the mesh believes it shows, never the other way round: or else lips are drawn
    over the opening between them, and people mumble.
    """
    occlusion = driven.occlusion * (1 + larger(correction.occlusion)).clamp(0, 1)
    return driven._replace(flow=driven.flow + larger(correction.flow), occlusion=occlusion)


def photo_tensors(patches: list[PhotoPatch]) -> Photo:
    """As the networks take them."""
    layers = np.stack([np.dstack([one.photo, one.matte, one.plate]) for one in patches])
    return Photo(_channels_first(layers) / 255, *_texture_and_lips(patches))


def driven_tensors(patches: list[DrivenPatch]) -> Driven:
    """As the networks take them."""
    flow, occlusion, fill = (_channels_first(np.stack([one[i] for one in patches])) for i in range(3))
    fill[:, :3] /= 255
    return Driven(flow, occlusion, fill, *_texture_and_lips(patches))


def _texture_and_lips(patches: list) -> tuple[torch.Tensor, torch.Tensor]:
    texture = _channels_first(np.stack([one.texture for one in patches])) / 255
    return texture, torch.from_numpy(np.stack([one.lips for one in patches]))


def _channels_first(images: np.ndarray) -> torch.Tensor:
    """B H W or B H W C to B C H W float32."""
    images = torch.from_numpy(images.reshape(*images.shape[:3], -1))
    return images.permute(0, 3, 1, 2).float().contiguous()
