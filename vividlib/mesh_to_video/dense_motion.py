"""Analytic dense motion: both meshes are known, so each pixel's place in the photo is too.

The scene's mesh is posed as in the photo and as driven; rasterising the driven one and interpolating the
difference gives the backward flow of every pixel. What the photo cannot show there is found as a shadow
map finds it (Williams 1978): the place in the photo that the flow points to is covered by something
nearer, or by another part of the head, or a fold that opens has too few pixels there.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from vividlib.backend import each_frame
from vividlib.geometry.camera import head_to_camera
from vividlib.geometry.raster import Fragments, rasterize
from vividlib.head.model import deform
from vividlib.mesh_to_video.scene import Scene, Window, areas, lids_of
from vividlib.mesh_to_video.seen import SHEET, Seen, enlarged
from vividlib.mesh_to_video.shade import mark_seam, shade
from vividlib.reconstruction.colours import PARTS
from vividlib.types import DenseMotion, Motion

FREE_TURN, MOST_TURN = np.radians([15, 25])  # from the pose in the photo: as asked, and never more
FREE_SHIFT, MOST_SHIFT = 0.05, 0.1  # metres, likewise: a neck stretches no further, and the crop soon ends
LITTLE, TOO_LITTLE = 2.0, 4.0  # times that a triangle's area grows: the photo shows it well, and not enough of it
STIR = 0.004  # of the head's size: what moves three times as far has moved away from its surroundings
RESTING = 0.002  # metres by which lips or lids of a photo have to differ from rest to be called an expression


class Drawn(NamedTuple):
    """One frame of the scene's crop, h w."""

    fragments: Fragments
    flow: np.ndarray  # h w 2 float32 px, see DenseMotion
    occlusion: np.ndarray  # h w float32
    fill: np.ndarray  # h w 4 float32, colour (0 to 255) times cover, and cover (0 to 1), where the photo shows nothing
    seam: np.ndarray  # h w bool, outline of the head where it has parted from what is around it: steps of whole pixels
    points: np.ndarray  # N 3 float32, the scene's vertices: x, y px and depth


def dense_motion(scene: Scene, motion: Motion) -> DenseMotion:
    """Flow (T h w 2) and occlusion (T h w) of the scene's crop, for every frame of a motion."""
    kept = each_frame(lambda now: draw(scene, *now)[1:3], list(motion.frames()))  # of all that is drawn a fifth
    return DenseMotion(*(np.stack(part) for part in zip(*kept)))


def draw(scene: Scene, blendshapes, rotation, translation, gaze=None, lip_offsets=None) -> Drawn:
    """One frame, from curves as in a `Motion` (52, 4, 3, 2 2 and L 3).

    Eyes and mouth are drawn on a finer grid where they have few pixels, and averaged: a mouth of a few rows would
    otherwise open in steps.
    """
    vertices = deform(scene.face.head, scene.face.neutral, blendshapes, gaze, lip_offsets)
    mouth = _likeness(scene, vertices, scene.face.head.lips, scene.lips)
    eyes = _likeness(scene, vertices, lids_of(scene.face.head), scene.lids)
    vertices += (mouth + (eyes - mouth) * scene.upper)[:, None] * scene.face.remainder
    points = _pose(scene, vertices, rotation, np.asarray(translation))
    carried = scene.carried.copy()
    carried[:, :2] -= points[:, :2]
    carried[:, 3] = _enough(scene, points, mouth)

    _, _, width, height = scene.window
    fragments, *pixels = _draw(scene, scene.whole, points, carried, (0, 0, width, height))
    seam = np.zeros((height, width), bool)
    mark_seam(fragments.triangle, scene.part, SHEET, pixels[0], seam)
    pixels[1] = cv2.blur(pixels[1], (3, 3))  # soft edges where photo meets model colour
    pixels[1][fragments.triangle < 0] = 0  # nothing comes from where there is no flow
    for window in scene.windows(points) if scene.fine.fine > 1 else ():
        left, top, width, height = window
        _, *detail = _draw(scene, scene.fine, points, carried, window)
        for all_of_it, part in zip(pixels, detail):
            all_of_it[top : top + height, left : left + width] = part
    return Drawn(fragments, *pixels, seam, points)


def _pose(scene: Scene, vertices: np.ndarray, rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Image-space points (N 3) of the driven scene: the head turned from its pose in the photo, the chest not."""
    face = scene.face
    rest = Rotation.from_quat(face.rotation)
    turn = _held_back(Rotation.from_quat(rotation).as_rotvec(), FREE_TURN, MOST_TURN)
    driven = rest * Rotation.from_rotvec(turn)
    place = face.translation + _held_back(translation, FREE_SHIFT, MOST_SHIFT)

    still = head_to_camera(vertices, face.rotation, face.translation)
    moved = head_to_camera(vertices, driven.as_quat(), place)
    posed = still + scene.weights[:, None] * (moved - still)
    sheet = (driven * rest.inv()).apply(scene.sheet - face.translation) + place
    return scene.points(posed, scene.sheet + scene.share[:, None] * (sheet - scene.sheet))


def _held_back(vector: np.ndarray, free: float, most: float) -> np.ndarray:
    """A vector (3) as it is up to the length ``free``; beyond, it comes near the length ``most`` at best."""
    length = np.linalg.norm(vector)
    if length <= free:
        return vector
    room = most - free
    return vector * ((free + room * np.tanh((length - free) / room)) / length)


def _likeness(scene: Scene, vertices: np.ndarray, part: np.ndarray, in_photo: np.ndarray) -> float:
    """How near mouth or lids are driven to the photo's: 1 where they are the same, 0 at rest or elsewhere."""
    driven = vertices[part] - scene.face.neutral[part]
    size = max(np.linalg.norm(in_photo), RESTING * np.sqrt(len(part)))
    return max(0.0, 1 - np.linalg.norm(driven - in_photo) / size)


def _enough(scene: Scene, points: np.ndarray, likeness: float) -> np.ndarray:
    """Whether the photo has pixels enough of what surrounds each vertex, (N) in [0, 1]; 1 where nothing moves."""
    faces = scene.faces[scene.detail]
    growth = areas(points, faces) / scene.areas
    enough = np.clip((TOO_LITTLE - growth) / (TOO_LITTLE - LITTLE), 0, 1)
    # Only the upper teeth keep still in the head; the rest of an open mouth looks new in each pose of the jaw.
    enough[scene.part[scene.detail] == PARTS.index("inner")] *= likeness
    lacking = np.bincount(faces.ravel(), np.repeat(1 - enough, 3), len(points))
    return 1 - lacking / scene.valence


def _draw(scene: Scene, seen: Seen, points: np.ndarray, carried: np.ndarray, window: Window):
    """Fragments, flow, occlusion and fill of a window of the crop, drawn as fine as ``seen`` and averaged to pixels."""
    left, top, width, height = window
    fine = seen.fine
    fragments = rasterize(enlarged(points, fine, left, top), scene.faces, fine * width, fine * height)
    flow, occlusion, fill = (np.empty((height, width, *more), np.float32) for more in ((2,), (), (4,)))
    shade(
        fragments.triangle, fragments.barycentrics, scene.faces, carried, scene.part, SHEET, fine, left, top,
        (seen.part, seen.depth, seen.slack), scene.trust, STIR * scene.size, scene.behind, flow, occlusion, fill,
    )  # fmt: skip
    return fragments, flow, occlusion, fill
