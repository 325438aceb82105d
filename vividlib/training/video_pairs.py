"""Pairs of frames of one person for the networks of `mesh_to_video`: a photo, and what the mesh says of another frame."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from vividlib.conventions import LIP_LANDMARKS
from vividlib.errors import InputError
from vividlib.geometry.camera import head_to_camera, project
from vividlib.head.model import deform, load
from vividlib.mesh_to_video.dense_motion import draw
from vividlib.mesh_to_video.patch import ROOM, SIDE, Square, cut, driven_patch, photo_patch, square_of
from vividlib.mesh_to_video.scene import Scene, build_scene
from vividlib.reconstruction.fit import fit_portrait
from vividlib.reconstruction.solve import EYES
from vividlib.training.clips import HELD_OUT, videos_of
from vividlib.training.filmed import save
from vividlib.training.fitted import fitted, too_far
from vividlib.training.video_photos import Other, photos_of
from vividlib.types import Face, HeadModel, Portrait

BEYOND = 255  # in what is looked at: not in the picture
LOOKED_AT = 0.06  # of the patch, around lips and lids: what a viewer looks at


def patch_scene(face: Face) -> tuple[Scene, Square, float]:
    """The scene of a portrait at the size at which its patch has SIDE pixels, the patch's place, and that size's factor."""
    vertices = deform(face.head, face.neutral, face.expression) + face.remainder
    pixels, _ = project(face.camera, head_to_camera(vertices, face.rotation, face.translation))
    factor = float(SIDE / (ROOM * np.ptp(pixels[face.head.head_weight > 0.5], axis=0).max()))
    scene = build_scene(face, resized(face.portrait.image, factor), factor)
    return scene, square_of(scene)._replace(side=SIDE), factor


def resized(image: np.ndarray, factor: float) -> np.ndarray:
    """An image (H W 3 uint8) so many times larger."""
    return cv2.resize(
        image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    )


def truth_patch(frame: np.ndarray, scene: Scene, square: Square, factor: float) -> np.ndarray:
    """What the patch shows in a real frame of the photo's video (SIDE SIDE 3 uint8)."""
    left, top, width, height = scene.window
    return cut(resized(frame, factor)[top : top + height, left : left + width], square)


def looked_at(landmarks: np.ndarray, scene: Scene, square: Square, factor: float) -> np.ndarray:
    """What counts of a frame of which landmarks (478 3 px) are known (SIDE SIDE uint8): mouth 1, eyes 2, 255 nothing, as it
    lies beyond the picture, and 0 elsewhere."""
    left, top, _, _ = scene.window
    points = (landmarks[:, :2] + 0.5) * factor - 0.5 - [left + square.left, top + square.top]
    mask = np.zeros((SIDE, SIDE), np.uint8)
    for loops, value in ((EYES, 2), ((LIP_LANDMARKS,), 1)):
        for loop in loops:
            hull = cv2.convexHull(points[loop].round().astype(np.int32))
            cv2.fillConvexPoly(mask, hull, value)
            cv2.polylines(mask, [hull], True, value, round(LOOKED_AT * SIDE))
    mask[~inside(scene, square)] = BEYOND
    return mask


def inside(scene: Scene, square: Square) -> np.ndarray:
    """Which pixels of a patch the scene has (SIDE SIDE bool)."""
    _, _, width, height = scene.window
    steps = (np.arange(SIDE) + 0.5) * square.side / SIDE - 0.5
    rows, columns = square.top + steps, square.left + steps
    return np.outer((rows >= 0) & (rows <= height - 1), (columns >= 0) & (columns <= width - 1))


def pairs_of(portrait: Portrait, others: dict[str, Other], head: HeadModel) -> Iterator[tuple[str, dict]]:
    """The photo's arrays (named ``""``), then those of each other frame to which the renderer can take it, by name.

    Raises
    ------
    InputError
        If the portrait cannot be fitted.
    """
    face = fit_portrait(portrait, head)
    scene, square, factor = patch_scene(face)
    yield "", photo_patch(scene, square)._asdict()
    motion = fitted(face, np.stack([other.landmarks for other in others.values()]), 25)
    for (name, other), now, far in zip(others.items(), motion.frames(), too_far(motion)):
        if far:
            continue
        patch = driven_patch(scene, draw(scene, *now), square)
        fill = np.concatenate([patch.fill[..., :3], 255 * patch.fill[..., 3:]], 2)
        yield (
            name,
            patch._asdict()
            | {
                "flow": patch.flow.astype(np.float16),
                "occlusion": np.rint(255 * patch.occlusion).astype(np.uint8),
                "fill": np.rint(fill).clip(0, 255).astype(np.uint8),
                "truth": truth_patch(other.image, scene, square, factor),
                "looked_at": looked_at(other.landmarks, scene, square, factor),
            },
        )


def prepare(folder: Path, out: Path, videos: int, photos: int, frames: int) -> None:
    """Write pairs of the people of a folder to ``out/PERSON/VIDEO_PHOTO[_FRAME].npz``; can be stopped and continued.

    Parameters
    ----------
    folder : videos of people, as for `vividlib.training.clips.videos_of`; HELD_OUT are left out
    videos : of a person at most
    photos : for each video, see `vividlib.training.video_photos.photos_of`
    frames : others of each photo

    Raises
    ------
    InputError
        If there are to be none.
    """
    if min(videos, photos, frames) < 1:
        raise InputError("Pairs need at least one video, one photo and one other frame each; ask for 1 or more.")
    head = load()
    for person, files in videos_of(folder, videos).items():
        if person in HELD_OUT:
            continue
        for file in files:
            marker = out / person / f"{file.stem}.done"
            if marker.exists():
                continue
            marker.parent.mkdir(parents=True, exist_ok=True)
            random = np.random.default_rng(zlib.crc32(f"{person}/{file.stem}".encode()))
            for number, (portrait, others) in enumerate(photos_of(file, photos, frames, head, random)):
                try:
                    for name, arrays in pairs_of(portrait, others, head):
                        save(out / person / f"{file.stem}_{number}{name and '_'}{name}.npz", **arrays)
                except InputError as problem:
                    print(f"{file}, photo {number}: {problem}", flush=True)
            marker.touch()
            print(file, flush=True)
