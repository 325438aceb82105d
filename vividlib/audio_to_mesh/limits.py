"""How far a head may turn and move before a photo no longer shows what would be seen.

A photo shows one side of a head, and as much of it as its borders leave: a skull that the upper border cuts is bald above
it when it bows, a head that is turned already smears along its outline when it turns on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from vividlib.geometry.camera import head_to_camera, project
from vividlib.reconstruction.confidence import POOR
from vividlib.types import Face

TURN = np.radians(13.25)  # along each axis of a rotation vector: all three at once make Euler angles of 14.9 degrees;
# cheeks that the photo hardly shows stretch beyond it
SHIFT = 0.02, 0.015, 0.06  # metres along x, y, z; straight lines near the head, and hair at a border, bend beyond it
LARGEST = np.array([TURN, TURN, TURN, *SHIFT])
FURTHEST = np.radians(35)  # from the camera, of a head that the photo shows turned
LEAST_TURN = np.radians(4)  # that is left to a head turned so far already
ENOUGH, NOTHING = 0.01, -0.05  # metres from skull to border that leave all freedom, and that would leave none
LEAST = 0.3  # share of the freedom that is left however much of the skull is cut or however hard a face is to read
KNEE = 0.8  # share of the way to a limit that is not softened


@dataclass(frozen=True, eq=False)
class Limits:
    """The least and the largest pose of a head, relative to its rest.

    A pose is six numbers: a rotation vector about X, Y and Z (radians: bowing, turning to the person's left and leaning
    to the person's right are positive) and a translation along them (metres), see `vividlib.conventions`.
    """

    low: np.ndarray  # 6 float64, negative
    high: np.ndarray  # 6 float64, positive

    def beside(self, *poses: np.ndarray) -> Limits:
        """What is left beside something of any size from rest to each of these poses (6), all at once."""
        return Limits(
            self.low - sum(np.minimum(pose, 0) for pose in poses),
            self.high - sum(np.maximum(pose, 0) for pose in poses),
        )

    def share(self, poses: np.ndarray) -> np.ndarray:
        """Poses (..., 6) as shares of the limit on their side, at least 0."""
        return np.maximum(poses / self.low, poses / self.high)

    def soften(self, poses: np.ndarray) -> np.ndarray:
        """Poses (..., 6) that never reach the limits: as they are up to `KNEE`, then nearing them without a step."""
        share = np.maximum(self.share(poses), KNEE)
        return poses * (KNEE + (1 - KNEE) * np.tanh((share - KNEE) / (1 - KNEE))) / share


def limits_of(face: Face | None) -> Limits:
    """How far the head of a photo may turn and move; None is a photo from the front with room around the head.

    Less away from the camera where the photo shows it turned already, less away from a border that cuts the skull (hair
    stretches without being noticed), and less all around where the face could hardly be read.
    """
    if face is None:
        return Limits(-LARGEST, LARGEST)
    pitch, yaw = Rotation.from_quat(face.rotation).as_euler("YXZ")[[1, 0]]
    left, right, top = np.clip((_room(face) - NOTHING) / (ENOUGH - NOTHING), LEAST, 1)
    every = min(left, right, top)
    trust = np.clip(face.confidence / POOR, LEAST, 1)
    # What moves away from a border shows what lies beyond it.
    low = trust * LARGEST * [1, right, every, right, top, every]
    high = trust * LARGEST * [top, left, every, left, 1, 1]
    for axis, turned in enumerate((pitch, yaw)):
        further = np.clip(FURTHEST - abs(turned), LEAST_TURN, TURN)
        side = high if turned > 0 else low
        side[axis] = min(side[axis], further)
    return Limits(-low, high)


def _room(face: Face) -> np.ndarray:
    """Metres from the skull, without hair, to the left, right and upper border of the picture; less than 0 beyond it."""
    skull = face.neutral[face.head.head_weight > 0.5]
    pixels, _ = project(face.camera, head_to_camera(skull, face.rotation, face.translation))
    width = face.portrait.image.shape[1]
    (left, top), right = pixels.min(0), pixels[:, 0].max()
    return np.array([left, width - 1 - right, top]) / face.camera.scale
