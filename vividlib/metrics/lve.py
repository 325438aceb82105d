"""Lip vertex errors in millimetres on the default head.

LVE is the largest error of any lip vertex in a frame, averaged over frames: Richard et al., "MeshTalk" (2021), as
used since by FaceFormer and CodeTalker; here the distance itself and not its square. LME is the mean over all of
them: Corona et al., "VLOGGER" (2024).
"""

from __future__ import annotations

import numpy as np

from vividlib.types import HeadModel


def lip_basis(head: HeadModel) -> np.ndarray:
    """Displacement of the lip vertices for each blendshape at 1, (52, L, 3) mm."""
    return 1000 * head.blendshapes[:, head.lips]


def lve(made: np.ndarray, truth: np.ndarray) -> float:
    """Largest error of a lip vertex in a frame, mean over frames; both (T, L, 3) mm from `mouth.lip_vertices`."""
    return float(np.linalg.norm(made - truth, axis=2).max(1).mean())


def lme(made: np.ndarray, truth: np.ndarray) -> float:
    """Error of a lip vertex, mean over vertices and frames; both (T, L, 3) mm from `mouth.lip_vertices`."""
    return float(np.linalg.norm(made - truth, axis=2).mean())
