"""Where the lips of the default head are, how far they part and how wide they are drawn, in millimetres.

Vertical aperture and width are what lip-reading measures (Petajan, "Automatic lipreading to enhance speech
recognition", 1984); here as distances in space on the deformed mesh, offsets included, so that turning the head or
rounding the lips changes nothing about the unit. `lip_gap` is the aperture as blendshapes alone add it up, with a sign.
"""

from __future__ import annotations

import numpy as np

from vividlib.head.lips import LOWER, UPPER, parting, spread
from vividlib.types import HeadModel

CORNERS = [61, 291]


def lip_vertices(blendshapes: np.ndarray, head: HeadModel, lip_offsets: np.ndarray | None = None) -> np.ndarray:
    """Where ``head.lips`` are over time, (T, L, 3) mm in head space.

    What `head.model.deform` gives there, without the rest of the head: of blendshapes (T, 52) and lip offsets
    (T, 40, 3), or (T, 0, 3) if there are none, as in `types.Motion`.
    """
    moved = head.template[head.lips] + np.tensordot(blendshapes, head.blendshapes[:, head.lips], 1)
    return 1000 * (moved if lip_offsets is None or not lip_offsets.size else moved + spread(lip_offsets, head))


def opening(lips: np.ndarray, head: HeadModel) -> np.ndarray:
    """Distance between the inner lips, (T, L, 3) mm to (T,) mm: the mean of three pairs in their middle.

    0 where the upper lip reaches down to the lower one or laps it, as pressed lips do.
    """
    apart = _landmarks(lips, head, UPPER) - _landmarks(lips, head, LOWER)
    return np.where(apart[..., 1] > 0, np.linalg.norm(apart, axis=-1), 0).mean(-1)


def gap_weights(head: HeadModel) -> np.ndarray:
    """Millimetres by which each blendshape at 1 parts the lips, (52,); negative for those that close."""
    return 1000 * head.blendshapes[:, head.lips, 1] @ parting(head)


def lip_gap(blendshapes: np.ndarray, head: HeadModel) -> np.ndarray:
    """Opening between the lips by blendshapes alone, (T, 52) to (T,) mm; 0 is how the lips rest, less is pressed."""
    return blendshapes @ gap_weights(head)


def width(lips: np.ndarray, head: HeadModel) -> np.ndarray:
    """Distance between the corners of the mouth, (T, L, 3) mm to (T,) mm."""
    right, left = np.moveaxis(_landmarks(lips, head, CORNERS), -2, 0)
    return np.linalg.norm(left - right, axis=-1)


def _landmarks(lips: np.ndarray, head: HeadModel, which: list[int]) -> np.ndarray:
    """MediaPipe's landmarks whose triangles lie on the lips, (T, L, 3) to (T, N, 3)."""
    place = np.full(len(head.template), -1)
    place[head.lips] = np.arange(len(head.lips))
    corners, weights = place[head.landmark_vertices[which]], head.landmark_weights[which]
    if (weights[corners < 0] > 0).any():
        raise ValueError(f"Some of the landmarks {which} are not on the lips of {head.name!r}; choose others.")
    return np.einsum("...lkc,lk->...lc", lips[..., corners, :], weights)
