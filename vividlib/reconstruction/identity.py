"""What measured coefficients tell of who somebody is.

What a fit finds is a person and a mishap: lips in the middle of a word, a chin that points down, landmarks that stray
together. How people differ and how photos of one person differ was learned from videos and portraits
(`vividlib.training.identity`); what is then most likely of the person is the mean of probabilistic linear discriminant
analysis (Ioffe, "Probabilistic linear discriminant analysis", ECCV 2006, section 3). The mesh of a face is not made of it: it
stays where the photo shows it.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from vividlib.errors import WeightsError
from vividlib.head.model import knows_our_people
from vividlib.media.files import read_arrays
from vividlib.types import HeadModel
from vividlib.weights import asset_path

WEIGHTS = "identity.npz"


def likely(head: HeadModel, measured: np.ndarray) -> np.ndarray:
    """The most likely identity (K) of somebody of whom a fit found these coefficients (K), in standard deviations.

    What was found is taken for one occasion, so what several photos of different days agree on is believed too little.
    Coefficients of heads with another basis than the library's own come back as they are.

    Raises
    ------
    WeightsError
        If what was learned is missing or damaged.
    """
    return _share() @ measured if knows_our_people(head) else measured


@cache
def _share() -> np.ndarray:
    """What measured coefficients contribute to likely ones, K K."""
    return read_arrays(asset_path(WEIGHTS), WeightsError)["share"].astype(np.float64)
