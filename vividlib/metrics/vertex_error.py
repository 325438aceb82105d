"""Distance between two meshes of one topology after the best similarity, in millimetres.

As the non-metrical NoW benchmark asks of single-image reconstruction (Sanyal et al., RingNet, 2019), with
known correspondence: a photo tells nothing about a head's size or place.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation


def vertex_error(found: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance (mm) of vertices (V, 3) in metres from the true ones, by similarity aligned (Umeyama 1991)."""
    a, b = found - found.mean(0), truth - truth.mean(0)
    turn, _ = Rotation.align_vectors(b, a)
    turned = turn.apply(a)
    scale = (turned * b).sum() / (a**2).sum()
    return float(1000 * np.linalg.norm(scale * turned - b, axis=1).mean())
