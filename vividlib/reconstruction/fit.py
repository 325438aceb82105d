"""A photo to a Face: solve for the coefficients, then bend the neutral head onto the landmarks."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu
from scipy.spatial.transform import Rotation

from vividlib.errors import FaceTurnedError
from vividlib.geometry.camera import head_to_camera, project
from vividlib.geometry.mesh import laplacian
from vividlib.head.model import deform, landmarks_of, person
from vividlib.reconstruction.solve import EYES, LIPS, OVAL, Solution, solve
from vividlib.types import Camera, Face, HeadModel, Portrait

MAX_TURN = 60.0  # degrees from the camera; past it half of the mouth is out of sight
SMOOTHNESS = 2.0  # of the bend, against the landmarks
STIFFNESS = 1e-3  # keeps what no landmark reaches where the identity basis put it


def fit_portrait(portrait: Portrait, head: HeadModel) -> Face:
    """Reconstruct the head in a portrait.

    The expression in the photo is kept apart from the identity: ``neutral`` is at rest with the
    lips closed, also where the photo smiles.

    Raises
    ------
    FaceTurnedError
        If the face looks more than 60 degrees away from the camera.
    """
    solution = solve(head, portrait.landmarks[None])
    forward = solution.rotation[0] @ [0, 0, 1]
    turn = np.degrees(np.arccos(np.clip(forward[2], -1, 1)))
    if turn > MAX_TURN:
        raise FaceTurnedError(
            f"The face looks {turn:.0f} degrees away from the camera; at most {MAX_TURN:.0f} can be reconstructed. "
            "Use a picture that shows more of the face from the front."
        )
    neutral = refine(head, person(head, solution.identity), solution)
    # The bend moved eye sockets and lips a little: read pose, expression and gaze once more.
    final = solve(head, portrait.landmarks[None], neutral)
    return Face(
        head=head,
        portrait=portrait,
        identity=solution.identity.astype(np.float32),
        neutral=neutral.astype(np.float32),
        expression=final.expression[0].astype(np.float32),
        remainder=_bend(head, final, final.residual[0]).astype(np.float32),
        gaze=final.gaze[0].astype(np.float32),
        rotation=Rotation.from_matrix(final.rotation[0]).as_quat(),
        translation=np.zeros(3),
        camera=Camera(float(final.scale[0]), tuple(map(float, final.centre[0]))),
    )


def refine(head: HeadModel, neutral: np.ndarray, solution: Solution) -> np.ndarray:
    """Bend a neutral head (V 3) smoothly so that its landmarks meet the detected ones.

    The bend minimises the squared Laplacian of the displacement (biharmonic; Botsch and Sorkine,
    On Linear Variational Surface Deformation Methods, 2008, section 3) plus the distance to the landmarks, in the
    image plane only: depth stays as the identity basis has it.
    """
    return neutral + _bend(head, solution, _without_lip_gap(solution.residual[0]))


def _bend(head: HeadModel, solution: Solution, residual: np.ndarray) -> np.ndarray:
    """The smooth displacement (V 3, head space) that takes the landmarks by ``residual`` (478 2 px)."""
    in_plane = np.column_stack([residual[:, 0], -residual[:, 1], np.zeros(len(residual))]) / solution.scale[0]
    wanted = in_plane @ solution.rotation[0]  # camera to head space
    factor, pull, skin = _system(head)
    bend = np.zeros_like(head.template, dtype=np.float64)
    bend[skin] = factor.solve(pull @ wanted)
    for side in ("left", "right"):
        bend[head.regions[f"eyeball_{side}"]] = bend[head.regions[f"eyelids_{side}"]].mean(0)
    mouth = bend[head.regions["lips_inner"]].mean(0)
    for part in ("teeth_upper", "teeth_lower", "tongue"):
        bend[head.regions[part]] = mouth
    return bend


def _without_lip_gap(residual: np.ndarray) -> np.ndarray:
    """Take out of the residual what would open or cross the lips of the neutral head.

    A gap between the lips that the shapes could not reach is expression, not identity: opposite
    landmarks of the inner lips may only move together.
    """
    residual = residual.copy()
    inner = LIPS[1]
    lower, upper = inner[1:10], inner[11:]
    both = (residual[lower] + residual[upper]) / 2
    residual[lower] = residual[upper] = both
    return residual


@lru_cache(maxsize=4)
def _system(head: HeadModel):
    """Factorised normal equations of the bend, the right-hand side per landmark, the bent vertices."""
    rigid = np.concatenate(
        [head.regions[r] for r in ("eyeball_left", "eyeball_right", "teeth_upper", "teeth_lower", "tongue")]
    )
    skin = np.setdiff1d(np.arange(len(head.template)), rigid)
    weight = np.ones(478)
    weight[OVAL] = 0.1  # the outline that the detector sees is not a fixed line of the skin
    for loop in (*LIPS, *EYES):
        weight[loop] = 3
    rows = np.repeat(np.arange(478), 3)
    entries = (head.landmark_weights.ravel(), (rows, head.landmark_vertices.ravel()))
    place = sparse.csr_matrix(entries, shape=(478, len(head.template)))[:, skin]
    smooth = laplacian(head.faces, len(head.template))[skin][:, skin]
    pull = (place.T @ sparse.diags(weight)).tocsc()
    system = pull @ place + SMOOTHNESS * smooth.T @ smooth + STIFFNESS * sparse.identity(len(skin))
    return splu(system.tocsc()), pull, skin


def landmark_error(face: Face) -> float:
    """Root mean square distance (share of the eye distance) between the face's landmarks and the detected ones."""
    vertices = deform(face.head, face.neutral, face.expression) + face.remainder
    points = head_to_camera(landmarks_of(face.head, vertices), face.rotation, face.translation)
    seen, _ = project(face.camera, points)
    inside = np.setdiff1d(np.arange(468), OVAL)
    off = seen[inside] - face.portrait.landmarks[inside, :2]
    eyes = face.portrait.landmarks[[468, 473], :2]
    return float(np.sqrt((off**2).sum(1).mean()) / np.linalg.norm(eyes[0] - eyes[1]))
