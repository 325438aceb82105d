"""The photo unwrapped to the head's UV square, with the light of the photo taken out.

Light is handled at the vertices and interpolated, so what a texel costs is one look into the photo on its own side
and one on the other.
"""

from __future__ import annotations

from numbers import Integral

import cv2
import numpy as np
from scipy.spatial import cKDTree

from vividlib.errors import InputError
from vividlib.geometry.raster import Fragments, interpolate, rasterize, sample
from vividlib.reconstruction.colours import MOUTH, hidden_colours, parts, to_linear, to_srgb
from vividlib.reconstruction.lighting import estimate, shade, smooth, uneven
from vividlib.reconstruction.view import View, look
from vividlib.types import Face, HeadModel

SIZES = (64, 8192)  # px
FINE = 512  # px: smaller textures are reduced from one that is at least so large
BAND = 128  # rows of the texture made at once: memory holds the finished texels and a little more

TOLERANCE = 0.003  # metres behind the photo's depth buffer that still count as seen

ODD, FAIR = 0.3, 0.6
"""Shading under which the other side of the head tells more, and from which the own side does; 1 over it for rim
lights."""
DEEP = 0.25  # the least shading that is divided by
BLACK = 1e-3  # linear: less is noise

FAR = 0.02  # metres from where the photo shows the head at which its colour is that of the nearest places seen
NEAR = 16  # places that it is the mean of
HAIR = 0.8  # share of the person in a pixel that is surely not background
HAIRY = 0.1  # hair around the head, as a share of the upper head's picture, that tells the colour of the scalp
LIKE_SKIN = 2.7  # factor by which an ear may differ from the face and not be covered by hair or be background
UNDER_LIDS = 0.65  # share of the light that reaches the white of the eyes, which tells the light on the teeth
FIRM = 100  # weight of colours that the photo shows, against guesses


def unwrap(face: Face, size: int = 1024) -> np.ndarray:
    """UV texture of a face, for viewers with lights of their own.

    The photo is divided by the light on the skin (`vividlib.reconstruction.lighting`); the mean colour of the skin
    stays. Texels that the photo does not show, or shows in deep shadow, take the opposite side of the head where that
    is seen. The rest of the skin goes on smoothly, the back of the head in the colour of the hair around it.

    Parameters
    ----------
    face
        As from `vividlib.reconstruct`.
    size
        Side of the texture, 64 to 8192 px.

    Returns
    -------
    numpy.ndarray
        (size, size, 3) uint8 sRGB, v downwards as in glTF.

    Raises
    ------
    InputError
        If there is no such size.
    """
    check_texture_size(size)
    if size < FINE:
        return cv2.resize(unwrap(face, size * -(-FINE // size)), (size, size), interpolation=cv2.INTER_AREA)
    head = face.head
    view = look(face, size)
    shading, even = _shading(head, view)
    clear = view.square * ~_covered_ears(head, view, shading)
    rest = _fill(face, view, shading, clear)

    carried = np.column_stack([view.points, clear, even, shading])
    owner = np.zeros(len(head.uv), np.int64)  # the vertex that each UV point belongs to
    owner[head.uv_faces] = head.faces
    square = np.column_stack([head.uv * size - 0.5, np.zeros(len(head.uv))])
    texture, covered = np.empty((size, size, 3), np.uint8), np.empty((size, size), np.uint8)
    for top in range(0, size, BAND):
        rows = slice(top, min(top + BAND, size))
        texels = rasterize(square - [0, top, 0], head.uv_faces, size, rows.stop - top, cull="none")
        own, weight, fair = _seen(view, carried[owner], head, texels)
        other, other_weight, _ = _seen(view, carried[head.mirror[owner]], head, texels)
        weight = weight * (1 - other_weight * (1 - fair))
        other_weight = other_weight * (1 - weight)
        hidden = interpolate(rest[owner], head.uv_faces, texels) * (1 - weight - other_weight)
        texture[rows] = to_srgb(own * weight + other * other_weight + hidden).round()
        covered[rows] = texels.triangle >= 0
    return _bleed(texture, covered)


def check_texture_size(size: int) -> None:
    """See early whether a texture can have this size.

    Raises
    ------
    InputError
        If it is not a whole number, or out of range.
    """
    if not isinstance(size, Integral) or not SIZES[0] <= size <= SIZES[1]:
        raise InputError(f"A texture of {size} px cannot be made; choose a whole number from {SIZES[0]} to {SIZES[1]}.")


def _shading(head: HeadModel, view: View) -> tuple[np.ndarray, np.ndarray]:
    """By what the photo's colours are divided at each vertex (V 3), and how far they can be trusted then (V)."""
    weights = view.shown * view.square
    skin = np.zeros(len(weights))
    skin[_face_skin(head)] = weights[_face_skin(head)]
    shading = shade(estimate(view.normals, view.colours, skin), view.normals)
    for side in ("left", "right"):  # eyes and teeth lie in hollows: what light there is comes as to lids and lips
        shading[head.regions[f"eyeball_{side}"]] = shading[head.regions[f"eyelids_{side}"]].mean(0)
    for name in MOUTH:
        shading[head.regions[name]] = shading[head.lips].mean(0)
    odd = uneven(head, np.maximum(view.colours / shading, BLACK), weights)
    shading *= odd
    even = np.minimum(shading.mean(1), 1 / odd.max(1))
    # Of the light on the chest the face tells nothing.
    shading = 1 + (np.maximum(shading, DEEP) - 1) * head.head_weight[:, None]
    return shading, np.clip((even - ODD) / (FAIR - ODD), 0, 1)


def _face_skin(head: HeadModel) -> np.ndarray:
    other = ("lips", "eyelids_left", "eyelids_right")
    return np.setdiff1d(head.regions["face"], np.concatenate([head.regions[name] for name in other]))


def _skin_colour(head: HeadModel, view: View, shading: np.ndarray) -> np.ndarray | None:
    """Linear RGB (3) without light; None where the photo shows no skin of the face."""
    skin = _face_skin(head)
    skin = skin[view.shown[skin]]
    return np.maximum(np.median(view.colours[skin] / shading[skin], 0), BLACK) if len(skin) else None


def _covered_ears(head: HeadModel, view: View, shading: np.ndarray) -> np.ndarray:
    """Vertices (V bool) of ears where the photo shows something that is not like the skin of the face."""
    covered = np.zeros(len(shading), bool)
    skin = _skin_colour(head, view, shading)
    if skin is None:
        return covered
    for side in (-1, 1):
        ear = head.regions["ears"][np.sign(head.template[head.regions["ears"], 0]) == side]
        seen = ear[view.shown[ear]]
        off = np.abs(np.log(np.maximum(view.colours[seen] / shading[seen], BLACK) / skin)).max(1, initial=0)
        covered[ear] = np.median(off) > np.log(LIKE_SKIN) if len(off) else True
    return covered


def _fill(face: Face, view: View, shading: np.ndarray, clear: np.ndarray) -> np.ndarray:
    """A colour for every vertex (V 3 float32 linear RGB) where neither side of it is seen."""
    head = face.head
    colours = view.colours / shading
    known = view.shown & (clear > 0)
    mirrored = known[head.mirror] & ~known
    colours[mirrored] = colours[head.mirror[mirrored]]
    known |= mirrored

    guessed = np.zeros(len(known), bool)
    scalp, shoulders, ears = (_member(head, name) for name in ("scalp", "shoulders", "ears"))
    skin = parts(head) == 0
    for group in (scalp, shoulders, skin & ~scalp & ~shoulders):
        sources, hidden = np.flatnonzero(known & group & ~ears), np.flatnonzero(~known & group)
        if len(sources) < NEAR or not len(hidden):
            continue
        distance, nearest = cKDTree(face.neutral[sources]).query(face.neutral[hidden], NEAR)
        far = hidden[distance[:, 0] > FAR]
        colours[far] = colours[sources[nearest[distance[:, 0] > FAR]]].mean(1)
        guessed[far] = True
    hair = _hair(head, view)
    if hair is not None:
        colours[scalp & ~known] = hair
        guessed |= scalp & ~known
    own = _skin_colour(head, view, shading)
    if own is not None:
        colours[ears & ~known] = own
        guessed |= ears & ~known
    smoothed = smooth(head, colours, np.where(known, FIRM, guessed), FAR)
    colours = np.where((skin & ~known)[:, None], smoothed, colours)
    colours = to_linear(hidden_colours(head, face.neutral, to_srgb(colours), known | skin))
    for name in ("teeth_upper", "teeth_lower"):
        colours[head.regions[name]] /= UNDER_LIDS
    return colours.astype(np.float32)


def _member(head: HeadModel, region: str) -> np.ndarray:
    member = np.zeros(len(head.template), bool)
    member[head.regions[region]] = True
    return member


def _hair(head: HeadModel, view: View) -> np.ndarray | None:
    """Colour (3) of what the person wears around the upper head, if that is more than a rim."""
    eyes = view.points[np.concatenate([head.joints["eye_left"], head.joints["eye_right"]]), 1].mean()
    upper = np.arange(len(view.depth))[:, None] < eyes
    skull = np.isfinite(view.depth) & upper
    hair = (view.person > HAIR) & ~np.isfinite(view.depth) & upper
    if hair.sum() <= HAIRY * max(skull.sum(), 1):
        return None
    return np.median(view.photo[hair], 0)


def _seen(
    view: View, carried: np.ndarray, head: HeadModel, texels: Fragments
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For every texel: its colour without light (H W 3), how well the photo shows it and how evenly lit it is (H W 1).

    ``carried`` (U 8): x, y px, depth, clearness, evenness and shading in the photo at each UV point.
    """
    at = interpolate(carried, head.uv_faces, texels)
    height, width = view.depth.shape
    column = np.clip(at[..., 0].round().astype(int), 0, width - 1)
    row = np.clip(at[..., 1].round().astype(int), 0, height - 1)
    inside = (at[..., 0] > 0) & (at[..., 1] > 0) & (at[..., 0] < width - 1) & (at[..., 1] < height - 1)
    shown = inside & (view.depth[row, column] - at[..., 2] < TOLERANCE) & (texels.triangle >= 0)
    colour = sample(view.photo, (at[..., :2] + 0.5) / [width, height]) / np.maximum(at[..., 5:], DEEP)
    return colour, (shown * view.trust[row, column] * at[..., 3])[..., None], at[..., 4:5]


def _bleed(texture: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Carry the islands' colours over their borders, so that filtering never meets the empty ground."""
    nearest = cv2.distanceTransformWithLabels(1 - covered, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)[1]
    inside = covered > 0
    colours = np.zeros((nearest.max() + 1, 3), np.uint8)
    colours[nearest[inside]] = texture[inside]
    return colours[nearest]
