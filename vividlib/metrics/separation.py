"""How much closer two results for one person are than those for two persons.

Identity-consistency of monocular reconstruction, as a ratio of mean distances: what RingNet's shape-consistency
loss asks for (Sanyal et al., 2019, section 3.1), and what the discriminability of face-recognition scores measures.
"""

from __future__ import annotations

import numpy as np


def separation(distances: np.ndarray, people: list[str]) -> dict[str, float]:
    """Mean distance ``within`` one person and ``across`` persons, in the unit given, and their ``ratio``.

    Parameters
    ----------
    distances : (N, N), symmetric
    people : whom each of the N results shows; at least one person twice, and two persons
    """
    who = np.asarray(people)
    pairs = np.triu_indices(len(who), 1)
    same, apart = (who[pairs[0]] == who[pairs[1]]), distances[pairs]
    within, across = float(apart[same].mean()), float(apart[~same].mean())
    return {"within": within, "across": across, "ratio": across / within}
