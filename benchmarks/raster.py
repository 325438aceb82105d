"""Rasterising, interpolating and warping at 512 px, one thread: ``python -m benchmarks.raster``.

Warping is set against OpenCV's ``remap``, which rounds positions to 1/32 px: its times and how far its
picture is from the exact one are both written down.
"""

from __future__ import annotations

import cv2
import numpy as np

from benchmarks.common import measure, write
from vividlib.geometry.raster import interpolate, rasterize, warp

SIZE = 512


def grid(side: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A bumpy sheet of ``2 * (side - 1) ** 2`` triangles over 90 % of the image."""
    y, x = np.mgrid[0:side, 0:side].reshape(2, -1)
    step = 0.9 * SIZE / (side - 1)
    points = np.stack([x, y], -1) * step + 0.05 * SIZE + rng.uniform(-0.3, 0.3, (side * side, 2)) * step
    points = np.column_stack([points, rng.normal(0, 0.001, side * side)]).astype(np.float32)
    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).ravel()
    upper = np.column_stack([corner, corner + side, corner + 1])
    lower = np.column_stack([corner + 1, corner + side, corner + side + 1])
    return points, np.concatenate([upper, lower]).astype(np.int32)


def smooth(rng: np.random.Generator, channels: int, sigma: float, scale: float) -> np.ndarray:
    """A random field (SIZE, SIZE, channels) without detail below ``sigma`` px and of spread ``scale``."""
    field = cv2.GaussianBlur(rng.normal(size=(SIZE, SIZE, channels)).astype(np.float32), (0, 0), sigma)
    return field / field.std() * scale


def main() -> None:
    rng = np.random.default_rng(0)
    cv2.setNumThreads(1)
    points, faces = grid(105, rng)
    attributes = rng.normal(size=(len(points), 8)).astype(np.float32)
    fragments = rasterize(points, faces, SIZE, SIZE)
    image = np.clip(smooth(rng, 3, 2, 50) + 128, 0, 255).astype(np.uint8)
    flow = smooth(rng, 2, 20, 4)
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)

    def remap() -> np.ndarray:
        return cv2.remap(image, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    error = np.abs(remap().astype(int) - warp(image, flow))
    write(
        "raster",
        {
            "triangles": len(faces),
            "pixels": [SIZE, SIZE],
            "rasterize": measure(lambda: rasterize(points, faces, SIZE, SIZE)),
            "rasterize_numpy": measure(lambda: rasterize(points, faces, SIZE, SIZE, backend="numpy"), 3, 0),
            "interpolate_8_channels": measure(lambda: interpolate(attributes, faces, fragments)),
            "warp_uint8": measure(lambda: warp(image, flow)),
            "warp_float32": measure(lambda: warp(image.astype(np.float32), flow)),
            "remap_uint8": measure(remap) | {"mean_error_levels": error.mean().round(4), "max_error": int(error.max())},
        },
    )


if __name__ == "__main__":
    main()
