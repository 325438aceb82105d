"""What the networks see: a square about the head, of the photo and of each driven frame, always at one size."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from vividlib.conventions import LIP_LANDMARKS
from vividlib.geometry.raster import Fragments, rasterize
from vividlib.mesh_to_video.dense_motion import Drawn
from vividlib.mesh_to_video.scene import SHEET, Scene
from vividlib.mesh_to_video.textures import normalised_coordinates

SIDE = 256  # px of a patch
COARSE = 128  # px of its projected textures: they are smooth
ROOM = 1.15  # sides of the head in a side of the square


class Square(NamedTuple):
    """Where a patch is, in the pixels of the scene's crop; it may reach beyond it."""

    left: int
    top: int
    side: int


class PhotoPatch(NamedTuple):
    """The photo as the networks see it."""

    photo: np.ndarray  # SIDE SIDE 3 uint8
    matte: np.ndarray  # SIDE SIDE uint8
    plate: np.ndarray  # SIDE SIDE 3 uint8
    texture: np.ndarray  # COARSE COARSE 4 uint8: normalised coordinates of the head, and 255 where it is seen
    lips: np.ndarray  # 40 2 float32, px of the patch, at conventions.LIP_LANDMARKS


class DrivenPatch(NamedTuple):
    """A driven frame as the networks see it, before they have changed anything."""

    flow: np.ndarray  # SIDE SIDE 2 float32, px of the patch
    occlusion: np.ndarray  # SIDE SIDE float32
    fill: np.ndarray  # SIDE SIDE 4 float32, premultiplied: 0 to 255, and 0 to 1
    texture: np.ndarray  # as in the photo's
    lips: np.ndarray  # as in the photo's


def square_of(scene: Scene, room: float = ROOM) -> Square:
    """The square about the head in the photo."""
    head = scene.source[: len(scene.face.head.template)][scene.face.head.head_weight > 0.5, :2]
    side = round(room * scene.size)
    left, top = ((head.min(0) + head.max(0) - side) / 2).round().astype(int)
    return Square(int(left), int(top), side)


def photo_patch(scene: Scene, square: Square) -> PhotoPatch:
    """Cut it out of the scene."""
    _, _, width, height = scene.window
    fragments = rasterize(scene.source, scene.faces, width, height)
    layers = (cut(layer, square) for layer in (scene.layers.photo, scene.layers.matte, scene.layers.plate))
    return PhotoPatch(*layers, _texture(scene, fragments, square), _lips(scene, scene.source, square))


def driven_patch(scene: Scene, drawn: Drawn, square: Square) -> DrivenPatch:
    """Cut it out of what was drawn of the scene."""
    return DrivenPatch(
        cut(drawn.flow, square) * np.float32(SIDE / square.side),
        cut(drawn.occlusion, square),
        cut(drawn.fill, square),
        _texture(scene, drawn.fragments, square),
        _lips(scene, drawn.points, square),
    )


def cut(image: np.ndarray, square: Square) -> np.ndarray:
    """A square of an image (H W or H W C) at the size of a patch; beyond its border the image goes on as it ends."""
    height, width = image.shape[:2]
    left, top, side = square
    beyond = [max(0, n) for n in (-top, top + side - height, -left, left + side - width)]
    part = image[max(0, top) : max(0, top + side), max(0, left) : max(0, left + side)]
    if any(beyond):
        part = cv2.copyMakeBorder(part, *beyond, cv2.BORDER_REPLICATE)
    method = cv2.INTER_AREA if side > SIDE else cv2.INTER_LINEAR
    return part.copy() if side == SIDE else cv2.resize(part, (SIDE, SIDE), interpolation=method)


def paste(image: np.ndarray, patch: np.ndarray, square: Square) -> None:
    """Add a patch, of any size, to a square of an image (H W or H W C, float32 or uint8); what reaches beyond is left out."""
    height, width = image.shape[:2]
    left, top, side = square
    method = cv2.INTER_AREA if side < len(patch) else cv2.INTER_LINEAR
    fitting = cv2.resize(patch, (side, side), interpolation=method)
    here = (slice(max(0, top), min(height, top + side)), slice(max(0, left), min(width, left + side)))
    part = fitting[here[0].start - top : here[0].stop - top, here[1].start - left : here[1].stop - left]
    image[here] = cv2.add(image[here], part, dtype=cv2.CV_8U if image.dtype == np.uint8 else cv2.CV_32F)


def _texture(scene: Scene, fragments: Fragments, square: Square) -> np.ndarray:
    height, width = fragments.triangle.shape
    steps = (np.arange(COARSE) + 0.5) * square.side / COARSE - 0.5
    rows, columns = (np.rint(start + steps).astype(int) for start in (square.top, square.left))
    triangle = fragments.triangle[np.ix_(rows.clip(0, height - 1), columns.clip(0, width - 1))]
    shares = fragments.barycentrics[np.ix_(rows.clip(0, height - 1), columns.clip(0, width - 1))]
    inner = scene.part[triangle] != SHEET
    colours = normalised_coordinates(scene.face.head)[scene.faces[triangle[inner]]]
    texture = np.zeros((COARSE, COARSE, 4), np.uint8)
    texture[inner, :3] = 255 * np.einsum("nk,nkc->nc", shares[inner], colours) + 0.5
    texture[inner, 3] = 255
    return texture


def _lips(scene: Scene, points: np.ndarray, square: Square) -> np.ndarray:
    head = scene.face.head
    corners = points[head.landmark_vertices[LIP_LANDMARKS], :2]
    seen = np.einsum("lkc,lk->lc", corners, head.landmark_weights[LIP_LANDMARKS])
    return ((seen - [square.left, square.top] + 0.5) * SIDE / square.side - 0.5).astype(np.float32)
