"""Lay the fitted heads over their pictures: ``python -m benchmarks.draw_overlays SHEET.png INPUT...``.

An INPUT is a picture, a video or a folder of them. For each picture the sheet shows it as it is, with lips, lids,
outline and landmarks of the fitted mesh, and with the mesh shaded, under the name and the confidence, in red where it
is poor. Of a video the frames are taken in which the face is turned the most and the least. The sheet shows people: it
is not for publishing.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from vividlib.conventions import LIPS
from vividlib.errors import FitWarning, VividError
from vividlib.geometry.camera import head_to_camera, project, scaled
from vividlib.head.embed import shade
from vividlib.head.model import deform, landmarks_of, load
from vividlib.media.image import load_image, save_image
from vividlib.media.video import SUFFIXES, read_video
from vividlib.pipeline import reconstruct
from vividlib.reconstruction.confidence import POOR
from vividlib.reconstruction.landmarks import track_faces
from vividlib.reconstruction.solve import EYES, OVAL
from vividlib.types import Face

TILE = 320  # px
COLUMNS = 2  # pictures in a row of the sheet
AROUND = 1.7  # side of what is shown, in face heights
SKIPPED = 5  # frames of a video from one that is looked at to the next


def pictures(paths: list[Path]) -> Iterator[tuple[str, np.ndarray]]:
    """Name and pixels of every picture, of every picture in a folder, and of two frames of every video."""
    for path in paths:
        if path.is_dir():
            yield from pictures(sorted(path.iterdir()))
        elif path.suffix.lower() in SUFFIXES:
            frames = [frame for _, frame in read_video(path)][::SKIPPED]
            turns = [_sideways(points) for points in track_faces(frames)]
            for index in (int(np.nanargmin(turns)), int(np.nanargmax(turns))):
                yield f"{path.stem} {index * SKIPPED}", frames[index]
        else:
            yield path.stem, load_image(path)


def _sideways(points: np.ndarray | None) -> float:
    """How far the nose stands out of the middle between the cheeks, as a share of the face's width."""
    if points is None:
        return np.nan
    left, right, nose = points[[454, 234, 1], 0]
    return abs(nose - (left + right) / 2) / abs(left - right)


def overlay(name: str, face: Face) -> np.ndarray:
    """The picture, lines of its mesh and its shaded mesh, side by side."""
    x, y, width, height = face.portrait.box
    half = AROUND * max(width, height) / 2
    left, top, side = round(x + width / 2 - half), round(y + height / 2 - half), round(2 * half)
    pad = side  # so that what is cut never leaves the picture
    padded = cv2.copyMakeBorder(face.portrait.image, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    cut = padded[top + pad : top + pad + side, left + pad : left + pad + side]
    cut = cv2.resize(cut, (TILE, TILE), interpolation=cv2.INTER_AREA if side > TILE else cv2.INTER_CUBIC)
    centre = (face.camera.centre[0] - left, face.camera.centre[1] - top)
    camera = scaled(replace(face.camera, centre=centre), TILE / side)

    vertices = deform(face.head, face.neutral, face.expression, face.gaze) + face.remainder
    shaded, _, fragments = shade(face.head, vertices, Rotation.from_quat(face.rotation), camera, (TILE, TILE))
    seen, _ = project(camera, head_to_camera(landmarks_of(face.head, vertices), face.rotation, face.translation))
    lined = cut.copy()
    for loop in (*LIPS, *EYES, OVAL):
        cv2.polylines(lined, [(seen[loop] * 16).round().astype(np.int32)], True, (0, 255, 120), 1, cv2.LINE_AA, 4)
    for point in (seen[:468] * 16).round().astype(int).tolist():
        cv2.circle(lined, point, 8, (255, 230, 0), -1, cv2.LINE_AA, 4)
    mixed = np.where((fragments.triangle >= 0)[..., None], (cut * 0.35 + shaded * 0.65).astype(np.uint8), cut)
    row = np.hstack([cut, lined, mixed])
    colour = (255, 60, 60) if face.confidence < POOR else (255, 255, 255)
    for thickness, ink in ((4, (0, 0, 0)), (1, colour)):
        cv2.putText(
            row, f"{name}  {face.confidence:.2f}", (6, TILE - 9), cv2.FONT_HERSHEY_SIMPLEX, 0.55, ink, thickness
        )
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sheet", type=Path)
    parser.add_argument("inputs", type=Path, nargs="+")
    options = parser.parse_args()
    warnings.simplefilter("ignore", FitWarning)  # the sheet shows it
    head, tiles = load(), []
    for name, image in pictures(options.inputs):
        try:
            tiles.append(overlay(name, reconstruct(image, face=0, head=head)))
        except VividError as error:
            print(f"{name}: {type(error).__name__}: {error}")
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)
    rows = [np.hstack(tiles[start : start + COLUMNS]) for start in range(0, len(tiles), COLUMNS)]
    save_image(options.sheet, np.vstack(rows))


if __name__ == "__main__":
    main()
