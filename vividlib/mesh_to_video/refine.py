"""What `composite` draws, made better by the networks: their motion before, their residual after it."""

from __future__ import annotations

import numpy as np
import torch

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

    def picture(self, drawn: Drawn) -> np.ndarray:
        """The scene's crop of a frame, uint8 of the size of the layers."""
        with torch.inference_mode():
            driven = driven_tensors([driven_patch(self._scene, drawn, self._square)])
            gate = self._networks.gate(driven)
            correction = self._networks.correct(self._photo, driven, gate)
            moves = torch.cat([correction.flow * (self._square.side / SIDE), correction.occlusion], 1)
            picture = composite(self._layers, self._corrected(drawn, _last(moves)))
            frame = torch.from_numpy(cut(picture, self._here)).permute(2, 0, 1)[None].float() / 255
            residual = 255 * self._networks.add(self._known, frame, corrected(driven, correction), gate)
            paste(picture, _last(residual), self._here)
        return picture

    def _corrected(self, drawn: Drawn, moves: np.ndarray) -> Drawn:
        change = np.zeros((*drawn.occlusion.shape, 3), np.float32)
        paste(change, moves, self._square)
        occlusion = drawn.occlusion * (1 + change[..., 2]).clip(0, 1)
        return drawn._replace(flow=drawn.flow + change[..., :2], occlusion=occlusion)


def _last(images: torch.Tensor) -> np.ndarray:
    """1 C H W as H W C."""
    return images[0].permute(1, 2, 0).contiguous().numpy()
