"""What the 52 blendshapes leave over at the lips: known at 40 landmarks, spread over the lips of any head.

Between the landmarks the displacement is a membrane's over the mesh (Zhu, Ghahramani and Lafferty, "Semi-supervised
learning using Gaussian fields and harmonic functions", 2003): it goes nowhere beyond what its neighbours do, fades to
nothing where the lips end, and does not pass from one lip to the other where they touch.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from vividlib.conventions import LIP_LANDMARKS
from vividlib.geometry.mesh import edges
from vividlib.types import HeadModel

HOLD = 30.0  # how much a landmark pulls against a neighbour: it gets nine tenths of the way, without pulling a dent


def spread(offsets: np.ndarray, head: HeadModel) -> np.ndarray:
    """What lip offsets do to the lip vertices of a head.

    Parameters
    ----------
    offsets
        (..., 40, 3) metres in head space, at `conventions.LIP_LANDMARKS`, as in `types.Motion.lip_offsets`.
    head
        Whose lip vertices are moved.

    Returns
    -------
    numpy.ndarray
        (..., L, 3) float32 metres, at ``head.lips``.
    """
    return np.einsum("lk,...kc->...lc", _weights(head), np.asarray(offsets, np.float32))


@lru_cache(maxsize=8)
def _weights(head: HeadModel) -> np.ndarray:
    """How far each lip vertex follows each landmark (L, 40) float32."""
    count = len(head.template)
    rows = np.repeat(np.arange(len(LIP_LANDMARKS)), 3)
    entries = head.landmark_weights[LIP_LANDMARKS].ravel(), (rows, head.landmark_vertices[LIP_LANDMARKS].ravel())
    place = sparse.csr_array(entries, (len(LIP_LANDMARKS), count))[:, head.lips]
    first, second = edges(head.faces).T
    ends = np.r_[first, second], np.r_[second, first]
    touch = sparse.csr_array((np.ones(2 * len(first)), ends), (count, count))
    # Rows of the lips alone: what is around them stays where it is.
    tension = sparse.diags_array(touch.sum(1)[head.lips]) - touch[head.lips][:, head.lips]
    pull = HOLD * place.T
    return splu((pull @ place + tension).tocsc()).solve(pull.toarray()).astype(np.float32)
