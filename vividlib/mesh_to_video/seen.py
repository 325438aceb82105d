"""What the photo shows of a scene, and how much of that still holds when things move."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial import cKDTree

from vividlib.geometry.raster import Fragments, rasterize
from vividlib.mesh_to_video.layers import BAND, LIVELY, Layers, dilated, liveliness
from vividlib.reconstruction.colours import PARTS, parts
from vividlib.types import HeadModel

SHEET = len(PARTS)  # a part beside those of the head
STEEPEST = 0.006  # metres from pixel to pixel: surfaces seen at a slant need so much slack at most
EAR = 0.15  # share of its vertices that the photo has to show; of ears that face the viewer it shows a half
WIDER = 0.01  # of the head's size, by which the mesh may be wider than the person
GAP = 0.03  # metres between a surface and what it covers: more than an ear is deep
OUTLINE = 8  # nearest vertices of an outline that have to be the person's


@dataclass(frozen=True, eq=False)
class Seen:
    """The photo as the rasteriser sees it, on a grid ``fine`` times as fine as the crop's pixels."""

    fine: int
    part: np.ndarray  # H W int8
    depth: np.ndarray  # H W float32, metres
    slack: np.ndarray  # H W float32, metres by which the depth is uncertain there


def enlarged(points: np.ndarray, times: int, left: int = 0, top: int = 0) -> np.ndarray:
    """Image-space points (N 3) on a grid so many times finer that starts at pixel (left, top)."""
    return np.column_stack([(points[:, :2] - [left, top] + 0.5) * times - 0.5, points[:, 2]]).astype(np.float32)


def see(source: np.ndarray, faces: np.ndarray, part: np.ndarray, width: int, height: int, fine: int) -> Seen:
    """Look at image-space points (N 3) and their triangles, whose parts are given, ``fine`` times finer than pixels."""
    fragments = rasterize(enlarged(source, fine), faces, fine * width, fine * height)
    depth = fragments.depth
    depth[~np.isfinite(depth)] = depth[np.isfinite(depth)].min()
    near = np.ones((3, 3))
    steep = cv2.dilate(depth, near) - cv2.erode(depth, near)
    return Seen(fine, part[fragments.triangle], depth, np.minimum(steep, STEEPEST))


def trust(seen: Seen, layers: Layers, size: float) -> np.ndarray:
    """How far a pixel (h w float32 in [0, 1]) still tells what it shows once it moves away from its surroundings.

    Nothing fits to the pixel: right under a jaw the photo still shows the jaw, and what is known of what lies behind
    tells more. Beyond the matte a quiet background leaves over single hairs, which go with the head, a lively one mostly
    its own pattern.

    Parameters
    ----------
    size : of the head in px
    """
    head = seen.part != SHEET
    depth = np.where(head, seen.depth, seen.depth.min())
    covered = head & (dilated(depth, WIDER * size) - depth > GAP)
    lively = np.minimum(liveliness(layers.photo, ~layers.person, BAND * size) / LIVELY, 1)
    known = np.where((layers.matte == 0) & ~head, 1 - lively, 1)
    known[covered] = 0
    return cv2.blur(known.astype(np.float32), (3, 3))


def hidden_ears(head: HeadModel, photo: Fragments) -> np.ndarray:
    """Vertices (V bool) of an ear of which the photo shows hardly anything: nobody can tell what it looks like."""
    shown, hidden = shown_vertices(head, photo), np.zeros(len(head.template), bool)
    ears = head.regions["ears"]
    for side in (-1, 1):
        ear = ears[np.sign(head.template[ears, 0]) == side]
        hidden[ear] = shown[ear].sum() < EAR * len(ear)  # some heads have no ears
    return hidden


def cover(
    head: HeadModel, neutral: np.ndarray, photo: Fragments, matte: np.ndarray, place: tuple[np.ndarray, np.ndarray],
    size: float,
) -> np.ndarray:  # fmt: skip
    """How much of a vertex (V float32 in [0, 1]) is the person's.

    Where the mesh is wider than the person, the photo shows background on it; what lies behind such an outline is no
    more the person's than the outline.

    Parameters
    ----------
    matte : h w uint8
    place : row and column (V) of each vertex
    size : of the head in px
    """
    skin = parts(head) == 0
    shown = shown_vertices(head, photo) & skin
    hidden = ~shown & skin
    share = np.ones(len(neutral), np.float32)
    share[shown] = dilated(matte, WIDER * size)[place][shown] / 255
    _, nearest = cKDTree(neutral[shown]).query(neutral[hidden], OUTLINE)
    share[hidden] = share[shown][nearest].min(1)
    return share


def shown_vertices(head: HeadModel, photo: Fragments) -> np.ndarray:
    """Vertices (V bool) of the triangles that the photo shows."""
    shown = np.zeros(len(head.template), bool)
    shown[head.faces[photo.triangle[photo.triangle >= 0]]] = True
    return shown
