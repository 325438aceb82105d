"""Pose, camera, identity and expression from landmarks: one Gauss-Newton, for photos and videos.

The residual is the classical one of morphable-model fitting (Blanz and Vetter 1999; Thies et al.,
Face2Face, 2016): projected model landmarks minus detected ones, a Gaussian prior on identity, and
expression coefficients in [0, 1] with an L1 price, which keeps antagonists such as jawOpen and
mouthClose apart. Frames are solved in batches; a photo is a batch of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT
from vividlib.head.gaze import eye_shapes
from vividlib.types import Camera, HeadModel

NOISE = 0.001  # metres: how far landmarks of a good detection stray
DEPTH_TRUST = 0.25  # MediaPipe's depth is a guess of its network; it steadies the pose, no more
UNSEEN = ("cheekPuff", "tongueOut", "jawForward")  # landmarks cannot tell them
PRICE = 1.0  # of a coefficient at 1, in squared sigmas for every hundred coordinates
TASTE = {
    "jawOpen": 0.3, "jawLeft": 3, "jawRight": 3, "mouthLowerDown": 1.5, "mouthUpperUp": 1.5, "mouthShrug": 4, "mouthRoll": 3, "mouthStretch": 2, "mouthDimple": 3,
    "mouthPress": 2, "noseSneer": 2, "cheekSquint": 3, "eyeSquint": 2, "eyeBlink": 0.2,
}  # fmt: skip
"""How the price differs: what jaw, smile and funnel explain is not left to subtler shapes."""
SYMMETRY = 3.0  # price of the squared difference between the left and the right of a mouth shape
FREE = [i for i, name in enumerate(ARKIT) if name not in UNSEEN and "eyeLook" not in name]
RIGHT_IRIS, LEFT_IRIS = 468, 473  # MediaPipe's centres; "right" is the person's own

LIPS = (
    [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409],
    [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415],
)  # MediaPipe's outer and inner loop
EYES = (
    [33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246],
    [362, 382, 381, 380, 374, 373, 390, 249, 263, 466, 388, 387, 386, 385, 384, 398],
)  # right, left
OVAL = [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
        152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109]  # fmt: skip
OPENINGS = np.array(
    [*zip(LIPS[1][1:10], LIPS[1][11:]), *zip(EYES[0][1:8], EYES[0][:8:-1]), *zip(EYES[1][1:8], EYES[1][:8:-1])]
    + [(61, 291), (78, 308)]
)
"""Opposite landmarks of lips and lids, and the mouth's corners: what lies between them is what a viewer
sees and what a detector sees best, so their distance counts besides their places."""
OPENING_SIGMA = 0.25
CHIN = [149, 176, 148, 152, 377, 400, 378]  # the part of the outline that is a place of the skin


@dataclass(frozen=True, eq=False)
class Solution:
    """Fitted parameters of a batch of B frames."""

    rotation: np.ndarray  # B 3 3, head to camera space
    scale: np.ndarray  # B, px per metre at the head joint
    centre: np.ndarray  # B 2, px, where the head joint is seen
    expression: np.ndarray  # B 52 in [0, 1]
    gaze: np.ndarray  # B 2 2, radians
    identity: np.ndarray  # K, standard deviations, one person
    residual: np.ndarray  # B 478 2, px: detected minus projected


def landmarks_of(head: HeadModel, vertices: np.ndarray) -> np.ndarray:
    """The 478 landmarks (... 478 3) of vertices (... V 3)."""
    return np.einsum("...lkc,lk->...lc", vertices[..., head.landmark_vertices, :], head.landmark_weights)


def solve(head: HeadModel, landmarks: np.ndarray, neutral: np.ndarray | None = None, rounds: int = 8) -> Solution:
    """Fit the head to detected landmarks.

    Parameters
    ----------
    landmarks : B 478 3 px
    neutral : V 3, a known person's neutral head; None solves for the identity too, which needs
        every frame of the batch to show one person.
    rounds : Gauss-Newton steps.
    """
    frames = len(landmarks)
    target = landmarks.astype(np.float64)
    shapes = landmarks_of(head, head.blendshapes).astype(np.float64)  # 52 478 3
    basis = np.zeros((0, 478, 3)) if neutral is not None else landmarks_of(head, head.identity_basis).astype(np.float64)
    base = landmarks_of(head, head.template if neutral is None else neutral).astype(np.float64)
    weights = _weights()

    rotation, scale, centre = _weak_pose(base, target)
    expression = np.zeros((frames, 52))
    identity = np.zeros(len(basis))
    gaze = np.zeros((frames, 2, 2))
    for _ in range(rounds):
        person = base + np.einsum("k,klc->lc", identity, basis)
        points = person + np.einsum("bs,slc->blc", expression, shapes)
        gaze = _gaze(head, neutral, identity, points, target, rotation, scale, centre)
        looks = eye_shapes(gaze)
        held = [i for i in range(52) if i not in FREE]
        expression[:, held] = looks[:, held]
        points = person + np.einsum("bs,slc->blc", expression, shapes)

        residual, jacobian = _linearise(points, np.concatenate([shapes[FREE], basis]), target, rotation, scale, centre)
        weight = weights / (NOISE * scale[:, None])
        step = _step(residual * weight, jacobian * weight[..., None], expression[:, FREE], identity)
        rotation = Rotation.from_rotvec(step[:, :3]).as_matrix() @ rotation
        scale = scale * np.exp(np.clip(step[:, 3], -0.3, 0.3))
        centre = centre + step[:, 4:6] * scale[:, None]
        expression[:, FREE] = np.clip(expression[:, FREE] + step[:, 6 : 6 + len(FREE)], 0, 1)
        if len(basis):
            identity = identity + step[:, 6 + len(FREE) :].mean(0)
    person = base + np.einsum("k,klc->lc", identity, basis)
    points = person + np.einsum("bs,slc->blc", expression, shapes)
    seen = _project(points, rotation, scale, centre)[0]
    return Solution(rotation, scale, centre, expression, gaze, identity, target[..., :2] - seen)


def _weights() -> np.ndarray:
    """Weight of each row of the residual, in units of 1 / NOISE: lips and lids are sharp, the outline slides."""
    sigma = np.full(478, 1.6)
    sigma[OVAL] = 4.0
    sigma[CHIN] = 2.2
    for loop in (*LIPS, *EYES):
        sigma[loop] = 0.6
    sigma[RIGHT_IRIS:] = 1e3  # irises give the gaze instead
    places = np.stack([1 / sigma, 1 / sigma, DEPTH_TRUST / sigma], -1).ravel()
    return np.concatenate([places, np.full(2 * len(OPENINGS), 1 / OPENING_SIGMA)])


def _project(points, rotation, scale, centre):
    """Image positions (B N 2) and camera-space points (B N 3), as `geometry.camera.project` does."""
    camera = np.einsum("bij,bnj->bni", rotation, points)
    nearness = Camera.distance / (Camera.distance - camera[..., 2:])
    seen = centre[:, None] + scale[:, None, None] * nearness * camera[..., :2] * [1, -1]
    return seen, camera


def _linearise(points, directions, target, rotation, scale, centre):
    """Residual (B R) and Jacobian (B R P) of x, y and depth of every landmark, then of x, y of every opening.

    Parameters in order: rotation vector (3), log scale, centre in head units (2), ``directions``.
    """
    seen, camera = _project(points, rotation, scale, centre)
    frames, count = seen.shape[:2]
    turned = np.einsum("bij,dnj->bnid", rotation, directions)
    near = (Camera.distance / (Camera.distance - camera[..., 2]))[..., None]
    x, y, z = (camera[..., i, None] for i in range(3))
    zero = np.zeros_like(x)
    moves = np.concatenate(  # of the camera-space point: B N 3 (3 + D)
        [np.stack([np.concatenate(r, -1) for r in ([zero, z, -y], [-z, zero, x], [y, -x, zero])], -2), turned], -1
    )
    lever = near**2 / Camera.distance * moves[..., 2, :]
    along = np.stack([near * moves[..., 0, :] + lever * x, -near * moves[..., 1, :] - lever * y, -moves[..., 2, :]], -2)
    flat = (seen - centre[:, None])[..., None] / scale[:, None, None, None]
    sizes = np.concatenate([flat, -z[..., None, :]], -2)
    shifts = np.zeros((frames, count, 3, 2))
    shifts[..., 0, 0] = shifts[..., 1, 1] = 1
    jacobian = np.concatenate([along[..., :3], sizes, shifts, along[..., 3:]], -1) * scale[:, None, None, None]
    depth = -z[..., 0] * scale[:, None]
    residual = np.concatenate([target[..., :2] - seen, (target[..., 2] - depth)[..., None]], -1)
    # Depths are relative to an unknown origin: compare them without their means.
    residual[..., 2] -= residual[..., 2].mean(1, keepdims=True)
    jacobian[..., 2, :] -= jacobian[..., 2, :].mean(1, keepdims=True)
    first, second = OPENINGS.T
    between = residual[:, first, :2] - residual[:, second, :2]
    spread = jacobian[:, first, :2] - jacobian[:, second, :2]
    size = jacobian.shape[-1]
    return (
        np.concatenate([residual.reshape(frames, -1), between.reshape(frames, -1)], 1),
        np.concatenate([jacobian.reshape(frames, -1, size), spread.reshape(frames, -1, size)], 1),
    )


def _step(residual, jacobian, expression, identity):
    """One bounded Gauss-Newton step (B P): damped pose, priced expression in [0, 1], Gaussian identity."""
    frames, _, size = jacobian.shape
    shapes, people = expression.shape[1], len(identity)
    normal = np.einsum("brp,brq->bpq", jacobian, jacobian, optimize=True)
    slope = np.einsum("brp,br->bp", jacobian, residual)
    linear, square = _prices(jacobian.shape[1])
    here = slice(6, 6 + shapes)
    slope[:, here] -= linear + expression @ square
    normal[:, here, here] += square
    if people:
        own = slice(6 + shapes, size)
        slope[:, own] -= identity
        normal[:, range(6 + shapes, size), range(6 + shapes, size)] += 1
    normal[:, range(6), range(6)] += 1e-3
    low, high = np.full((frames, size), -np.inf), np.full((frames, size), np.inf)
    low[:, here], high[:, here] = -expression, 1 - expression
    return bounded_solve(normal, slope, low, high)


@cache
def _prices(coordinates: int):
    """The price of the free expressions: its linear part (S) and its matrix (S S)."""
    names = [ARKIT[i] for i in FREE]
    taste = np.array([next((t for start, t in TASTE.items() if name.startswith(start)), 1.0) for name in names])
    linear = PRICE * coordinates / 100 * taste
    square = np.diag(2 * linear)
    for i, name in enumerate(names):
        if name.startswith("mouth") and name.endswith("Left") and name != "mouthLeft":
            j = names.index(name.replace("Left", "Right"))
            pull = 2 * SYMMETRY * linear[i]
            square[[i, j, i, j], [i, j, j, i]] += [pull, pull, -pull, -pull]
    return linear, square


def bounded_solve(normal, slope, low, high, rounds: int = 12):
    """Minimise ``x N x / 2 - s x`` for each of a batch within bounds (projected Newton, Bertsekas 1982).

    Shapes B P P, B P, B P, B P; the result is B P.
    """
    x = np.clip(0.0, low, high) * np.ones_like(slope)
    for _ in range(rounds):
        gradient = np.einsum("bpq,bq->bp", normal, x) - slope
        held = ((x <= low) & (gradient > 0)) | ((x >= high) & (gradient < 0))
        system = np.where(held[:, :, None] | held[:, None, :], 0.0, normal)
        system[:, range(x.shape[1]), range(x.shape[1])] += held
        move = np.linalg.solve(system, np.where(held, 0.0, -gradient)[..., None])[..., 0]
        new = np.clip(x + move, low, high)
        if np.abs(new - x).max() < 1e-6:
            return new
        x = new
    return x


def _weak_pose(base, target):
    """First guess of rotation, scale and centre: similarity of the 3D landmarks (Umeyama 1991)."""
    steady = np.setdiff1d(np.arange(468), np.concatenate([*LIPS, OVAL]))
    source = base[steady]
    rotations, scales, centres = [], [], []
    for points in target * [1, -1, -1]:
        goal = points[steady]
        a, b = source - source.mean(0), goal - goal.mean(0)
        turn, _ = Rotation.align_vectors(b, a)
        scale = np.linalg.norm(b[:, :2]) / np.linalg.norm(turn.apply(a)[:, :2])
        shift = goal.mean(0) - scale * turn.apply(source.mean(0))
        rotations.append(turn.as_matrix())
        scales.append(scale)
        centres.append([shift[0], -shift[1]])
    return np.array(rotations), np.array(scales), np.array(centres)


def _gaze(head, neutral, identity, points, target, rotation, scale, centre):
    """Gaze (B 2 2) that puts the irises where they are seen."""
    if neutral is None:
        neutral = head.template + np.einsum("k,kvc->vc", identity, head.identity_basis)
    gaze = np.zeros((len(target), 2, 2))
    for eye, name, iris in ((0, "left", LEFT_IRIS), (1, "right", RIGHT_IRIS)):
        ball = neutral[head.regions[f"eyeball_{name}"]]
        middle = neutral[head.joints[f"eye_{name}"]].mean(0)
        radius = np.linalg.norm(ball - middle, axis=1).max()
        seen = np.repeat(middle[None, None], len(target), 0)
        at, camera = _project(seen, rotation, scale, centre)
        near = Camera.distance / (Camera.distance - camera[:, 0, 2] - 0.8 * radius)
        offset = (target[:, iris, :2] - at[:, 0]) / (scale * near)[:, None] * [1, -1] / radius
        ahead = np.sqrt(np.clip(1 - (offset**2).sum(1), 0.3, 1))
        direction = np.einsum("bji,bj->bi", rotation, np.column_stack([offset, ahead]))
        gaze[:, eye, 0] = np.arctan2(direction[:, 0], direction[:, 2])
        gaze[:, eye, 1] = np.arcsin(np.clip(direction[:, 1], -1, 1))
    return np.clip(gaze, -0.7, 0.7)
