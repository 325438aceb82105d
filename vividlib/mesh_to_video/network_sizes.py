"""How large the networks of this stage are: everything that tells "fast" from "full"."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NetworkSizes:
    """Channels, from the finest grid to the coarsest."""

    face: tuple[int, ...]  # of the face branch: at 64, 32, 16 and 8 px
    latent: int  # of the motion VAE, at 8 px
    lips: tuple[int, ...]  # of the hourglass of the lip branch: at 64, 32 and 16 px
    photo: int  # of what is read of the photo, once, at 64 px
    generator: tuple[int, ...]  # at 128, 64, 32 and 16 px


FAST = NetworkSizes(face=(32, 48, 64, 96), latent=16, lips=(24, 32, 48), photo=32, generator=(32, 64, 96, 128))
FULL = NetworkSizes(face=(64, 96, 128, 192), latent=32, lips=(48, 64, 96), photo=96, generator=(96, 192, 288, 384))
SIZES = {"fast": FAST, "full": FULL}
