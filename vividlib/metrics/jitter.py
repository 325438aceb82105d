"""How far a tracked head trembles that is still: standard deviations of its pose and of its shapes.

Trackers are asked this of a still picture with sensor noise; Zeng et al., "SmoothNet" (2022), measure the same of
bodies by the acceleration error, which needs a truth in motion.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation


def pose_jitter(rotation: np.ndarray) -> float:
    """Root mean square angle, degrees, between rotations (quaternions, (T, 4)) and their mean."""
    turns = Rotation.from_quat(rotation)
    return float(np.degrees(np.sqrt(np.mean((turns.mean().inv() * turns).magnitude() ** 2))))


def shape_jitter(blendshapes: np.ndarray) -> tuple[int, float]:
    """Which of the curves (T, C) trembles most, and its standard deviation, in the unit of the curves."""
    deviation = np.std(blendshapes, axis=0)
    worst = int(deviation.argmax())
    return worst, float(deviation[worst])
