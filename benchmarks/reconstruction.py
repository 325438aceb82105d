"""What a fit gives back of heads that are known: ``python -m benchmarks.reconstruction [--heads 200]``.

Heads with random identity, expression, pose up to 40 degrees and gaze are rendered, found by MediaPipe and
fitted, as photos are. Writes benchmarks/results/reconstruction.json: vertex error of the face (mm, after
the best similarity), error of expression, pose (degrees) and gaze (degrees), and what could not be found.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.spatial.transform import Rotation

from benchmarks.common import write
from vividlib.conventions import ARKIT, ARKIT_INDEX
from vividlib.errors import VividError
from vividlib.head.embed import CAMERA, SIZE, shade, with_brows
from vividlib.head.gaze import eye_shapes
from vividlib.head.model import deform, load, person
from vividlib.metrics.vertex_error import vertex_error
from vividlib.reconstruction.fit import fit_portrait
from vividlib.reconstruction.landmarks import find_portrait
from vividlib.reconstruction.solve import FREE

TURN = np.array([40, 20, 20])  # degrees, largest yaw, pitch, roll
LOOK = np.radians([20, 12])  # largest gaze yaw, pitch
PERSONALITY = 0.7  # standard deviation of the identity coefficients
SHAPES = (2, 5)  # how many shapes act at once
SEED = 0


def random_head(head, rng):
    """Identity (K), expression (52), gaze (2 2) and rotation of one head."""
    identity = rng.normal(0, PERSONALITY, len(head.identity_basis))
    gaze = np.tile(rng.uniform(-LOOK, LOOK), (2, 1))
    expression = eye_shapes(gaze)
    for index in rng.choice(FREE, rng.integers(*SHAPES, endpoint=True), replace=False):
        value = rng.uniform(0.2, 0.9)
        name = ARKIT[index]
        expression[index] = value
        if name.endswith(("Left", "Right")) and rng.random() < 0.8 and name not in ("mouthLeft", "mouthRight"):
            twin = name.replace("Left", "#").replace("Right", "Left").replace("#", "Right")
            expression[ARKIT_INDEX[twin]] = value * rng.uniform(0.8, 1.0)
    return identity, expression, gaze, Rotation.from_euler("YXZ", rng.uniform(-TURN, TURN), degrees=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heads", type=int, default=200)
    options = parser.parse_args()
    head, rng = load(), np.random.default_rng(SEED)
    strongest = np.argsort(
        [-np.linalg.norm(s, axis=1).max() if i in FREE else 0 for i, s in enumerate(head.blendshapes)]
    )[:20]
    painted, region = with_brows(head), head.regions["face"]
    rows, lost = [], 0
    for _ in range(options.heads):
        identity, expression, gaze, rotation = random_head(head, rng)
        neutral = person(head, identity).astype(np.float32)
        image, _, _ = shade(painted, deform(head, neutral, expression, gaze), rotation, CAMERA, (SIZE, SIZE))
        try:
            face = fit_portrait(find_portrait(image), head)
        except VividError:
            lost += 1
            continue
        off = np.abs(face.expression - expression)
        rows.append(
            {
                "vertex_mm": vertex_error(face.neutral[region], neutral[region]),
                "template_mm": vertex_error(head.template[region], neutral[region]),
                "expression": off[FREE].mean(),
                "expression_20": off[strongest].mean(),
                "pose_deg": np.degrees((Rotation.from_quat(face.rotation) * rotation.inv()).magnitude()),
                "gaze_deg": np.degrees(np.abs(face.gaze.mean(0) - gaze[0])).mean(),
                "each": off,
            }
        )
    each = np.mean([row.pop("each") for row in rows], 0)
    summary = {
        name: {"mean": round(float(np.mean([r[name] for r in rows])), 3),
               "median": round(float(np.median([r[name] for r in rows])), 3)}
        for name in rows[0]
    }  # fmt: skip
    write("reconstruction", {
        "heads": options.heads, "lost": lost, **summary,
        "expression_error_of_each": {ARKIT[i]: round(float(each[i]), 3) for i in np.argsort(-each) if i in FREE},
    })  # fmt: skip


if __name__ == "__main__":
    main()
