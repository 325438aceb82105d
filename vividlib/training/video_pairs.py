"""Pairs of frames of one person for the networks of `mesh_to_video`: a photo, and what the mesh says of another frame.

Each frame of a video is fitted by itself, with the neutral head of the frame that serves as the photo: what a fit gets
wrong it gets wrong in both, so the analytic frame lies on the real one more exactly than smoothed tracks would put it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from vividlib.conventions import LIP_LANDMARKS
from vividlib.errors import InputError
from vividlib.geometry.camera import head_to_camera, project
from vividlib.head.model import deform, load
from vividlib.media.video import read_video
from vividlib.mesh_to_video.dense_motion import FREE_SHIFT, FREE_TURN, MOST_SHIFT, MOST_TURN, draw
from vividlib.mesh_to_video.patch import ROOM, SIDE, Square, cut, driven_patch, photo_patch, square_of
from vividlib.mesh_to_video.scene import Scene, build_scene
from vividlib.reconstruction.fit import fit_portrait, in_head_space
from vividlib.reconstruction.landmarks import find_faces, find_portrait
from vividlib.reconstruction.solve import EYES, solve
from vividlib.training.clips import HELD_OUT, videos_of
from vividlib.training.filmed import save
from vividlib.types import Face, HeadModel, Motion

MOST_FRAMES = 500  # of a video
FURTHEST = 0.9  # of the room in which the renderer holds moves back
BEYOND = 255  # in what is looked at: not in the picture
LOOKED_AT = 0.06  # of the patch, around lips and lids: what a viewer looks at


def fitted(face: Face, landmarks: np.ndarray, rate: float) -> Motion:
    """The motion that puts a face where landmarks (T 478 3 px of the photo's video) are, as `vividlib.render` takes it."""
    found = solve(face.head, landmarks.astype(np.float64), face.neutral.astype(np.float64), rounds=5)
    turns = (Rotation.from_quat(face.rotation).inv() * Rotation.from_matrix(found.rotation)).as_rotvec()
    across = (found.centre - face.camera.centre) / found.scale[:, None] * [1, -1]
    depth = face.camera.distance * (1 - face.camera.scale / found.scale)
    # The renderer holds large moves back; these are to be reached.
    turns = _asked(turns, FREE_TURN, MOST_TURN)
    shifts = _asked(np.column_stack([across, depth]), FREE_SHIFT, MOST_SHIFT)
    return Motion(
        found.expression, Rotation.from_rotvec(turns).as_quat(), shifts, found.gaze,
        in_head_space(found, found.residual)[:, LIP_LANDMARKS], rate,
    )  # fmt: skip


def too_far(motion: Motion) -> np.ndarray:
    """In which frames (T bool) of a fitted motion the head is not where it was seen, as no renderer takes it there."""
    turns, shifts = (
        Rotation.from_quat(motion.head_rotation).magnitude(),
        np.linalg.norm(motion.head_translation, axis=1),
    )
    ends = (
        free + (most - free) * np.arctanh(FURTHEST) - 1e-4
        for free, most in ((FREE_TURN, MOST_TURN), (FREE_SHIFT, MOST_SHIFT))
    )
    return (turns > next(ends)) | (shifts > next(ends))


def _asked(wanted: np.ndarray, free: float, most: float) -> np.ndarray:
    """What has to be asked of the renderer (T 3) to come to ``wanted``, or as near as it goes."""
    length = np.linalg.norm(wanted, axis=1, keepdims=True)
    room = most - free
    asked = free + room * np.arctanh(np.clip((length - free) / room, 0, FURTHEST))
    return wanted * np.where(length > free, asked / np.maximum(length, 1e-9), 1)


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


def pairs_of(frames: list[np.ndarray], first: int, others: list[int], head: HeadModel) -> Iterator[tuple[str, dict]]:
    """The photo's arrays (named ``""``), then those of each other frame in which the face is found, by name.

    Raises
    ------
    InputError
        If the first shows no face that could be a photo's.
    """
    face = fit_portrait(find_portrait(frames[first]), head)
    scene, square, factor = patch_scene(face)
    yield "", photo_patch(scene, square)._asdict()
    for number in others:
        found = find_faces(frames[number])
        if not found:
            continue
        motion = fitted(face, found[0][None], 25)
        if too_far(motion)[0]:
            continue
        patch = driven_patch(scene, draw(scene, *next(motion.frames())), square)
        fill = np.concatenate([patch.fill[..., :3], 255 * patch.fill[..., 3:]], 2)
        yield (
            str(number),
            patch._asdict()
            | {
                "flow": patch.flow.astype(np.float16),
                "occlusion": np.rint(255 * patch.occlusion).astype(np.uint8),
                "fill": np.rint(fill).clip(0, 255).astype(np.uint8),
                "truth": truth_patch(frames[number], scene, square, factor),
                "looked_at": looked_at(found[0], scene, square, factor),
            },
        )


def prepare(folder: Path, out: Path, videos: int, photos: int, frames: int) -> None:
    """Write pairs of the people of a folder to ``out/PERSON/VIDEO_PHOTO[_FRAME].npz``; can be stopped and continued.

    Parameters
    ----------
    folder : videos of people, as for `vividlib.training.clips.videos_of`; HELD_OUT are left out
    videos : of a person at most
    photos : frames of each video that serve as the photo
    frames : others of each photo
    """
    head = load()
    for person, files in videos_of(folder, videos).items():
        if person in HELD_OUT:
            continue
        for file in files:
            marker = out / person / f"{file.stem}.done"
            if marker.exists():
                continue
            marker.parent.mkdir(parents=True, exist_ok=True)
            shown = [frame for _, frame in islice(read_video(file), MOST_FRAMES)]
            random = np.random.default_rng(zlib.crc32(f"{person}/{file.stem}".encode()))
            for first in random.permutation(len(shown))[:photos]:
                others = [int(n) for n in random.permutation(len(shown)) if n != first][:frames]
                try:
                    for name, arrays in pairs_of(shown, int(first), others, head):
                        save(out / person / f"{file.stem}_{first}{name and '_'}{name}.npz", **arrays)
                except InputError as problem:
                    print(f"{file}, frame {first}: {problem}", flush=True)
            marker.touch()
            print(file, flush=True)
