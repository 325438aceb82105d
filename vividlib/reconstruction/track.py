"""A video of one person to a Motion: one identity, and pose, expression and gaze per frame."""

from __future__ import annotations

from dataclasses import replace
from os import PathLike

import numpy as np
from scipy.interpolate import interp1d
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT, LIP_LANDMARKS, LIPS
from vividlib.errors import NoFaceError
from vividlib.head.gaze import with_gaze
from vividlib.head.model import landmarks_of
from vividlib.media.video import read_video
from vividlib.reconstruction.fit import fit_person, in_head_space
from vividlib.reconstruction.landmarks import track_faces
from vividlib.reconstruction.smooth import noise_level, smooth
from vividlib.reconstruction.solve import CHIN, EYES, Solution, solve
from vividlib.types import Camera, HeadModel, Motion, Progress

PROBES = 5  # frames, spread over the video, from which the identity is read
BATCH = 64  # frames solved at once

BROWS = [70, 63, 105, 66, 107, 46, 53, 52, 65, 55, 300, 293, 334, 296, 336, 276, 283, 282, 295, 285]  # MediaPipe's
LIDS = ("eyeBlink", "eyeSquint", "eyeWide", "cheekSquint")
REGIONS = (
    (("jaw", "mouth", "cheekPuff", "tongue", "noseSneer"), "", [*LIPS[0], *LIPS[1], *CHIN], 2.8),
    (LIDS, "Left", EYES[1], 1.0),
    (LIDS, "Right", EYES[0], 1.0),
    (("brow",), "", BROWS, 2.0),
)
"""Shapes that move one part of the face, by how their names start and end; its landmarks; their tremble."""
TURN, SHIFT = (54, 36, 26), (3, 4.5, 30)  # tremble: radians about x, y, z; metres along them
"""Tremble: standard deviation on videos of stills, for every metre by which the single landmarks stray
(`benchmarks.tracking` prints it)."""


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
    return follow(found, fps, head)[0]


def follow(
    found: list[np.ndarray | None], fps: float, head: HeadModel, neutral: np.ndarray | None = None
) -> tuple[Motion, np.ndarray]:
    """As `fit_landmarks`, and what the blendshapes leave over at the lips.

    Parameters
    ----------
    neutral : V 3, the person's neutral head; None reads it from these frames.

    Returns
    -------
    motion
    leftover : T 40 3 metres in head space, at `conventions.LIP_LANDMARKS`: where they were seen minus where
        the shapes put them, in the plane of the picture.

    Raises
    ------
    NoFaceError
        If all frames are None.
    """
    seen = np.array([i for i, points in enumerate(found) if points is not None])
    if not len(seen):
        raise NoFaceError("No frame of the video shows a face that can be tracked.")
    landmarks = np.stack([found[i] for i in seen]).astype(np.float64)
    if neutral is None:
        _, neutral = read_person(landmarks, head)
    batches = [solve(head, landmarks[i : i + BATCH], neutral, rounds=5) for i in range(0, len(landmarks), BATCH)]
    motion, leftover = _to_motion(head, batches, fps), _leftover(batches, fps)
    if len(seen) == len(found):
        return motion, leftover
    at = np.interp(np.arange(len(found)), seen, np.arange(len(seen)))
    return replace(motion.at(at / fps), rate=fps), interp1d(np.arange(len(seen)), leftover, axis=0)(at)


def read_person(landmarks: np.ndarray, head: HeadModel) -> tuple[np.ndarray, np.ndarray]:
    """Identity (K) and neutral head (V 3) of a person, from frames spread over a video (T 478 3 px)."""
    picks = np.unique(np.linspace(0, len(landmarks) - 1, PROBES).round().astype(int))
    return fit_person(head, landmarks[picks])[:2]


def _to_motion(head: HeadModel, batches: list[Solution], fps: float) -> Motion:
    """Steady curves, and poses as if one camera, that of the median frame, had watched the head move."""
    rotation, scale, centre, expression, gaze, residual = (
        np.concatenate([getattr(batch, name) for batch in batches])
        for name in ("rotation", "scale", "centre", "expression", "gaze", "residual")
    )
    noise = noise_level(residual / scale[:, None, None], fps)
    turns = Rotation.from_matrix(rotation)
    middle = turns.mean()
    turns = middle * Rotation.from_rotvec(smooth((middle.inv() * turns).as_rotvec(), fps, noise * np.array(TURN)))
    median = np.median(scale)
    depth = Camera.distance * (1 - median / scale)
    across = (centre - np.median(centre, 0)) / scale[:, None] * [1, -1]
    # Eyes look at one thing; single irises jitter. They come from a network of their own, whose noise rests show.
    gaze = gaze.mean(1)
    gaze = np.repeat(smooth(gaze, fps, noise_level(gaze[:, None], fps), gaze)[:, None], 2, axis=1)
    return Motion(
        blendshapes=with_gaze(np.clip(_steady(head, expression, fps, noise), 0, 1), gaze),
        head_rotation=turns.as_quat(),
        head_translation=smooth(np.column_stack([across, depth]), fps, noise * np.array(SHIFT)),
        gaze=gaze,
        rate=fps,
    )


def _leftover(batches: list[Solution], fps: float) -> np.ndarray:
    """What the fit left over at the lips (T 40 3 metres, head space), without jitter: they move or rest together."""
    lips = np.concatenate([in_head_space(batch, batch.residual)[:, LIP_LANDMARKS] for batch in batches])
    flat = lips.reshape(len(lips), -1)
    return smooth(flat, fps, noise_level(lips[..., :2], fps), flat).reshape(lips.shape)


def _steady(head: HeadModel, expression: np.ndarray, fps: float, noise: float) -> np.ndarray:
    """Expression (T 52) without jitter: a part of the face is still where its landmarks are.

    The shapes of one part tremble against each other by more than speech moves any of them; what they do to the
    landmarks together trembles little.
    """
    moves = landmarks_of(head, head.blendshapes)[..., :2]
    steady = expression.copy()
    for start, end, marks, tremble in REGIONS:
        shapes = [i for i, name in enumerate(ARKIT) if name.startswith(start) and name.endswith(end)]
        places = expression[:, shapes] @ moves[shapes][:, marks].reshape(len(shapes), -1)
        steady[:, shapes] = smooth(expression[:, shapes], fps, noise * tremble, places)
    return steady
