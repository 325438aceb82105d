"""Opening between the lips on the default head, in millimetres: whether a p, b or m is closed.

Mean lip distance is what lip-reading studies call vertical aperture; closure of bilabials is the fault
that viewers notice first (Agarwal et al., "Detecting deep-fake videos from phoneme-viseme mismatches", 2020).
"""

from __future__ import annotations

import numpy as np

from vividlib.types import HeadModel

UPPER, LOWER = [82, 13, 312], [87, 14, 317]  # MediaPipe's inner lips, the middle third


def gap_weights(head: HeadModel) -> np.ndarray:
    """Millimetres by which each blendshape at 1 parts the lips, (52,); negative for those that close."""
    corners = head.blendshapes[:, head.landmark_vertices[UPPER + LOWER], 1]  # 52 6 3
    height = (corners * head.landmark_weights[UPPER + LOWER]).sum(-1)
    return 1000 * (height[:, : len(UPPER)].mean(1) - height[:, len(UPPER) :].mean(1))


def lip_gap(blendshapes: np.ndarray, head: HeadModel) -> np.ndarray:
    """Opening between the lips over time, (T, 52) to (T,) mm; 0 is how the lips rest, less is pressed."""
    return blendshapes @ gap_weights(head)
