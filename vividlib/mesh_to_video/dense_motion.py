"""Analytic dense motion: both meshes are known, so each pixel's place in the photo is too.

The scene's mesh is posed as in the photo and as driven; rasterising the driven one and interpolating the
difference gives the backward flow of every pixel. What the photo cannot show there is found as a shadow
map finds it (Williams 1978): the place in the photo that the flow points to is covered by something
nearer, or by another part of the head, or a fold that opens has too few pixels there.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from vividlib.geometry.camera import head_to_camera
from vividlib.geometry.raster import interpolate, rasterize
from vividlib.head.model import deform
from vividlib.mesh_to_video.scene import SHEET, Scene, Seen, Window, areas, enlarged, lids_of
from vividlib.reconstruction.colours import PARTS
from vividlib.types import DenseMotion

MOST_TURN = np.radians(25)  # a motion may turn the head so far from its pose in the photo
NEAR, FAR = 0.002, 0.006  # metres behind the photo's surface: seen, and hidden
LITTLE, TOO_LITTLE = 2.0, 4.0  # times that a triangle's area grows: the photo shows it well, and not enough of it
RESTING = 0.002  # metres by which lips or lids of a photo have to differ from rest to be called an expression
FAINT = 0.02  # share of a pixel that does not count


def dense_motion(
    scene: Scene,
    blendshapes: np.ndarray,
    rotation: np.ndarray,
    translation: np.ndarray,
    gaze: np.ndarray | None = None,
    lip_offsets: np.ndarray | None = None,
) -> tuple[DenseMotion, np.ndarray]:
    """Flow and occlusion of the scene's crop (h w), and the colours (h w 3) of what the photo does not show.

    Parameters as one frame of a `Motion`: 52, 4, 3, 2 2 and L 3. Eyes and mouth are drawn on a finer grid
    where they have few pixels, and averaged: a mouth of a few rows would otherwise open in steps.
    """
    vertices = deform(scene.face.head, scene.face.neutral, blendshapes, gaze, lip_offsets)
    mouth = _likeness(scene, vertices, scene.face.head.lips, scene.lips)
    eyes = _likeness(scene, vertices, lids_of(scene.face.head), scene.lids)
    vertices += (mouth + (eyes - mouth) * scene.upper)[:, None] * scene.face.remainder
    points = _pose(scene, vertices, rotation, np.asarray(translation))
    moved = scene.source[:, :2] - points[:, :2]
    carried = np.column_stack([moved, scene.source[:, 2], _enough(scene, points, mouth), scene.colours])

    _, _, width, height = scene.window
    flow, occlusion, colours = _draw(scene, scene.whole, points, carried, (0, 0, width, height))
    if scene.fine.fine > 1:
        window = left, top, width, height = scene.detail_window(points)
        here = (slice(top, top + height), slice(left, left + width))
        flow[here], occlusion[here], colours[here] = _draw(scene, scene.fine, points, carried, window)
    return DenseMotion(flow, occlusion), colours


def _pose(scene: Scene, vertices: np.ndarray, rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Image-space points (N 3) of the driven scene: the head turned from its pose in the photo, the chest not."""
    face = scene.face
    rest = Rotation.from_quat(face.rotation)
    turn = Rotation.from_quat(rotation).as_rotvec()
    angle = np.linalg.norm(turn)
    turn *= MOST_TURN * np.tanh(angle / MOST_TURN) / max(angle, 1e-9)
    driven, place = rest * Rotation.from_rotvec(turn), face.translation + translation

    still = head_to_camera(vertices, face.rotation, face.translation)
    moved = head_to_camera(vertices, driven.as_quat(), place)
    posed = still + face.head.head_weight[:, None] * (moved - still)
    sheet = (driven * rest.inv()).apply(scene.sheet - face.translation) + place
    return scene.points(posed, scene.sheet + scene.share[:, None] * (sheet - scene.sheet))


def _likeness(scene: Scene, vertices: np.ndarray, part: np.ndarray, in_photo: np.ndarray) -> float:
    """How near mouth or lids are driven to the photo's: 1 where they are the same, 0 at rest or elsewhere."""
    driven = vertices[part] - scene.face.neutral[part]
    size = max(np.linalg.norm(in_photo), RESTING * np.sqrt(len(part)))
    return max(0.0, 1 - np.linalg.norm(driven - in_photo) / size)


def _enough(scene: Scene, points: np.ndarray, likeness: float) -> np.ndarray:
    """Whether the photo has pixels enough of what surrounds each vertex, (N) in [0, 1]; 1 where nothing moves."""
    growth = areas(points, scene.faces) / scene.areas
    enough = np.clip((TOO_LITTLE - growth) / (TOO_LITTLE - LITTLE), 0, 1)
    enough[~scene.detail] = 1
    # Only the upper teeth keep still in the head; the rest of an open mouth looks new in each pose of the jaw.
    enough[scene.part[:-1] == PARTS.index("inner")] *= likeness
    return np.bincount(scene.faces.ravel(), np.repeat(enough, 3), len(points)) / scene.valence


def _draw(scene: Scene, seen: Seen, points: np.ndarray, carried: np.ndarray, window: Window):
    """Flow (h w 2 px), occlusion (h w), hidden colours (h w 3) of a window of the crop, drawn as fine as ``seen``."""
    left, top, width, height = window
    fine = seen.fine
    fragments = rasterize(enlarged(points, fine, left, top), scene.faces, fine * width, fine * height)
    pixels = interpolate(carried, scene.faces, fragments)
    flow, depth, enough, colours = np.split(pixels, [2, 3, 4], axis=-1)

    rows, columns = np.mgrid[fine * top : fine * (top + height), fine * left : fine * (left + width)]
    x = np.clip((columns + fine * flow[..., 0]).round().astype(np.int32), 0, seen.depth.shape[1] - 1)
    y = np.clip((rows + fine * flow[..., 1]).round().astype(np.int32), 0, seen.depth.shape[0] - 1)
    behind = seen.depth[y, x] - seen.slack[y, x] - depth[..., 0]
    part = scene.part[fragments.triangle]
    occlusion = np.clip((FAR - behind) / (FAR - NEAR), 0, 1) * (seen.part[y, x] == part) * enough[..., 0]
    sheet = part == SHEET  # it has no colour but the photo's
    occlusion[sheet] = 1
    occlusion = cv2.blur(occlusion, (3, 3))  # soft edges where photo meets model colour; all ones stay ones
    occlusion[sheet] = 1
    return _average(flow, occlusion, colours, fine)


def _average(flow, occlusion, colours, fine: int):
    """From fine pixels to those of the crop: flow as of what is seen, colours as of what is not."""
    if fine == 1:
        return np.ascontiguousarray(flow), occlusion, colours
    size = (occlusion.shape[1] // fine, occlusion.shape[0] // fine)
    weighted = (flow * occlusion[..., None], occlusion, colours * (1 - occlusion[..., None]))
    flow, occlusion, colours = (
        cv2.resize(np.ascontiguousarray(a), size, interpolation=cv2.INTER_AREA) for a in weighted
    )
    flow /= np.maximum(occlusion, FAINT)[..., None]
    colours /= np.maximum(1 - occlusion, FAINT)[..., None]
    return flow, occlusion, colours
