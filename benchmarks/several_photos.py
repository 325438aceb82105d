"""What further photos of a person add: ``python -m benchmarks.several_photos CLIPS... [--heads 40]``.

Rendered: heads of known identity, seen from the front, then also from 35 degrees to either side and from 18, each with
another expression; vertex error (mm, after the best similarity) of the face of the neutral head from the first 1, 2
and 4 pictures. Once with the landmarks that MediaPipe finds in the renders, once with the true ones, 1 px astray.

Real: from half of 24 frames of each clip of one person the most frontal one is taken, then those that are turned the
most from what was taken; the neutral head from 1, 2 and 4 of them is fitted, with free pose, expression and gaze, to
the other half. Distance of its landmarks from those (share of the eye distance, RMS inside the outline).
Writes benchmarks/results/several_photos.json.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from benchmarks.common import write
from vividlib.geometry.camera import head_to_camera, project
from vividlib.head.embed import CAMERA, SIZE, shade, with_brows
from vividlib.head.model import deform, landmarks_of, load, person
from vividlib.media.video import read_video
from vividlib.metrics.vertex_error import vertex_error
from vividlib.reconstruction.confidence import deviation, eye_distance
from vividlib.reconstruction.fit import fit_person
from vividlib.reconstruction.landmarks import find_faces
from vividlib.reconstruction.solve import solve
from vividlib.training.landmarks import random_head

COUNTS = (1, 2, 4)
YAWS = (0, 35, -35, 18)  # degrees
STRAY = np.array([5, 12, 8])  # degrees of yaw, pitch and roll beside them, at most
FRAMES = 24  # of each clip
SEED = 11


def rendered(head, count: int) -> dict:
    """Mean vertex error in millimetres by number of pictures, for both kinds of landmarks."""
    rng, painted, region = np.random.default_rng(SEED), with_brows(head), head.regions["face"]
    errors = {"mediapipe": [], "true_landmarks": []}
    for _ in range(count):
        identity = random_head(head, rng)[0]
        neutral = person(head, identity).astype(np.float32)
        found, known = [], []
        for yaw in YAWS:
            _, expression, gaze, _ = random_head(head, rng)
            turn = Rotation.from_euler("YXZ", (yaw, 0, 0) + rng.uniform(-STRAY, STRAY), degrees=True)
            vertices = deform(head, neutral, expression, gaze)
            image, _, _ = shade(painted, vertices, turn, CAMERA, (SIZE, SIZE))
            found += find_faces(image)[:1]
            seen, depth = project(CAMERA, head_to_camera(landmarks_of(head, vertices), turn.as_quat(), np.zeros(3)))
            known.append(np.column_stack([seen, -depth * CAMERA.scale]) + rng.normal(0, 1, (478, 3)))
        for name, landmarks in (("mediapipe", found), ("true_landmarks", known)):
            if len(landmarks) == len(YAWS):
                fits = [fit_person(head, np.stack(landmarks[:n]))[1] for n in COUNTS]
                errors[name].append([vertex_error(fit[region], neutral[region]) for fit in fits])
    return {name: {"heads": len(rows), **_by_count(rows)} for name, rows in errors.items()}


def held_out(head, clips: list[Path]) -> dict:
    """Mean landmark error on frames that were not fitted, by number of frames that were, and each clip's."""
    rng, rows = np.random.default_rng(SEED), {}
    for clip in clips:
        frames = [frame for _, frame in read_video(clip)]
        picked = [frames[i] for i in np.linspace(0, len(frames) - 1, FRAMES).astype(int)]
        landmarks = np.array([faces[0] for faces in map(find_faces, picked) if faces])
        order = rng.permutation(len(landmarks))
        known, others = landmarks[order[::2]], landmarks[order[1::2]]
        known = known[_spread(solve(head, known, head.template).rotation[:, :, 2])]
        rows[clip.stem] = [_error(head, fit_person(head, known[:n])[1], others) for n in COUNTS]
    return {
        "clips": len(rows),
        **_by_count(list(rows.values())),
        "each": {k: np.round(v, 4).tolist() for k, v in rows.items()},
    }


def _spread(facing: np.ndarray) -> list[int]:
    """Frames (N 3 directions) in the order in which they add most: the most frontal one, then what is farthest."""
    taken = [int(facing[:, 2].argmax())]
    while len(taken) < max(COUNTS):
        nearest = (facing @ facing[taken].T).max(1)
        taken.append(int(nearest.argmin()))
    return taken


def _error(head, neutral: np.ndarray, landmarks: np.ndarray) -> float:
    residuals = solve(head, landmarks, neutral).residual
    return float(np.mean([deviation(off, 0) / eye_distance(seen) for off, seen in zip(residuals, landmarks)]))


def _by_count(rows: list[list[float]]) -> dict:
    return {str(count): round(float(mean), 4) for count, mean in zip(COUNTS, np.mean(rows, 0))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path, nargs="+", help="videos of one person each")
    parser.add_argument("--heads", type=int, default=40)
    options = parser.parse_args()
    head = load()
    write("several_photos", {
        "rendered_vertex_error_mm": rendered(head, options.heads),
        "held_out_landmark_error": held_out(head, options.clips),
    })  # fmt: skip


if __name__ == "__main__":
    main()
