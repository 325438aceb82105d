"""What the pixels of a face tell of its landmarks beyond what MediaPipe saw.

Like supervised descent (Xiong and De la Torre, 2013), it looks where the landmarks were found and says how far each is
astray; the features are learned, and everything is said at once (dense landmarks as by Wood et al., "3D face
reconstruction with dense landmarks", 2022, from nothing but rendered heads).
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vividlib.reconstruction.correction import EYE_CORNERS, RANK, SKIN, normalise, scores_of
from vividlib.weights import load_weights

WEIGHTS = "landmark_network.safetensors"
EXTENT = 1.8  # half the side of the crop, in sizes of the face as `normalise` measures them
CROP, FACE = 192, 128  # px: sides of the crop, and of the face as the network sees it
EYE = 32, 48  # px: height and width of an eye
ROOM = 0.85  # half the width of an eye's picture, in widths of the eye
FAINT = 8.0  # of 255: contrast that is added to a picture's own, so that noise is not taken for a face
WAYS = 150  # components of how landmarks stray
AT = 8  # features of each landmark
HIDDEN, MARKS = 384, 256


class LandmarkNetwork(nn.Module):
    """Crop and detected face to how far each landmark is astray, upright and in sizes of the face."""

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Sequential(_down(1, 16), _down(16, 32), _Residual(32))
        self.at = nn.Conv2d(32, AT, 1)
        self.local = nn.Linear(AT * 478, HIDDEN)
        self.face = nn.Sequential(
            _down(32, 64), _Residual(64), _down(64, 128), _Residual(128), nn.Conv2d(128, 64, 1), nn.Flatten()
        )
        self.eye = nn.Sequential(
            _down(1, 16), _down(16, 32), _Residual(32), _down(32, 64), nn.Conv2d(64, 32, 1), nn.Flatten()
        )
        self.look = nn.Linear(64 * (FACE // 16) ** 2 + 2 * 32 * (EYE[0] // 8) * (EYE[1] // 8), HIDDEN)
        self.marks = nn.Sequential(nn.Linear(RANK, MARKS), nn.ReLU())
        self.join = nn.Sequential(
            nn.Dropout(0.1), nn.Linear(HIDDEN + MARKS, HIDDEN), nn.ReLU(), nn.Dropout(0.1), nn.Linear(HIDDEN, WAYS)
        )
        nn.init.zeros_(self.join[-1].weight)  # untrained, it leaves landmarks alone
        nn.init.zeros_(self.join[-1].bias)
        self.register_buffer("basis", torch.zeros(WAYS, 478 * 3))
        self.register_buffer("twin", torch.arange(478))

    def forward(self, crops: torch.Tensor, faces: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """How far landmarks are astray (B 478 3).

        Parameters
        ----------
        crops : B CROP CROP, grey, 0 to 255, as `crop` cuts them
        faces : B 478 3, as from `normalise`
        scores : B RANK, of the faces, as `correction.scores_of` gives them
        """
        picture = F.interpolate(crops[:, None], (FACE, FACE), mode="bilinear", antialias=True)
        fine = self.fine(_standard(picture))
        places = faces[:, :, None, :2] / EXTENT
        local = F.grid_sample(self.at(fine).float(), places, align_corners=False, padding_mode="border")
        eyes = self.eye(_standard(_eyes(crops, faces)).flatten(0, 1)).view(len(crops), -1)
        seen = F.relu(self.look(torch.cat([self.face(fine), eyes], 1)) + self.local(local.flatten(1)))
        ways = self.join(torch.cat([seen, self.marks(scores)], 1))
        with torch.autocast("cpu", enabled=False):
            return (ways.float() @ self.basis).view(-1, 478, 3)


@cache
def load_network() -> LandmarkNetwork:
    """The trained network of assets/. Raises as `vividlib.weights.load_weights` does."""
    network = LandmarkNetwork()
    network.load_state_dict(load_weights(WEIGHTS))
    network.eval()
    for part in list(network.modules()):
        if isinstance(part, nn.Sequential):
            _fold(part)
    return network.to(memory_format=torch.channels_last)


def astray(image: np.ndarray, landmarks: np.ndarray, faces: np.ndarray, scores: np.ndarray, twice: bool) -> np.ndarray:
    """How far landmarks are astray (B 478 3), as `LandmarkNetwork` says it.

    Parameters
    ----------
    image : H W 3 uint8
    landmarks : B 478 3 px
    faces : B 478 3, the same as `normalise` gives them
    scores : B RANK, of these
    twice : look at the mirrored faces too, which gives mirrored landmarks for a mirrored picture
    """
    network = load_network()
    crops = torch.from_numpy(np.array([crop(image, points) for points in landmarks], np.float32))
    faces = torch.from_numpy(faces)
    with torch.inference_mode():
        found = network(crops, faces.float(), torch.from_numpy(scores).float())
        if twice:
            others = mirrored(faces, network.twin)
            scores = torch.from_numpy(scores_of(others.numpy()))
            found = (found + mirrored(network(crops.flip(-1), others.float(), scores.float()), network.twin)) / 2
        return found.double().numpy()


def mirrored(points: torch.Tensor, twin: torch.Tensor) -> torch.Tensor:
    """Points or displacements (B 478 3) of the mirrored face."""
    return points[:, twin] * points.new_tensor([-1, 1, 1])


def crop(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The upright face about its landmarks (478 3 px), grey (CROP CROP uint8), from an image (H W 3 uint8)."""
    _, roll, size = normalise(landmarks[None])
    zoom = CROP / (2 * EXTENT * size[0])
    middle = landmarks[:SKIN, :2].mean(0)
    reach = int(np.ceil(1.5 * EXTENT * size[0])) + 2  # the corners of a square that is rolled
    left, top = (max(0, int(at) - reach) for at in middle)
    right, bottom = (max(1, int(at) + reach) for at in middle)
    left, top = min(left, image.shape[1] - 1), min(top, image.shape[0] - 1)
    part = cv2.cvtColor(image[top:bottom, left:right], cv2.COLOR_RGB2GRAY)
    if zoom < 0.6:  # or single pixels would be picked
        part = cv2.GaussianBlur(part, (0, 0), 0.4 / zoom, borderType=cv2.BORDER_REPLICATE)
    turn = roll[0, :2, :2] * zoom
    shift = (CROP - 1) / 2 - turn @ (middle - [left, top])
    return cv2.warpAffine(part, np.column_stack([turn, shift]), (CROP, CROP), borderMode=cv2.BORDER_REPLICATE)


def _eyes(crops: torch.Tensor, faces: torch.Tensor) -> torch.Tensor:
    """Both eyes of every crop (B 2 1 height width), the left one mirrored."""
    down, across = torch.meshgrid(*(torch.linspace(-1, 1, count) for count in EYE), indexing="ij")
    pictures = []
    for corners, side in zip(EYE_CORNERS.tolist(), (1, -1)):
        ends = faces[:, corners, :2] / EXTENT
        middle, reach = ends.mean(1), ROOM * (ends[:, 0] - ends[:, 1]).norm(dim=1)[:, None, None]
        x = middle[:, 0, None, None] + side * across * reach
        y = middle[:, 1, None, None] + down * reach * (EYE[0] / EYE[1])
        places = torch.stack([x, y], -1)
        pictures.append(F.grid_sample(crops[:, None], places, align_corners=False, padding_mode="border"))
    return torch.stack(pictures, 1)


def _standard(pictures: torch.Tensor) -> torch.Tensor:
    """Without brightness and contrast of their own."""
    mean, spread = pictures.mean((-1, -2), keepdim=True), pictures.std((-1, -2), keepdim=True)
    return (pictures - mean) / (spread + FAINT)


def _fold(layers: nn.Sequential) -> None:
    """Let convolutions do what the batch normalisation after them does: a third of the time would go into that."""
    for i, layer in enumerate(layers):
        if isinstance(layer, nn.BatchNorm2d):
            layers[i - 1], layers[i] = fuse_conv_bn_eval(layers[i - 1], layer), nn.Identity()


def _down(inputs: int, outputs: int) -> nn.Sequential:
    """Half the size."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(x + self.body(x))
