"""The motion that takes a photo's head to where other frames of its video show it.

Each frame is fitted by itself, with the neutral head of the frame that serves as the photo: what a fit gets wrong it
gets wrong in both, so the analytic frame lies on the real one more exactly than smoothed tracks would put it.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from vividlib.conventions import LIP_LANDMARKS
from vividlib.mesh_to_video.dense_motion import FREE_SHIFT, FREE_TURN, MOST_SHIFT, MOST_TURN
from vividlib.reconstruction.fit import in_head_space
from vividlib.reconstruction.solve import solve
from vividlib.types import Face, Motion

FURTHEST = 0.9  # of the room in which the renderer holds moves back


def fitted(face: Face, landmarks: np.ndarray, rate: float) -> Motion:
    """The motion that puts a face where landmarks (T 478 3 px of the photo's video) are, as `vividlib.render` takes it."""
    found = solve(face.head, landmarks.astype(np.float64), face.neutral.astype(np.float64), rounds=5)
    turns = (Rotation.from_quat(face.rotation).inv() * Rotation.from_matrix(found.rotation)).as_rotvec()
    across = (found.centre - face.camera.centre) / found.scale[:, None] * [1, -1]
    depth = face.camera.distance * (1 - face.camera.scale / found.scale)
    # The renderer holds large moves back; these are to be reached.
    turns = _asked(turns, FREE_TURN, MOST_TURN)
    shifts = _asked(np.column_stack([across, depth]), FREE_SHIFT, MOST_SHIFT)
    return Motion(
        found.expression, Rotation.from_rotvec(turns).as_quat(), shifts, found.gaze,
        in_head_space(found, found.residual)[:, LIP_LANDMARKS], rate,
    )  # fmt: skip


def too_far(motion: Motion) -> np.ndarray:
    """In which frames (T bool) of a fitted motion the head is not where it was seen, as no renderer takes it there."""
    turns, shifts = (
        Rotation.from_quat(motion.head_rotation).magnitude(),
        np.linalg.norm(motion.head_translation, axis=1),
    )
    furthest_turn, furthest_shift = (
        free + (most - free) * np.arctanh(FURTHEST) - 1e-4
        for free, most in ((FREE_TURN, MOST_TURN), (FREE_SHIFT, MOST_SHIFT))
    )
    return (turns > furthest_turn) | (shifts > furthest_shift)


def _asked(wanted: np.ndarray, free: float, most: float) -> np.ndarray:
    """What has to be asked of the renderer (T 3) to come to ``wanted``, or as near as it goes."""
    length = np.linalg.norm(wanted, axis=1, keepdims=True)
    room = most - free
    asked = free + room * np.arctanh(np.clip((length - free) / room, 0, FURTHEST))
    return wanted * np.where(length > free, asked / np.maximum(length, 1e-9), 1)
