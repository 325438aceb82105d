"""The photo unwrapped to the head's UV square."""

from __future__ import annotations

import cv2
import numpy as np

from vividlib.geometry.camera import head_to_camera, project
from vividlib.geometry.mesh import vertex_normals
from vividlib.geometry.raster import interpolate, rasterize, warp
from vividlib.head.model import deform
from vividlib.reconstruction.colours import hidden_colours, parts, visible_vertices
from vividlib.types import Face

TOLERANCE = 0.003  # metres behind the photo's depth buffer that still count as seen


def unwrap(face: Face, size: int = 1024) -> np.ndarray:
    """UV texture of a face (size size 3 uint8 sRGB), v downwards as in glTF.

    Texels that the photo shows are sampled from it. The others take the opposite side of the head
    where that is seen, and otherwise what `hidden_colours` takes for them: skin and hair go on smoothly.
    """
    head = face.head
    vertices = deform(head, face.neutral, face.expression, face.gaze) + face.remainder
    posed = head_to_camera(vertices, face.rotation, face.translation)
    pixels, depth = project(face.camera, posed)
    height, width = face.portrait.image.shape[:2]
    points = np.column_stack([pixels, depth])
    seen = rasterize(points, head.faces, width, height)
    facing = vertex_normals(posed, head.faces)[:, 2]

    owner = np.zeros(len(head.uv), np.int64)  # the vertex that each UV point belongs to
    owner[head.uv_faces] = head.faces
    square = np.column_stack([head.uv * size - 0.5, np.zeros(len(head.uv))])
    texels = rasterize(square, head.uv_faces, size, size, cull="none")
    carried = np.column_stack([points, facing])

    def look(vertices):
        """Photo colour and how well it is seen, for every texel of the given vertices."""
        at = interpolate(carried[vertices], head.uv_faces, texels)
        column = np.clip(at[..., 0].round().astype(int), 0, width - 1)
        row = np.clip(at[..., 1].round().astype(int), 0, height - 1)
        inside = (at[..., 0] > 0) & (at[..., 1] > 0) & (at[..., 0] < width - 1) & (at[..., 1] < height - 1)
        shown = inside & (seen.depth[row, column] - at[..., 2] < TOLERANCE) & (texels.triangle >= 0)
        own = np.stack(np.mgrid[:size, :size][::-1], -1)
        colour = warp(face.portrait.image, at[..., :2] - own)
        return colour.astype(np.float32), np.where(shown, np.clip((at[..., 3] - 0.15) / 0.35, 0, 1), 0)

    colour, weight = look(owner)
    other, other_weight = look(head.mirror[owner])
    other_weight *= 1 - weight
    total = weight + other_weight
    mixed = (colour * weight[..., None] + other * other_weight[..., None]) / np.maximum(total, 1e-6)[..., None]
    part = parts(head)[head.faces[seen.triangle]].max(-1)
    visible, row, column = visible_vertices(head, posed, points, part, seen.depth)
    colours = hidden_colours(head, face.neutral, face.portrait.image[row, column], visible)
    fill = interpolate(colours[owner], head.uv_faces, texels)
    filled = mixed * np.minimum(total, 1)[..., None] + fill * (1 - np.minimum(total, 1))[..., None]
    return _bleed(filled.round().astype(np.uint8), texels.triangle >= 0)


def _bleed(texture: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Carry the islands' colours over their borders, so that filtering never meets the empty ground."""
    radius = max(2, texture.shape[0] // 128)
    return cv2.inpaint(texture, (~covered).astype(np.uint8), radius, cv2.INPAINT_TELEA)
