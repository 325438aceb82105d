"""The network from speech to the face: a causal transformer whose frames wait LOOK_AHEAD, and three branches.

The branches are VividTalk's (arXiv 2312.01841, section 3.2): blendshapes of the mouth, the other blendshapes, and
offsets of the lips. The trunk's blocks have attention over the last seconds, a convolution over neighbouring frames
and a feed-forward part, as in Gulati et al., "Conformer" (arXiv 2005.08100), but none of them looks ahead: the frame
that comes out belongs to FRAMES_AHEAD frames earlier, so that all there is to carry in a stream is what was heard.
Distances between frames enter as learned biases (Raffel et al., arXiv 1910.10683, section 2.1). Width and depth were
chosen by what two CPU cores train in an hour and run 200 times faster than the voice speaks.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from vividlib.audio_to_mesh.features import MEL_BANDS, MEL_HOP, MEL_WINDOW, MELS_PER_FRAME
from vividlib.audio_to_mesh.upper import UpperFace
from vividlib.conventions import ARKIT, ARKIT_INDEX, LIP_LANDMARKS, MOTION_RATE, SAMPLE_RATE
from vividlib.head.visemes import VISEMES, mixture

SPOKEN = [name for name in ARKIT if name.startswith(("jaw", "mouth", "cheekPuff", "tongue"))]
"""The blendshapes that follow from the voice."""
SPOKEN_INDEX = [ARKIT_INDEX[name] for name in SPOKEN]

WIDTH = 256
HEADS = 4
DILATIONS = 1, 2, 4, 1, 2
"""Of the convolution in each block: so many blocks."""
FINE, COARSE = 5, 2 * MELS_PER_FRAME
"""Mel frames under the two convolutions of the stem; the second one steps from frame to frame of motion."""
MEMORY = 100
"""Frames (2 s) that attention looks back; deeper blocks hear of older ones through it."""
STRETCH = 25
"""Frames whose attention is computed together: more of them look at more keys that do not count."""
MANY = 80
"""Frames from which on a convolution is the faster way through a linear layer."""
STYLE = 16
IDENTITY = 80
OFFSETS = 20
"""Lip offsets are mixtures of so many."""

FRAMES_AHEAD = 4
LOOK_AHEAD = FRAMES_AHEAD / MOTION_RATE + ((MELS_PER_FRAME - 1) * MEL_HOP + MEL_WINDOW // 2) / SAMPLE_RATE
"""Seconds of audio after a frame's time that the frame can depend on: 0.106."""

CLOSING = 0.08, 0.25
"""Probability of closed lips (p, b, m) at which they begin to close and at which they are closed; chosen on LJ Speech so
that nine in ten close."""
BITING = 0.1, 0.8
"""The same of the lower lip at the upper teeth (f, v)."""
SPEAKING = 0.3, 0.7
"""Probability of a voice at which a mouth begins to take part and at which it fully does."""


class Memory(NamedTuple):
    """What a module remembers of frames before, each (B, frames, channels), oldest first."""

    stem: tuple[torch.Tensor, ...]
    blocks: tuple[tuple[torch.Tensor, ...], ...]  # keys, values, inputs of the convolution


class Heard(NamedTuple):
    """What the network makes of a voice; `SpeechNetwork.mouth` turns it into motion."""

    shapes: torch.Tensor  # B T len(SPOKEN), logits
    voice: torch.Tensor  # B T, logit: somebody speaks
    closed: torch.Tensor  # B T, logit: the lips are closed
    bitten: torch.Tensor  # B T, logit: the lower lip is at the upper teeth
    offsets: torch.Tensor  # B T OFFSETS, shares of the basis
    trunk: torch.Tensor  # B T WIDTH, for the upper face


class Linear(nn.Linear):
    """A linear layer of every frame, (B, T, inputs) to (B, T, outputs). Many frames are a convolution of one tap: where
    there are several threads, torch gives that to oneDNN, which on an AMD takes half the time of its matrix product."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[1] < MANY:
            return super().forward(x)
        rows = x.transpose(1, 2).unsqueeze(2)
        return F.conv2d(rows, self.weight[..., None, None], self.bias).squeeze(2).transpose(1, 2)


class Block(nn.Module):
    """Attention, convolution and feed-forward, each added to what comes in; nothing looks ahead.

    Parameters
    ----------
    width : channels
    dilation : of the convolution
    memory : frames that attention looks back
    """

    def __init__(self, width: int, dilation: int, memory: int = MEMORY):
        super().__init__()
        self.memory = memory
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.attend = Linear(width, 3 * width)
        self.bias = nn.Parameter(torch.zeros(HEADS, memory + 1))
        self.gather = Linear(width, width)
        self.near = Linear(3 * width, width)
        self.dilation = dilation
        self.expand = Linear(width, 3 * width // 2)
        self.contract = Linear(3 * width // 2, width)
        self.drop = nn.Dropout(0.1)

    def nothing(self, batch: int) -> tuple[torch.Tensor, ...]:
        """The memory of one that has heard nothing."""
        width = self.gather.in_features
        return torch.zeros(batch, 0, width), torch.zeros(batch, 0, width), torch.zeros(batch, self.reach, width)

    @property
    def reach(self) -> int:
        """Frames before the present one that the convolution sees."""
        return 2 * self.dilation

    def forward(
        self, x: torch.Tensor, memory: tuple[torch.Tensor, ...]
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """(B, T, width) and what was remembered to the same."""
        query, key, value = self.attend(self.norms[0](x)).chunk(3, -1)
        key, value = torch.cat([memory[0], key], 1), torch.cat([memory[1], value], 1)
        x = x + self.gather(self._attention(query, key, value))
        inputs = torch.cat([memory[2], self.norms[1](x)], 1)
        x = x + F.gelu(self.near(_taps(inputs, self.dilation)))
        x = x + self.drop(self.contract(F.gelu(self.expand(self.norms[2](x)))))
        return x, (key[:, -self.memory :], value[:, -self.memory :], inputs[:, -self.reach :])

    def _attention(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """Each of the T queries attends to itself and the ``memory`` keys before it; keys end with the last query.

        STRETCH queries at a time look at the keys that at least one of them sees: of all keys most would not count.
        """
        batch, count, width = query.shape
        size = min(count, STRETCH)
        seen, missing, surplus = self.memory + size, self.memory + count - key.shape[1], -count % size
        bias = F.pad(self.bias.flip(1), (size - 1, size - 1), value=-torch.inf).to(query.dtype)
        bias = bias.unfold(1, seen, 1).flip(1)  # the same along diagonals: each query is one frame further
        if missing or surplus:
            query = F.pad(query, (0, 0, 0, surplus))
            key, value = (F.pad(part, (0, 0, missing, surplus)) for part in (key, value))
            frames = torch.arange(key.shape[1]).unfold(0, seen, size)
            bias = bias.masked_fill((frames < missing)[:, None, None], -torch.inf).repeat(batch, 1, 1, 1)
        query = query.reshape(-1, size, HEADS, width // HEADS).transpose(1, 2)
        key, value = (
            part.unfold(1, seen, size).flatten(0, 1).unflatten(1, (HEADS, -1)).transpose(2, 3) for part in (key, value)
        )
        found = F.scaled_dot_product_attention(query, key, value, bias.expand(len(query), -1, -1, -1))
        return found.transpose(1, 2).reshape(batch, -1, width)[:, :count]


class Branch(nn.Module):
    """Two layers from the trunk to curves, bent by a style (FiLM: Perez et al., arXiv 1709.07871).

    Parameters
    ----------
    reach : how much a style may change; small for lips, whose sounds are the same for everybody
    """

    def __init__(self, width: int, outputs: int, reach: float):
        super().__init__()
        self.hidden = Linear(width, width)
        self.film = nn.Linear(STYLE, 2 * width, bias=False)
        self.out = nn.Linear(width, outputs)
        self.reach = reach
        nn.init.zeros_(self.film.weight)

    def forward(self, x: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        """(B, T, width) and (B, STYLE) to (B, T, outputs)."""
        scale, shift = (self.reach * torch.tanh(self.film(style))).unsqueeze(1).chunk(2, -1)
        return self.out(F.gelu(self.hidden(x)) * (1 + scale) + shift)


def through(
    blocks: nn.ModuleList, x: torch.Tensor, memory: tuple[tuple[torch.Tensor, ...], ...]
) -> tuple[torch.Tensor, tuple[tuple[torch.Tensor, ...], ...]]:
    """(B, T, width) through `Block` after `Block`, with what each remembered, to the same."""
    kept = []
    for block, before in zip(blocks, memory):
        x, after = block(x, before)
        kept.append(after)
    return x, tuple(kept)


class SpeechNetwork(nn.Module):
    """Relative log-mel to the spoken blendshapes and lip offsets, and what the upper face is sampled from.

    Parameters
    ----------
    speakers : number of style codes; code 0 is the neutral one and stays zero
    """

    def __init__(self, speakers: int):
        super().__init__()
        self.fine = Linear(FINE * MEL_BANDS, WIDTH // 2)
        self.stem = Linear(COARSE * WIDTH // 2, WIDTH)
        self.blocks = nn.ModuleList(Block(WIDTH, dilation) for dilation in DILATIONS)
        self.norm = nn.LayerNorm(WIDTH)
        self.styles = nn.Embedding(speakers, STYLE, padding_idx=0)
        self.person = nn.Linear(IDENTITY, STYLE, bias=False)
        self.lips = Branch(WIDTH, len(SPOKEN) + 3, reach=0.3)
        self.corrections = Branch(WIDTH, OFFSETS, reach=0.3)
        self.upper = UpperFace()
        self.register_buffer("gain", torch.ones(len(SPOKEN)))
        self.register_buffer("opening", torch.zeros(len(SPOKEN)))  # mm of lip gap for each blendshape at 1
        self.register_buffer("basis", torch.zeros(OFFSETS, len(LIP_LANDMARKS), 3))  # metres
        self.register_buffer("parting", torch.zeros(OFFSETS))  # mm of lip gap for each of the basis at 1
        nn.init.zeros_(self.person.weight)
        nn.init.constant_(self.lips.out.bias, -3.0)

    @classmethod
    def from_weights(cls, weights: dict[str, torch.Tensor]) -> SpeechNetwork:
        """The network that a state dict was saved from, ready to run."""
        network = cls(len(weights["styles.weight"])).eval()
        network.load_state_dict(weights)
        return network

    def style(self, code: torch.Tensor, identity: torch.Tensor) -> torch.Tensor:
        """Style codes (B,) int64 and coefficients of the head's identity (B, IDENTITY) to (B, STYLE)."""
        return self.styles(code) + self.person(identity)

    def nothing(self, batch: int = 1) -> Memory:
        """The memory of one that has heard nothing."""
        mels = COARSE - MELS_PER_FRAME
        stem = torch.zeros(batch, FINE - 1, MEL_BANDS), torch.zeros(batch, mels, WIDTH // 2)
        return Memory(stem, tuple(block.nothing(batch) for block in self.blocks))

    def forward(self, mel: torch.Tensor, style: torch.Tensor, memory: Memory) -> tuple[Heard, Memory]:
        """Hear the next frames.

        What is heard comes FRAMES_AHEAD frames late: index t of the result belongs to motion frame
        ``t - FRAMES_AHEAD`` of the same counting.

        Parameters
        ----------
        mel : (B, MELS_PER_FRAME * T, MEL_BANDS), T at least 1, from `features.relative_log_mel`
        style : (B, STYLE)
        memory : from `nothing` or the call before
        """
        mel = torch.cat([memory.stem[0], mel], 1)
        fine = F.gelu(self.fine(mel.unfold(1, FINE, 1).flatten(2)))
        fine = torch.cat([memory.stem[1], fine], 1)
        x = self.stem(fine.unfold(1, COARSE, MELS_PER_FRAME).flatten(2))
        stem = mel[:, 1 - FINE :], fine[:, MELS_PER_FRAME - COARSE :]
        x, kept = through(self.blocks, x, memory.blocks)
        x = self.norm(x)
        lips = self.lips(x, style)
        heard = Heard(lips[..., :-3], *lips[..., -3:].unbind(-1), self.corrections(x, style), x)
        return heard, Memory(stem, kept)

    def mouth(self, heard: Heard) -> tuple[torch.Tensor, torch.Tensor]:
        """The mouth at its calibrated amplitude, closed and at the teeth where that is heard.

        Returns
        -------
        shapes : (..., T, len(SPOKEN)) in [0, 1]
        offsets : (..., T, 40, 3) metres in head space at `conventions.LIP_LANDMARKS`
        """
        shapes = (torch.sigmoid(heard.shapes) * self.gain).clamp(max=1)
        bitten = ramp(torch.sigmoid(heard.bitten), *BITING).unsqueeze(-1)
        shapes = shapes + bitten * (_AT_TEETH - shapes)
        closed = ramp(torch.sigmoid(heard.closed), *CLOSING)
        gap = (shapes @ self.opening + heard.offsets @ self.parting).clamp(min=0)
        close = SPOKEN.index("mouthClose")
        shapes[..., close] += closed * gap / -self.opening[close]
        return shapes.clamp(0, 1), (heard.offsets @ self.basis.flatten(1)).unflatten(-1, self.basis.shape[1:])

    def voice(self, heard: Heard) -> torch.Tensor:
        """How far the mouth takes part, (..., T) in [0, 1]; exactly 0 where surely nobody speaks."""
        return ramp(torch.sigmoid(heard.voice), *SPEAKING)


_AT_TEETH = torch.from_numpy(mixture({"FF": 1.0}, VISEMES)[SPOKEN_INDEX])


def _taps(x: torch.Tensor, dilation: int) -> torch.Tensor:
    """What a convolution of three taps multiplies, (B, 2 * dilation + T, C) to (B, T, 3 * C): as a matrix product it
    takes a single frame ten times faster than torch's convolution."""
    return x.unfold(1, 2 * dilation + 1, 1)[..., ::dilation].flatten(2)


def ramp(x: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """0 below ``low``, 1 above ``high``, linear between."""
    return ((x - low) / (high - low)).clamp(0, 1)
