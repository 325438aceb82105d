"""Codebooks of head motion: what a head can do next, whatever it does now.

VividTalk's first phase of the head pose (arXiv 2312.01841, section 3.2): a VQ-VAE (van den Oord et al., arXiv 1711.00937)
over windows of relative pose, one for turns and one for shifts, as in product quantisation (Jegou et al., 2011): so that
neither has to name what the other does. A pose curve is a spline of `splines`, and each code stands for its next
coefficient, which decides KNOT frames, relative to the last ones as they were decoded: what quantisation gets wrong in
one window, the next one sees and mends, so that errors do not add up (differential pulse-code modulation: Jayant and
Noll, "Digital coding of waveforms", 1984, chapter 6).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

POSE = 6
"""Rotation vector in radians about X, Y and Z, and translation in metres, both from rest."""
PART = POSE // 2
HEAD_SIZE = 0.2
"""Metres from the chin to the crown of the default head, in which translations count."""
UNIT = np.array([0.02] * 3 + [0.02 * HEAD_SIZE] * 2 + [0.08 * HEAD_SIZE])
"""Radians and metres of a pose that count alike; depth is what one sees least."""
TURNS, SHIFTS = slice(0, PART), slice(PART, POSE)
CODES = 512, 256
"""Of turns and of shifts."""
AHEAD = 3
"""Windows that the encoder sees."""
WIDTH, LATENT = 128, 4


class PoseCodebook(nn.Module):
    """Windows of turns or shifts to codes and back; all in UNITs.

    Parameters
    ----------
    codes : how many
    """

    def __init__(self, codes: int):
        super().__init__()
        self.encoder = _layers((AHEAD + 1) * PART, LATENT)
        self.decoder = _layers(LATENT + PART, PART)
        self.register_buffer("codes", torch.zeros(codes, LATENT))

    def encode(self, last: torch.Tensor, following: torch.Tensor) -> torch.Tensor:
        """The latent of what comes next.

        Parameters
        ----------
        last : (..., 2, PART) the last coefficients, as decoded
        following : (..., AHEAD, PART) those to come, as they are

        Returns
        -------
        (..., LATENT)
        """
        moves = torch.cat([last.diff(dim=-2), following - last[..., 1:, :]], -2)
        return self.encoder(moves.flatten(-2))

    def nearest(self, latent: torch.Tensor) -> torch.Tensor:
        """The codes (...) int64 nearest to latents (..., LATENT)."""
        return torch.cdist(latent.reshape(-1, LATENT), self.codes).argmin(1).view(latent.shape[:-1])

    def decode(self, last: torch.Tensor, latent: torch.Tensor) -> torch.Tensor:
        """The next coefficient (..., PART) after the ``last`` two (..., 2, PART), of a latent (..., LATENT)."""
        velocity = last[..., 1, :] - last[..., 0, :]
        return last[..., 1, :] + velocity + self.decoder(torch.cat([latent, velocity], -1))

    def moves(self) -> torch.Tensor:
        """What each code does to a head at rest, (codes, PART); to one that moves, about the same."""
        return self.decode(torch.zeros(len(self.codes), 2, PART), self.codes)


def _layers(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, outputs)
    )


def coded(codebook: PoseCodebook, curves: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Curves through the codebook, each window from the one before as decoded.

    Parameters
    ----------
    codebook : in evaluation mode
    curves : (B, N, PART) coefficients in UNITs, N more than AHEAD + 1

    Returns
    -------
    codes : (B, N - AHEAD - 1) int64, of the coefficients from the third on
    decoded : (B, N - AHEAD + 1, PART), the first two as they were
    """
    codes, decoded = [], [curves[:, 0], curves[:, 1]]
    with torch.inference_mode():
        for window in range(curves.shape[1] - AHEAD - 1):
            last = torch.stack(decoded[-2:], 1)
            codes.append(codebook.nearest(codebook.encode(last, curves[:, 2 + window :][:, :AHEAD])))
            decoded.append(codebook.decode(last, codebook.codes[codes[-1]]))
    return torch.stack(codes, 1).clone(), torch.stack(decoded, 1).clone()
