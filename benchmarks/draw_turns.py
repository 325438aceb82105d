"""Draw heads that turn, tilt and move as far as stated: ``python -m benchmarks.draw_turns FOLDER SHEET``.

Two rows of the sheet are one picture of the folder: the photo, and every pose of EXTREMES. With ``--clips OTHER`` each
also speaks the sample sentence in two videos, as it would and passing through all poses. Sheet and videos show people:
they are not for publishing. Without FOLDER the sheet is docs/projected_textures.png: what a frame of the astronaut is
made of.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from benchmarks.projected_textures import EXTREMES, SIZE, Pose, astronaut, clips, moved
from vividlib.conventions import ARKIT_INDEX
from vividlib.errors import VividError
from vividlib.media.image import load_image, save_image
from vividlib.mesh_to_video.render import Renderer
from vividlib.mesh_to_video.scene import Scene
from vividlib.mesh_to_video.textures import projected_textures
from vividlib.pipeline import reconstruct, render
from vividlib.types import Face, Motion
from vividlib.weights import asset_path

TILE = 320  # px
SMALL = 208  # px, of the astronaut's sheet
SHOWN = {"yaw -15": EXTREMES["yaw -15"], "mixed": Pose(12, 6, -6, 0.02, -0.02)}
JAW = 0.3  # open in what is shown


def in_poses(scene: Scene, blendshapes: np.ndarray, poses: list[Pose]) -> Motion:
    """A frame for every pose, with one expression (52)."""
    gaze = np.repeat(scene.face.gaze[None], len(poses), 0)
    return moved(scene, Motion(np.repeat(blendshapes[None], len(poses), 0), gaze=gaze), np.array(poses))


def tile(picture: np.ndarray, label: str, side: int) -> np.ndarray:
    """A picture of any shape in a square, with its name."""
    picture = np.repeat(picture[..., None], 3, 2) if picture.ndim == 2 else picture
    height, width = picture.shape[:2]
    factor = side / max(height, width)
    size = round(width * factor), round(height * factor)
    square = np.zeros((side, side, 3), np.uint8)
    square[: size[1], : size[0]] = cv2.resize(
        picture, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    )
    for thickness, ink in ((3, (0, 0, 0)), (1, (255, 255, 255))):
        cv2.putText(square, label, (5, side - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.42, ink, thickness, cv2.LINE_AA)
    return square


def rows_of(name: str, face: Face) -> np.ndarray:
    """Two rows: one person in all poses, cut to what can move, with as many pixels as the sheet shows."""
    height, width = face.portrait.image.shape[:2]
    scene = Renderer(face, SIZE).scene
    crop = max(scene.window[2:]) / SIZE  # of the photo's longer side
    renderer = Renderer(face, int(np.clip(2 * TILE / crop, SIZE, 4 * max(height, width))))
    left, top, width, height = (renderer._times * value for value in renderer.scene.window)
    here = np.s_[top : top + height, left : left + width]
    frames = renderer.frames(in_poses(renderer.scene, face.expression, [Pose(), *EXTREMES.values()]))
    tiles = [tile(f[here], f"{name} {pose}", TILE) for f, pose in zip(frames, ("photo", *EXTREMES))]
    return in_rows(tiles, len(tiles) // 2)


def in_rows(tiles: list[np.ndarray], columns: int) -> np.ndarray:
    """Tiles of one size, row after row."""
    return np.vstack([np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)])


def wheel(flow: np.ndarray) -> np.ndarray:
    """A flow as colours (H W 3 uint8): hue is its direction, strength its length, white is none."""
    length, angle = cv2.cartToPolar(flow[..., 0], flow[..., 1], angleInDegrees=True)
    strength = 255 * np.clip(length / max(np.quantile(length, 0.99), 1e-6), 0, 1)
    hsv = np.stack([angle / 2, strength, np.full_like(length, 255)], -1)
    return cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB)


def anatomy(face: Face) -> np.ndarray:
    """The photo, its projected texture and its layers; below, the same person driven in two ways."""
    scene = Renderer(face, 2 * SIZE).scene
    blendshapes = face.expression.copy()
    blendshapes[ARKIT_INDEX["jawOpen"]] = JAW
    motion = in_poses(scene, blendshapes, list(SHOWN.values()))
    textures, frames = (projected_textures(scene, motion, colours) for colours in ("ncc", "photo"))
    reference, driven, layers = textures.reference, textures.driven, scene.layers
    parts = [
        ("photo", layers.photo), ("reference texture", reference.image), ("inner mask", 255 * reference.inner),
        ("matte", layers.matte), ("plate", layers.plate),
    ]  # fmt: skip
    for i in range(len(SHOWN)):
        parts += [
            ("driven texture", driven.image[i]), ("inner mask", 255 * driven.inner[i]),
            ("flow", wheel(textures.motion.flow[i])), ("shown by the photo", 255 * textures.motion.occlusion[i]),
            ("frame", frames.driven.image[i]),
        ]  # fmt: skip
    tiles = [tile(picture.astype(np.uint8), label, SMALL) for label, picture in parts]
    return in_rows(tiles, len(tiles) // (1 + len(SHOWN)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--only", nargs="*", help="file names without suffix")
    parser.add_argument("--clips", type=Path, help="folder to write videos to")
    options = parser.parse_args()
    if options.folder is None:
        Image.fromarray(anatomy(reconstruct(astronaut()))).save(options.sheet, optimize=True)
        return
    rows = []
    for path in sorted(options.folder.iterdir()):
        if options.only and path.stem not in options.only:
            continue
        try:
            face = reconstruct(load_image(path), face=0)
        except VividError as error:
            print(path.stem, f"{type(error).__name__}: {error}", flush=True)
            continue
        rows.append(rows_of(path.stem, face))
        print(len(rows), path.stem, flush=True)
        if options.clips:
            for kind, motion in clips(face, Renderer(face, SIZE).scene).items():
                name = options.clips / f"{path.stem}_{kind}.mp4"
                render(face, motion, size=SIZE).save(name, asset_path("speech.wav"))
    save_image(options.sheet, np.vstack(rows))


if __name__ == "__main__":
    main()
