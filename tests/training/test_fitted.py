"""Fitted motions put a photo's head where a frame shows it."""

import numpy as np
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT_INDEX
from vividlib.geometry.camera import head_to_camera, project
from vividlib.head.model import deform, landmarks_of
from vividlib.training.fitted import fitted, too_far
from vividlib.types import Motion


def test_fitting_a_drawn_pose_finds_it_again(face):
    """However far the renderer slows turns down: what is asked of it puts the landmarks where they were seen."""
    blendshapes = face.expression.copy()
    blendshapes[ARKIT_INDEX["jawOpen"]] += 0.3
    turn = Rotation.from_quat(face.rotation) * Rotation.from_euler("YX", [-18, 4], degrees=True)
    aside = np.array([0.01, -0.006, 0.02])
    vertices = deform(face.head, face.neutral, blendshapes, face.gaze)
    camera = head_to_camera(landmarks_of(face.head, vertices), turn.as_quat(), aside)
    pixels, _ = project(face.camera, camera)
    landmarks = np.column_stack([pixels, -face.camera.scale * camera[:, 2]])
    motion = fitted(face, landmarks[None], 25)
    from vividlib.mesh_to_video.dense_motion import _pose
    from vividlib.mesh_to_video.scene import build_scene

    scene = build_scene(face, face.portrait.image, 1.0)
    now = next(motion.frames())
    drawn = deform(face.head, face.neutral, now[0], now[3], now[4])
    points = _pose(scene, drawn, now[1], now[2])[: len(drawn)] + [*scene.window[:2], 0]
    seen = landmarks_of(face.head, points)[:468, :2]
    assert np.abs(seen - pixels[:468]).mean() < 0.006 * face.portrait.box[3]


def test_poses_beyond_what_the_renderer_shows_are_told():
    turns = Rotation.from_euler("Y", [[5], [40], [0], [0]], degrees=True).as_quat()
    shifts = [[0, 0, 0], [0, 0, 0], [0.01, 0, 0], [0.2, 0, 0]]
    motion = Motion(np.zeros((4, 52)), turns, shifts)
    assert too_far(motion).tolist() == [False, True, False, True]
