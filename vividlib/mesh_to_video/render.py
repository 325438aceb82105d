"""A Face and one frame of motion to a picture: warp the photo, fill what it hides, paste back."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numba import get_num_threads

from vividlib.backend import ahead, one_core
from vividlib.errors import InputError
from vividlib.mesh_to_video.composite import composite
from vividlib.mesh_to_video.dense_motion import draw
from vividlib.mesh_to_video.layers import of_larger
from vividlib.mesh_to_video.scene import build_scene
from vividlib.types import Face, Motion

if TYPE_CHECKING:
    from vividlib.mesh_to_video.networks import VideoNetworks

SIZES = (64, 4096)  # px, longer side of a video
LARGEST = 2048  # px: where the part that moves is larger, its motion is computed on a grid so much coarser
FACES = 4.0  # sides of the face's box in a side of the part that moves, where no border of the photo cuts it


def check_size(size: int | None) -> None:
    """See early whether a video can have this size.

    Raises
    ------
    InputError
        If its longer side is out of range.
    """
    if size is not None and not SIZES[0] <= size <= SIZES[1]:
        raise InputError(f"A size of {size} px cannot be rendered; choose {SIZES[0]} to {SIZES[1]}.")


class Renderer:
    """Renders frames of the whole photo; only the crop around the head is computed anew.

    Parameters
    ----------
    face : the person, with the portrait
    size : longer side of the frames in px, both sides made even for video; None keeps the photo's own size.
    networks : as from `vividlib.mesh_to_video.trained.load_networks`; None leaves frames as motion and mesh make them.

    Raises
    ------
    InputError
        If the size is out of range.
    """

    def __init__(self, face: Face, size: int | None = 512, networks: VideoNetworks | None = None):
        check_size(size)
        self._photo, factor = _resized(face.portrait.image, size)
        self.height, self.width = self._photo.shape[:2]
        extent = min(FACES * max(face.portrait.box[2:]) * factor, max(self._photo.shape))
        self._times = times = max(1, math.ceil(extent / LARGEST))
        photo = _whole(self._photo, times)
        # Enlarged again, edges of lips and lids show their pixels unless these are averages.
        self.scene = build_scene(face, _reduced(photo, times), factor / times, finer=2 if times > 1 else 1)
        left, top, width, height = (times * value for value in self.scene.window)
        self._here = (slice(top, top + height), slice(left, left + width))
        self._layers = of_larger(self.scene.layers, photo[self._here]) if times > 1 else self.scene.layers
        self._refiner = None
        if networks is not None:
            from vividlib.mesh_to_video.refine import Refiner  # here, because torch takes seconds to load

            self._refiner = Refiner(self.scene, networks, self._layers)

    def frames(self, motion: Motion) -> Iterator[np.ndarray]:
        """The frames (H W 3 uint8 sRGB) of a motion, drawn on all cores, a few ahead of what is asked for."""
        return ahead(self.frame, motion.frames(), get_num_threads(), one_core if self._refiner else None)

    def frame(
        self,
        blendshapes: np.ndarray,
        head_rotation: np.ndarray = (0, 0, 0, 1),
        head_translation: np.ndarray = (0, 0, 0),
        gaze: np.ndarray | None = None,
        lip_offsets: np.ndarray | None = None,
    ) -> np.ndarray:
        """One frame (H W 3 uint8 sRGB) of a motion: 52, 4, 3, 2 2 and L 3, as in `Motion`."""
        drawn = draw(self.scene, blendshapes, head_rotation, head_translation, gaze, lip_offsets)
        return self._shown(self._refiner.picture(drawn) if self._refiner else composite(self._layers, drawn))

    def _shown(self, picture: np.ndarray) -> np.ndarray:
        """The whole photo with a picture of the crop in its place."""
        frame = self._photo.copy()
        here = frame[self._here]
        here[:] = picture[: here.shape[0], : here.shape[1]]
        return frame


def _whole(image: np.ndarray, times: int) -> np.ndarray:
    """The image with its last rows and columns repeated until both sides are multiples of ``times``."""
    below, right = (-side % times for side in image.shape[:2])
    return np.pad(image, ((0, below), (0, right), (0, 0)), "edge") if below or right else image


def _reduced(image: np.ndarray, times: int) -> np.ndarray:
    height, width = (side // times for side in image.shape[:2])
    return image if times == 1 else cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def _resized(image: np.ndarray, size: int | None) -> tuple[np.ndarray, float]:
    """The image with its longer side at ``size`` (sides even), and the factor."""
    height, width = image.shape[:2]
    if size is None:
        return np.ascontiguousarray(image), 1.0
    factor = size / max(height, width)
    even = tuple(max(2, 2 * round(side * factor / 2)) for side in (width, height))
    if even == (width, height):
        return np.ascontiguousarray(image), factor
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, even, interpolation=method), factor
