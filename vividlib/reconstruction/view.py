"""What a photo shows of the head that was fitted to it, and where it can be believed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vividlib.geometry.camera import head_to_camera, project, scaled
from vividlib.geometry.mesh import vertex_normals
from vividlib.geometry.raster import rasterize
from vividlib.head.model import deform
from vividlib.reconstruction.colours import parts, to_linear, visible_vertices
from vividlib.types import Face, HeadModel

GRAZING, SQUARE = 0.25, 0.5  # cosines under which the photo shows nothing of a surface, and from which all
PERSON = 0.5  # share of the person in a pixel that shows the person
JUMP = 0.015  # metres: where the depth changes by more from pixel to pixel, one part of the head covers another
FARTHEST = 10.0  # metres, beyond any depth of a head
FEATHER = 0.004  # metres beside such a jump, or the background, over which the photo fades in
GRAIN = 0.0015  # metres, standard deviation of the Gaussian through which a vertex sees the photo


@dataclass(frozen=True, eq=False)
class View:
    """What the photo shows of a head."""

    photo: np.ndarray  # H W 3 float32 linear RGB
    points: np.ndarray  # V 3 float32: x, y px and depth of the head in the photo
    normals: np.ndarray  # V 3 float32, camera space
    depth: np.ndarray  # H W float32, metres, of the head
    person: np.ndarray  # H W float32 in [0, 1]
    trust: np.ndarray  # H W float32 in [0, 1]: 0 on the background and where one part of the head covers another
    colours: np.ndarray  # V 3 float32 linear RGB, of the photo at each vertex
    shown: np.ndarray  # V bool, whether that is the vertex's own colour

    @property
    def square(self) -> np.ndarray:
        """How squarely each vertex faces the camera (V): 0 from the side, 1 from within 60 degrees."""
        return np.clip((self.normals[:, 2] - GRAZING) / (SQUARE - GRAZING), 0, 1)


def look(face: Face, size: int) -> View:
    """The photo as a texture of ``size`` px sees it: where texels would skip its pixels it is reduced first."""
    head = face.head
    vertices = deform(head, face.neutral, face.expression, face.gaze) + face.remainder
    posed = head_to_camera(vertices, face.rotation, face.translation)
    factor = min(1, _texels_per_pixel(head, project(face.camera, posed)[0], size))
    photo = to_linear(np.arange(256)).astype(np.float32)[face.portrait.image]
    if factor < 1:
        photo = cv2.resize(photo, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    height, width = photo.shape[:2]
    person = cv2.resize(face.portrait.mask, (width, height), interpolation=cv2.INTER_AREA)

    camera = scaled(face.camera, factor)
    points = np.column_stack(project(camera, posed)).astype(np.float32)
    normals = vertex_normals(posed, head.faces)
    fragments = rasterize(points, head.faces, width, height)
    trust = _trust(fragments.depth, person, FEATHER * camera.scale)
    part = parts(head)[head.faces[fragments.triangle]].max(-1)
    shown, row, column = visible_vertices(head, posed, points, part, fragments.depth)
    # Clothes go on below the picture as they are at its border.
    shown |= ((points[:, :2] < 0) | (points[:, :2] > [width - 1, height - 1])).any(1)
    shown &= (normals[:, 2] > GRAZING) & (trust[row, column] > 0.5)
    colours = cv2.GaussianBlur(photo, (0, 0), max(0.3, GRAIN * camera.scale))[row, column]
    return View(photo, points, normals, fragments.depth, person, trust, colours, shown)


def _texels_per_pixel(head: HeadModel, pixels: np.ndarray, size: int) -> float:
    """How much finer the texture of the face is than the photo."""
    inner = np.isin(head.faces, head.regions["face"]).all(1)
    areas = [
        np.abs(np.linalg.det(np.diff(points[faces[inner]], axis=1))).sum()
        for points, faces in ((head.uv * size, head.uv_faces), (pixels, head.faces))
    ]
    return float(np.sqrt(areas[0] / max(areas[1], 1e-6)))


def _trust(depth: np.ndarray, person: np.ndarray, feather: float) -> np.ndarray:
    """Trust in each pixel (H W, as in `View`); ``feather`` in px."""
    around, head = np.ones((3, 3)), np.isfinite(depth)
    jump = cv2.dilate(np.where(head, depth, -FARTHEST), around) - cv2.erode(np.where(head, depth, FARTHEST), around)
    clear = (person > PERSON) & (jump < JUMP)
    away = cv2.distanceTransform(clear.astype(np.uint8), cv2.DIST_L2, 3)
    return np.clip((away - 1) / max(feather, 1), 0, 1)
