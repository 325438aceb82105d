"""Where the 478 MediaPipe landmarks lie on a head, found by showing MediaPipe renders of it.

Many people are rendered from slightly different sides, the landmarks are detected and lifted back to the
surface, and their median there is taken. Landmarks whose meaning is known, on the line of the lips, the
edges of the lids and the irises, are then put exactly on those lines of the mesh.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import mediapipe
import numpy as np
import trimesh
from scipy.ndimage import distance_transform_edt
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from vividlib.geometry.camera import head_to_camera, project
from vividlib.geometry.mesh import vertex_normals
from vividlib.geometry.raster import Fragments, interpolate, rasterize
from vividlib.head.anatomy import IRIS, eye_ring
from vividlib.head.model import person, twins
from vividlib.types import Camera, HeadModel

VIEWS, FRESH_VIEWS, SIZE = 60, 20, 640
CAMERA = Camera(scale=2200.0, centre=(SIZE / 2 - 0.5, SIZE / 2 + 60.0))
TURN = np.radians(12)
"""Standard deviation of the yaw of a view; pitch and roll vary by half of it."""

PERSONALITY = 0.7
"""Standard deviation of the identity coefficients of the people shown."""

OFFSETS = Path(__file__).with_name("landmark_offsets.csv")
"""x and y of `towards_people` in millimetres (benchmarks/head_offsets.py)."""

LIP_UPPER = [191, 80, 81, 82, 13, 312, 311, 310, 415]
LIP_LOWER = [95, 88, 178, 87, 14, 317, 402, 318, 324]
LIP_CORNERS = {308: 12, 78: 26}
"""Landmarks on the line where the lips meet; of the corners also the column in the ring of the mesh."""

EYE_EDGES = {
    "right": [33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246],
    "left": [263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466],
}
IRISES = {"right": range(468, 473), "left": range(473, 478)}
"""The middle of the iris, then four points on its rim."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class View:
    """A rendered head, and where its parts are in the image."""

    image: np.ndarray  # SIZE SIZE 3 uint8 sRGB
    points: np.ndarray  # V 2 px
    fragments: Fragments
    landmarks: np.ndarray  # 478 2 px, as detected


def shade(
    head: HeadModel, vertices: np.ndarray, rotation: Rotation, camera: Camera, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, Fragments]:
    """Render a head with soft light from above and in front: image (H, W, 3) uint8, points (V, 2), fragments."""
    width, height = size
    turned = head_to_camera(vertices.astype(np.float32), rotation.as_quat(), np.zeros(3))
    points, depth = project(camera, turned)
    fragments = rasterize(np.column_stack([points, depth]), head.faces, width, height)
    normals = vertex_normals(turned, head.faces)
    light = sum(
        strength * np.clip(normals @ (np.array(way) / np.linalg.norm(way)), 0, 1)
        for strength, way in ((0.75, (0.35, 0.5, 0.8)), (0.25, (-0.8, 0.2, 0.4)))
    )
    colour = interpolate(head.albedo * (0.35 + light)[:, None], head.faces, fragments)
    colour[fragments.triangle < 0] = 0.35
    return (np.clip(colour, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8), points, fragments


def landmarks(head: HeadModel, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Embed the landmarks: the triangle's vertices (478, 3) int32 and barycentric weights (478, 3) float32."""
    rng = np.random.default_rng(seed)
    views = [view for view in (look(head, rng) for _ in range(VIEWS)) if view]
    skin = faces_of(head, head.regions["skin"])
    lifted = np.stack([lift(head, view, skin) for view in views])
    position = np.median(lifted, 0)
    twin = twins(position)
    position = (position + position[twin] * [-1, 1, 1]) / 2

    vertices, weights = nearest_on(head, skin, position + towards_people())
    eyes = {side: faces_of(head, head.regions[f"eyeball_{side}"]) for side in IRISES}
    for side, indices in IRISES.items():
        seen = np.median([lift(head, view, eyes[side])[list(indices)] for view in views], 0)
        for landmark, vertex in zip(indices, _iris(head, side, seen)):
            vertices[landmark], weights[landmark] = _corner(head, eyes[side], vertex)
    _snap_lips(head, position, vertices, weights)
    for side, indices in EYE_EDGES.items():
        edge = head.regions[f"eyelid_edge_{side}"]
        for landmark in indices:
            vertices[landmark], weights[landmark] = _on_line(head, np.append(edge, edge[0]), position[landmark], (0, 1))
    weights = weights.astype(np.float32)
    fresh = [view for view in (look(head, rng) for _ in range(FRESH_VIEWS)) if view]
    error = [reprojection(view, vertices, weights) for view in fresh]
    log.info("landmarks of %d fresh views: RMS %.2f %% of the eye distance", len(fresh), 100 * np.mean(error))
    return vertices.astype(np.int32), weights


@cache
def _detector():
    """MediaPipe's graph, started once: it is slow to start, and chatters."""
    return mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True)


def towards_people() -> np.ndarray:
    """Metres (478, 3) from where landmarks are seen on renders to where they are seen on people."""
    return np.pad(np.loadtxt(OFFSETS, delimiter=",") / 1000, ((0, 0), (0, 1)))


def reprojection(view: View, vertices: np.ndarray, weights: np.ndarray) -> float:
    """RMS distance of detected landmarks from embedded ones, as a share of the distance of the pupils."""
    placed = (view.points[vertices] * weights[..., None]).sum(1)
    offset = np.linalg.norm(placed - view.landmarks, axis=1)
    return float(np.sqrt((offset**2).mean()) / np.linalg.norm(placed[468] - placed[473]))


def look(head: HeadModel, rng: np.random.Generator, expression: np.ndarray | None = None) -> View | None:
    """Render a random person from a random side and detect the landmarks; None where no face is found.

    ``expression``, 52 coefficients, is what the person does with the face; at rest without it.
    """
    identity = rng.normal(0, PERSONALITY, len(head.identity_basis)).astype(np.float32)
    vertices = person(head, identity)
    if expression is not None:
        vertices += np.tensordot(expression.astype(np.float32), head.blendshapes, 1)
    rotation = Rotation.from_euler("YXZ", rng.normal(0, [TURN, TURN / 2, TURN / 2]))
    painted = with_brows(head)
    image, points, fragments = shade(painted, vertices, rotation, CAMERA, (SIZE, SIZE))
    faces = _detector().process(image).multi_face_landmarks
    if not faces:
        return None
    found = np.array([(point.x, point.y) for point in faces[0].landmark]) * SIZE - 0.5
    return View(image, points, fragments, found)


def with_brows(head: HeadModel) -> HeadModel:
    """The head with darker eyebrows and scalp: MediaPipe expects hair."""
    albedo = head.albedo.copy()
    x, y, z = head.template.T
    centre = {side: head.template[head.joints[f"eye_{side}"]].mean(0) for side in ("left", "right")}
    for side in ("left", "right"):
        eye_x, eye_y, _ = centre[side]
        outwards = np.abs(x) - abs(eye_x)
        height = y - eye_y - 0.021 + 8 * np.square(outwards - 0.002)
        brow = (np.abs(height) < 0.0035) & (np.abs(outwards) < 0.022) & (z > 0.06)
        albedo[np.intersect1d(np.flatnonzero(brow), head.regions["skin"])] *= 0.35
    albedo[head.regions["scalp"]] *= 0.25
    return replace(head, albedo=albedo)


def faces_of(head: HeadModel, region: np.ndarray) -> np.ndarray:
    """Indices of the faces that lie wholly in a region."""
    return np.flatnonzero(np.isin(head.faces, region).all(1))


def lift(head: HeadModel, view: View, faces: np.ndarray) -> np.ndarray:
    """Where the detected landmarks lie on the template: on the nearest visible one of ``faces``, (478, 3)."""
    usable = np.isin(view.fragments.triangle, faces)
    if not usable.any():
        return np.full((len(view.landmarks), 3), np.nan)
    rows, columns = distance_transform_edt(~usable, return_distances=False, return_indices=True)
    column, row = np.clip(view.landmarks.round().astype(int), 0, SIZE - 1).T
    triangles = head.faces[view.fragments.triangle[rows[row, column], columns[row, column]]]
    flat = np.pad(view.points, ((0, 0), (0, 1)))[triangles]
    at = np.pad(np.column_stack([columns[row, column], rows[row, column]]), ((0, 0), (0, 1)))
    weights = trimesh.triangles.points_to_barycentric(flat, at)
    return (head.template[triangles] * weights[..., None]).sum(1)


def nearest_on(head: HeadModel, faces: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest point of some faces of the template to each point, as vertices and weights."""
    triangles = head.template[head.faces[faces]].astype(float)
    _, candidates = cKDTree(triangles.mean(1)).query(points, range(1, 1 + min(40, len(triangles))))
    shape = candidates.shape
    repeated = np.repeat(points, shape[1], axis=0)
    closest = trimesh.triangles.closest_point(triangles[candidates.ravel()], repeated)
    best = np.linalg.norm(closest - repeated, axis=1).reshape(shape).argmin(1)
    chosen = candidates[np.arange(len(points)), best]
    closest = closest.reshape(*shape, 3)[np.arange(len(points)), best]
    weights = np.clip(trimesh.triangles.points_to_barycentric(triangles[chosen], closest), 0, 1)
    return head.faces[faces[chosen]].copy(), weights / weights.sum(1, keepdims=True)


def _iris(head: HeadModel, side: str, seen: np.ndarray) -> np.ndarray:
    """Vertices of the five iris landmarks: the front pole, and the rim towards where each was seen."""
    ball = head.regions[f"eyeball_{side}"]
    rim = ball[eye_ring(IRIS)]
    pole = head.template[ball[0]]
    ways = head.template[rim] - pole
    directions = seen[1:] - seen[1:].mean(0)
    quarters = np.arange(4) * (len(rim) // 4)  # the rim's points to the right, top, left and bottom
    cost = -directions[:, :2] @ ways[quarters, :2].T
    return np.append(ball[0], rim[quarters[linear_sum_assignment(cost)[1]]])


def _corner(head: HeadModel, faces: np.ndarray, vertex: int) -> tuple[np.ndarray, np.ndarray]:
    """A vertex as the corner of a triangle."""
    triangle = head.faces[faces[(head.faces[faces] == vertex).any(1)][0]]
    return triangle, (triangle == vertex).astype(float)


def _snap_lips(head: HeadModel, position: np.ndarray, vertices: np.ndarray, weights: np.ndarray) -> None:
    """Put the inner lip landmarks on the line of the upper or the lower lip, at their own x; in place."""
    ring = head.regions["lips_inner"]
    left, right = LIP_CORNERS.values()
    lines = {"upper": np.concatenate([ring[right:], ring[: left + 1]]), "lower": ring[left : right + 1]}
    for lip, indices in (("upper", LIP_UPPER), ("lower", LIP_LOWER)):
        for landmark in indices:
            vertices[landmark], weights[landmark] = _on_line(head, lines[lip], position[landmark], (0,))
    for landmark, column in LIP_CORNERS.items():
        vertices[landmark], weights[landmark] = _corner(head, faces_of(head, head.regions["lips"]), ring[column])


def _on_line(
    head: HeadModel, line: np.ndarray, point: np.ndarray, axes: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """The point of a line of vertices nearest to ``point`` along some axes, in a skin triangle beside it."""
    corners = head.template[line].astype(float)
    start, way = corners[:-1, axes], np.diff(corners[:, axes], axis=0)
    share = np.clip(((point[list(axes)] - start) * way).sum(1) / np.maximum((way**2).sum(1), 1e-18), 0, 1)
    distance = np.linalg.norm(start + share[:, None] * way - point[list(axes)], axis=1)
    best = distance.argmin()
    ends = line[best : best + 2]
    skin = faces_of(head, head.regions["skin"])
    (triangle, *_) = head.faces[skin[np.isin(head.faces[skin], ends).sum(1) == 2]]
    return triangle, np.select([triangle == ends[0], triangle == ends[1]], [1 - share[best], share[best]], 0.0)
