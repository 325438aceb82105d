"""How different several performances of one voice are: their mean distance, pair by pair.

As diversity is measured of gestures and dances made from sound (Li et al., "Audio2Gestures", 2021, section 4.2; Siyao et
al., "Bailando", 2022), here on the curves themselves.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np


def diversity(performances: np.ndarray) -> np.ndarray:
    """Root mean square difference between two of the performances (S, T, C), mean over pairs, in their unit: (C,).

    Independent curves of one deviation are sqrt(2) times that apart.

    Raises
    ------
    ValueError
        If there are fewer than two.
    """
    if len(performances) < 2:
        raise ValueError("Diversity is of two performances at least; hand in more seeds.")
    return np.mean([np.sqrt(np.mean((a - b) ** 2, axis=0)) for a, b in combinations(performances, 2)], axis=0)
