"""Analytic dense motion: both meshes are known, so each pixel's place in the photo is too.

The head mesh and the sheet around it (`canvas`) are posed as in the photo and as driven; rasterising
the driven one and interpolating the difference gives the backward flow of every pixel. What the
photo cannot show there is found as a shadow map finds it: the place in the photo that the flow
points to is covered by something nearer, or by another part of the head.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from vividlib.geometry.camera import head_to_camera, project, scaled
from vividlib.geometry.mesh import vertex_normals
from vividlib.geometry.raster import Fragments, interpolate, rasterize
from vividlib.head.model import deform
from vividlib.mesh_to_video.canvas import stretch
from vividlib.mesh_to_video.colours import MOUTH, hidden_colours
from vividlib.types import Camera, DenseMotion, Face

MARGIN = 0.75  # of the head's size around it: room for hair, and for the background to stretch
MOST_TURN = np.radians(25)  # a motion may turn the head so far from its pose in the photo
NEAR, FAR = 0.002, 0.006  # metres behind the photo's surface: seen, and hidden
STEEPEST = 0.006  # metres from pixel to pixel: surfaces seen at a slant need so much slack at most
LITTLE, TOO_LITTLE = 2.0, 4.0  # times that a triangle's area grows: the photo shows it well, and not enough of it
RESTING = 0.002  # metres by which the lips of a photo have to differ from rest to be called an expression
SKIN, EYES, TEETH, INNER, SHEET = range(5)  # parts that never show in each other's place
RECESS = {"eyeball_left": 0.0008, "eyeball_right": 0.0008} | dict.fromkeys(MOUTH, 0.01) | {"mouth_cavity": 0.016}
"""Metres by which parts are drawn deeper than they are, so that lids and lips which touch them, or which on
thin-lipped people cut into the teeth, cover them, and teeth cover what lines the mouth."""
TINY = 0.02  # square px: smaller triangles of the photo count as this large
DETAILS = (*MOUTH, "lips", "eyeball_left", "eyeball_right", "eyelids_left", "eyelids_right")
"""Where the photo shows folds and edges: stretched they are seen as streaks, so they give way to smooth colour."""
BACKDROP = 0.5  # metres by which the sheet is drawn deeper: it lies behind every part of the head


class DenseMotionField:
    """The photo's head and surroundings, ready to be driven.

    Parameters
    ----------
    face : the reconstructed person
    photo : H W 3 uint8, the portrait's image resized by ``factor``
    """

    def __init__(self, face: Face, photo: np.ndarray, factor: float):
        head = face.head
        self.face, self.photo = face, photo
        self._camera = scaled(face.camera, factor)
        self._rest = Rotation.from_quat(face.rotation)
        self._recess = np.zeros(len(head.template))
        for name, depth in RECESS.items():
            self._recess[head.regions[name]] = depth

        vertices = deform(head, face.neutral, face.expression, face.gaze) + face.remainder
        self._lips = vertices[head.lips] - face.remainder[head.lips] - face.neutral[head.lips]
        posed = head_to_camera(vertices, face.rotation, face.translation)
        pixels, _ = project(self._camera, posed)
        self.window = self._crop(pixels)
        left, top, width, height = self.window
        self._origin = np.array([left, top])
        self._camera = _shifted(self._camera, left, top)
        reference = self._points(posed, self._recess)

        fragments = rasterize(reference, head.faces, width, height)
        covered = fragments.triangle >= 0
        weights = interpolate(head.head_weight[:, None], head.faces, fragments)[..., 0]
        person = cv2.resize(face.portrait.mask, photo.shape[1::-1], interpolation=cv2.INTER_AREA)
        self._canvas = stretch(covered, weights, fragments.depth, person[top : top + height, left : left + width])
        count = len(head.template)
        self._sheet = _unproject(self._camera, self._canvas.pixels, self._canvas.depth)
        kept = self._moving(head, posed)
        self._faces = np.concatenate([kept, self._canvas.faces + count]).astype(np.int32)
        self._part = self._parts(kept)

        self._source = np.concatenate([reference, self._points(self._sheet, BACKDROP)])
        self._valence = np.bincount(self._faces.ravel(), minlength=len(self._source))
        self._areas = np.maximum(_areas(self._source, self._faces), TINY)
        seen = rasterize(self._source, self._faces, width, height)
        self._seen_part, self._seen_depth = self._part[seen.triangle], seen.depth
        steep = cv2.dilate(seen.depth, np.ones((3, 3))) - cv2.erode(seen.depth, np.ones((3, 3)))
        self._slack = np.minimum(steep, STEEPEST)
        detail = np.zeros(count + len(self._sheet), bool)
        detail[np.concatenate([head.regions[name] for name in DETAILS])] = True
        self._detail = detail[self._faces].any(1)
        self._colours = np.concatenate(
            [self._hidden(posed, reference, seen), np.zeros((len(self._sheet), 3), np.float32)]
        )

    def __call__(self, blendshapes, rotation, translation, gaze, lip_offsets=None) -> tuple[DenseMotion, np.ndarray]:
        """Flow and occlusion of the crop, and the colours (h w 3) of what the photo does not show.

        Parameters as one frame of a `Motion`.
        """
        head = self.face.head
        vertices = deform(head, self.face.neutral, blendshapes, gaze, lip_offsets)
        likeness = self._likeness(vertices)
        vertices += likeness * self.face.remainder
        turn = Rotation.from_quat(rotation).as_rotvec()
        angle = np.linalg.norm(turn)
        turn *= MOST_TURN * np.tanh(angle / MOST_TURN) / max(angle, 1e-9)
        driven = self._rest * Rotation.from_rotvec(turn)
        place = np.asarray(self.face.translation) + translation
        still = head_to_camera(vertices, self.face.rotation, self.face.translation)
        moved = head_to_camera(vertices, driven.as_quat(), place)
        share = head.head_weight[:, None]
        change = driven * self._rest.inv()
        sheet = change.apply(self._sheet - self.face.translation) + place
        sheet = self._sheet + self._canvas.weight[:, None] * (sheet - self._sheet)
        points = np.concatenate(
            [self._points(still + share * (moved - still), self._recess), self._points(sheet, BACKDROP)]
        )

        _, _, width, height = self.window
        fragments = rasterize(points, self._faces, width, height)
        enough = self._enough(points, likeness)
        carried = np.column_stack([self._source[:, :2] - points[:, :2], self._source[:, 2], enough, self._colours])
        pixels = interpolate(carried, self._faces, fragments)
        flow = np.ascontiguousarray(pixels[..., :2])
        occlusion = self._visible(fragments, flow, pixels[..., 2], pixels[..., 3])
        return DenseMotion(flow, occlusion), pixels[..., 4:]

    def _points(self, posed: np.ndarray, recess: np.ndarray | float) -> np.ndarray:
        """Image-space points of the crop (N 3) for points in camera space (N 3), drawn deeper by ``recess``."""
        pixels, depth = project(self._camera, posed)
        return np.column_stack([pixels, depth - recess]).astype(np.float32)

    def _crop(self, pixels: np.ndarray) -> tuple[int, int, int, int]:
        """Left, top, width, height of the part of the photo that can move."""
        height, width = self.photo.shape[:2]
        moving = pixels[self.face.head.head_weight > 0.5]
        low, high = moving.min(0), moving.max(0)
        room = MARGIN * (high - low).max()
        left, top = np.maximum(np.floor(low - room), 0).astype(int)
        right, bottom = np.minimum(np.ceil(high + room), [width - 1, height - 1]).astype(int) + 1
        return int(left), int(top), int(right - left), int(bottom - top)

    def _moving(self, head, posed: np.ndarray) -> np.ndarray:
        """Triangles to draw. Shoulders stand still; behind the outline of the head the sheet knows better."""
        weight = head.head_weight[head.faces].max(1) > 0
        normals = vertex_normals(posed, head.faces)
        towards = (normals * ([0, 0, self.face.camera.distance] - posed)).sum(1) > 0
        inner = np.zeros(len(posed), bool)
        for name in (*DETAILS, "face"):
            inner[head.regions[name]] = True
        # Above the eyes what is hidden at the sides is hair, which the sheet has.
        brow = max(head.template[head.regions[f"eyelids_{side}"], 1].max() for side in ("left", "right"))
        inner &= head.template[:, 1] < brow
        return head.faces[weight & (towards | inner)[head.faces].any(1)]

    def _parts(self, kept: np.ndarray) -> np.ndarray:
        """Part of each triangle; the last entry serves pixels without one."""
        return np.concatenate([self._part_of_vertices()[kept].max(1), np.full(len(self._canvas.faces), SHEET), [SHEET]])

    def _part_of_vertices(self) -> np.ndarray:
        head = self.face.head
        part = np.full(len(head.template), SKIN)
        for name in MOUTH:
            part[head.regions[name]] = TEETH if name == "teeth_upper" else INNER
        for side in ("left", "right"):
            part[head.regions[f"eyeball_{side}"]] = EYES
        return part

    def _likeness(self, vertices: np.ndarray) -> float:
        """How near the driven mouth is to the photo's: 1 where it is the same, 0 where it is at rest or elsewhere."""
        lips = vertices[self.face.head.lips] - self.face.neutral[self.face.head.lips]
        size = max(np.linalg.norm(self._lips), RESTING * np.sqrt(len(lips)))
        return max(0.0, 1 - np.linalg.norm(lips - self._lips) / size)

    def _enough(self, points: np.ndarray, likeness: float) -> np.ndarray:
        """Whether the photo has pixels enough of what surrounds each vertex, in [0, 1]; 1 where nothing moves."""
        growth = _areas(points, self._faces) / self._areas
        enough = np.clip((TOO_LITTLE - growth) / (TOO_LITTLE - LITTLE), 0, 1)
        enough[~self._detail] = 1
        # Only the upper teeth keep still in the head; the rest of an open mouth looks new in each pose of the jaw.
        enough[self._part[:-1] == INNER] *= likeness
        corners = self._faces.ravel()
        total = np.bincount(corners, np.repeat(enough, 3), len(points))
        return total / np.maximum(self._valence, 1)

    def _visible(self, fragments: Fragments, flow, depth, enough) -> np.ndarray:
        """How well the photo shows each pixel, h w."""
        height, width = depth.shape
        rows, columns = np.mgrid[:height, :width]
        x = np.clip((columns + flow[..., 0]).round().astype(np.int32), 0, width - 1)
        y = np.clip((rows + flow[..., 1]).round().astype(np.int32), 0, height - 1)
        behind = self._seen_depth[y, x] - self._slack[y, x] - depth
        part = self._part[fragments.triangle]
        seen = np.clip((FAR - behind) / (FAR - NEAR), 0, 1) * (self._seen_part[y, x] == part)
        seen = np.where(part == SHEET, 1, seen * enough).astype(np.float32)
        seen = cv2.blur(seen, (3, 3))  # soft edges where photo meets model colour; all ones stay ones
        seen[part == SHEET] = 1  # the sheet has no colour but the photo's
        return seen

    def _hidden(self, posed, reference, seen: Fragments) -> np.ndarray:
        """Colours of the head's vertices that the photo does not show."""
        head = self.face.head
        _, _, width, height = self.window
        column = np.clip(reference[:, 0].round().astype(int), 0, width - 1)
        row = np.clip(reference[:, 1].round().astype(int), 0, height - 1)
        part = self._part_of_vertices()
        normals = vertex_normals(posed, head.faces)
        visible = (seen.depth[row, column] - reference[:, 2] < NEAR) & (self._seen_part[row, column] == part)
        visible &= normals[:, 2] > 0.2
        # Open lids show folds and lashes; what a blink unfolds has the colour of the skin around the eye.
        visible[np.concatenate([head.regions["eyelids_left"], head.regions["eyelids_right"]])] = False
        sampled = self.photo[row + self.window[1], column + self.window[0]].astype(np.float32)
        return hidden_colours(head, self.face.neutral, sampled, visible)


def _areas(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Areas of triangles on the screen, square px; those seen from behind count as 0."""
    a, b, c = points[faces, :2].transpose(1, 0, 2)
    (ux, uy), (vx, vy) = (b - a).T, (c - a).T
    return np.maximum(uy * vx - ux * vy, 0) / 2


def _shifted(camera: Camera, left: int, top: int) -> Camera:
    return replace(camera, centre=(camera.centre[0] - left, camera.centre[1] - top))


def _unproject(camera, pixels: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Camera-space points (N 3) seen at ``pixels`` (N 2) with ``depth`` (N, camera-space Z)."""
    metres = (pixels - camera.centre) / camera.scale * ((camera.distance - depth) / camera.distance)[:, None]
    return np.column_stack([metres * [1, -1], depth])
