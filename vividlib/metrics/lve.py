"""Lip vertex error (LVE): the largest error of any lip vertex in a frame, averaged over frames, in mm.

Richard et al., "MeshTalk" (2021), as used since by FaceFormer and CodeTalker; here the distance itself
and not its square, on the default head, so that the unit is millimetres.
"""

from __future__ import annotations

import numpy as np

from vividlib.types import HeadModel


def lip_basis(head: HeadModel) -> np.ndarray:
    """Displacement of the lip vertices for each blendshape at 1, (52, L, 3) mm."""
    return 1000 * head.blendshapes[:, head.lips]


def lve(made: np.ndarray, truth: np.ndarray, head: HeadModel) -> float:
    """Lip vertex error of two sets of blendshapes (T, 52), mm."""
    error = np.einsum("ts,slc->tlc", made - truth, lip_basis(head))
    return float(np.linalg.norm(error, axis=2).max(1).mean())
