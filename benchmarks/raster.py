"""The rasteriser's operators at 512 px: ``python -m benchmarks.raster``.

Single frames run on one thread. A batch is set against the same frames one by one. Warping is set against OpenCV's
``remap``, which rounds positions to 1/32 px: its times and how far its picture is from the exact one are both written
down. The round trip is no time but a picture: the photo put on its own head, by places in the photo and by way of a
texture, against the photo.
"""

from __future__ import annotations

import cv2
import numpy as np

from benchmarks.common import measure, write
from vividlib.geometry.camera import head_to_camera, project
from vividlib.geometry.raster import derivatives, interpolate, rasterize, sample, warp
from vividlib.head.model import deform
from vividlib.metrics.psnr import psnr
from vividlib.types import Face

SIZE = 512
FRAMES = 8  # of a batch
TEXTURES = (1024, 2048, 4096)  # px


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


def batch(points: np.ndarray, frames: int, rng: np.random.Generator) -> np.ndarray:
    """The same mesh in as many places (frames V 3)."""
    shifts = np.concatenate([rng.normal(0, 3, (frames, 1, 2)), np.zeros((frames, 1, 1))], -1)
    return (points + shifts).astype(np.float32)


def round_trip(face: Face, size: int) -> dict[str, float]:
    """PSNR (dB) inside the head of its picture in the photo's own pose, coloured by the photo, against the photo.

    ``projected``: every vertex knows its place in the photo. ``texture``: the photo is unwrapped as it is to
    ``size`` px, and the head drawn with that.
    """
    head, photo = face.head, face.portrait.image
    posed = deform(head, face.neutral, face.expression, face.gaze) + face.remainder
    points = np.column_stack(project(face.camera, head_to_camera(posed, face.rotation, face.translation)))
    height, width = photo.shape[:2]
    fragments = rasterize(points, head.faces, width, height)
    places = (points[:, :2] + 0.5) / [width, height]
    projected = sample(photo, interpolate(places, head.faces, fragments))

    owner = np.zeros(len(head.uv), np.int64)  # the vertex that each UV point belongs to
    owner[head.uv_faces] = head.faces
    square = np.column_stack([head.uv * size - 0.5, np.zeros(len(head.uv))])
    texels = rasterize(square, head.uv_faces, size, size, cull="none")
    texture = sample(photo, interpolate(places[owner], head.uv_faces, texels))
    by_texture = sample(texture, interpolate(head.uv, head.uv_faces, fragments))

    inside = fragments.triangle >= 0
    bare = texels.triangle < 0  # between the islands of the texture
    bleeds = sample(bare[..., None].astype(np.float32), interpolate(head.uv, head.uv_faces, fragments))[..., 0] > 0
    return {
        "projected": round(psnr(projected, photo, inside), 2),
        "texture": round(psnr(by_texture, photo, inside & ~bleeds), 2),
        "share_of_pixels_at_seams": round(float(bleeds[inside].mean()), 4),
    }


def astronaut() -> Face:
    """The face in the photo of scikit-image."""
    from skimage.data import astronaut

    from vividlib.pipeline import reconstruct

    return reconstruct(astronaut())


def main() -> None:
    rng = np.random.default_rng(0)
    cv2.setNumThreads(1)
    face = astronaut()
    points, faces = grid(105, rng)
    attributes = rng.normal(size=(len(points), 8)).astype(np.float32)
    fragments = rasterize(points, faces, SIZE, SIZE)
    image = np.clip(smooth(rng, 3, 2, 50) + 128, 0, 255).astype(np.uint8)
    flow = smooth(rng, 2, 20, 4)
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)

    def remap() -> np.ndarray:
        return cv2.remap(image, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    frames = batch(points, FRAMES, rng)
    deep = np.column_stack([points, 1 - points[:, 2]])
    uv = interpolate((points[:, :2] + 0.5) / SIZE, faces, fragments)
    steps = derivatives((points[:, :2] + 0.5) / SIZE, faces, fragments, points, faces)
    error = np.abs(remap().astype(int) - warp(image, flow))
    write(
        "raster",
        {
            "triangles": len(faces),
            "pixels": [SIZE, SIZE],
            "rasterize": measure(lambda: rasterize(points, faces, SIZE, SIZE)),
            "rasterize_with_w": measure(lambda: rasterize(deep, faces, SIZE, SIZE)),
            f"rasterize_{FRAMES}_frames": {
                "batched": measure(lambda: rasterize(frames, faces, SIZE, SIZE)),
                "one_by_one": measure(lambda: [rasterize(frame, faces, SIZE, SIZE) for frame in frames]),
            },
            "rasterize_numpy": measure(lambda: rasterize(points, faces, SIZE, SIZE, backend="numpy"), 3, 0),
            "interpolate_8_channels": measure(lambda: interpolate(attributes, faces, fragments)),
            "sample_bilinear": measure(lambda: sample(image, uv)),
            "sample_mipmapped": measure(lambda: sample(image, uv, steps)),
            "warp_uint8": measure(lambda: warp(image, flow)),
            "warp_float32": measure(lambda: warp(image.astype(np.float32), flow)),
            "remap_uint8": measure(remap) | {"mean_error_levels": error.mean().round(4), "max_error": int(error.max())},
            "round_trip_dB": {f"{size}_px": round_trip(face, size) for size in TEXTURES},
        },
    )


if __name__ == "__main__":
    main()
