"""What the 52 blendshapes leave over at the lips: known at 40 landmarks, spread over the lips of any head.

Between the landmarks the lips bend as a thin plate of their own (Botsch and Sorkine, "On Linear Variational Surface
Deformation Methods", 2008, section 3): where all landmarks go one way, all of the lips do, and the lower lip does not
follow the upper one where they touch. Its outermost ring goes half the way, since the skin next to it stays.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from vividlib.conventions import LIP_LANDMARKS
from vividlib.geometry.mesh import laplacian
from vividlib.types import HeadModel

HOLD = 2.0  # of a landmark, against the stiffness of the plate: single ones that stray pull no dent
EDGE = 0.5  # how far the outermost ring of the lips goes
REST = 1e-9  # of every vertex: one that is joined to no landmark, as in other heads, stays where it is

UPPER, LOWER = [82, 13, 312], [87, 14, 317]
"""MediaPipe's landmarks on the inner lips, the middle third."""


def parting(head: HeadModel) -> np.ndarray:
    """What the height of each lip vertex does to the gap between the inner lips, (L,) float64.

    ``heights @ parting(head)``, heights (..., L) at ``head.lips``, is the mean of three pairs in the middle.
    """
    weights = np.zeros(len(head.template))
    for marks, share in ((UPPER, 1 / len(UPPER)), (LOWER, -1 / len(LOWER))):
        np.add.at(weights, head.landmark_vertices[marks], share * head.landmark_weights[marks])
    return weights[head.lips]


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
    number = np.full(len(head.template), -1)
    number[head.lips] = np.arange(len(head.lips))
    faces = number[head.faces]
    plate = laplacian(faces[(faces >= 0).all(1)], len(head.lips))
    vertices = number[head.landmark_vertices[LIP_LANDMARKS]]
    weights = np.where(vertices >= 0, head.landmark_weights[LIP_LANDMARKS], 0)  # outer landmarks lie partly on skin
    weights = weights / np.maximum(weights.sum(1, keepdims=True), 1e-9)
    places = np.repeat(np.arange(40), 3), vertices.clip(0).ravel()
    place = sparse.csr_array((weights.ravel(), places), (40, len(head.lips)))
    stiff = HOLD * place.T @ place + plate.T @ plate + REST * sparse.eye_array(len(head.lips))
    spread_out = splu(stiff.tocsc()).solve(HOLD * place.T.toarray())
    spread_out[number[head.regions["lips_outer"]]] *= EDGE
    return spread_out.astype(np.float32)
