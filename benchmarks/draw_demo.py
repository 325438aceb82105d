"""The picture at the top of the README: ``python -m benchmarks.draw_demo docs/demo.gif``.

The astronaut beside her own photo, speaking the beginning of the sample sentence.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.data import astronaut

import vividlib as vv
from vividlib.weights import asset_path

FPS, SECONDS = 12.5, 4.4
CUT = (slice(0, 288), slice(86, 374))  # rows and columns of the photo: her head and collar
SIDE, COLOURS = 240, 96


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path)
    options = parser.parse_args()
    photo = astronaut()
    face = vv.reconstruct(photo)
    motion = vv.carry_mood(face, vv.speak(asset_path("speech.wav"), seed=0))
    pictures = []
    for number, frame in enumerate(vv.render(face, motion, size=None, fps=FPS)):
        if number >= FPS * SECONDS:
            break
        pair = np.hstack([photo[CUT], frame[CUT]])
        pictures.append(Image.fromarray(pair).resize((2 * SIDE, SIDE), Image.Resampling.LANCZOS))
    # One palette for all frames: a still background then costs nothing, and does not flicker.
    palette = pictures[0].quantize(COLOURS, Image.Quantize.MEDIANCUT)
    frames = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    frames[0].save(options.picture, save_all=True, append_images=frames[1:], duration=1000 / FPS, loop=0, optimize=True)


if __name__ == "__main__":
    main()
