"""Draw the textured heads of a folder of portraits from five sides: ``python -m benchmarks.draw_texture FOLDER SHEET``.

Each row of the sheet is one picture: the photo, its texture, and the head at rest as `vividlib reconstruct` writes
it, turned by -60 to 60 degrees under one soft light from the front and above.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from vividlib.errors import VividError
from vividlib.geometry.camera import head_to_camera, project
from vividlib.geometry.mesh import vertex_normals
from vividlib.geometry.raster import interpolate, rasterize, sample
from vividlib.media.image import load_image, save_image
from vividlib.pipeline import reconstruct
from vividlib.reconstruction.texture import unwrap
from vividlib.types import Camera, Face

YAWS = (-60, -30, 0, 30, 60)  # degrees
TILE = 256
OVERSAMPLED = 2
LIGHT = np.array([0, 0.4, 1]) / np.hypot(0.4, 1)  # towards it
AMBIENT = 0.65  # share of the light that comes from everywhere
GROUND = 0.35


def view(face: Face, texture: np.ndarray, yaw: float) -> np.ndarray:
    """The head at rest, turned by ``yaw`` degrees (TILE TILE 3 uint8)."""
    head, large = face.head, TILE * OVERSAMPLED
    scale = large / 0.3
    camera = Camera(scale, (large / 2, large / 2 + 0.01 * scale))
    turned = head_to_camera(face.neutral, Rotation.from_euler("Y", yaw, degrees=True).as_quat(), np.zeros(3))
    points, depth = project(camera, turned)
    fragments = rasterize(np.column_stack([points, depth]), head.faces, large, large)
    uv = interpolate(head.uv, head.uv_faces, fragments)
    colour = sample(texture, uv) / 255
    normals = vertex_normals(turned, head.faces)
    light = AMBIENT + (1 - AMBIENT) * np.clip(normals @ LIGHT, 0, 1)
    colour *= interpolate(light[:, None], head.faces, fragments) ** (1 / 2.2)
    colour[fragments.triangle < 0] = GROUND
    return cv2.resize((colour * 255).astype(np.uint8), (TILE, TILE), interpolation=cv2.INTER_AREA)


def row(face: Face) -> np.ndarray:
    """Photo, texture and five sides of one person."""
    texture = unwrap(face)
    x, y, width, height = face.portrait.box
    half = int(0.9 * max(width, height))
    left, top = max(0, x + width // 2 - half), max(0, y + height // 2 - half)
    photo = face.portrait.image[top : y + height // 2 + half, left : x + width // 2 + half]
    flat = [cv2.resize(picture, (TILE, TILE), interpolation=cv2.INTER_AREA) for picture in (photo, texture)]
    return np.hstack(flat + [view(face, texture, yaw) for yaw in YAWS])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--only", nargs="*", help="file names without suffix")
    options = parser.parse_args()
    rows = []
    for path in sorted(options.folder.iterdir()):
        if options.only and path.stem not in options.only:
            continue
        try:
            rows.append(row(reconstruct(load_image(path))))
            print(len(rows), path.stem, flush=True)
        except VividError as error:
            print(path.stem, f"{type(error).__name__}: {error}", flush=True)
    save_image(options.sheet, np.vstack(rows))


if __name__ == "__main__":
    main()
