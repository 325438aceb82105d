"""Colours for what the photo does not show: inside of the mouth, hidden skin, the rest of the eyes."""

from __future__ import annotations

import numpy as np
from scipy.sparse.linalg import spsolve

from vividlib.geometry.mesh import laplacian, vertex_normals
from vividlib.types import HeadModel

MOUTH = ("teeth_upper", "teeth_lower", "tongue", "mouth_cavity")
SHADE = {"teeth_upper": 1.0, "teeth_lower": 0.45, "tongue": 0.7, "mouth_cavity": 0.9}
"""Share of the light outside that reaches these parts between open lips; the upper lip shades the lower teeth."""
MOUTH_DEPTH = 0.06  # metres behind the lips at which no light arrives
FLESH = (0.12, 0.04, 0.035)  # linear RGB, the darkest that anything in a mouth is
MANY = 12  # visible vertices of the eyes that make a measurement
PARTS = ("skin", "eyes", "teeth", "inner")
"""Parts of a head that never show in each other's place; teeth are the upper ones, which keep still in the head."""
COVERED = 0.002  # metres behind the photo's surface at which a vertex does not show its own colour
SLANT = 0.2  # cosine under which a surface is seen too much from the side
EYE_RINGS = 14  # around the eye's axis, pupil to back


def parts(head: HeadModel) -> np.ndarray:
    """Index into PARTS of each vertex (V)."""
    part = np.full(len(head.template), PARTS.index("skin"))
    for name in MOUTH:
        part[head.regions[name]] = PARTS.index("teeth" if name == "teeth_upper" else "inner")
    for side in ("left", "right"):
        part[head.regions[f"eyeball_{side}"]] = PARTS.index("eyes")
    return part


def visible_vertices(
    head: HeadModel, posed: np.ndarray, points: np.ndarray, part: np.ndarray, depth: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whether the photo shows the own colour of each vertex (V bool), and its pixel's row and column.

    Parameters
    ----------
    posed, points : V 3, the head in camera space and in image space
    part, depth : H W, what the rasteriser sees of it: index into PARTS, and metres
    """
    height, width = depth.shape
    column = np.clip(points[:, 0].round().astype(int), 0, width - 1)
    row = np.clip(points[:, 1].round().astype(int), 0, height - 1)
    inside = ((points[:, :2] > -0.5) & (points[:, :2] < [width - 0.5, height - 0.5])).all(1)
    visible = inside & (depth[row, column] - points[:, 2] < COVERED) & (part[row, column] == parts(head))
    return visible & (vertex_normals(posed, head.faces)[:, 2] > SLANT), row, column


def hidden_colours(head: HeadModel, neutral: np.ndarray, sampled: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """A colour for every vertex (V 3 float32 sRGB, 0 to 255), from what the photo shows of the head.

    Parameters
    ----------
    neutral : V 3, metres
    sampled : V 3, colour of the photo at each vertex, 0 to 255
    visible : V bool, whether that is the vertex's own colour

    Visible vertices keep what was sampled. Hidden skin takes the smooth (harmonic) continuation of
    the skin around it, but for the edges of the lids. An eye looks the same all around its axis, so its
    hidden parts take the median of the visible ring. The mouth has the model's own colours in the light
    of the photo.
    """
    sampled = sampled.astype(np.float64)
    colours = sampled.copy()
    light = _light(head, sampled, visible)
    known = visible.copy()
    lips = neutral[head.regions["lips"], 2].mean()
    for name in MOUTH:
        part = head.regions[name]
        shade = np.clip(1 - (lips - neutral[part, 2]) / MOUTH_DEPTH, 0.3, 1)[:, None]
        colours[part] = to_srgb(np.maximum(head.albedo[part], FLESH) * light * SHADE[name] * shade)
        known[part] = True
    for side in ("left", "right"):
        part = head.regions[f"eyeball_{side}"]
        middle = neutral[head.joints[f"eye_{side}"]].mean(0)
        colours[part] = _eye(neutral[part] - middle, sampled[part], visible[part], to_srgb(head.albedo[part] * light))
        known[part] = True
    edges = np.concatenate([head.regions["eyelid_edge_left"], head.regions["eyelid_edge_right"]])
    known[edges] = False
    colours = _continue(head, colours, known)
    # Lashes: the edge of a lid is as dark as the photo has it, and does not darken the skin around it.
    colours[edges] = np.minimum(colours[edges], sampled[edges])
    return colours.astype(np.float32)


def _light(head: HeadModel, sampled, visible) -> np.ndarray:
    """Linear gain (3) from the model's albedo to the photo.

    The white of the eyes tells it on every skin, and is as bright as teeth are; the skin does where eyes are shut.
    """
    eyes = np.concatenate([head.regions["eyeball_left"], head.regions["eyeball_right"]])
    eyes = eyes[visible[eyes]]
    if len(eyes) >= MANY:
        white = to_linear(sampled[eyes])
        white = np.median(white[white.sum(1) >= np.quantile(white.sum(1), 0.85)], 0)
        gain = white / np.quantile(head.albedo[eyes], 0.9, axis=0)
    else:
        face = np.intersect1d(head.regions["face"], np.flatnonzero(visible))
        if not len(face):
            return np.ones(3)
        gain = np.median(to_linear(sampled[face]), 0) / np.median(head.albedo[face], 0)
    return np.clip((gain.mean() + gain) / 2, 0.05, 1.2)


def _eye(offsets, sampled, visible, albedo) -> np.ndarray:
    angle = np.arccos(np.clip(offsets[:, 2] / np.linalg.norm(offsets, axis=1), -1, 1))
    ring = np.minimum((angle / (np.pi / 2) * EYE_RINGS).astype(int), EYE_RINGS)
    colours = albedo.astype(np.float64)
    last = None
    for i in range(EYE_RINGS + 1):
        here = ring == i
        if (here & visible).sum() >= 3:
            last = np.median(sampled[here & visible], 0)
        if last is not None and here.any():
            colours[here] = last
    colours[visible] = sampled[visible]
    return colours


def _continue(head: HeadModel, colours, known) -> np.ndarray:
    if known.all():
        return colours
    smooth = laplacian(head.faces, len(known)).tocsr()
    reached = np.asarray(abs(smooth).sum(1)).ravel() > 0
    hidden = ~known & reached
    system = smooth[hidden][:, hidden]
    system.setdiag(system.diagonal() + 1e-6)  # an island without a known vertex stays solvable
    colours[hidden] = spsolve(system.tocsc(), -smooth[hidden][:, known] @ colours[known])
    return colours


def to_linear(srgb: np.ndarray) -> np.ndarray:
    """sRGB, 0 to 255, as light, 0 to 1 (IEC 61966-2-1)."""
    value = np.clip(srgb / 255, 0, 1)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def to_srgb(linear: np.ndarray) -> np.ndarray:
    """Light, 0 to 1, as sRGB, 0 to 255 (IEC 61966-2-1)."""
    value = np.clip(linear, 0, 1)
    return 255 * np.where(value <= 0.0031308, 12.92 * value, 1.055 * value ** (1 / 2.4) - 0.055)
