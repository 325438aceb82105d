"""stub"""

from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from vividlib.mesh_to_video.scene import Scene


class Pose(NamedTuple):
    """How a head is moved from where it is in the photo."""

    yaw: float = 0  # degrees; + turns it to its left, pitch + down, roll + to its right shoulder
    pitch: float = 0
    roll: float = 0
    right: float = 0  # of the head's size, in the picture
    up: float = 0


EXTREMES = {
    "yaw -15": Pose(yaw=-15),
    "yaw +15": Pose(yaw=15),
    "pitch -10": Pose(pitch=-10),
    "pitch +10": Pose(pitch=10),
    "roll -10": Pose(roll=-10),
    "roll +10": Pose(roll=10),
    "right": Pose(right=0.05),
    "left": Pose(right=-0.05),
    "up": Pose(up=0.05),
    "down": Pose(up=-0.05),
    "mixed": Pose(-12, 7, 6, 0.03, -0.03),
}


def placed(scene: Scene, poses) -> tuple[np.ndarray, np.ndarray]:
    """Head rotations (T 4) and translations (T 3) of a `Motion` for poses (T 5)."""
    poses = np.asarray(poses, float)
    metres = scene.size / scene.camera.scale
    turns = Rotation.from_euler("YXZ", poses[:, :3], degrees=True).as_quat()
    return turns, np.column_stack([poses[:, 3:] * metres, np.zeros(len(poses))])
