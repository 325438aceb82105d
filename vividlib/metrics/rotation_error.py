"""By what angle rotations differ from the true ones."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation


def rotation_error(found: np.ndarray, truth: np.ndarray) -> float:
    """Root mean square angle, degrees, from one rotation to the other, both (T, 4) quaternions.

    The geodesic distance of Huynh, "Metrics for 3D rotations" (2009): no axis is favoured, and errors about several
    axes add up.
    """
    angle = (Rotation.from_quat(truth).inv() * Rotation.from_quat(found)).magnitude()
    return float(np.degrees(np.sqrt(np.mean(angle**2))))
