"""Animate every portrait of a folder and draw a contact sheet: ``python -m benchmarks.portraits FOLDER OUT.jpg``.

Each picture speaks the beginning of the sample sentence, as `vividlib animate` makes it. Each row of the
sheet shows one picture: the photo, at rest, an a, an o, an m, lids closed, head turned.
Writes benchmarks/results/portraits.json: how many of the pictures could be animated, the landmark error
of each, and why the others could not.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from benchmarks.common import write
from vividlib.conventions import ARKIT_INDEX, SAMPLE_RATE
from vividlib.errors import VividError
from vividlib.head.model import load
from vividlib.media.image import load_image, save_image
from vividlib.mesh_to_video.render import Renderer
from vividlib.pipeline import animate, load_speech
from vividlib.reconstruction.fit import fit_portrait, landmark_error
from vividlib.reconstruction.landmarks import find_portrait
from vividlib.types import Speech
from vividlib.weights import asset_path

POSES = {
    "rest": ({}, (0, 0, 0)),
    "a": ({"jawOpen": 0.6}, (0, 0, 0)),
    "o": ({"jawOpen": 0.35, "mouthFunnel": 0.6, "mouthPucker": 0.3}, (0, 0, 0)),
    "m": ({"mouthPressLeft": 0.4, "mouthPressRight": 0.4}, (0, 0, 0)),
    "blink": ({"eyeBlinkLeft": 1, "eyeBlinkRight": 1}, (0, 0, 0)),
    "turned": ({"jawOpen": 0.25}, (12, 4, 3)),
}
TILE = 224
SECONDS = 2  # of speech for each picture


def row(face, size: int) -> np.ndarray:
    """The poses of one person side by side, cut around the head."""
    renderer = Renderer(face, size)
    frames = [renderer.frame(face.expression, gaze=face.gaze)]
    for shapes, angles in POSES.values():
        blendshapes = np.zeros(52, np.float32)
        for name, value in shapes.items():
            blendshapes[ARKIT_INDEX[name]] = value
        turn = Rotation.from_euler("YXZ", angles, degrees=True).as_quat()
        frames.append(renderer.frame(blendshapes, turn, gaze=face.gaze))
    factor = max(renderer.width, renderer.height) / max(face.portrait.image.shape[:2])
    x, y, width, height = (v * factor for v in face.portrait.box)
    half = 0.85 * max(width, height)
    top, left = max(0, int(y + height / 2 - half)), max(0, int(x + width / 2 - half))
    cut = [f[top : top + int(2 * half), left : left + int(2 * half)] for f in frames]
    return np.hstack([cv2.resize(c, (TILE, TILE), interpolation=cv2.INTER_AREA) for c in cut])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--only", nargs="*", help="file names without suffix")
    parser.add_argument("--size", type=int, default=768, help="longer side of the frames, px")
    options = parser.parse_args()
    rows, results, head = [], {}, load()
    speech = Speech(load_speech(asset_path("speech.wav")).samples[: SECONDS * SAMPLE_RATE])
    for path in sorted(options.folder.iterdir()):
        if options.only and path.stem not in options.only:
            continue
        start = time.perf_counter()
        try:
            face = fit_portrait(find_portrait(load_image(path)), head)
            seconds = time.perf_counter() - start
            with tempfile.TemporaryDirectory() as folder:
                animate(path, speech, Path(folder, "out.mp4"))
            rows.append(row(face, options.size))
            results[path.stem] = {"landmark_error": round(landmark_error(face), 4), "fit_s": round(seconds, 2)}
        except VividError as error:
            results[path.stem] = {"refused": f"{type(error).__name__}: {error}"}
        print(path.stem, results[path.stem], flush=True)
    save_image(options.sheet, np.vstack(rows))
    if not options.only:
        done = [r["landmark_error"] for r in results.values() if "refused" not in r]
        summary = {"animated": len(done), "of": len(results), "median_landmark_error": float(np.median(done))}
        write("portraits", {"summary": summary, "portraits": results})


if __name__ == "__main__":
    main()
