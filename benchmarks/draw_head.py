"""Draws the sheets of docs/: the blendshapes and people, the visemes, lips and lids close up, and the details.

python -m benchmarks.draw_head docs
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT
from vividlib.head import embed, model
from vividlib.head import visemes as visemes_of
from vividlib.head.visemes import VISEMES, VOWELS, mixture
from vividlib.types import Camera, HeadModel

OVERSAMPLED = 2
WITH_JAW_OPEN = {"mouthClose": 1.0, "tongueOut": 0.4}
"""Shapes that only make sense on an open mouth, and how far it is open here."""

FACE = {"height": 0.215, "middle": (0, -0.012), "yaw": 0.3}
MOUTH = {"height": 0.085, "middle": (0, -0.038), "yaw": 0.15}
EYE = {"height": 0.05, "middle": (0.031, 0.035), "yaw": -0.1}
"""What a tile shows: its height and middle in metres, and how far the head is turned."""

CLOSE_UPS = (
    (MOUTH, ({}, {"jawOpen": 0.3}, {"jawOpen": 1}, {"jawOpen": 1, "mouthClose": 1}, {"mouthRollLower": 1, "mouthRollUpper": 1}, {"mouthShrugUpper": 1})),
    (MOUTH, ({"mouthPress": 1}, {"mouthSmile": 1, "jawOpen": 0.2}, {"mouthUpperUp": 1, "mouthLowerDown": 1}, {"mouthFunnel": 1}, {"mouthPucker": 1}, {"tongueOut": 1, "jawOpen": 0.4})),
    (EYE, ({}, {"eyeBlink": 0.5}, {"eyeBlink": 1}, {"eyeLookDown": 1}, {"eyeLookUp": 1}, {"eyeWide": 1})),
    (EYE, ({"eyeLookOut": 1}, {"eyeLookIn": 1}, {"eyeBlink": 0.5, "eyeLookDown": 1}, {"eyeBlink": 1, "eyeLookDown": 1}, {"eyeBlink": 1, "eyeSquint": 1}, {"eyeSquint": 1})),
)  # fmt: skip


def tile(
    head: HeadModel, vertices: np.ndarray, label: str, size: int, height: float, middle, yaw: float
) -> Image.Image:
    """One labelled picture."""
    large = size * OVERSAMPLED
    scale = large / height
    camera = Camera(scale, (large / 2 - 0.5 - middle[0] * scale, large / 2 + middle[1] * scale))
    image, _, _ = embed.shade(head, vertices, Rotation.from_euler("Y", yaw), camera, (large, large))
    picture = Image.fromarray(image).resize((size, size), Image.Resampling.BOX)
    ImageDraw.Draw(picture).text((4, size - 13), label, fill=(255, 255, 255))
    return picture


def sheet(tiles: list[Image.Image], columns: int) -> Image.Image:
    """Tiles of one size in rows."""
    size = tiles[0].width
    whole = Image.new("RGB", (columns * size, -(-len(tiles) // columns) * size))
    for place, picture in enumerate(tiles):
        row, column = divmod(place, columns)
        whole.paste(picture, (column * size, row * size))
    return whole


def shapes(amounts: dict[str, float]) -> np.ndarray:
    """Blendshapes (52); a name without Left or Right stands for both sides."""
    return visemes_of.row(visemes_of.both_sides(**amounts))


def text(amounts: dict[str, float]) -> str:
    return ", ".join(f"{name} {amount:g}" for name, amount in amounts.items()) or "rest"


def blendshapes(head: HeadModel) -> Image.Image:
    tiles = [tile(head, head.template, "neutral", 176, **FACE)]
    for index, name in enumerate(ARKIT):
        row = shapes({"jawOpen": WITH_JAW_OPEN.get(name, 0)})
        row[index] = 1
        label = name if name not in WITH_JAW_OPEN else f"{name}, jawOpen {WITH_JAW_OPEN[name]:g}"
        tiles.append(tile(head, model.deform(head, head.template, row), label, 176, **FACE))
    random = np.random.default_rng(0)
    while len(tiles) < 63:
        person = random.normal(0, 0.8, len(head.identity_basis)).astype(np.float32)
        vertices = model.person(head, person)
        tiles.append(tile(head, vertices, "identity", 176, **FACE))
    return sheet(tiles, 9)


def visemes(head: HeadModel) -> Image.Image:
    view = MOUTH | {"height": 0.14, "middle": (0, -0.02), "yaw": 0.3}
    tiles = [
        tile(head, model.deform(head, head.template, mixture({name: 1}, table)), f"{label} {name}", 240, **view)
        for label, table in (("", VISEMES), ("VRM", VOWELS))
        for name in table
    ]
    return sheet(tiles, 5)


def close_ups(head: HeadModel) -> Image.Image:
    tiles = [
        tile(head, model.deform(head, head.template, shapes(amounts)), text(amounts), 240, **view)
        for view, row in CLOSE_UPS
        for amounts in row
    ]
    return sheet(tiles, 6)


def details() -> Image.Image:
    tiles = []
    for detail in model.DETAILS:
        head = model.load(detail=detail)
        label = f"{detail}: {len(head.template)} vertices"
        smile = model.deform(head, head.template, shapes({"mouthSmile": 1, "jawOpen": 0.2}))
        tiles += [tile(head, smile, label, 400, **FACE), tile(head, smile, "", 400, **MOUTH)]
    return sheet(tiles, 6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where to write the pictures, e.g. docs")
    folder = parser.parse_args().folder
    head = model.load()
    sheets = {
        "blendshapes": blendshapes(head),
        "visemes": visemes(head),
        "lips_and_lids": close_ups(head),
        "details": details(),
    }
    for name, picture in sheets.items():
        picture.save(folder / f"{name}.jpg", quality=85)


if __name__ == "__main__":
    main()
