"""How sharp a picture is: Tenengrad (Krotkov, "Focusing", IJCV 1988), the mean square of Sobel's gradients."""

from __future__ import annotations

import cv2
import numpy as np


def sharpness(image: np.ndarray) -> float:
    """Of a picture (H, W, 3) uint8, in squared levels of brightness a pixel; blur makes it less, noise and seams more."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64)
    across, down = (cv2.Sobel(grey, cv2.CV_64F, *axis) / 8 for axis in ((1, 0), (0, 1)))
    return float((across**2 + down**2).mean())
