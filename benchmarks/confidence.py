"""How well warnings tell poor fits from good ones: ``python -m benchmarks.confidence FOLDER``.

Each portrait of FOLDER is spoilt in eight ways: a patch of skin over the chin, boxes over the mouth, half of the face
and the eyes, noise, blur, darkness, few pixels. The landmarks found in the good picture are the truth for the spoilt
ones. Rendered heads, turned by up to 65 degrees, whole and spoilt, have their own truth. A fit counts as good when its
landmarks are within `TOLERANCE` of it and nothing was put before eyes, mouth or chin. Writes
benchmarks/results/confidence.json: what the least of the three chances is for each kind of picture (`Face.confidence`
leaves the eyes' out), of how many poor fits and of how many good ones there are warnings, the area under the ROC curve,
what the residual of the fit and the turn of the head would tell, and the constants that a regression finds anew.

Covered mouths and eyes are looked at once more by themselves: a fist, a mask or a scarf, a bar or sunglasses, of four
textures; closed eyes, as the library draws them, are none that are covered. Every other portrait and two of the textures
give the constants of lips and eyes; what is reported comes from the rest.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

import cv2
import numpy as np
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation
from scipy.stats import mannwhitneyu

from benchmarks.common import write
from vividlib.conventions import ARKIT_INDEX
from vividlib.errors import FitWarning, VividError
from vividlib.geometry.camera import head_to_camera, project
from vividlib.head.embed import CAMERA, SIZE, shade, with_brows
from vividlib.head.model import deform, landmarks_of, load, person
from vividlib.media.image import load_image
from vividlib.mesh_to_video.render import Renderer
from vividlib.reconstruction.confidence import (
    POOR,
    TOLERANCE,
    agreement_chance,
    deviation,
    disagreement,
    eye_contrast,
    eye_distance,
    eyes_chance,
    lip_contrast,
    lips_chance,
)  # fmt: skip
from vividlib.reconstruction.fit import fit_portrait
from vividlib.reconstruction.landmarks import bounding_box, find_portrait
from vividlib.reconstruction.solve import solve
from vividlib.training.landmarks import random_head
from vividlib.types import Portrait

HEADS = 50
TURN = (65, 20, 20)  # degrees, largest yaw, pitch, roll of rendered heads
SEED = 1
COVERS = {"lips": ("fist", "mask", "scarf"), "eyes": ("bar", "sunglasses")}
LEARNED = {"lips": ("cheek", "own forehead"), "eyes": ("cheek", "cloth")}  # textures of covers
REPORTED = {"lips": ("another's forehead", "cloth"), "eyes": ("dark glass", "hair")}
WHOLE = {"lips": ("as it is",), "eyes": ("as it is", "closed")}  # what is not to be warned of
COVERED = 0.02  # share of portraits whose mouth is covered, in use, and of those whose eyes are: a guess


@dataclass(frozen=True)
class Trial:
    """One picture: what was done to it, how far its landmarks are off and what could have told so."""

    kind: str
    error: float  # share of the eye distance
    mirror: float  # disagreement with the mirrored photo, share of the eye distance
    lips: float  # contrast of the lips
    eyes: float  # and of the eyes
    residual: float  # of the fit before the bend, share of the eye distance
    turn: float  # degrees

    @property
    def least(self) -> float:
        """The least of the chances; `vividlib.reconstruction.fit` warns where it is below `POOR`."""
        return min(agreement_chance(self.mirror), lips_chance(self.lips), eyes_chance(self.eyes))

    @property
    def good(self) -> bool:
        """Landmarks where they belong, and seen rather than guessed."""
        return self.error <= TOLERANCE and self.kind not in ("chin", "mouth", "half", "eyes")


def spoilt(kind: str, image: np.ndarray, box, rng) -> tuple[np.ndarray, float]:
    """A picture that is harder to read, and the factor of its size."""
    x, y, w, h = (int(v) for v in box)
    image, colour = image.copy(), [int(v) for v in rng.integers(0, 255, 3)]
    if kind == "chin":
        cheeks = image[y + h * 4 // 10 : y + h * 7 // 10, x + w * 3 // 10 : x + w * 7 // 10].reshape(-1, 3)
        middle = (int(x + w * rng.uniform(0.3, 0.7)), int(y + h * rng.uniform(0.8, 1)))
        skin = np.median(cheeks, 0).tolist()
        cv2.ellipse(image, middle, (w * 35 // 100, h // 4), rng.uniform(-30, 30), 0, 360, skin, -1)
    elif kind == "mouth":
        cv2.rectangle(image, (x - w // 10, y + h * 55 // 100), (x + w * 11 // 10, y + h * 11 // 10), colour, -1)
    elif kind == "half":
        right = int(x + w * rng.uniform(0.35, 0.55))
        cv2.rectangle(image, (x - w // 10, y - h // 10), (right, y + h * 11 // 10), colour, -1)
    elif kind == "eyes":
        cv2.rectangle(image, (x, y + h * 18 // 100), (x + w, y + h * 42 // 100), (15, 15, 15), -1)
    elif kind == "noise":
        image = np.clip(image + rng.normal(0, rng.uniform(20, 90), image.shape), 0, 255).astype(np.uint8)
    elif kind == "blur":
        image = cv2.GaussianBlur(image, (0, 0), h * rng.uniform(0.01, 0.08))
    elif kind == "dark":
        image = np.clip(image * rng.uniform(0.03, 0.15) + rng.normal(0, 3, image.shape), 0, 255).astype(np.uint8)
    elif kind == "small":
        factor = rng.uniform(32, 90) / h
        return cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), factor
    return image, 1.0


KINDS = ("chin", "mouth", "half", "eyes", "noise", "blur", "dark", "small")


def trial(head, kind: str, image: np.ndarray, truth: np.ndarray) -> Trial | None:
    """Read a picture whose landmarks (478 2 px) are known; None where the face is not found."""
    try:
        portrait = find_portrait(np.ascontiguousarray(image), face=0)
    except VividError:
        return None
    solution = solve(head, portrait.landmarks[None])
    eyes = eye_distance(portrait.landmarks)
    error = deviation(portrait.landmarks[:, :2], truth) / eyes
    if error > 0.6:
        return None  # something else was found
    turn = float(np.degrees(np.arccos(np.clip(solution.rotation[0, 2, 2], -1, 1))))
    residual = deviation(solution.residual[0], 0) / eyes
    contrasts = (seen(portrait.image, portrait.landmarks) for seen in (lip_contrast, eye_contrast))
    return Trial(kind, error, min(disagreement(portrait), 1.0), *contrasts, residual, turn)


def covered(shape: str, texture: np.ndarray, image: np.ndarray, box, rng) -> np.ndarray:
    """A picture with a shape of `COVERS`, of a texture (h w 3 uint8), before the mouth or the eyes."""
    x, y, w, h = (int(v) for v in box)
    mask = np.zeros(image.shape[:2], np.uint8)
    if shape == "fist":
        middle = (int(x + w * rng.uniform(0.4, 0.6)), int(y + h * rng.uniform(0.76, 0.9)))
        cv2.ellipse(mask, middle, (w * 38 // 100, h * 28 // 100), rng.uniform(-30, 30), 0, 360, 255, -1)
    elif shape == "mask":
        outline = [(-0.05, 0.5), (0.5, 0.45), (1.05, 0.5), (0.95, 0.85), (0.5, 1.05), (0.05, 0.85)]
        cv2.fillPoly(mask, [(np.array([x, y]) + np.multiply(outline, [w, h])).astype(np.int32)], 255)
    elif shape == "scarf":
        top = int(y + h * rng.uniform(0.55, 0.64))
        cv2.rectangle(mask, (x - w * 3 // 10, top), (x + w * 13 // 10, image.shape[0]), 255, -1)
    elif shape == "bar":
        cv2.rectangle(mask, (x, y + h * 16 // 100), (x + w, y + h * 44 // 100), 255, -1)
    else:
        for side in (0.27, 0.73):
            middle = (int(x + w * side), int(y + h * 0.31))
            cv2.ellipse(mask, middle, (w * 21 // 100, h * 13 // 100), 0, 0, 360, 255, -1)
    size = (int(w * 1.3), int(h * 0.75))
    down = 0.32 if shape in COVERS["eyes"] else 0.82
    move = np.array([[1, 0, x + w / 2 - size[0] / 2], [0, 1, y + h * down - size[1] / 2]])
    patch = cv2.resize(texture, size, interpolation=cv2.INTER_AREA)
    patch = cv2.warpAffine(patch, move, mask.shape[::-1], borderMode=cv2.BORDER_REFLECT_101)
    return np.where(mask[..., None] > 0, patch, image)


def forehead(image: np.ndarray, box) -> np.ndarray:
    """A face down to its eyes, upside down: skin with light and shade, and lines, such as hands have."""
    x, y, w, h = (int(v) for v in np.maximum(box, 0))
    return image[y + h // 10 : y + h // 2, x + w // 10 : x + w * 9 // 10][::-1]


def cheek(image: np.ndarray, box) -> np.ndarray:
    """Plain, in the colour of the cheeks."""
    x, y, w, h = (int(v) for v in np.maximum(box, 0))
    middle = image[y + h * 45 // 100 : y + h * 65 // 100, x + w * 15 // 100 : x + w * 45 // 100]
    return np.tile(np.median(middle.reshape(-1, 3), 0).astype(np.uint8), (8, 8, 1))


def cloth(rng) -> np.ndarray:
    """A plain colour in folds."""
    down, across = np.mgrid[:96, :128] / 96
    angle, width = rng.uniform(0, np.pi), rng.uniform(0.1, 0.5)
    folds = np.sin(2 * np.pi * (across * np.cos(angle) + down * np.sin(angle)) / width + 2 * np.sin(4 * down))
    colour = rng.uniform(10, 245, 3) * (1 + 0.25 * folds[..., None])
    return np.clip(colour + rng.normal(0, 3, (96, 128, 1)), 0, 255).astype(np.uint8)


def dark_glass() -> np.ndarray:
    """Nearly black, lighter towards one side, with the light of a window on it."""
    _, across = np.mgrid[:96, :128] / 96
    glass = np.repeat((20 + 30 * across)[..., None], 3, axis=2)
    return cv2.GaussianBlur(cv2.rectangle(glass, (20, 30), (34, 46), (150, 150, 150), -1), (0, 0), 2).astype(np.uint8)


def hair(rng) -> np.ndarray:
    """Strands of some colour, down the picture."""
    strands = cv2.GaussianBlur(rng.normal(0, 1, (96, 128)), (0, 0), sigmaX=0.7, sigmaY=25)
    colour = rng.uniform((20, 10, 5), (150, 110, 70))
    return np.clip(colour * (1 + 0.5 * strands / strands.std())[..., None], 0, 255).astype(np.uint8)


def with_closed_eyes(face: Portrait, head) -> np.ndarray:
    """The same picture, as `vividlib.mesh_to_video` draws it with closed eyes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)
        fitted = fit_portrait(face, head)
    closed = fitted.expression.copy()
    closed[[ARKIT_INDEX["eyeBlinkLeft"], ARKIT_INDEX["eyeBlinkRight"]]] = 1
    return Renderer(fitted, size=None).frame(closed)


def covers(head, faces: list[Portrait], part: str, rng) -> list[tuple[bool, Trial]]:
    """Whether it is of the half that is learned from, and the trial: portraits as they are and with a part covered."""
    trials = []
    for n, face in enumerate(faces):
        other = faces[n - 7]
        textures = {
            "cheek": cheek(face.image, face.box),
            "own forehead": forehead(face.image, face.box),
            "another's forehead": forehead(other.image, other.box),
            "cloth": cloth(rng),
            "dark glass": dark_glass(),
            "hair": hair(rng),
        }
        pictures = {"as it is": face.image} | {
            name: covered(str(rng.choice(COVERS[part])), textures[name], face.image, face.box, rng)
            for name in LEARNED[part] + REPORTED[part]
        }
        if "closed" in WHOLE[part]:
            pictures["closed"] = with_closed_eyes(face, head)
        for kind, picture in pictures.items():
            found = trial(head, kind, picture, face.landmarks[:, :2])
            trials += [(n % 2 == 0, found)] if found else []
    return trials


def summary_of_covers(trials: list[tuple[bool, Trial]], part: str) -> dict:
    """How many of the half that was not learned from are warned of, and what regression finds in the other half."""
    kinds = {}
    for kind in WHOLE[part] + LEARNED[part] + REPORTED[part]:
        some = [t for learned, t in trials if t.kind == kind and not learned]
        kinds[kind] = {
            "pictures": len(some),
            "warned": int(sum(t.least < POOR for t in some)),
            "warned_by_the_mirror_alone": int(sum(agreement_chance(t.mirror) < POOR for t in some)),
        }
    signal = attrgetter(part)
    seen, hidden = ([signal(t) for learned, t in trials if not learned and t.kind in which]
                    for which in (WHOLE[part], REPORTED[part]))  # fmt: skip
    learned = [t for learned, t in trials if learned and t.kind not in REPORTED[part]]
    bare = np.array([t.kind in WHOLE[part] for t in learned])
    weight = np.where(bare, (1 - COVERED) / bare.sum(), COVERED / (~bare).sum())
    middle, steepness = logistic([signal(t) for t in learned], bare, weight)
    return {
        "auc_contrast": round(float(mannwhitneyu(seen, hidden).statistic / len(seen) / len(hidden)), 3),
        "regression": {"even": round(middle, 2), "steepness": round(steepness, 2)},
        "kinds": kinds,
    }


def photos(head, faces: list[Portrait], rng) -> list[Trial | None]:
    trials = []
    for face in faces:
        image, truth = face.image, face.landmarks[:, :2]
        trials.append(trial(head, "as it is", image, truth))
        for kind in KINDS:
            picture, factor = spoilt(kind, image, bounding_box(truth), rng)
            trials.append(trial(head, kind, picture, (truth + 0.5) * factor - 0.5))
    return trials


def renders(head, rng) -> list[Trial | None]:
    trials, painted = [], with_brows(head)
    for _ in range(HEADS):
        identity, expression, gaze, _ = random_head(head, rng)
        turn = Rotation.from_euler("YXZ", rng.uniform(-1, 1, 3) * TURN, degrees=True)
        vertices = deform(head, person(head, identity).astype(np.float32), expression, gaze)
        image, _, _ = shade(painted, vertices, turn, CAMERA, (SIZE, SIZE))
        truth, _ = project(CAMERA, head_to_camera(landmarks_of(head, vertices), turn.as_quat(), np.zeros(3)))
        trials.append(trial(head, "as it is", image, truth))
        for kind in rng.choice(KINDS, 3, replace=False):
            picture, factor = spoilt(kind, image, bounding_box(truth), rng)
            trials.append(trial(head, str(kind), picture, (truth + 0.5) * factor - 0.5))
    return trials


def summary(trials: list[Trial | None]) -> dict:
    """By kind, and how well the least chance sorts good from poor."""
    found = [t for t in trials if t]
    good, poor = ([t for t in found if t.good == which] for which in (True, False))
    kinds = {}
    for kind in ("as it is", *KINDS):
        of_kind = [t for t in found if t.kind == kind]
        if of_kind:
            kinds[kind] = {
                "pictures": len(of_kind),
                "median_error": round(float(np.median([t.error for t in of_kind])), 3),
                "median_least": round(float(np.median([t.least for t in of_kind])), 2),
                "lowest_least": round(min(t.least for t in of_kind), 2),
                "warned": int(sum(t.least < POOR for t in of_kind)),
            }

    def auc(signal):
        return round(float(mannwhitneyu(signal(poor), signal(good)).statistic / len(poor) / len(good)), 3)

    return {
        "pictures": len(found),
        "not_found": len(trials) - len(found),
        "poor_warned": round(float(np.mean([t.least < POOR for t in poor])), 3),
        "good_warned": round(float(np.mean([t.least < POOR for t in good])), 3),
        "auc_least": auc(lambda some: [-t.least for t in some]),
        "auc_residual": auc(lambda some: [t.residual for t in some]),
        "auc_turn": auc(lambda some: [t.turn for t in some]),
        "kinds": kinds,
    }


def regression(trials: list[Trial]) -> dict:
    """`AGREE` from the trials: of landmarks where they belong on the disagreement."""
    good = np.array([t.error <= TOLERANCE for t in trials])
    even, steepness = logistic([t.mirror for t in trials], good, np.full(len(good), 1 / len(good)))
    return {"even": round(even, 4), "steepness": round(steepness, 2)}


def logistic(signal, good: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Logistic regression on the logarithm of a signal: the signal at which the chance is even, and the steepness."""
    signal, sign = np.log(np.maximum(signal, 1e-6)), np.where(good, 1, -1)
    start = np.corrcoef(signal, sign)[0, 1] * 2, np.average(signal, weights=weight)
    steepness, even = minimize(lambda w: weight @ np.logaddexp(0, -sign * w[0] * (signal - w[1])), start).x
    return float(np.exp(even)), float(steepness)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="portraits")
    options = parser.parse_args()
    head, rng = load(), np.random.default_rng(SEED)
    faces = [find_portrait(load_image(path), face=0) for path in sorted(options.folder.iterdir())]
    sets = {"photos": photos(head, faces, rng), "renders": renders(head, rng)}
    found = [t for trials in sets.values() for t in trials if t]
    write("confidence", {
        "tolerance": TOLERANCE, "warned_below": POOR, "regression": regression(found),
        **{name: summary(trials) for name, trials in sets.items()},
        "covers": {part: summary_of_covers(covers(head, faces, part, rng), part) for part in COVERS},
    })  # fmt: skip


if __name__ == "__main__":
    main()
