"""The network from speech to blendshapes: dilated convolutions with a short, fixed look-ahead.

Dilated residual convolutions over time follow van den Oord et al., "WaveNet" (arXiv 1609.03499); the
code of a speaker's style follows VOCA (arXiv 1905.03079) with a neutral code that every speaker shares.
Widths and depths were chosen by what two CPU cores train in half an hour.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from vividlib.audio_to_mesh.features import MEL_BANDS, MEL_HOP, MEL_WINDOW, MELS_PER_FRAME
from vividlib.conventions import ARKIT, ARKIT_INDEX, MOTION_RATE, SAMPLE_RATE

SPOKEN = [name for name in ARKIT if name.startswith(("jaw", "mouth", "cheek", "nose", "tongue"))]
"""The blendshapes that follow from the voice; eyes and brows do not."""
SPOKEN_INDEX = [ARKIT_INDEX[name] for name in SPOKEN]

AHEAD_BLOCKS = 4  # each sees one motion frame ahead
DILATIONS = (1,) * AHEAD_BLOCKS + (1, 2, 4, 8, 16, 32)
FRAMES_AHEAD = AHEAD_BLOCKS
FRAMES_BEHIND = AHEAD_BLOCKS + 2 * sum(DILATIONS[AHEAD_BLOCKS:]) + 1

CLOSING = 0.1, 0.3
"""Probability of closed lips at which they begin to close and at which they are closed; chosen on held-out
people so that about as many closures are made as there are."""
SPEAKING = 0.3, 0.7
"""Probability of a voice at which a mouth begins to take part and at which it fully does."""

LOOK_AHEAD = FRAMES_AHEAD / MOTION_RATE + ((MELS_PER_FRAME - 1) * MEL_HOP + MEL_WINDOW // 2) / SAMPLE_RATE
"""Seconds of audio after a frame's time that the frame can depend on: 0.106."""


class Block(nn.Module):
    """A residual convolution over time that sees ``ahead`` of its two neighbours in the future."""

    def __init__(self, width: int, dilation: int, ahead: int):
        super().__init__()
        self.pad = ((2 - ahead) * dilation, ahead * dilation)
        self.mix = nn.Conv1d(width, width, 3, dilation=dilation)
        self.drop = nn.Dropout(0.1)
        self.out = nn.Conv1d(width, width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.out(self.drop(F.gelu(self.mix(F.pad(x, self.pad)))))


class Heard(NamedTuple):
    """What the network makes of a voice, as logits; `SpeechNetwork.mouth` turns it into motion."""

    shapes: torch.Tensor  # B T len(SPOKEN)
    voice: torch.Tensor  # B T, whether somebody speaks
    closed: torch.Tensor  # B T, whether the lips are closed


class SpeechNetwork(nn.Module):
    """Relative log-mel to the spoken blendshapes, whether a voice is heard, and whether the lips are closed.

    Parameters
    ----------
    speakers : number of style codes; code 0 is the neutral one
    width : channels of the trunk
    """

    def __init__(self, speakers: int, width: int = 256):
        super().__init__()
        self.stem = nn.Conv1d(MEL_BANDS, width, 2 * MELS_PER_FRAME, stride=MELS_PER_FRAME)
        self.style = nn.Embedding(speakers, width)
        self.blocks = nn.ModuleList(
            Block(width, dilation, int(index < AHEAD_BLOCKS)) for index, dilation in enumerate(DILATIONS)
        )
        self.head = nn.Conv1d(width, len(SPOKEN) + 2, 1)
        self.register_buffer("gain", torch.ones(len(SPOKEN)))
        self.register_buffer("opening", torch.zeros(len(SPOKEN)))  # mm of lip gap for each blendshape at 1
        nn.init.normal_(self.style.weight, std=0.1)
        nn.init.constant_(self.head.bias, -3.0)

    @classmethod
    def from_weights(cls, weights: dict[str, torch.Tensor]) -> SpeechNetwork:
        """The network that a state dict was saved from, ready to run."""
        speakers, width = weights["style.weight"].shape
        network = cls(speakers, width).eval()
        network.load_state_dict(weights)
        return network

    def forward(self, mel: torch.Tensor, speaker: torch.Tensor) -> Heard:
        """Run the network; nothing it gives depends on audio more than LOOK_AHEAD later.

        Parameters
        ----------
        mel : (B, MELS_PER_FRAME * T, MEL_BANDS), from `features.relative_log_mel`
        speaker : (B,) int64, style codes
        """
        x = F.pad(mel.transpose(1, 2), (MELS_PER_FRAME, 0))
        x = self.stem(x) + self.style(speaker).unsqueeze(-1)
        for block in self.blocks:
            x = block(x)
        x = self.head(F.gelu(x)).transpose(1, 2)
        return Heard(x[..., :-2], x[..., -2], x[..., -1])

    def mouth(self, heard: Heard) -> torch.Tensor:
        """Blendshapes (..., T, len(SPOKEN)) in [0, 1] at their calibrated amplitude, with the lips closed
        where they may be closed: a closure missed is seen sooner than one too many."""
        shapes = (torch.sigmoid(heard.shapes) * self.gain).clamp(max=1)
        gap = (shapes @ self.opening).clamp(min=0)
        close = SPOKEN.index("mouthClose")
        closed = _ramp(torch.sigmoid(heard.closed), *CLOSING)
        shapes[..., close] += closed * gap / -self.opening[close]
        return shapes.clamp(max=1)

    def voice(self, heard: Heard) -> torch.Tensor:
        """How far the mouth takes part, (..., T) in [0, 1]; exactly 0 where surely nobody speaks."""
        return _ramp(torch.sigmoid(heard.voice), *SPEAKING)


def _ramp(x: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """0 below ``low``, 1 above ``high``, linear between."""
    return ((x - low) / (high - low)).clamp(0, 1)
