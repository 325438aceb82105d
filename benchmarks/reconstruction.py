"""What a fit gives back of heads that are known: ``python -m benchmarks.reconstruction [--skins FOLDER]``.

Heads with random identity, expression, pose up to 40 degrees and gaze are rendered, found by MediaPipe and
fitted, as photos are. Writes benchmarks/results/reconstruction.json: vertex error of the face (mm, after
the best similarity), error of expression, pose (degrees) and gaze (degrees), and what could not be found. Fitted are the
corrected landmarks, as ever, and besides those that MediaPipe gives, and the true ones, which show what the solver can.
With a folder of portraits the heads are rendered once more with the skin of those people, which MediaPipe knows
better than the model's plain colours; the correction of landmarks learned from other people's.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from benchmarks.common import write
from vividlib.conventions import ARKIT
from vividlib.errors import VividError
from vividlib.geometry.camera import head_to_camera, project
from vividlib.head.embed import CAMERA, SIZE, shade, with_brows
from vividlib.head.model import deform, landmarks_of, load, person
from vividlib.metrics.vertex_error import vertex_error
from vividlib.reconstruction.fit import fit_portrait
from vividlib.reconstruction.landmarks import detect, find_portrait
from vividlib.reconstruction.solve import FREE
from vividlib.training.landmarks import dress, pictures, random_head, skins

TURN = np.array([40, 20, 20])  # degrees, largest yaw, pitch, roll
LOOK = np.radians([20, 12])  # largest gaze yaw, pitch
PERSONALITY = 0.7  # standard deviation of the identity coefficients
SHAPES = (2, 5)  # how many shapes act at once
SEED = 0


def measure(head, count: int, render: Callable) -> dict:
    """Errors of ``count`` heads, by what was fitted; ``render(vertices, rotation, rng)`` makes the picture."""
    rng = np.random.default_rng(SEED)
    rows: dict[str, list[dict]] = {"corrected": [], "as_detected": [], "true_landmarks": []}
    lost = 0
    for _ in range(count):
        identity, expression, gaze, rotation = random_head(head, rng, PERSONALITY, SHAPES, TURN, LOOK)
        neutral = person(head, identity).astype(np.float32)
        vertices = deform(head, neutral, expression, gaze)
        image = render(vertices, rotation, rng)
        try:
            portrait = find_portrait(image, face=0)
            posed = head_to_camera(landmarks_of(head, vertices), rotation.as_quat(), np.zeros(3))
            true = np.column_stack([project(CAMERA, posed)[0], -posed[:, 2] * CAMERA.scale])
            landmarks = {"corrected": portrait.landmarks, "as_detected": detect(image)[0], "true_landmarks": true}
            faces = {
                name: fit_portrait(replace(portrait, landmarks=points), head) for name, points in landmarks.items()
            }
        except VividError:
            lost += 1
            continue
        for name, face in faces.items():
            rows[name].append(_errors(head, face, neutral, expression, gaze, rotation))
    return {"heads": count, "lost": lost, **{name: _summary(errors) for name, errors in rows.items()}}


def _errors(head, face, neutral, expression, gaze, rotation) -> dict:
    region, off = head.regions["face"], np.abs(face.expression - expression)
    strength = [np.linalg.norm(shape, axis=1).max() if i in FREE else 0 for i, shape in enumerate(head.blendshapes)]
    return {
        "vertex_mm": vertex_error(face.neutral[region], neutral[region]),
        "template_mm": vertex_error(head.template[region], neutral[region]),
        "expression": off[FREE].mean(),
        "expression_20": off[np.argsort(strength)[-20:]].mean(),
        "pose_deg": np.degrees((Rotation.from_quat(face.rotation) * rotation.inv()).magnitude()),
        "gaze_deg": np.degrees(np.abs(face.gaze.mean(0) - gaze[0])).mean(),
        "each": off,
    }


def _summary(rows: list[dict]) -> dict:
    each = np.mean([row.pop("each") for row in rows], 0)
    summary = {
        name: {"mean": round(float(np.mean([r[name] for r in rows])), 3),
               "median": round(float(np.median([r[name] for r in rows])), 3)}
        for name in rows[0]
    }  # fmt: skip
    worst = {ARKIT[i]: round(float(each[i]), 3) for i in np.argsort(-each) if i in FREE}
    return summary | {"expression_error_of_each": worst}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heads", type=int, default=200)
    parser.add_argument("--skins", type=Path, help="folder of portraits")
    options = parser.parse_args()
    head = load()
    painted = with_brows(head)

    def plain(vertices, rotation, rng):
        return shade(painted, vertices, rotation, CAMERA, (SIZE, SIZE))[0]

    results = {"plain": measure(head, options.heads, plain)}
    if options.skins:
        wardrobe = skins(pictures(options.skins))

        def dressed(vertices, rotation, rng):
            return dress(head, vertices, rotation, wardrobe[rng.integers(len(wardrobe))], rng)

        results["with_skin"] = measure(head, options.heads, dressed)
    write("reconstruction", results)


if __name__ == "__main__":
    main()
