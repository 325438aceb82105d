"""Random numbers that belong to frames: the same for a seed whatever the chunks in which frames are made."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

BLOCK = 256
"""Frames whose numbers are drawn at once."""
EYES, STEPS, STEP_KINDS, HEAD, BREATH, NODS = range(6)
"""Purposes: listed in one place, as two that share a number share what is drawn."""


def uniform(seed: int, purpose: int, start: int, count: int, width: int) -> np.ndarray:
    """Uniform numbers in [0, 1) of ``count`` frames from ``start`` on, (count, width) float64.

    Parameters
    ----------
    purpose : what they are for, one of the list above; other purposes have other numbers
    """
    return _frames(seed, purpose, start, count, width, False)


def normal(seed: int, purpose: int, start: int, count: int, width: int) -> np.ndarray:
    """Standard normal numbers, otherwise as `uniform`."""
    return _frames(seed, purpose, start, count, width, True)


def _frames(seed: int, purpose: int, start: int, count: int, width: int, gaussian: bool) -> np.ndarray:
    first, last = start // BLOCK, (start + max(count, 1) - 1) // BLOCK
    blocks = [_block(seed, purpose, number, width, gaussian) for number in range(first, last + 1)]
    whole = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
    return whole[start - first * BLOCK :][:count]


@lru_cache(maxsize=16)
def _block(seed: int, purpose: int, number: int, width: int, gaussian: bool) -> np.ndarray:
    random = np.random.default_rng([seed, purpose, number])
    block = random.normal(size=(BLOCK, width)) if gaussian else random.random((BLOCK, width))
    block.flags.writeable = False  # it is handed out as views
    return block
