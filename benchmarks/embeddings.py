"""Embeddings of faces, by a network of face recognition that the caller brings along.

Any ONNX file of the kind that ArcFace (Deng et al., CVPR 2019) made common: faces laid on five points, N 3 112 112, RGB in
[-1, 1], in; N C out. None is shipped, and those published have licences of their own, many for research only. Needs
onnxruntime.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

SIDE = 112  # px
PLACES = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)  # px, where ArcFace has both eyes, the tip of the nose and both corners of the mouth; from the left of the picture
POINTS = ((33, 133), (362, 263), (4,), (61,), (291,))
"""MediaPipe's landmarks of these; an eye is where the middle between its corners is, wherever it looks."""


def embedder(file: Path) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """What embeds a face: picture (H W 3 uint8 sRGB) and its landmarks (478, 2 or more, px) to C numbers."""
    import onnxruntime

    network = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    [face] = network.get_inputs()

    def embed(picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        pixels = aligned(picture, landmarks).astype(np.float32) / 127.5 - 1
        return network.run(None, {face.name: np.moveaxis(pixels, 2, 0)[None]})[0][0]

    return embed


def aligned(picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The face, turned, moved and scaled until its points lie best on PLACES: SIDE SIDE 3."""
    points = np.stack([landmarks[list(some), :2].mean(0) for some in POINTS])
    here, there = points @ [1, 1j], PLACES @ [1, 1j]
    around = here - here.mean()
    turn = np.vdot(around, there) / np.vdot(around, around)
    place = there.mean() - turn * here.mean()
    matrix = np.array([[turn.real, -turn.imag, place.real], [turn.imag, turn.real, place.imag]])
    return cv2.warpAffine(picture, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
