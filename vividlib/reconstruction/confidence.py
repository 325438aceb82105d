"""How far a fit can be trusted: the face is found once more in the mirrored photo, and lips and eyes must look it.

Where a detector sees a face it finds the same points in the mirrored picture; where it guesses, in the dark, behind an
obstacle, on the far side of a turned head, it often does not. This tells good fits from poor ones at least as well as
the residual of the fit or the turn of the head (benchmarks/confidence.py), and does not depend on the head that is
fitted. What it misses is a guess that is the same in both: a mouth behind a hand, a mask or a scarf, eyes behind
sunglasses. There the colours tell: they change all along the borders of lips and just anyhow along a guess, and lashes,
irises and whites are darker and lighter than plain skin, cloth or glass before them. Nothing of this notices a chin that
is covered up to the lips, or strands of hair before the eyes.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from scipy.special import expit

from vividlib.conventions import LIPS
from vividlib.head.model import landmarks_of, load, twins
from vividlib.reconstruction.landmarks import find_faces
from vividlib.reconstruction.solve import EYES, OVAL
from vividlib.types import Portrait

TOLERANCE = 0.07  # of the eye distance: how far landmarks of a good fit lie from the truth, root mean square
AGREE = 0.0555, -2.1  # logistic regression of "within TOLERANCE" on the logarithm of the disagreement: even, steepness
LIPS_SEEN = 0.62, 6.6  # the same of "lips are seen" on the logarithm of their contrast; one mouth in 50 is not
EYES_SEEN = 0.12, 4.2  # the same of "eyes are seen" on the logarithm of theirs
POOR = 0.5  # the confidence below which a fit is more likely off than not
SMALL, TURNED = 64, 35  # px of height and degrees from which size or turn is named as the likely cause
INSIDE = np.setdiff1d(np.arange(468), OVAL)  # the outline slides over the skin, irises move
LOWER, UPPER = slice(2, 9), slice(12, 19)  # of the loops of `LIPS`, without the corners, which beards and smiles hide
SKIN, BLUR = 0.08, 0.015  # of the eye distance: how far from the lips skin is sampled, and how smoothly
NOISE = 1.0  # of lightness and of red, CIELAB: a fainter change may be chance
LARGE = 150.0  # px of eye distance from which colours are read in a smaller picture


def confidence(portrait: Portrait) -> float:
    """The lesser of two chances in [0, 1]: landmarks lie within `TOLERANCE` of the truth, lips are seen.

    Eyes do not count: a head behind sunglasses turns and speaks as any other does.
    """
    return min(agreement_chance(disagreement(portrait)), lips_chance(lip_contrast(portrait.image, portrait.landmarks)))


def agreement_chance(disagreement: float) -> float:
    """Chance that landmarks lie within `TOLERANCE` of the truth."""
    return _chance(disagreement, *AGREE)


def lips_chance(contrast: float) -> float:
    """Chance that lips are seen where the landmarks have them, and not what covers them."""
    return _chance(contrast, *LIPS_SEEN)


def eyes_chance(contrast: float) -> float:
    """Chance that eyes are seen where the landmarks have them, and not what covers them."""
    return _chance(contrast, *EYES_SEEN)


def _chance(signal: float, even: float, steepness: float) -> float:
    """Logistic regression on the logarithm of a signal."""
    return float(expit(steepness * np.log(max(signal, 1e-6) / even)))


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


def lip_contrast(image: np.ndarray, landmarks: np.ndarray) -> float:
    """How constantly colours change from the skin to the lips and from the lips to the line between them.

    Hotelling's T squared ("The generalization of Student's ratio", 1931) over the numbers of places and of changes, the
    mean of both lips: the mean change in lightness and red along a lip, squared, in units of its spread from place to
    place. Each lip has its own mean, as light falls on one and not on the other. Red counts as far as there is any, so
    that grey pictures have their share.

    Parameters
    ----------
    image : H W 3 uint8 sRGB
    landmarks : 478 3 px
    """
    eyes, points = eye_distance(landmarks), landmarks[:, :2]
    outer, inner = points[LIPS[0]], points[LIPS[1]]
    away = outer - inner.mean(0)
    skin = outer + SKIN * eyes * away / np.linalg.norm(away, axis=1, keepdims=True)
    colours = _colours(image, np.stack([skin, (outer + inner) / 2, inner]), eyes)
    changes = np.hstack(np.diff(colours[..., :2], axis=0))  # of lightness and red, across both borders: 20 4
    lips = np.stack([changes[LOWER], changes[UPPER]])
    mean = lips.mean(1)
    spread = (lips - mean[:, None]).reshape(-1, 4)
    covariance = spread.T @ spread / (len(spread) - len(lips)) + NOISE**2 * np.eye(4)
    squared = (mean * np.linalg.solve(covariance, mean.T).T).sum(1).mean()
    red = colours[..., 1].var()
    return float(squared / (2 + 2 * red / (red + NOISE**2)))


def eye_contrast(image: np.ndarray, landmarks: np.ndarray) -> float:
    """How much lightness varies along the lids and between them, of the eye where it varies less.

    Standard deviation of lightness (CIELAB), in units of that over the rest of the same half of the face, so that pale
    pictures have their share, and light from one side changes little. 0 where the picture does not show both eyes.

    Parameters
    ----------
    image : H W 3 uint8 sRGB
    landmarks : 478 3 px
    """
    points = landmarks[:, :2]
    lids = points[np.array(EYES)]  # 2 16 2, from corner to corner and back
    eyes = np.hstack([lids, (lids[:, 1:8] + lids[:, :8:-1]) / 2])
    places = [*eyes, *(points[half] for half in _halves())]
    lightness = _colours(image, np.concatenate(places), eye_distance(landmarks))[:, 0]
    right, left, right_half, left_half = np.split(lightness, np.cumsum([len(p) for p in places])[:-1])
    shown = ((eyes >= 0) & (eyes <= np.array(image.shape[1::-1]) - 1)).all((1, 2))
    return float(min(shown * [right.std(), left.std()] / (np.array([right_half.std(), left_half.std()]) + NOISE)))


def _colours(image: np.ndarray, places: np.ndarray, eyes: float) -> np.ndarray:
    """CIELAB of an image at places (... 2 px), ``eyes`` px being the eye distance, in a picture as bright as any other."""
    flat = places.reshape(-1, 2)
    corner = np.clip(np.floor(flat.min(0) - 2).astype(int), 0, np.array(image.shape[1::-1]) - 1)
    right, bottom = np.maximum(np.ceil(flat.max(0) + 3).astype(int), corner + 1)
    part = image[corner[1] : bottom, corner[0] : right].astype(np.float32)
    whole = np.array(part.shape[1::-1])
    small = np.maximum(1, np.rint(whole * min(1, LARGE / eyes)).astype(int))
    part = cv2.resize(part, small.tolist(), interpolation=cv2.INTER_AREA)
    part /= 2 * part.mean() + 1
    part = cv2.GaussianBlur(cv2.cvtColor(part, cv2.COLOR_RGB2LAB), (0, 0), max(0.5, BLUR * min(eyes, LARGE)))
    at = ((flat - corner + 0.5) * small / whole - 0.5)[None].astype(np.float32)
    found = cv2.remap(part, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return found.reshape(*places.shape[:-1], 3)


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
    if agreement_chance(disagreement(portrait)) >= POOR:  # so it is the lips
        return "The mouth or chin is covered or hardly to be seen; use a photo that shows the lips."
    return "The face is partly covered, blurred, dark or hardly like a face; use a sharp photo that shows all of it."


@cache
def _twins() -> np.ndarray:
    """The landmark on the other side of each (478), as the default head has them."""
    return twins(landmarks_of(load(), load().template))


@cache
def _halves() -> tuple[np.ndarray, np.ndarray]:
    """Landmarks of the right and of the left half of the face, without outline and eyes."""
    across = landmarks_of(load(), load().template)[:, 0]
    rest = np.setdiff1d(INSIDE, EYES)
    return rest[across[rest] < 1e-4], rest[across[rest] > -1e-4]
