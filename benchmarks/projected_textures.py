"""How well the picture around a talking head holds together, and what projected textures cost.

``python -m benchmarks.projected_textures PORTRAITS_FOLDER`` writes benchmarks/results/projected_textures.json:

- ``portraits``: of the astronaut of scikit-image and of ten pictures with long hair, glasses, hats, high collars or
  patterned backgrounds, while they speak and while they turn through EXTREMES: how much the background changes, how
  much the flow changes across the person's edge, and how well the head, coloured by the photo, returns the photo. All
  in the part of the photo that can move: outside it nothing ever changes.
- ``speed``: ms a frame of the astronaut's real speech: both projected textures and the flow in batches, against the
  same frames one by one on one thread, and what frames of a video cost.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numba
import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.spatial.transform import Rotation

from benchmarks.common import measure, write
from benchmarks.raster import round_trip
from vividlib.geometry.raster import interpolate, rasterize, warp
from vividlib.head.model import deform
from vividlib.media.image import load_image
from vividlib.mesh_to_video.composite import composite
from vividlib.mesh_to_video.dense_motion import draw
from vividlib.mesh_to_video.render import Renderer
from vividlib.mesh_to_video.scene import Scene
from vividlib.mesh_to_video.textures import projected_textures
from vividlib.metrics.stillness import background_stillness
from vividlib.metrics.wobble import border_wobble
from vividlib.pipeline import carry_mood, reconstruct, speak
from vividlib.types import Face, Motion
from vividlib.weights import asset_path

FPS, SIZE = 25, 512
PORTRAITS = (
    "art_16", "art_15", "art_17", "art_11", "art_2",
    "sad_art_19", "sad_art_12", "sad_art_15", "sad_people_0", "sad_full3",
)  # fmt: skip
LOOKS = FPS / 4  # a second of a clip
TEXTURE = 2048  # px, for the round trip
FRAMES, BATCHES, LARGER = 50, (1, 8, 32), (1024, 2048)


class Pose(NamedTuple):
    """How a head is moved from where it is in the photo."""

    yaw: float = 0  # degrees, about the head's own axes
    pitch: float = 0
    roll: float = 0
    right: float = 0  # share of the head's size, in the picture
    up: float = 0


EXTREMES = {
    "yaw -15": Pose(yaw=-15), "yaw 15": Pose(yaw=15),
    "pitch -10": Pose(pitch=-10), "pitch 10": Pose(pitch=10),
    "roll -10": Pose(roll=-10), "roll 10": Pose(roll=10),
    "left 5 %": Pose(right=-0.05), "right 5 %": Pose(right=0.05),
    "down 5 %": Pose(up=-0.05), "up 5 %": Pose(up=0.05),
    "mixed": Pose(-12, 7, 6, 0.03, -0.03),
}  # fmt: skip


def astronaut() -> np.ndarray:
    """The one picture of a person that may be shown in docs/ (512 512 3 uint8)."""
    from skimage.data import astronaut

    return astronaut()


def moved(scene: Scene, motion: Motion, poses: np.ndarray) -> Motion:
    """A motion with the head in these poses (T 5)."""
    metres = scene.size / scene.camera.scale
    turns = Rotation.from_euler("YXZ", poses[:, :3], degrees=True).as_quat()
    return replace(motion, head_rotation=turns, head_translation=np.pad(poses[:, 3:] * metres, ((0, 0), (0, 1))))


def clips(face: Face, scene: Scene) -> dict[str, Motion]:
    """The sample sentence as it is spoken, and by a head that passes through all EXTREMES on a smooth path."""
    spoken = carry_mood(face, speak(asset_path("speech.wav"), face=face)).resample(FPS)
    stations = np.array([Pose(), *EXTREMES.values(), Pose()])
    path = PchipInterpolator(np.linspace(0, len(spoken) - 1, len(stations)), stations)
    return {"speaking": spoken, "turning": moved(scene, spoken, path(np.arange(len(spoken))))}


def stillness(renderer: Renderer, face: Face, motion: Motion) -> float:
    """Of the part of the photo that can move, levels of 255."""
    left, top, width, height = renderer.scene.window
    here = np.s_[top : top + height, left : left + width]
    mask = cv2.resize(face.portrait.mask, (renderer.width, renderer.height), interpolation=cv2.INTER_AREA)
    crops = (frame[here] for frame in renderer.frames(motion))
    return background_stillness(crops, renderer.scene.layers.photo, mask[here] > 0.5, renderer.scene.size)


def edges(scene: Scene, motion: Motion) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Flow, driven person and what the photo shows, of every frame."""
    for frame in motion.frames():
        drawn = draw(scene, *frame)
        matte = warp(scene.layers.matte[..., None], drawn.flow)[..., 0] / np.float32(255)
        matte = drawn.occlusion * matte + (1 - drawn.occlusion) * drawn.fill[..., 3]
        yield drawn.flow, matte > 0.5, drawn.occlusion > 0.5


def portrait(image: np.ndarray) -> dict:
    """What one picture shows."""
    face = reconstruct(image, face=0)
    renderer = Renderer(face, SIZE)
    found = {"crop_px": list(renderer.scene.window[2:]), "head_px": round(renderer.scene.size)}
    for name, motion in clips(face, renderer.scene).items():
        some = motion.resample(LOOKS)
        wobble = border_wobble(edges(renderer.scene, some))
        found[name] = {"stillness_levels": round(stillness(renderer, face, some), 3)}
        found[name] |= {f"wobble_{key}": round(value, 3) for key, value in wobble._asdict().items()}
    return found | {"round_trip_dB": round_trip(face, TEXTURE)}


def per_frame(function, frames: int) -> float:
    """Median ms a frame."""
    return round(measure(function, repeats=7, warm_up=2)["median_ms"] / frames, 2)


def part(motion: Motion, frames: int) -> Motion:
    """The first frames of a motion."""
    return motion.at(np.arange(frames) / motion.rate)


def on_one_thread(function, frames: int = 1) -> float:
    """Median ms a frame, one after the other."""
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        return per_frame(function, frames)
    finally:
        numba.set_num_threads(threads)


def speed(face: Face) -> dict:
    """ms a frame, at SIZE with its stages, and at larger sizes of the photo."""
    scene = Renderer(face, SIZE).scene
    motion = part(clips(face, scene)["speaking"], FRAMES)
    filled = round(SIZE**2 / max(scene.window[2:]))  # px of the photo at which what can move has SIZE px
    return {
        "threads": numba.get_num_threads(),
        "batches": {f"{n}_frames": per_frame(textures_of(scene, part(motion, n)), n) for n in BATCHES},
        "one_by_one": on_one_thread(textures_of(scene, motion), FRAMES),
        "stages_on_one_thread": stages(scene, motion),
        "sizes": {f"{size}_px": at_size(face, motion, size) for size in (SIZE, filled, *LARGER)},
    }


def textures_of(scene: Scene, motion: Motion):
    """What is timed: both textures, the head in its normalised coordinates, and the flow."""
    return lambda: projected_textures(scene, motion)


def stages(scene: Scene, motion: Motion) -> dict[str, float]:
    """ms for what one frame is made of; drawing it includes deforming, rasterising and more."""
    face, frame = scene.face, list(motion.frames())[len(motion) // 2]
    drawn = draw(scene, *frame)
    carried = np.zeros((len(scene.source), 3), np.float32)
    _, _, width, height = scene.window
    steps = {
        "deform": lambda: deform(face.head, face.neutral, frame[0], frame[3], frame[4]),
        "rasterize": lambda: rasterize(scene.source, scene.faces, width, height),
        "draw": lambda: draw(scene, *frame),
        "composite": lambda: composite(scene.layers, drawn),
        "coordinates": lambda: interpolate(carried, scene.faces, drawn.fragments),
    }
    return {name: on_one_thread(step) for name, step in steps.items()}


def at_size(face: Face, motion: Motion, size: int) -> dict:
    """ms a frame of both textures and the flow, and of a video, for a photo of this size."""
    renderer = Renderer(face, size)
    some = part(motion, 8)
    return {
        "crop_px": list(renderer.scene.window[2:]),
        "projected_textures": per_frame(textures_of(renderer.scene, some), len(some)),
        "frames": per_frame(lambda: list(renderer.frames(some)), len(some)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    cv2.setNumThreads(1)
    pictures = {"astronaut": astronaut()} | {name: load_image(folder / f"{name}.jpg") for name in PORTRAITS}
    portraits = {}
    for name, image in pictures.items():
        portraits[name] = portrait(image)
        print(name, portraits[name], flush=True)
    worst = {
        clip: {key: max(found[clip][key] for found in portraits.values()) for key in portraits["astronaut"][clip]}
        for clip in ("speaking", "turning")
    }
    results = {"worst": worst, "portraits": portraits, "speed_ms": speed(reconstruct(pictures["astronaut"]))}
    write("projected_textures", results)


if __name__ == "__main__":
    main()
