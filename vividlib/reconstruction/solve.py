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

from vividlib.conventions import ARKIT, LIPS
from vividlib.head.gaze import eye_shapes
from vividlib.head.model import landmarks_of, person, shape_scale
from vividlib.types import Camera, HeadModel

NOISE = 0.001  # metres: how far landmarks of a good detection stray
DEPTH_TRUST = 0.25  # MediaPipe's depth is a guess of its network; it steadies the pose, no more
UNSEEN = ("cheekPuff", "tongueOut", "jawForward")  # landmarks cannot tell them
PRICE = 0.35  # of a coefficient at 1, in squared sigmas for every hundred coordinates
TASTE = {
    "jawOpen": 0.3, "jawLeft": 3, "jawRight": 3, "mouthLowerDown": 1.5, "mouthUpperUp": 1.5, "mouthShrug": 4,
    "mouthRoll": 3, "mouthStretch": 2, "mouthDimple": 3, "mouthPress": 2, "noseSneer": 2, "cheekSquint": 3,
    "eyeSquint": 2, "eyeBlink": 0.2, "brow": 0.3,
}  # fmt: skip
"""How the price differs: what jaw, smile and funnel explain is not left to subtler shapes."""
RARITY = 6.0  # price of a squared identity coefficient: neighbouring landmarks stray together, so they count less
SEARCH = np.array([1, 0.5, 0.25, 0.1, 0.02])  # shares of a Newton step; where bounds cut it, full ones cycle
SYMMETRY = 3.0  # price of the squared difference between the left and the right of a mouth shape
FREE = [i for i, name in enumerate(ARKIT) if name not in UNSEEN and "eyeLook" not in name]
RIGHT_IRIS, LEFT_IRIS = 468, 473  # MediaPipe's centres; "right" is the person's own

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
SHARP, OPENING_SIGMA = 0.6, 0.25  # of lips and lids, and of their openings, in units of NOISE
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
    scales = np.ones(52) if neutral is None else shape_scale(head, neutral)
    shapes = scales[:, None, None] * landmarks_of(head, head.blendshapes)  # 52 478 3
    basis = np.zeros((0, 478, 3)) if neutral is not None else landmarks_of(head, head.identity_basis).astype(np.float64)
    base = landmarks_of(head, head.template if neutral is None else neutral).astype(np.float64)
    directions = np.concatenate([shapes[FREE], basis]).transpose(1, 2, 0)  # 478 3 D

    rotation, scale, centre = _weak_pose(base, target)
    expression = np.zeros((frames, 52))
    identity = np.zeros(len(basis))
    gaze = np.zeros((frames, 2, 2))
    held = np.setdiff1d(range(52), FREE)
    for _ in range(rounds):
        gaze = _gaze(head, neutral, identity, target, rotation, scale, centre)
        expression[:, held] = eye_shapes(gaze)[:, held]
        points = base + np.tensordot(identity, basis, 1) + np.tensordot(expression, shapes, 1)
        residual, jacobian = _linearise(points, directions, target, rotation, scale, centre)
        step = _step(residual, jacobian, expression[:, FREE], identity)
        rotation = Rotation.from_rotvec(step[:, :3]).as_matrix() @ rotation
        scale = scale * np.exp(np.clip(step[:, 3], -0.3, 0.3))
        centre = centre + step[:, 4:6] * scale[:, None]
        expression[:, FREE] = np.clip(expression[:, FREE] + step[:, 6 : 6 + len(FREE)], 0, 1)
        if len(basis):
            identity = identity + step[:, 6 + len(FREE) :].mean(0)
    points = base + np.tensordot(identity, basis, 1) + np.tensordot(expression, shapes, 1)
    seen = _project(points, rotation, scale, centre)[0]
    return Solution(rotation, scale, centre, expression, gaze, identity, target[..., :2] - seen)


@cache
def _weights() -> np.ndarray:
    """Weight of x, y and depth of each landmark (478 3), in units of 1 / NOISE."""
    sigma = np.full(478, 1.6)
    sigma[OVAL] = 4.0  # the outline slides over the skin
    sigma[CHIN] = 2.2
    for loop in (*LIPS, *EYES):
        sigma[loop] = SHARP
    sigma[RIGHT_IRIS:] = 1e3  # irises give the gaze instead
    return np.stack([1 / sigma, 1 / sigma, DEPTH_TRUST / sigma], -1)


def _project(points, rotation, scale, centre):
    """Image positions (B N 2) and camera-space points (B N 3), as `geometry.camera.project` does."""
    camera = np.einsum("bij,bnj->bni", rotation, points)
    nearness = Camera.distance / (Camera.distance - camera[..., 2:])
    seen = centre[:, None] + scale[:, None, None] * nearness * camera[..., :2] * [1, -1]
    return seen, camera


def _linearise(points, directions, target, rotation, scale, centre):
    """Weighted residual (B R) and Jacobian (B R P): x, y, depth of every landmark, then x, y of every opening.

    Parameters in order: rotation vector (3), log scale, centre in head units (2), ``directions``
    (N 3 D). This is where the time of tracking goes: one pass, in float32.
    """
    seen, camera = _project(points, rotation, scale, centre)
    frames, count = seen.shape[:2]
    weight = _weights() / NOISE
    x, y, z = np.moveaxis(camera, -1, 0)
    near = Camera.distance / (Camera.distance - z)
    lens = np.zeros((frames, count, 3, 3))  # of x, y, depth to the camera-space point, in head units
    lens[..., 0, 0], lens[..., 0, 2] = near, near**2 / Camera.distance * x
    lens[..., 1, 1], lens[..., 1, 2] = -near, -(near**2) / Camera.distance * y
    lens[..., 2, 2] = -1
    lens *= weight[:, :, None]

    jacobian = np.empty((frames, count, 3, 6 + directions.shape[2]), np.float32)
    turned = (lens @ rotation[:, None]).astype(np.float32)
    np.matmul(turned, directions.astype(np.float32), out=jacobian[..., 6:])
    spin = np.zeros((frames, count, 3, 3))
    spin[..., 0, 1], spin[..., 0, 2], spin[..., 1, 2] = z, -y, x
    spin -= np.swapaxes(spin, -1, -2)
    jacobian[..., :3] = lens @ spin
    jacobian[..., 3] = np.stack([near * x, -near * y, -z], -1) * weight
    jacobian[..., 4:6] = np.eye(3, 2) * weight[:, :, None]

    residual = np.concatenate([target[..., :2] - seen, target[..., 2:] + (z * scale[:, None])[..., None]], -1)
    residual *= weight / scale[:, None, None]
    # Depths are relative to an unknown origin: compare them without their (weighted) means.
    balance = weight[:, 2] / (weight[:, 2] ** 2).sum()
    residual[..., 2] -= weight[:, 2] * (residual[..., 2] @ balance)[:, None]
    jacobian[..., 2, :] -= weight[:, 2, None] * (balance @ jacobian[..., 2, :])[:, None]

    first, second = OPENINGS.T
    sharper = SHARP / OPENING_SIGMA
    between = sharper * (residual[:, first, :2] - residual[:, second, :2])
    spread = sharper * (jacobian[:, first, :2] - jacobian[:, second, :2])
    size = jacobian.shape[-1]
    return (
        np.concatenate([residual.reshape(frames, -1), between.reshape(frames, -1)], 1),
        np.concatenate([jacobian.reshape(frames, -1, size), spread.reshape(frames, -1, size)], 1),
    )


def _step(residual, jacobian, expression, identity):
    """One bounded Gauss-Newton step (B P): damped pose, priced expression in [0, 1], Gaussian identity."""
    frames, _, size = jacobian.shape
    shapes, people = expression.shape[1], len(identity)
    across = np.swapaxes(jacobian, 1, 2)
    normal = (across @ jacobian).astype(np.float64)
    slope = (across @ residual[..., None].astype(np.float32))[..., 0].astype(np.float64)
    linear, square = _prices(jacobian.shape[1])
    here = slice(6, 6 + shapes)
    slope[:, here] -= linear + expression @ square
    normal[:, here, here] += square
    if people:
        own = slice(6 + shapes, size)
        slope[:, own] -= RARITY * identity
        normal[:, range(6 + shapes, size), range(6 + shapes, size)] += RARITY
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


def bounded_solve(normal, slope, low, high, rounds: int = 20):
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
        trials = np.clip(x + SEARCH[:, None, None] * move, low, high) - x  # S B P
        change = np.einsum("sbp,bp->sb", trials, gradient)
        change += np.einsum("sbp,bpq,sbq->sb", trials, normal, trials, optimize=True) / 2
        step = trials[change.argmin(0), np.arange(len(x))]
        x = x + step
        if np.abs(step).max() < 1e-6:
            break
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


def _gaze(head, neutral, identity, target, rotation, scale, centre):
    """Gaze (B 2 2) that puts the irises where they are seen."""
    if neutral is None:
        neutral = person(head, identity)
    gaze = np.zeros((len(target), 2, 2))
    for eye, name, iris in ((0, "left", LEFT_IRIS), (1, "right", RIGHT_IRIS)):
        middle = neutral[head.joints[f"eye_{name}"]].mean(0)
        ahead = landmarks_of(head, neutral)[iris] - middle  # where the iris is when it looks straight ahead
        radius = np.linalg.norm(ahead)
        at, camera = _project(np.repeat(middle[None, None], len(target), 0), rotation, scale, centre)
        offset = np.zeros((len(target), 3))
        for _ in range(3):  # the iris is nearer than the middle of the eye by what is to be found
            near = Camera.distance / (Camera.distance - camera[:, 0, 2] - offset[:, 2])
            across = (
                camera[:, 0, :2] * (near * (Camera.distance - camera[:, 0, 2:]).T[0] / Camera.distance - 1)[:, None]
            )
            offset[:, :2] = (target[:, iris, :2] - at[:, 0]) / (scale * near)[:, None] * [1, -1] - across
            offset[:, 2] = np.sqrt(np.clip(radius**2 - (offset[:, :2] ** 2).sum(1), (0.5 * radius) ** 2, None))
        direction = np.einsum("bji,bj->bi", rotation, offset)
        for d, sign in ((direction, 1), (ahead[None], -1)):
            gaze[:, eye, 0] += sign * np.arctan2(d[:, 0], d[:, 2])
            gaze[:, eye, 1] += sign * np.arcsin(np.clip(d[:, 1] / np.linalg.norm(d, axis=1), -1, 1))
    return np.clip(gaze, -0.7, 0.7)
