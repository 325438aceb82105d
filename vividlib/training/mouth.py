"""Mouths of one person in many frames: from landmarks to the spoken blendshapes, relative to the closed mouth.

`reconstruction.track` fits a whole head to a video of anybody. Here more is known: many frames of one person,
of which some show closed lips. So the head's pose is taken out with the landmarks that speech does not
move, the closed mouth is subtracted, and what remains of the lips, chin and cheeks is explained by a
sparse, nearly symmetric mixture of blendshapes. Lips that meet in the picture meet in the result.
"""

from __future__ import annotations

import numpy as np

from vividlib.audio_to_mesh.network import SPOKEN
from vividlib.conventions import ARKIT_INDEX
from vividlib.head.model import landmarks_of
from vividlib.reconstruction.solve import LIPS
from vividlib.types import HeadModel

STILL = [10, 151, 9, 8, 168, 6, 197, 195, 5, 4, 33, 133, 362, 263, 130, 359, 127, 356, 103, 332, 54, 284, 21, 251,
         162, 389, 67, 297, 109, 338, 193, 417, 122, 351, 196, 419]  # fmt: skip
"""MediaPipe landmarks of forehead, temples, eye corners and nose, which speech does not move."""
CHIN = [152, 148, 377, 176, 400, 18, 200, 199, 175, 83, 313]
AROUND = [2, 98, 327, 64, 294, 205, 425, 206, 426, 216, 436, 212, 432, 202, 422, 57, 287, 43, 273, 164, 167, 393]
UPPER_INNER, LOWER_INNER = [81, 82, 13, 312, 311], [178, 87, 14, 317, 402]

NOISE = {"lips": 0.6, "chin": 2.0, "around": 1.2, "gap": 0.25}  # mm
UNSEEN = ("jawForward", "tongueOut", "cheekPuff")  # landmarks cannot tell them
PRICE = 6.0  # of a coefficient at 1, in squared standard deviations: prefers few shapes
RARE = (
    "mouthShrugUpper",
    "mouthFrown",
    "mouthDimple",
    "mouthLeft",
    "mouthRight",
    "jawLeft",
    "jawRight",
    "cheek",
    "nose",
)
RARE_PRICE = 60.0  # speech hardly needs them, and they are good at explaining noise
WEIGHT = 20.0  # of a squared coefficient
SLIP = 1.0  # mm by which the whole mouth may be off, where a pose is
SYMMETRY = 100.0  # of a squared difference between left and right
ROUNDS = 400
CLOSEST = 10  # percentile of the lip gap below which lips count as closed
WIDEST = 98  # percentile of the lip gap that counts as this person's full opening
FULL_GAP = 13.0  # mm, the lip gap of wide vowels in connected speech
FACTOR = (0.6, 1.7)  # by which a person's movement may be scaled


def align_faces(landmarks: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Move every face onto a reference by the similarity that fits its still landmarks best.

    Umeyama, "Least-squares estimation of transformation parameters" (1991).

    Parameters
    ----------
    landmarks : (T, 478, 3) px, y down, z away from the viewer
    reference : (478, 3) mm, y up, z towards the viewer

    Returns
    -------
    faces : (T, 478, 3) mm, in the place of the reference
    rotation : (T, 3, 3) that turned them there
    """
    points = landmarks.astype(np.float64) * [1, -1, -1]
    still, target = points[:, STILL], reference[STILL] - reference[STILL].mean(0)
    centre = still.mean(1, keepdims=True)
    u, sizes, vt = np.linalg.svd(np.einsum("ni,tnj->tij", target, still - centre))
    sign = np.ones((len(points), 3))
    sign[:, 2] = np.sign(np.linalg.det(u @ vt))
    rotation = (u * sign[:, None]) @ vt
    scale = (sizes * sign).sum(1) / np.square(still - centre).sum((1, 2))
    faces = scale[:, None, None] * np.einsum("tij,tnj->tni", rotation, points - centre) + reference[STILL].mean(0)
    return faces, rotation


def fit_mouths(landmarks: list[np.ndarray], head: HeadModel) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Spoken blendshapes of all clips of one person.

    Parameters
    ----------
    landmarks : (T, 478, 3) px for each clip

    Returns
    -------
    blendshapes : (T, 52) float32 in [0, 1] for each clip, 0 where the lips are closed and relaxed; scaled so
        that everybody's full opening is about the same
    turned : (T,) degrees that the face looks away from the camera, for each clip
    """
    template = 1000 * landmarks_of(head, head.template)
    everything = np.concatenate(landmarks)
    faces, _ = align_faces(everything, template)
    # A second time onto this person's own mean: what is left moves with the face, not with its proportions.
    faces, rotation = align_faces(everything, faces.mean(0))
    gap = _gap(faces)
    closed = np.median(faces[gap <= np.percentile(gap, CLOSEST)], axis=0)
    full = np.percentile(gap - _gap(closed[None]), WIDEST)
    factor = np.clip(FULL_GAP / max(full, 1e-3), *FACTOR)
    blendshapes = explain(factor * (faces - closed), head)
    turned = np.degrees(np.arccos(np.clip(rotation[:, 2, 2], -1, 1)))
    edges = np.cumsum([len(clip) for clip in landmarks])[:-1]
    return np.split(blendshapes, edges), np.split(turned, edges)


def _gap(faces: np.ndarray) -> np.ndarray:
    """Opening between the inner lips, (..., 478, 3) to (...,) mm."""
    return (faces[..., UPPER_INNER, 1] - faces[..., LOWER_INNER, 1]).mean(-1)


def _rows(moved: np.ndarray) -> np.ndarray:
    """What is compared, in standard deviations of noise: (..., 478, 3) mm to (..., M)."""
    parts = [(LIPS[0] + LIPS[1], "lips"), (CHIN, "chin"), (AROUND, "around")]
    rows = [moved[..., points, :2].reshape(*moved.shape[:-2], -1) / NOISE[name] for points, name in parts]
    apart = (moved[..., UPPER_INNER, 1] - moved[..., LOWER_INNER, 1]) / NOISE["gap"]
    return np.concatenate([*rows, apart], axis=-1)


def explain(moved: np.ndarray, head: HeadModel) -> np.ndarray:
    """Blendshapes (T, 52) in [0, 1] that move the landmarks by ``moved`` (T, 478, 3) mm.

    A sparse non-negative least-squares problem, solved by accelerated projected gradients (Beck and
    Teboulle, "FISTA", 2009) for all frames at once.
    """
    names = [name for name in SPOKEN if name not in UNSEEN]
    seen = [ARKIT_INDEX[name] for name in names]
    slips = np.zeros((2, 478, 3))
    slips[0, :, 0] = slips[1, :, 1] = 1
    basis = _rows(np.concatenate([1000 * landmarks_of(head, head.blendshapes[seen]), slips]))
    curvature = basis @ basis.T + np.diag([WEIGHT] * len(seen) + [1 / SLIP**2] * 2)
    for name in names:
        if name.endswith("Left") and name[:-4] + "Right" in names:
            pair = np.zeros(len(basis))
            pair[[names.index(name), names.index(name[:-4] + "Right")]] = 1, -1
            curvature += SYMMETRY * np.outer(pair, pair)
    price = [RARE_PRICE if name.startswith(RARE) else PRICE for name in names]
    pull = _rows(moved) @ basis.T - np.array([*price, 0, 0])
    low, high = np.array([0.0] * len(seen) + [-np.inf] * 2), np.array([1.0] * len(seen) + [np.inf] * 2)
    step = 1 / np.linalg.eigvalsh(curvature)[-1]
    now = ahead = np.zeros_like(pull)
    pace = 1.0
    for _ in range(ROUNDS):
        before, now = now, np.clip(ahead - step * (ahead @ curvature - pull), low, high)
        faster = (1 + np.sqrt(1 + 4 * pace**2)) / 2
        ahead = now + (pace - 1) / faster * (now - before)
        pace = faster
    curves = np.zeros((len(moved), 52), np.float32)
    curves[:, seen] = now[:, : len(seen)]
    return curves
