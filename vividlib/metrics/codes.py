"""How much of a codebook is used: VQ-VAE's codebooks collapse to a few entries where nothing is done about it.

As van den Oord et al. ("Neural discrete representation learning", 2017) and Dhariwal et al. ("Jukebox", 2020, section
3.1) watch it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Usage(NamedTuple):
    """What is used of a codebook."""

    share: float  # of its entries that occur at all, in [0, 1]
    perplexity: float  # entries in effect: from 1 to as many as there are, if all occur equally often


def usage(codes: np.ndarray, entries: int) -> Usage:
    """Use of a codebook of so many ``entries`` by ``codes``, integers of any shape."""
    counts = np.bincount(np.ravel(codes), minlength=entries)
    probability = counts[counts > 0] / counts.sum()
    return Usage(np.count_nonzero(counts) / entries, float(np.exp(-(probability * np.log(probability)).sum())))
