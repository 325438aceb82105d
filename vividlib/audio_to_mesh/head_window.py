"""The next window of head motion, compiled by Numba: the arithmetic of `head_sampler.HeadSampler` for one window.

A window depends on the one before, so that nothing can be computed side by side, and of a network this small PyTorch
spends its time on calling: compiled, a window takes a tenth of the time.
"""

from __future__ import annotations

from math import erf, exp, sqrt
from typing import NamedTuple

import numpy as np

from vividlib.geometry.raster_numba import compiled


class Layer(NamedTuple):
    """A linear layer, for rows from the left."""

    weight: np.ndarray  # inputs outputs
    bias: np.ndarray  # outputs


class Blocks(NamedTuple):
    """All blocks of the transformer, stacked."""

    norms: np.ndarray  # blocks 3 2 width: scale and shift
    attend: Layer
    bias: np.ndarray  # blocks heads memory + 1
    gather: Layer
    near: Layer
    expand: Layer
    contract: Layer
    dilation: np.ndarray  # blocks


class Part(NamedTuple):
    """Turns or shifts: the codebook, and how one of its codes is chosen."""

    codes: np.ndarray  # codes latent
    moves: np.ndarray  # codes 3 UNITs
    scaled: np.ndarray  # codes 3, at a standard deviation of 1
    common: np.ndarray  # codes
    other: float
    out: Layer
    decoder: tuple[Layer, Layer, Layer]


class Weights(NamedTuple):
    """A sampler, and how it is sampled."""

    hear: Layer
    deaf: np.ndarray
    feel: Layer
    levels: np.ndarray
    blocks: Blocks
    norm: np.ndarray  # 2 width: scale and shift
    turns: Part
    shifts: Part
    poses: float
    guidance: float
    temperature: float
    nucleus: float
    braking: float


class Memory(NamedTuple):
    """Of the row that hears the voice and the one that does not, the newest last; written to."""

    keys: np.ndarray  # blocks 2 memory + 1 width
    values: np.ndarray  # blocks 2 memory + 1 width
    inputs: np.ndarray  # blocks 2 reach + 1 width
    filled: np.ndarray  # 1: how many windows of keys there are


@compiled
def following(weights, memory, sound, condition, last, latents, low, high, uniform):
    """The last two coefficients (2, 6) and the latents (2 * latent) after the next window.

    Parameters as of `head_sampler.HeadSampler`, for one window; ``low`` and ``high`` (6) in UNITs, ``uniform`` (2) in
    [0, 1). ``memory`` is written to.
    """
    x = given(weights, sound, condition, last, latents)
    seen = features(weights.blocks, weights.norm, x, memory)
    size = len(latents)
    after, chosen = np.empty_like(last), np.empty_like(latents)
    after[0] = last[1]
    half = size // 2
    # What is chosen of shifts depends on the turn.
    both = np.empty((2, x.shape[1] + half), np.float32)
    both[:, : x.shape[1]] = seen
    chosen[:half] = _chosen(weights, weights.turns, seen, last[:, :3], low[:3], high[:3], uniform[0], after[1, :3])
    both[:, x.shape[1] :] = chosen[:half]
    chosen[half:] = _chosen(weights, weights.shifts, both, last[:, 3:], low[3:], high[3:], uniform[1], after[1, 3:])
    return after, chosen


@compiled
def given(weights, sound, condition, last, latents):
    """What the transformer is given (2, width), with the voice and without it."""
    size = len(latents)
    felt = np.empty(size + 12, np.float32)
    felt[:size] = latents
    felt[size : size + 6] = last[1] / np.float32(weights.poses)
    felt[size + 6 :] = last[1] - last[0]
    x = np.empty((2, len(condition)), np.float32)
    x[0] = condition + _affine(felt, weights.feel.weight, weights.feel.bias)
    x[1] = x[0] + weights.deaf
    x[0] += _affine(sound, weights.hear.weight, weights.hear.bias)
    return x


@compiled
def _chosen(weights, part, seen, last, low, high, uniform, following):
    """The latent of the next code of turns or shifts; ``following`` (3) takes the coefficient."""
    heard, deaf = logits(part, seen[0]), logits(part, seen[1])
    ends = np.empty((len(heard), 3), np.float32)
    for code in range(len(heard)):
        heard[code] = (deaf[code] + weights.guidance * (heard[code] - deaf[code])) / weights.temperature
        for axis in range(3):  # where the head would be if it went on from the code for a while
            moved = last[1, axis] - last[0, axis] + part.moves[code, axis]
            ends[code, axis] = last[1, axis] + np.float32(weights.braking) * moved
    latent = part.codes[drawn(heard, ends, low, high, weights.nucleus, uniform)]
    made = decoded(part, last, latent)
    for axis in range(3):  # where no code stays inside, a curve is held there: it lies in the hull of its coefficients
        following[axis] = min(max(made[axis], low[axis]), high[axis])
    return latent


@compiled
def features(blocks, norm, x, memory):
    """What the transformer makes of its input (2, width); ``memory`` takes it in."""
    keys, values, inputs, filled = memory
    width, heads = x.shape[1], blocks.bias.shape[1]
    size = width // heads
    filled[0] = min(filled[0] + 1, keys.shape[2])
    first, newest, found = keys.shape[2] - filled[0], inputs.shape[2] - 1, np.empty_like(x)
    scores, taps = np.empty(filled[0], np.float32), np.empty(3 * width, np.float32)
    for row in range(2):
        now = x[row].copy()
        for block in range(len(keys)):
            asked = _affine(
                _normed(now, blocks.norms[block, 0]), blocks.attend.weight[block], blocks.attend.bias[block]
            )
            _push(keys[block, row], asked[width : 2 * width])
            _push(values[block, row], asked[2 * width :])
            gathered = np.zeros(width, np.float32)
            for head in range(heads):
                begin, total = head * size, np.float32(0)
                for at in range(filled[0]):
                    score = np.float32(0)
                    for channel in range(begin, begin + size):
                        score += asked[channel] * keys[block, row, first + at, channel]
                    scores[at] = score / np.float32(sqrt(size)) + blocks.bias[block, head, filled[0] - 1 - at]
                top = scores.max()
                for at in range(filled[0]):
                    scores[at] = exp(scores[at] - top)
                    total += scores[at]
                for at in range(filled[0]):
                    for channel in range(begin, begin + size):
                        gathered[channel] += scores[at] / total * values[block, row, first + at, channel]
            now += _affine(gathered, blocks.gather.weight[block], blocks.gather.bias[block])
            _push(inputs[block, row], _normed(now, blocks.norms[block, 1]))
            for tap in range(3):
                for channel in range(width):
                    taps[3 * channel + tap] = inputs[block, row, newest - (2 - tap) * blocks.dilation[block], channel]
            now += _gelu(_affine(taps, blocks.near.weight[block], blocks.near.bias[block]))
            hidden = _affine(
                _normed(now, blocks.norms[block, 2]), blocks.expand.weight[block], blocks.expand.bias[block]
            )
            now += _affine(_gelu(hidden), blocks.contract.weight[block], blocks.contract.bias[block])
        found[row] = _normed(now, norm)
    return found


@compiled
def logits(part, seen):
    """Of each code (codes), of features (inputs): see `head_sampler.Choice`."""
    out = _affine(seen, part.out.weight, part.out.bias).reshape(-1, 7)
    kinds, found, other = len(out), np.empty(len(part.codes), np.float32), np.float32(0)
    top = out[:, 0].max()
    for kind in range(kinds):
        other += exp(out[kind, 0] - top)
        for axis in range(3):
            out[kind, 0] -= out[kind, 4 + axis]
            out[kind, 4 + axis] = exp(-out[kind, 4 + axis])
    other = np.log(other) + top + np.float32(part.other)
    terms = np.empty(kinds, np.float32)
    for code in range(len(found)):
        top = other
        for kind in range(kinds):
            term = out[kind, 0]
            for axis in range(3):
                away = (part.scaled[code, axis] - out[kind, 1 + axis]) * out[kind, 4 + axis]
                term -= np.float32(0.5) * away * away
            terms[kind] = term
            top = max(top, term)
        total = exp(other - top)
        for kind in range(kinds):
            total += exp(terms[kind] - top)
        found[code] = part.common[code] + top + np.log(total)
    return found


@compiled
def drawn(chances, ends, low, high, nucleus, uniform):
    """One of the likeliest codes, of their logits, that end (codes, 3) between low and high, by a uniform number."""
    share, top, total, best, least = np.zeros(len(chances)), -np.inf, 0.0, 0, np.inf
    for code in range(len(chances)):
        over = -np.inf
        for axis in range(3):
            over = max(over, low[axis] - ends[code, axis], ends[code, axis] - high[axis])
        share[code] = over
        if over < least:
            best, least = code, over
        if over < 0:
            top = max(top, chances[code])
    if least >= 0:  # no code: back, however unlikely
        return best
    for code in range(len(chances)):
        share[code] = exp(chances[code] - top) if share[code] < 0 else 0.0
        total += share[code]
    # The largest threshold over which lies the nucleus, by bisection.
    inside, outside = 0.0, 1.0
    for _ in range(16):
        middle, above = (inside + outside) / 2, 0.0
        for code in range(len(chances)):
            if share[code] >= middle:
                above += share[code]
        if above >= nucleus * total:
            inside = middle
        else:
            outside = middle
    kept = 0.0
    for code in range(len(chances)):
        kept += share[code] if share[code] >= inside else 0.0
    left = uniform * kept
    for code in range(len(chances)):
        if share[code] >= inside and share[code] > 0:
            left -= share[code]
            best = code
            if left < 0:
                break
    return best


@compiled
def decoded(part, last, latent):
    """The next coefficient (3) after the last two (2, 3)."""
    size = len(latent)
    given, velocity = np.empty(size + 3, np.float32), last[1] - last[0]
    given[:size], given[size:] = latent, velocity
    first, second, third = part.decoder
    hidden = _gelu(_affine(_gelu(_affine(given, first.weight, first.bias)), second.weight, second.bias))
    return last[1] + velocity + _affine(hidden, third.weight, third.bias)


@compiled
def _affine(x, weight, bias):
    found = bias.copy()
    for row in range(len(x)):
        for column in range(len(found)):
            found[column] += x[row] * weight[row, column]
    return found


@compiled
def _normed(x, scale_and_shift):
    mean, variance, found = np.float32(0), np.float32(0), np.empty_like(x)
    for index in range(len(x)):
        mean += x[index] / np.float32(len(x))
    for index in range(len(x)):
        variance += (x[index] - mean) ** 2 / np.float32(len(x))
    scale = np.float32(1 / sqrt(variance + 1e-5))
    for index in range(len(x)):
        found[index] = (x[index] - mean) * scale * scale_and_shift[0, index] + scale_and_shift[1, index]
    return found


@compiled
def _gelu(x):
    for index in range(len(x)):
        x[index] *= np.float32(0.5 + 0.5 * erf(x[index] / sqrt(2.0)))
    return x


@compiled
def _push(rows, row):
    for index in range(len(rows) - 1):
        rows[index] = rows[index + 1]
    rows[-1] = row
