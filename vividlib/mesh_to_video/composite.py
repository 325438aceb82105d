"""A picture of the driven scene: the person as the flow moves it, filled in where the photo shows nothing, on the plate."""

from __future__ import annotations

import cv2
import numpy as np
from numba import njit

from vividlib.backend import compiled
from vividlib.mesh_to_video.dense_motion import Drawn
from vividlib.mesh_to_video.layers import Layers


def composite(layers: Layers, drawn: Drawn) -> np.ndarray:
    """Picture (H W 3 uint8) of the size of the layers, which may be a whole number of times that of what was drawn."""
    _, *pixels, seam = drawn
    height, width = layers.matte.shape
    times = width // seam.shape[1]
    if times > 1:
        pixels[0] = pixels[0] * times
        *pixels, seam = (cv2.resize(a, (width, height)) for a in (*pixels, seam.astype(np.uint8)))
    image = np.empty_like(layers.photo)
    _compose(layers.photo, layers.matte, layers.plate, *pixels, image)
    seam = seam > 0
    image[seam] = cv2.blur(image, (2 * times + 1, 2 * times + 1))[seam]
    return image


@compiled
def _compose(photo, matte, plate, flow, occlusion, fill, frame):
    height, width = matte.shape
    for row in range(height):
        for column in range(width):
            shown = occlusion[row, column]
            red, green, blue, alpha = 0.0, 0.0, 0.0, 0.0
            if shown > 0:
                x = _mirrored(column + float(flow[row, column, 0]), width)
                y = _mirrored(row + float(flow[row, column, 1]), height)
                x0, y0 = int(x), int(y)
                for i in range(2):
                    share_y = shown * (y - y0 if i else 1 - (y - y0))
                    for j in range(2):
                        share = share_y * (x - x0 if j else 1 - (x - x0))
                        if share == 0:
                            continue
                        m, n = y0 + i, x0 + j
                        cover = matte[m, n] / 255
                        clear = share * (1 - cover)
                        red += share * photo[m, n, 0] - clear * plate[m, n, 0]
                        green += share * photo[m, n, 1] - clear * plate[m, n, 1]
                        blue += share * photo[m, n, 2] - clear * plate[m, n, 2]
                        alpha += share * cover
            if shown < 1:
                red += (1 - shown) * fill[row, column, 0]
                green += (1 - shown) * fill[row, column, 1]
                blue += (1 - shown) * fill[row, column, 2]
                alpha += (1 - shown) * fill[row, column, 3]
            frame[row, column, 0] = _byte(red + (1 - alpha) * plate[row, column, 0])
            frame[row, column, 1] = _byte(green + (1 - alpha) * plate[row, column, 1])
            frame[row, column, 2] = _byte(blue + (1 - alpha) * plate[row, column, 2])


@njit(inline="always")
def _mirrored(place, size):
    """Beyond its border the photo goes on backwards: hair that it cuts stays hair."""
    place = abs(place)
    return max(min(place, 2 * (size - 1) - place), 0.0)


@njit(inline="always")
def _byte(value):
    return int(min(max(value + 0.5, 0.0), 255.0))
