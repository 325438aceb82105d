"""Draw portraits with eight expressions: ``python -m benchmarks.draw_expressions FOLDER SHEET``.

Two rows of the sheet are one person: by photo and mesh alone, and below as networks mend that. The first is the astronaut
of scikit-image, the others are the first portraits of the folder in which a face is found, twelve people in all, or, behind
her, those that are named. The networks are the best among the assets, or those of a file of weights. The sheet shows people: it is
not for publishing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from safetensors.torch import load_file

from benchmarks.draw_turns import in_rows, tile
from benchmarks.projected_textures import Pose, astronaut, moved
from vividlib.errors import VividError
from vividlib.head.visemes import both_sides, mixture, row
from vividlib.media.image import load_image, save_image
from vividlib.mesh_to_video.network_sizes import FAST
from vividlib.mesh_to_video.networks import VideoNetworks, with_weights
from vividlib.mesh_to_video.patch import SIDE, Square, cut
from vividlib.mesh_to_video.render import SIZES, Renderer
from vividlib.mesh_to_video.scene import Scene
from vividlib.mesh_to_video.trained import load_networks
from vividlib.pipeline import carry_mood, reconstruct
from vividlib.types import Face, Motion

PEOPLE = 12
ROOM = 1.2  # sides of the face's box in a tile
EXPRESSIONS = {
    "photo": row({}),  # its own instead
    "ah": mixture({"aa": 1.2}),
    "ee": mixture({"ih": 1.6}),
    "oo": mixture({"ou": 1}),
    "p b m": mixture({"PP": 1}),
    "blink": row(both_sides(eyeBlink=1)),
    "smile": row(both_sides(mouthSmile=0.8, mouthUpperUp=0.25, mouthLowerDown=0.15, cheekSquint=0.4, jawOpen=0.05)),
    "turned": mixture({"E": 1}),
}
TURN = Pose(yaw=10)  # of the last


def motion_of(face: Face, scene: Scene) -> Motion:
    """A frame for every expression: the photo's own first, the others laid over the mood of the photo."""
    shown = carry_mood(face, Motion(np.stack(list(EXPRESSIONS.values()))))
    shown.blendshapes[0] = face.expression
    return moved(scene, shown, np.array([Pose()] * (len(EXPRESSIONS) - 1) + [TURN]))


def rows_of(name: str, face: Face, networks: VideoNetworks) -> np.ndarray:
    """Two rows: the face of one person, with as many pixels as the sheet shows."""
    left, top, *sides = face.portrait.box
    longer = max(face.portrait.image.shape)
    size = int(np.clip(longer * SIDE / (ROOM * max(sides)), *SIZES))
    factor = size / longer
    side = round(factor * ROOM * max(sides))
    middle = factor * (np.array([left, top]) + np.array(sides) / 2)
    here = Square(*(middle - side / 2).round().astype(int), side)
    tiles = []
    for way, given in (("", None), ("networks ", networks)):
        renderer = Renderer(face, size, given)
        frames = renderer.frames(motion_of(face, renderer.scene))
        tiles += [tile(cut(frame, here), f"{name} {way}{label}", SIDE) for frame, label in zip(frames, EXPRESSIONS)]
    return in_rows(tiles, len(EXPRESSIONS))


def people(folder: Path, only: list[str] | None) -> Iterator[tuple[str, Face]]:
    """The astronaut and those of the folder whose face can be read."""
    yield "astronaut", reconstruct(astronaut())
    for path in sorted(folder.iterdir()):
        if only and path.stem not in only:
            continue
        try:
            yield path.stem, reconstruct(load_image(path), face=0)
        except VividError as error:
            print(path.stem, f"{type(error).__name__}: {error}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--only", nargs="*", help="file names without suffix")
    parser.add_argument("--weights", type=Path, help="of networks that are not among the assets")
    options = parser.parse_args()
    networks = with_weights(load_file(options.weights), FAST) if options.weights else load_networks("fast")
    found = people(options.folder, options.only)
    rows = []
    for name, face in found if options.only else islice(found, PEOPLE):
        rows.append(rows_of(name, face, networks))
        print(len(rows), name, flush=True)
    save_image(options.sheet, np.vstack(rows))


if __name__ == "__main__":
    main()
