"""Draws docs/blendshapes.jpg: the default head at rest, its 52 blendshapes, and ten of its people.

python benchmarks/draw_blendshapes.py docs/blendshapes.jpg
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT
from vividlib.head import embed, model
from vividlib.types import Camera, HeadModel

TILE, COLUMNS, ROWS, OVERSAMPLED = 176, 9, 7, 2
WITH_JAW_OPEN = {"mouthClose": 1.0, "tongueOut": 0.4}
"""Shapes that only make sense on an open mouth, and how far it is open here."""


def tile(head: HeadModel, vertices: np.ndarray, label: str) -> Image.Image:
    """One labelled portrait, turned a little to the side."""
    size = TILE * OVERSAMPLED
    scale = size / 0.215
    camera = Camera(scale, (size / 2 - 0.5, size / 2 + 0.012 * scale))
    image, _, _ = embed.shade(head, vertices, Rotation.from_euler("Y", 0.3), camera, (size, size))
    picture = Image.fromarray(image).resize((TILE, TILE), Image.Resampling.BOX)
    ImageDraw.Draw(picture).text((4, TILE - 13), label, fill=(255, 255, 255))
    return picture


def draw(head: HeadModel) -> Image.Image:
    """All portraits in rows of COLUMNS."""
    tiles = [tile(head, head.template, "neutral")]
    for index, name in enumerate(ARKIT):
        shapes = np.zeros(len(ARKIT), np.float32)
        shapes[ARKIT.index("jawOpen")] = WITH_JAW_OPEN.get(name, 0)
        shapes[index] = 1
        label = name if name not in WITH_JAW_OPEN else f"{name}, jawOpen {WITH_JAW_OPEN[name]:g}"
        tiles.append(tile(head, model.deform(head, head.template, shapes), label))
    rng = np.random.default_rng(0)
    while len(tiles) < ROWS * COLUMNS:
        person = rng.normal(0, 0.8, len(head.identity_basis)).astype(np.float32)
        tiles.append(tile(head, head.template + np.tensordot(person, head.identity_basis, 1), "identity"))
    sheet = Image.new("RGB", (COLUMNS * TILE, ROWS * TILE))
    for place, picture in enumerate(tiles):
        row, column = divmod(place, COLUMNS)
        sheet.paste(picture, (column * TILE, row * TILE))
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the default head's blendshapes.")
    parser.add_argument("out", type=Path, help="where to write the picture, e.g. docs/blendshapes.jpg")
    draw(model.load()).save(parser.parse_args().out, quality=85)


if __name__ == "__main__":
    main()
