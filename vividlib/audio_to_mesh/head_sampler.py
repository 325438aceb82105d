"""Head motion from a voice: codes of the pose codebooks, one after the other, drawn from what a transformer expects.

VividTalk's second phase of the head pose (arXiv 2312.01841, section 3.2). For each window of KNOT frames the network
sees the voice up to `network.FRAMES_AHEAD` frames later, the codes before, the pose and velocity that they have led to,
how the head rests in the photo, a style and how fast to move (the buckets of EMO, arXiv 2402.17485, section 3.2), and
gives the chance of each code. Since it sees the pose, it has learned to come back, and nothing drifts. A code is drawn
from the likeliest ones (nucleus sampling: Holtzman et al., arXiv 1904.09751) of those that stay inside the limits. The
voice tells little about a head; classifier-free guidance (Ho and Salimans, arXiv 2207.12598) makes more of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import nn

from vividlib.audio_to_mesh import head_window, noise, splines
from vividlib.audio_to_mesh.features import MEL_BANDS, MELS_PER_FRAME
from vividlib.audio_to_mesh.head_codebook import CODES, LATENT, PART, POSE, UNIT, PoseCodebook
from vividlib.audio_to_mesh.network import Block, through
from vividlib.audio_to_mesh.splines import KNOT
from vividlib.weights import load_weights

WEIGHTS = "head_pose.safetensors"
WIDTH, DILATIONS, DROPOUT = 64, (1, 2, 4), 0.2
MEMORY = 48
"""Windows (4 s) that attention looks back."""
BANDS = 16
"""Bands of the voice that heads listen to."""
KINDS = 4
"""Of motion that may come next: each is a normal distribution over what codes do."""
LEVELS = 5
"""Of speed, slow to fast."""
SILENCE = -2.0
"""What `features.relative_log_mel` gives for silence."""
GUIDANCE, TEMPERATURE, NUCLEUS = 1.5, 1.0, 0.99
SETTLING = 25
"""Frames after the last voice from which on a head is as slow as heads get."""
BRAKING = 1.5
"""Windows for which a head may go on and still be inside the limits."""
POSES = 3.0  # by which poses are divided to be about 1

Memory = tuple[tuple[torch.Tensor, ...], ...]


class HeadSampler(nn.Module):
    """Chances of the next codes.

    Parameters
    ----------
    styles : number of style codes; code 0 is the neutral one and stays zero
    """

    def __init__(self, styles: int):
        super().__init__()
        self.turns, self.shifts = (PoseCodebook(codes) for codes in CODES)
        self.hear = nn.Linear(KNOT * BANDS, WIDTH)
        self.deaf = nn.Parameter(torch.zeros(WIDTH))  # what is heard by one that knows no voice
        self.feel = nn.Linear(2 * LATENT + 2 * POSE, WIDTH)
        self.rest = nn.Linear(PART, WIDTH, bias=False)
        self.styles = nn.Embedding(styles, WIDTH, padding_idx=0)
        self.levels = nn.Embedding(LEVELS, WIDTH)
        self.blocks = nn.ModuleList(Block(WIDTH, dilation, MEMORY) for dilation in DILATIONS)
        self.norm = nn.LayerNorm(WIDTH)
        self.drop = nn.Dropout(DROPOUT)
        self.turn = Choice(WIDTH, CODES[0])
        self.shift = Choice(WIDTH + LATENT, CODES[1])  # knows the turn that goes with it

    def condition(self, style: torch.Tensor, rest: torch.Tensor, strength: float = 1.0) -> torch.Tensor:
        """Style codes (B,) int64, of some strength, and rotation vectors of resting heads (B, 3) to (B, WIDTH)."""
        return strength * self.styles(style) + self.rest(rest)

    def forward(
        self, sound: torch.Tensor, known: torch.Tensor, last: torch.Tensor, latents: torch.Tensor,
        level: torch.Tensor, condition: torch.Tensor, memory: Memory,
    ) -> tuple[torch.Tensor, Memory]:  # fmt: skip
        """What is made of the next windows; `Choice` makes chances of it.

        Parameters
        ----------
        sound : (B, N, KNOT * BANDS) from `sound_of`
        known : (B,) bool, whether the voice is heard
        last : (B, N, 2, POSE) the coefficients before each window, in UNITs
        latents : (B, N, 2 * LATENT) of the turn and the shift before each
        level : (B, N) int64 of speed, 0 to LEVELS - 1
        condition : (B, WIDTH) from `condition`
        memory : from `nothing` or the call before

        Returns
        -------
        features : (B, N, WIDTH)
        memory : for the next call
        """
        heard = torch.where(known[:, None, None], self.hear(sound), self.deaf)
        felt = torch.cat([latents, last[:, :, 1] / POSES, last[:, :, 1] - last[:, :, 0]], -1)
        x = heard + self.feel(felt) + self.levels(level) + condition.unsqueeze(1)
        x, memory = through(self.blocks, x, memory)
        return self.drop(self.norm(x)), memory

    def nothing(self, batch: int = 1) -> Memory:
        """The memory before the first window."""
        return tuple(block.nothing(batch) for block in self.blocks)


class Choice(nn.Module):
    """Chances of codes: a mixture of normals over what they do, times how common they are.

    So that codes that do alike are alike in their chances, and half an hour of people is enough to learn them from.
    """

    def __init__(self, width: int, codes: int):
        super().__init__()
        self.out = nn.Linear(width, KINDS * (1 + 2 * PART))
        self.other = nn.Parameter(torch.tensor(-3.0))  # weight of what no normal expects: people surprise
        self.register_buffer("common", torch.zeros(codes))  # logits of the codes for whatever is heard
        self.register_buffer("moves", torch.zeros(codes, PART))  # what each does, at a standard deviation of 1

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(..., width) to logits (..., codes)."""
        weight, mean, spread = self.out(features).unflatten(-1, (KINDS, -1)).split([1, PART, PART], -1)
        sharp = torch.exp(-2 * spread)
        constant = weight - (0.5 * sharp * mean.square() + spread).sum(-1, keepdim=True)
        each = (
            constant + torch.cat([sharp * mean, -0.5 * sharp], -1) @ torch.cat([self.moves, self.moves.square()], 1).T
        )
        other = (self.other + weight.logsumexp(-2, keepdim=True)).expand(*each.shape[:-2], 1, each.shape[-1])
        return self.common + torch.cat([each, other], -2).logsumexp(-2)


def sound_of(mel: torch.Tensor) -> torch.Tensor:
    """What a head hears of windows: relative log-mel (B, KNOT * MELS_PER_FRAME * N, MEL_BANDS) to (B, N, KNOT * BANDS)."""
    frames = mel.unflatten(1, (-1, MELS_PER_FRAME)).mean(2)
    return frames.unflatten(2, (BANDS, MEL_BANDS // BANDS)).mean(3).unflatten(1, (-1, KNOT)).flatten(2)


@dataclass(frozen=True, eq=False)
class State:
    """What head motion to come depends on, of what was before it."""

    frame: int
    mel: torch.Tensor  # (KNOT - 1) * MELS_PER_FRAME, MEL_BANDS: what was heard since the last window began
    quiet: int  # frames since the last voice
    last: np.ndarray  # 2 POSE, coefficients in UNITs
    latents: np.ndarray  # 2 * LATENT, of the last codes
    memory: head_window.Memory
    curve: np.ndarray  # of `splines.draw`


@cache
def load_sampler() -> HeadSampler:
    """The trained network of assets/."""
    weights = load_weights(WEIGHTS)
    sampler = HeadSampler(len(weights["styles.weight"])).eval()
    sampler.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    return sampler


@cache
def load_windows() -> head_window.Weights:
    """The same for `head_window`, which is compiled here and not in the middle of a voice."""
    weights, rest = compiled_weights(load_sampler()), begin()
    sounds, room = np.zeros((1, KNOT * BANDS), np.float32), np.ones(POSE, np.float32)
    head_window.course(
        weights, rest.memory, sounds, weights.levels[:1], rest.last, rest.latents, -room, room, np.zeros((1, 2))
    )
    return weights


def begin() -> State:
    """A head at rest, in silence."""
    silence = torch.full(((KNOT - 1) * MELS_PER_FRAME, MEL_BANDS), SILENCE)
    keys = np.zeros((len(DILATIONS), 2, WIDTH, MEMORY + 1), np.float32)
    values = np.zeros((len(DILATIONS), 2, MEMORY + 1, WIDTH), np.float32)
    inputs = np.zeros((len(DILATIONS), 2, 2 * max(DILATIONS) + 1, WIDTH), np.float32)
    memory = head_window.Memory(keys, values, inputs, np.zeros(1, np.int64))
    last, latents = np.zeros((2, POSE), np.float32), np.zeros(2 * LATENT, np.float32)
    return State(0, silence, SETTLING, last, latents, memory, splines.begin(POSE, splines.QUINTIC))


def step(
    state: State, seed: int, mel: torch.Tensor, voice: np.ndarray, level: int, condition: np.ndarray, low: np.ndarray,
    high: np.ndarray,
) -> tuple[State, np.ndarray]:  # fmt: skip
    """The head in the next frames; whatever the chunks, the same.

    Parameters
    ----------
    state : from `begin` or the step before
    seed : of all that the voice does not tell
    mel : (MELS_PER_FRAME * T, MEL_BANDS) what was heard `network.FRAMES_AHEAD` frames after each frame
    voice : (T,) in [0, 1], whether a voice is heard
    level : of speed, 0 to LEVELS - 1; a head settles to the slowest where nobody speaks
    condition : (WIDTH,) from `HeadSampler.condition`
    low, high : (POSE,) radians and metres that the pose stays within

    Returns
    -------
    state : for the next step
    poses : (T, POSE) float64, radians and metres from rest
    """
    heard, quiet = torch.cat([state.mel, mel]), _since(voice > 0.5, state.quiet)
    knots = splines.knots(state.frame, len(voice))
    last, latents, memory, found = state.last, state.latents, state.memory, np.zeros((0, POSE), np.float32)
    if len(knots):
        weights, memory = load_windows(), head_window.Memory(*(part.copy() for part in memory))
        rows = heard[None, MELS_PER_FRAME * knots[0] :][:, : MELS_PER_FRAME * KNOT * len(knots)]
        conditions = weights.levels[np.where(quiet[knots] < SETTLING, level, 0)] + condition
        low, high = ((limit / UNIT).astype(np.float32) for limit in (low, high))
        # A copy, as Numba would compile anew for numbers that it must not write to.
        random = noise.uniform(seed, noise.HEAD, splines.coefficients_before(state.frame), len(knots), 2).copy()
        found, last, latents = head_window.course(
            weights, memory, sound_of(rows)[0].numpy(), conditions, last, latents, low, high, random
        )
    # Three degrees smoother than what was learned from: what is drawn by chance is rougher than what people do.
    poses, curve = splines.draw(state.curve, state.frame, len(voice), found * UNIT, splines.QUINTIC)
    frame, mel = state.frame + len(voice), heard[len(heard) - len(state.mel) :]
    return State(frame, mel, int(quiet[-1]), last, latents, memory, curve), poses


def _since(happens: np.ndarray, before: int) -> np.ndarray:
    """Frames since something happened (T,), of whether it happens (T,) and how many it was before the first."""
    frames = np.arange(len(happens))
    return frames - np.maximum.accumulate(np.where(happens, frames, -1 - before))


def compiled_weights(sampler: HeadSampler) -> head_window.Weights:
    """What `head_window` needs of a trained sampler."""

    def rows(layers) -> head_window.Layer:
        """Layers of one kind, for rows from the left."""
        return head_window.Layer(_stack(one.weight.T for one in layers), _stack(one.bias for one in layers))

    def layer(one: nn.Linear) -> head_window.Layer:
        return head_window.Layer(*(_array(part) for part in (one.weight.T, one.bias)))

    def part(codebook: PoseCodebook, choice: Choice) -> head_window.Part:
        arrays = codebook.codes, codebook.moves(), choice.moves.T, choice.common
        decoder = tuple(layer(codebook.decoder[index]) for index in (0, 2, 4))
        return head_window.Part(*map(_array, arrays), float(choice.other.detach()), layer(choice.out), decoder)

    blocks = sampler.blocks
    scales = [_stack(_stack([norm.weight, norm.bias]) for norm in block.norms) for block in blocks]
    return head_window.Weights(
        hear=layer(sampler.hear),
        deaf=_array(sampler.deaf),
        feel=layer(sampler.feel),
        levels=_array(sampler.levels.weight),
        blocks=head_window.Blocks(
            norms=np.stack(scales),
            bias=_stack(block.bias for block in blocks),
            dilation=np.array([block.dilation for block in blocks]),
            **{name: rows([getattr(block, name) for block in blocks]) for name in ("attend", "gather", "near", "expand", "contract")},
        ),
        norm=_stack([sampler.norm.weight, sampler.norm.bias]),
        turns=part(sampler.turns, sampler.turn),
        shifts=part(sampler.shifts, sampler.shift),
        poses=POSES, guidance=GUIDANCE, temperature=TEMPERATURE, nucleus=NUCLEUS, braking=BRAKING,
    )  # fmt: skip


def _array(tensor: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().float().numpy())


def _stack(tensors) -> np.ndarray:
    return np.stack([part if isinstance(part, np.ndarray) else _array(part) for part in tensors])
