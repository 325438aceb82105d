"""The next windows of head motion, compiled by Numba: the arithmetic of `head_sampler.HeadSampler` one by one.

A window depends on the one before, so that nothing can be computed side by side, and of a network this small PyTorch
spends its time on calling: compiled, a window takes a tenth of the time.
"""

from __future__ import annotations

from math import erf, exp, sqrt
from typing import NamedTuple

import numpy as np

from vividlib.audio_to_mesh.head_codebook import PART, POSE
from vividlib.backend import compiled

ROWS = 2
"""The one that hears the voice and the one that does not: classifier-free guidance."""
LOG2_E, LN_2, LN_2_REST = np.float32(1.44269504), np.float32(0.693359375), np.float32(-2.12194440e-4)
"""The second and the third add up to the logarithm of 2: the former has few digits, so that multiples of it are exact
(Cody and Waite, "Software manual for the elementary functions", 1980)."""


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
    moves: np.ndarray  # codes PART, UNITs
    scaled: np.ndarray  # PART codes: moves at a standard deviation of 1
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
    """Of both rows, in rings: what is new takes the place of the oldest; written to."""

    keys: np.ndarray  # blocks ROWS width memory + 1
    values: np.ndarray  # blocks ROWS memory + 1 width
    inputs: np.ndarray  # blocks ROWS reach + 1 width
    windows: np.ndarray  # 1: how many there have been


@compiled
def course(weights, memory, sounds, conditions, last, latents, low, high, uniforms):
    """The coefficients (N, POSE) of the next N windows, and the last two and the latents after them: N times `following`."""
    found = np.empty((len(sounds), POSE), np.float32)
    for window in range(len(sounds)):
        last, latents = following(
            weights, memory, sounds[window], conditions[window], last, latents, low, high, uniforms[window]
        )
        found[window] = last[1]
    return found, last, latents


@compiled
def following(weights, memory, sound, condition, last, latents, low, high, uniform):
    """The last two coefficients (2, POSE) and the latents (2 * latent) after the next window.

    Parameters as of `head_sampler.HeadSampler`, for one window; ``low`` and ``high`` (POSE) in UNITs, ``uniform`` (2) in
    [0, 1). ``memory`` is written to.
    """
    x = given(weights, sound, condition, last, latents)
    seen = features(weights.blocks, weights.norm, x, memory)
    width, half = x.shape[1], len(latents) // 2
    after, chosen = np.empty_like(last), np.empty_like(latents)
    after[0] = last[1]
    # What is chosen of shifts depends on the turn.
    both = np.empty((ROWS, width + half), np.float32)
    both[:, :width] = seen
    chosen[:half] = _chosen(
        weights, weights.turns, seen, last[:, :PART], low[:PART], high[:PART], uniform[0], after[1, :PART]
    )
    both[:, width:] = chosen[:half]
    chosen[half:] = _chosen(
        weights, weights.shifts, both, last[:, PART:], low[PART:], high[PART:], uniform[1], after[1, PART:]
    )
    return after, chosen


@compiled
def given(weights, sound, condition, last, latents):
    """What the transformer is given (ROWS, width), with the voice and without it."""
    size = len(latents)
    felt = np.empty((1, size + 2 * POSE), np.float32)
    felt[0, :size] = latents
    felt[0, size : size + POSE] = last[1] / np.float32(weights.poses)
    felt[0, size + POSE :] = last[1] - last[0]
    x = np.empty((ROWS, len(condition)), np.float32)
    x[:] = condition + _affine(felt, weights.feel.weight, weights.feel.bias)
    x[0] += _affine(sound.reshape(1, -1), weights.hear.weight, weights.hear.bias)[0]
    x[1] += weights.deaf
    return x


@compiled
def _chosen(weights, part, seen, last, low, high, uniform, following):
    """The latent of the next code of turns or shifts; ``following`` (PART) takes the coefficient."""
    heard, deaf = logits(part, seen[0]), logits(part, seen[1])
    ends = np.empty((len(heard), PART), np.float32)
    for code in range(len(heard)):
        heard[code] = (deaf[code] + weights.guidance * (heard[code] - deaf[code])) / weights.temperature
        for axis in range(PART):  # where the head would be if it went on from the code for a while
            moved = last[1, axis] - last[0, axis] + part.moves[code, axis]
            ends[code, axis] = last[1, axis] + np.float32(weights.braking) * moved
    latent = part.codes[drawn(heard, ends, low, high, weights.nucleus, uniform)]
    made = decoded(part, last, latent)
    # Where no code stays inside, a curve is held there: it lies in the hull of its coefficients.
    for axis in range(PART):
        following[axis] = min(max(made[axis], low[axis]), high[axis])
    return latent


@compiled
def features(blocks, norm, x, memory):
    """What the transformer makes of its input (ROWS, width); ``memory`` takes it in."""
    keys, values, inputs, windows = memory
    width, size, reach = x.shape[1], keys.shape[3], inputs.shape[2]
    newest, now = windows[0] % size, windows[0] % reach
    windows[0] += 1
    x, gathered = x.copy(), np.empty_like(x)
    taps = blocks.near.weight.shape[1] // width
    near = np.empty((ROWS, taps * width), np.float32)
    for block in range(len(keys)):
        asked = _affine(_normed(x, blocks.norms[block, 0]), blocks.attend.weight[block], blocks.attend.bias[block])
        keys[block, :, :, newest] = asked[:, width : 2 * width]
        values[block, :, newest] = asked[:, 2 * width :]
        for row in range(ROWS):
            _attend(asked[row], keys[block, row], values[block, row], blocks.bias[block], windows[0], gathered[row])
        x += _affine(gathered, blocks.gather.weight[block], blocks.gather.bias[block])
        inputs[block, :, now] = _normed(x, blocks.norms[block, 1])
        for tap in range(taps):
            near[:, tap::taps] = inputs[block, :, (now - (taps - 1 - tap) * blocks.dilation[block]) % reach]
        x += _gelu(_affine(near, blocks.near.weight[block], blocks.near.bias[block]))
        hidden = _affine(_normed(x, blocks.norms[block, 2]), blocks.expand.weight[block], blocks.expand.bias[block])
        x += _affine(_gelu(hidden), blocks.contract.weight[block], blocks.contract.bias[block])
    return _normed(x, norm)


@compiled
def _attend(query, keys, values, bias, windows, gathered):
    """What a query gathers (width) of the rings of keys (width, size) and values (size, width) after some windows."""
    width, size = keys.shape
    each, newest = width // len(bias), (windows - 1) % size
    scores, scale = np.empty(size, np.float32), np.float32(1 / sqrt(each))
    gathered[:] = 0
    for head in range(len(bias)):
        first, top, total = head * each, np.float32(-np.inf), np.float32(0)
        scores[:] = 0
        for channel in range(first, first + each):
            for at in range(size):
                scores[at] += query[channel] * keys[channel, at]
        for at in range(size):
            age = newest - at if at <= newest else newest - at + size
            scores[at] = scores[at] * scale + bias[head, age] if age < windows else np.float32(-np.inf)
            top = max(top, scores[at])
        for at in range(size):
            scores[at] = _exp(scores[at] - top)
        for at in range(size):
            total += scores[at]
        for at in range(size):
            share = scores[at] / total
            for channel in range(first, first + each):
                gathered[channel] += share * values[at, channel]


@compiled
def logits(part, seen):
    """Of each code (codes), of features (inputs): see `head_sampler.Choice`."""
    out = _affine(seen.reshape(1, -1), part.out.weight, part.out.bias).reshape(-1, 1 + 2 * PART)
    kinds, codes = len(out), len(part.common)
    most, other = out[:, 0].max(), np.float32(0)
    for kind in range(kinds):
        other += exp(out[kind, 0] - most)
    other = np.float32(np.log(other) + most + part.other)
    terms, top, total = np.empty((kinds, codes), np.float32), np.full(codes, other), np.empty(codes, np.float32)
    for kind in range(kinds):
        terms[kind] = out[kind, 0]
        for axis in range(PART):
            mean, spread = out[kind, 1 + axis], out[kind, 1 + PART + axis]
            sharp = np.float32(exp(-spread))
            for code in range(codes):
                away = (part.scaled[axis, code] - mean) * sharp
                terms[kind, code] -= spread + np.float32(0.5) * away * away
        for code in range(codes):
            top[code] = max(top[code], terms[kind, code])
    for code in range(codes):
        total[code] = _exp(other - top[code])
    for kind in range(kinds):
        for code in range(codes):
            total[code] += _exp(terms[kind, code] - top[code])
    return part.common + top + np.log(total)


@compiled
def drawn(chances, ends, low, high, nucleus, uniform):
    """One of the likeliest codes, of their logits, that end (codes, PART) between low and high, by a uniform number."""
    share, top, total = np.zeros(len(chances), np.float32), np.float32(-np.inf), np.float32(0)
    best, least = 0, np.float32(np.inf)
    for code in range(len(chances)):
        over = np.float32(-np.inf)
        for axis in range(PART):
            over = max(over, low[axis] - ends[code, axis], ends[code, axis] - high[axis])
        share[code] = over
        if over < least:
            best, least = code, over
        if over < 0:
            top = max(top, chances[code])
    if least >= 0:  # no code: back, however unlikely
        return best
    for code in range(len(chances)):
        share[code] = _exp(chances[code] - top) if share[code] < 0 else np.float32(0)
    for code in range(len(chances)):
        total += share[code]
    # The largest threshold over which lies the nucleus, by bisection.
    inside, outside = np.float32(0), np.float32(1)
    for _ in range(16):
        middle = (inside + outside) / np.float32(2)
        if _above(share, middle) >= nucleus * total:
            inside = middle
        else:
            outside = middle
    left = uniform * _above(share, inside)
    for code in range(len(chances)):
        if share[code] >= inside and share[code] > 0:
            left -= share[code]
            best = code
            if left < 0:
                break
    return best


@compiled
def _above(share, threshold):
    """The sum of what is not below a threshold."""
    found = np.float32(0)
    for code in range(len(share)):
        found += share[code] if share[code] >= threshold else np.float32(0)
    return found


@compiled
def decoded(part, last, latent):
    """The next coefficient (PART) after the last two (2, PART)."""
    size = len(latent)
    given, velocity = np.empty((1, size + PART), np.float32), last[1] - last[0]
    given[0, :size], given[0, size:] = latent, velocity
    first, second, third = part.decoder
    hidden = _gelu(_affine(_gelu(_affine(given, first.weight, first.bias)), second.weight, second.bias))
    return last[1] + velocity + _affine(hidden, third.weight, third.bias)[0]


@compiled
def _affine(x, weight, bias):
    """Rows (N, inputs) through a linear layer."""
    found = np.empty((len(x), len(bias)), np.float32)
    found[:] = bias
    for source in range(len(weight)):
        for row in range(len(x)):
            for column in range(len(bias)):
                found[row, column] += x[row, source] * weight[source, column]
    return found


@compiled
def _normed(x, scale_and_shift):
    """Layer normalisation of rows (N, width)."""
    found, width = np.empty_like(x), np.float32(x.shape[1])
    for row in range(len(x)):
        mean, variance = np.float32(0), np.float32(0)
        for index in range(x.shape[1]):
            mean += x[row, index] / width
        for index in range(x.shape[1]):
            variance += (x[row, index] - mean) ** 2 / width
        scale = np.float32(1 / sqrt(variance + 1e-5))
        for index in range(x.shape[1]):
            found[row, index] = (x[row, index] - mean) * scale * scale_and_shift[0, index] + scale_and_shift[1, index]
    return found


@compiled
def _gelu(x):
    """Of rows (N, width), in place."""
    for row in range(len(x)):
        for index in range(x.shape[1]):
            x[row, index] *= np.float32(0.5 + 0.5 * erf(x[row, index] / sqrt(2.0)))
    return x


@compiled
def _exp(x):
    """The exponential of a float32, 0 at the most: the power of 2 next to it times a series. Numba's own is a call for each
    number; of this the compiler makes vectors, in a tenth of the time."""
    x = max(x, np.float32(-87))
    power = np.floor(x * LOG2_E + np.float32(0.5))
    x -= power * LN_2
    x -= power * LN_2_REST
    series = np.float32(1 / 720)
    for factor in (120, 24, 6, 2, 1, 1):
        series = series * x + np.float32(1 / factor)
    return series * np.int32((np.int32(power) + 127) << 23).view(np.float32)
