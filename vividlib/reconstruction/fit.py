"""Photos of one person to a Face: solve for the coefficients, then bend the neutral head onto the landmarks."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu
from scipy.spatial.transform import Rotation

from vividlib.conventions import LIPS
from vividlib.errors import FaceTurnedError, FitWarning
from vividlib.geometry.camera import head_to_camera, project
from vividlib.head.bend import take_along, thin_plate
from vividlib.head.model import deform, landmarks_of, person
from vividlib.reconstruction.confidence import POOR, advice, confidence, deviation, eye_contrast, eyes_chance
from vividlib.reconstruction.identity import likely
from vividlib.reconstruction.solve import EYES, LEFT_IRIS, OVAL, RIGHT_IRIS, Solution, solve
from vividlib.types import Camera, Face, HeadModel, Portrait

MAX_TURN = 60.0  # degrees from the camera; past it half of the mouth is out of sight
DEPTH = 0.2  # weight of a landmark's staying in its depth, against its moving to where a photo shows it
EVENLY = np.eye(3)  # holds landmarks in all directions alike
BENDS = 2  # the first one moves eye sockets and lips a little, so pose and expression are read again before the second


def fit_portrait(portrait: Portrait, head: HeadModel, more: Sequence[Portrait] = ()) -> Face:
    """Reconstruct the head in a portrait.

    The expression in the photo is kept apart from the identity: ``neutral`` is at rest with the
    lips closed, also where the photo smiles.

    Parameters
    ----------
    portrait
        The photo that expression, gaze, pose and camera are of.
    head
        The head to fit.
    more
        Other photos of the same person: identity and neutral head fit all of them.

    Warns with `FitWarning` about each photo whose face is probably not where it was found, or whose eyes are not seen;
    ``Face.confidence`` is the least of all photos.

    Raises
    ------
    FaceTurnedError
        If a face looks more than 60 degrees away from the camera.
    """
    portraits = (portrait, *more)
    landmarks = np.stack([one.landmarks for one in portraits])
    identity, neutral, solution = fit_person(head, landmarks)
    _check_turns(solution)
    return Face(
        head=head,
        portrait=portrait,
        identity=identity.astype(np.float32),
        neutral=neutral.astype(np.float32),
        expression=solution.expression[0].astype(np.float32),
        remainder=_bend(head, in_head_space(solution, solution.residual)[0]).astype(np.float32),
        gaze=solution.gaze[0].astype(np.float32),
        rotation=Rotation.from_matrix(solution.rotation[0]).as_quat(),
        translation=np.zeros(3),
        camera=Camera(float(solution.scale[0]), tuple(map(float, solution.centre[0]))),
        confidence=_confidence(portraits, solution),
    )


def fit_person(head: HeadModel, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray, Solution]:
    """Identity (K) and neutral head (V 3) of one person, and the frames' own share, from landmarks (B 478 3 px)."""
    solution = solve(head, landmarks)
    identity, neutral = likely(head, solution.identity), person(head, solution.identity)
    for _ in range(BENDS):
        neutral = refine(head, neutral, solution)
        solution = solve(head, landmarks, neutral)
    return identity, neutral, solution


def _turns(solution: Solution) -> np.ndarray:
    """Degrees (B) by which the faces look away from the camera."""
    return np.degrees(np.arccos(np.clip(solution.rotation[:, 2, 2], -1, 1)))


def _photo(number: int, solution: Solution) -> str:
    """Says at the start of a message which photo of several it is about."""
    return "" if len(solution.rotation) == 1 else f"Photo {number}: "


def _check_turns(solution: Solution) -> None:
    for number, turn in enumerate(_turns(solution), 1):
        if turn > MAX_TURN:
            raise FaceTurnedError(
                f"{_photo(number, solution)}The face looks {turn:.0f} degrees away from the camera; at most "
                f"{MAX_TURN:.0f} can be reconstructed. Use a picture that shows more of the face from the front."
            )


def _confidence(portraits: Sequence[Portrait], solution: Solution) -> float:
    """The least confidence of all photos; warns about each that is poor, and about eyes that cannot be seen."""
    each = [confidence(one) for one in portraits]
    for number, (one, sure, turn) in enumerate(zip(portraits, each, _turns(solution)), 1):
        if sure < POOR:
            message = f"{advice(one, turn)} Confidence of the fit: {sure:.2f}."
        elif eyes_chance(eye_contrast(one.image, one.landmarks)) < POOR:
            message = (
                "The eyes are covered or hardly to be seen: lids and gaze are guesses. Use a photo that shows them."
            )
        else:
            continue
        # The line that called pipeline.reconstruct.
        warnings.warn(_photo(number, solution) + message, FitWarning, stacklevel=4)
    return min(each)


def refine(head: HeadModel, neutral: np.ndarray, solution: Solution) -> np.ndarray:
    """Bend a neutral head (V 3) smoothly so that its landmarks meet those detected in all frames of a solution.

    The bend minimises the squared Laplacian of the displacement (`vividlib.head.bend`) plus the mean squared distance
    to the landmarks of each frame in its own image plane. Along the viewing ray a frame only asks the landmarks, by
    `DEPTH`, to stay: depth is as the identity basis has it where no other frame sees it from the side.
    """
    frames = len(solution.rotation)
    wanted = in_head_space(solution, _without_lip_gap(solution.residual)).mean(0)
    if frames == 1:  # nothing is wanted along its one viewing ray, so how firmly it holds there is all the same
        return neutral + _bend(head, wanted)
    hold = np.einsum("bji,j,bjk->ik", solution.rotation, [1, 1, DEPTH], solution.rotation) / frames
    return neutral + _bend(head, wanted, hold)


def in_head_space(solution: Solution, residual: np.ndarray) -> np.ndarray:
    """Residuals (B 478 2 px) as displacements in head space (B 478 3 metres)."""
    in_plane = np.pad(residual * [1, -1], ((0, 0), (0, 0), (0, 1))) / solution.scale[:, None, None]
    return in_plane @ solution.rotation  # camera to head space


def _bend(head: HeadModel, wanted: np.ndarray, hold: np.ndarray = EVENLY) -> np.ndarray:
    """The smooth displacement (V 3) that takes the landmarks by ``wanted`` (478 3), both in head space and metres.

    ``hold`` (3 3) says how firmly a landmark is held in each direction, relative to its weight; ``wanted`` is
    weighted with it already.
    """
    pull, _, _, skin = _equations(head)
    bend = np.zeros_like(head.template, dtype=np.float64)
    strengths, axes = np.linalg.eigh(hold)
    for strength, axis in zip(strengths, axes.T):
        bend[skin] += _system(head, strength).solve(pull @ (wanted @ axis))[:, None] * axis
    take_along(head, bend)
    return bend


def _without_lip_gap(residual: np.ndarray) -> np.ndarray:
    """Take out of residuals (B 478 2) what would open or cross the lips of the neutral head.

    A gap between the lips that the shapes could not reach is expression, not identity: opposite
    landmarks of the inner lips may only move together.
    """
    residual = residual.copy()
    inner = LIPS[1]
    lower, upper = inner[1:10], inner[11:]
    both = (residual[:, lower] + residual[:, upper]) / 2
    residual[:, lower] = residual[:, upper] = both
    return residual


@lru_cache(maxsize=4)
def _equations(head: HeadModel):
    """Normal equations of the bend: right-hand side per landmark, matrices of landmarks and plate, bent vertices."""
    skin, place, plate = thin_plate(head)
    weight = np.ones(478)
    weight[OVAL] = 0.1  # the outline that the detector sees is not a fixed line of the skin
    for loop in (*LIPS, *EYES):
        weight[loop] = 3
    pull = (place.T @ sparse.diags(weight)).tocsc()
    return pull, pull @ place, plate, skin


@lru_cache(maxsize=4)
def _system(head: HeadModel, strength: float):
    """Factorised equations of the bend in a direction in which landmarks are held by ``strength``."""
    _, landmarks, plate, _ = _equations(head)
    return splu((strength * landmarks + plate).tocsc())


def landmark_error(face: Face) -> float:
    """Root mean square distance of the face's landmarks from those found, as a share of the distance of the pupils."""
    vertices = deform(face.head, face.neutral, face.expression) + face.remainder
    points = head_to_camera(landmarks_of(face.head, vertices), face.rotation, face.translation)
    seen, _ = project(face.camera, points)
    right, left = face.portrait.landmarks[[RIGHT_IRIS, LEFT_IRIS], :2]
    return deviation(seen, face.portrait.landmarks[:, :2]) / float(np.linalg.norm(left - right))
