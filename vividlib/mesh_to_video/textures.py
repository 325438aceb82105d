"""Projected textures: what a network sees of the head in the photo and of the driven head (VividTalk, section 3.3).

The head proper (PT_in) is coloured by its normalised coordinates, which are the same for the same place of every head,
or by the photo. Hair, clothes and background (PT_out) are the photo's. The inner mask says which is which.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from vividlib.backend import each_frame
from vividlib.errors import InputError
from vividlib.geometry.raster import Fragments, interpolate, rasterize
from vividlib.mesh_to_video.composite import composite
from vividlib.mesh_to_video.dense_motion import draw
from vividlib.mesh_to_video.scene import Scene
from vividlib.mesh_to_video.seen import SHEET
from vividlib.types import DenseMotion, HeadModel, Motion, Texture


@dataclass(frozen=True, eq=False)
class ProjectedTextures:
    """The scene's crop (h w) as in the photo and driven, for T frames."""

    reference: Texture  # h w 3, h w
    driven: Texture  # T h w 3, T h w
    motion: DenseMotion  # T h w 2, T h w: from the driven to the reference texture


def projected_textures(scene: Scene, motion: Motion, colours: Literal["ncc", "photo"] = "ncc") -> ProjectedTextures:
    """Both projected textures and the dense motion between them.

    Parameters
    ----------
    scene
        As from `vividlib.mesh_to_video.scene.build_scene`, of a photo of the size that the textures shall have.
    motion
        As for `vividlib.render`.
    colours
        Of the head proper: ``"ncc"``, its normalised coordinates (Zhu et al., "Face alignment across large poses",
        CVPR 2016, section 3.2), or ``"photo"``, its own.

    Raises
    ------
    InputError
        If there are no such colours.
    """
    if colours not in ("ncc", "photo"):
        raise InputError(f"There are no colours {colours!r} for projected textures; choose ncc or photo.")
    _, _, width, height = scene.window
    carried = None
    if colours == "ncc":
        own = normalised_coordinates(scene.face.head)
        carried = np.zeros((len(scene.source), 3), np.float32)
        carried[: len(own)] = 255 * own + 0.5  # bytes are rounded by cutting
    frames = list(motion.frames())
    image, inner = np.empty((len(frames), height, width, 3), np.uint8), np.empty((len(frames), height, width), bool)
    flow, occlusion = np.empty((*inner.shape, 2), np.float32), np.empty(inner.shape, np.float32)

    def driven(index: int) -> None:
        drawn = draw(scene, *frames[index])
        image[index] = composite(scene.layers, drawn)
        inner[index] = _join(scene, drawn.fragments, carried, image[index])
        flow[index], occlusion[index] = drawn.flow, drawn.occlusion

    each_frame(driven, range(len(frames)))
    reference = scene.layers.photo.copy()
    in_photo = _join(scene, rasterize(scene.source, scene.faces, width, height), carried, reference)
    return ProjectedTextures(Texture(reference, in_photo), Texture(image, inner), DenseMotion(flow, occlusion))


@lru_cache(maxsize=4)
def normalised_coordinates(head: HeadModel) -> np.ndarray:
    """A colour for every vertex (V 3 float32 in [0, 1]): its place in the template, each axis from least to most."""
    low, high = head.template.min(0), head.template.max(0)
    return ((head.template - low) / (high - low)).astype(np.float32)


def _join(scene: Scene, fragments: Fragments, carried: np.ndarray | None, image: np.ndarray) -> np.ndarray:
    """Draw the head proper in what its vertices carry, if anything, into an image (h w 3 uint8); the inner mask."""
    inner = scene.part[fragments.triangle] != SHEET
    if carried is not None:
        head = interpolate(carried, scene.faces, fragments)
        np.copyto(image, head, casting="unsafe", where=inner[..., None])
    return inner
