"""What `composite` draws, made better by the networks: their motion before, their residual after it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch

from vividlib.backend import each_frame
from vividlib.mesh_to_video.composite import composite
from vividlib.mesh_to_video.dense_motion import Drawn
from vividlib.mesh_to_video.layers import Layers
from vividlib.mesh_to_video.networks import VideoNetworks, corrected, driven_tensors, photo_tensors
from vividlib.mesh_to_video.patch import SIDE, Square, cut, driven_patch, paste, photo_patch, square_of
from vividlib.mesh_to_video.scene import Scene


class Refiner:
    """Pictures of driven scenes, by networks that know the photo of the scene.

    Parameters
    ----------
    scene : as from `build_scene`
    networks : as from `with_weights`
    layers : what the pictures are made of, as for `composite`: the scene's own, or with a whole number of times its pixels
    """

    def __init__(self, scene: Scene, networks: VideoNetworks, layers: Layers):
        self._scene, self._networks, self._layers, self._square = scene, networks, layers, square_of(scene)
        times = layers.matte.shape[1] // scene.layers.matte.shape[1]
        self._here = Square(*(times * value for value in self._square))  # in the pictures
        with torch.inference_mode():
            self._photo = photo_tensors([photo_patch(scene, self._square)])
            self._known = networks.read(self._photo)

    def pictures(self, some: Sequence[Drawn]) -> list[np.ndarray]:
        """The scene's crop of each frame, uint8 of the size of the layers."""
        with torch.inference_mode():
            driven = driven_tensors(each_frame(lambda one: driven_patch(self._scene, one, self._square), some))
            gate = self._networks.gate(driven)
            photo = type(self._photo)(*(part.expand(len(some), *part.shape[1:]) for part in self._photo))
            correction = self._networks.correct(photo, driven, gate)
            moves = torch.cat([correction.flow * (self._square.side / SIDE), correction.occlusion], 1)
            drawn = [self._corrected(*both) for both in zip(some, moves.permute(0, 2, 3, 1).numpy())]
            pictures = each_frame(lambda one: composite(self._layers, one), drawn)
            frames = np.stack([cut(picture, self._here) for picture in pictures])
            frames = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
            known = self._known.expand(len(some), *self._known.shape[1:])
            residual = self._networks.add(known, frames, corrected(driven, correction), gate)
            residual = (255 * residual).permute(0, 2, 3, 1).contiguous().numpy()
        return [self._added(*both) for both in zip(pictures, residual)]

    def _corrected(self, drawn: Drawn, moves: np.ndarray) -> Drawn:
        change = np.zeros((*drawn.occlusion.shape, 3), np.float32)
        paste(change, moves, self._square)
        occlusion = drawn.occlusion * (1 + change[..., 2]).clip(0, 1)
        return drawn._replace(flow=drawn.flow + change[..., :2], occlusion=occlusion)

    def _added(self, picture: np.ndarray, residual: np.ndarray) -> np.ndarray:
        better = picture.astype(np.float32)
        paste(better, residual, self._here)
        return cv2.convertScaleAbs(better.clip(0, 255))
