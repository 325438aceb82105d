"""A video of one person to a Motion: one identity, and pose, expression and gaze per frame."""

from __future__ import annotations

from dataclasses import replace
from os import PathLike

import numpy as np
from scipy.spatial.transform import Rotation

from vividlib.errors import NoFaceError
from vividlib.head.gaze import with_gaze
from vividlib.head.model import person
from vividlib.media.video import read_video
from vividlib.reconstruction.fit import refine
from vividlib.reconstruction.landmarks import track_faces
from vividlib.reconstruction.smooth import smooth
from vividlib.reconstruction.solve import Solution, solve
from vividlib.types import Camera, HeadModel, Motion, Progress

PROBES = 5  # frames, spread over the video, from which the identity is read
BATCH = 64  # frames solved at once


def track_video(path: str | PathLike, head: HeadModel, progress: Progress | None = None) -> Motion:
    """Fit the head to every frame of a video of one person.

    Returns a motion at the video's frame rate, with the head's pose relative to facing the camera.
    Frames in which the face is lost repeat the curves around them.

    Raises
    ------
    VideoError
        If the file cannot be read.
    NoFaceError
        If no frame shows a face.
    """
    video = read_video(path)
    found = []
    for points in track_faces(frame for _, frame in video):
        found.append(points)
        if progress:
            progress("track", len(found), max(len(found), video.frames))
    return fit_landmarks(found, float(video.fps), head)


def fit_landmarks(found: list[np.ndarray | None], fps: float, head: HeadModel) -> Motion:
    """Fit the head to the landmarks (478 3 px, None where lost) of the frames of one person.

    Raises
    ------
    NoFaceError
        If all are None.
    """
    seen = np.array([i for i, points in enumerate(found) if points is not None])
    if not len(seen):
        raise NoFaceError("No frame of the video shows a face that can be tracked.")
    landmarks = np.stack([found[i] for i in seen]).astype(np.float64)
    neutral = _one_identity(landmarks, head)
    batches = [solve(head, landmarks[i : i + BATCH], neutral, rounds=5) for i in range(0, len(landmarks), BATCH)]
    motion = _to_motion(batches, fps)
    if len(seen) == len(found):
        return motion
    return replace(motion.at(np.interp(np.arange(len(found)), seen, np.arange(len(seen))) / fps), rate=fps)


def _one_identity(landmarks: np.ndarray, head: HeadModel) -> np.ndarray:
    """Mean neutral head (V 3) of fits to single frames: what they share is the person."""
    picks = np.unique(np.linspace(0, len(landmarks) - 1, PROBES).round().astype(int))
    heads = []
    for i in picks:
        solution = solve(head, landmarks[i][None])
        heads.append(refine(head, person(head, solution.identity), solution))
    return np.mean(heads, 0)


def _to_motion(batches: list[Solution], fps: float) -> Motion:
    """Steady curves, and poses as if one camera, that of the median frame, had watched the head move."""
    rotation, scale, centre, expression, gaze = (
        np.concatenate([getattr(batch, name) for batch in batches])
        for name in ("rotation", "scale", "centre", "expression", "gaze")
    )
    turns = Rotation.from_matrix(rotation)
    middle = turns.mean()
    turns = middle * Rotation.from_rotvec(smooth((middle.inv() * turns).as_rotvec(), fps))
    median = np.median(scale)
    depth = Camera.distance * (1 - median / scale)
    across = (centre - np.median(centre, 0)) / scale[:, None] * [1, -1]
    # Eyes look at one thing; single irises jitter.
    gaze = np.repeat(smooth(gaze.mean(1), fps)[:, None], 2, axis=1)
    return Motion(
        blendshapes=with_gaze(np.clip(smooth(expression, fps), 0, 1), gaze),
        head_rotation=turns.as_quat(),
        head_translation=smooth(np.column_stack([across, depth]), fps),
        gaze=gaze,
        rate=fps,
    )
