"""Average keypoint distance (Siarohin et al., "Animating arbitrary objects via deep motion transfer", CVPR 2019)."""

from __future__ import annotations

import numpy as np


def akd(found: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance of landmarks (..., N, 2 or more; x and y first) detected in made frames from those in real ones.

    In the unit of the landmarks; papers give pixels of pictures of 256 px.
    """
    return float(np.linalg.norm(found[..., :2].astype(np.float64) - truth[..., :2], axis=-1).mean())
