"""How far a fit can be trusted: the face is found once more in the mirrored photo, and both must agree.

Where a detector sees a face it finds the same points in the mirrored picture; where it guesses, in the dark, behind an
obstacle, on the far side of a turned head, it often does not. This tells good fits from poor ones at least as well as
the residual of the fit or the turn of the head (benchmarks/confidence.py), and does not depend on the head that is
fitted. What it misses is a guess that is the same in both: a mouth behind a hand, say.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.spatial import cKDTree

from vividlib.head.model import landmarks_of, load
from vividlib.reconstruction.landmarks import find_faces
from vividlib.reconstruction.solve import EYES, OVAL
from vividlib.types import Portrait

TOLERANCE = 0.07  # of the eye distance: how far landmarks of a good fit lie from the truth, root mean square
EVEN, STEEPNESS = 0.057, 2.2  # the logistic regression of "within TOLERANCE" on the logarithm of the disagreement
POOR = 0.5  # the confidence below which a fit is more likely off than not
SMALL, TURNED = 64, 35  # px of height and degrees from which size or turn is named as the likely cause
INSIDE = np.setdiff1d(np.arange(468), OVAL)  # the outline slides over the skin, irises move


def confidence(portrait: Portrait) -> float:
    """Chance in [0, 1] that the landmarks of a portrait lie within `TOLERANCE` of the truth."""
    return float(1 / (1 + (disagreement(portrait) / EVEN) ** STEEPNESS))


def disagreement(portrait: Portrait) -> float:
    """Root mean square distance (share of the eye distance) to the landmarks of the mirrored photo.

    Infinite if no face is found there.
    """
    x, y, width, height = portrait.box
    left, right = max(0, x - width // 2), min(portrait.image.shape[1], x + width + width // 2)
    top, bottom = max(0, y - height // 2), min(portrait.image.shape[0], y + height + height // 2)
    found = find_faces(portrait.image[top:bottom, left:right][:, ::-1])
    mirrored = [points[_twins(), :2] * [-1, 1] + [right - 1, top] for points in found]
    off = [deviation(points, portrait.landmarks[:, :2]) for points in mirrored]
    return min(off, default=np.inf) / eye_distance(portrait.landmarks)


def deviation(landmarks: np.ndarray, others: np.ndarray) -> float:
    """Root mean square distance (px) of landmarks (478 2 each) inside the outline."""
    return float(np.sqrt(((landmarks - others)[INSIDE] ** 2).sum(1).mean()))


def eye_distance(landmarks: np.ndarray) -> float:
    """Between the middles of the eyes of landmarks (478 3), px, as if they were seen from the front."""
    right, left = (landmarks[loop].mean(0) for loop in EYES)
    return float(np.linalg.norm(left - right))


def advice(portrait: Portrait, turn: float) -> str:
    """What is likely wrong with a portrait whose confidence is `POOR`, and what to do; ``turn`` in degrees."""
    if portrait.box[3] < SMALL:
        return f"The face is {portrait.box[3]} px high; use a larger picture or a closer crop."
    if turn > TURNED:
        return f"The face looks {turn:.0f} degrees away from the camera; use a photo from the front, or add one."
    return "The face is partly covered, blurred, dark or hardly like a face; use a sharp photo that shows all of it."


@cache
def _twins() -> np.ndarray:
    """The landmark on the other side of each (478), as the default head has them."""
    points = landmarks_of(load(), load().template)
    return cKDTree(points).query(points * [-1, 1, 1])[1]
