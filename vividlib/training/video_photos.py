"""What serves as the photo in training, and which frames of its video stand beside it.

A third of these are the ones in which mouth and eyes have changed most while the head has hardly moved: there the truth
lies where the mesh says, so that teeth and lids can be learned sharply. A quarter of the photos are remade: a frame with
an open mouth is drawn with it closed, and the frame itself is then what that photo has to become. With more of either,
networks correct small changes too much. Some pictures are tinted, painted or partly covered, photo and truth alike, as no
video here is a painting.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from vividlib.conventions import LIP_LANDMARKS
from vividlib.errors import InputError
from vividlib.media.video import read_video
from vividlib.mesh_to_video.render import Renderer
from vividlib.reconstruction.fit import fit_portrait
from vividlib.reconstruction.landmarks import find_portrait, track_faces
from vividlib.reconstruction.solve import EYES
from vividlib.training.fitted import fitted
from vividlib.types import HeadModel, Portrait

LONGEST, MOST_FRAMES = 2000, 500  # frames of a video that are read, and of these, spread over them, used
REMADE = 1 / 4  # of the photos
WIDE, CLOSED = 1 / 4, 1 / 8  # of the frames: the mouths that remade photos had, and have
TURN = 4.0  # degrees, standard deviation by which remade heads are turned
NEAR = 1 / 3  # of the frames: those in which the head is where it is in the photo
TINTED, PAINTED, COVERED = 0.2, 0.2, 0.06  # of the photos
INNER_LIPS = 13, 14  # landmarks in the middle of the upper and the lower one
STIRRED = np.unique([*LIP_LANDMARKS, *np.concatenate(EYES)])

Look = Callable[[np.ndarray], np.ndarray]


class Other(NamedTuple):
    """A frame beside the photo."""

    image: np.ndarray  # H W 3 uint8
    landmarks: np.ndarray  # 478 3 px


def photos_of(
    file: Path, photos: int, frames: int, head: HeadModel, random: np.random.Generator
) -> Iterator[tuple[Portrait, dict[str, Other]]]:
    """Photos of a video, at most so many, each with other frames of it by number."""
    shown = [image for _, image in islice(read_video(file), LONGEST)]
    shown = shown[:: math.ceil(len(shown) / MOST_FRAMES)]
    tracked = [(image, points) for image, points in zip(shown, track_faces(shown)) if points is not None]
    if len(tracked) <= frames:
        return
    every = [Other(*one) for one in tracked]
    landmarks = np.stack([one.landmarks for one in every])[..., :2]
    by_gap = np.argsort([gap(points) for points in landmarks])
    closed, wide = by_gap[: int(CLOSED * len(every)) + 1], by_gap[-int(WIDE * len(every)) - 1 :]
    for _ in range(photos):
        try:
            if random.random() < REMADE:
                first = int(random.choice(wide))
                portrait = remade(
                    find_portrait(every[first].image), every[random.choice(closed)].landmarks, head, random
                )
                some = [first, *beside(landmarks, first, frames - 1, random)]
            else:
                first = int(random.integers(len(every)))
                portrait, some = find_portrait(every[first].image), beside(landmarks, first, frames, random)
        except InputError:  # nobody to be seen well in a frame of many
            continue
        look = a_look(portrait, random)
        others = {str(n): every[n]._replace(image=look(every[n].image)) for n in some}
        yield replace(portrait, image=look(portrait.image)), others


def gap(landmarks: np.ndarray) -> float:
    """Between the lips of landmarks (478, 2 or 3, px), in the middle, px."""
    upper, lower = landmarks[list(INNER_LIPS), :2]
    return float(np.linalg.norm(upper - lower))


def beside(landmarks: np.ndarray, first: int, count: int, random: np.random.Generator) -> list[int]:
    """Numbers of other frames than the first, landmarks (T 478 2 px) given: a third with still heads and new expressions.

    The first two follow each other, where there are two.
    """
    still = np.delete(landmarks, STIRRED, axis=1)
    middle = still.mean(1, keepdims=True)
    moved = np.abs(still - still[first]).mean((1, 2))
    expression = landmarks[:, STIRRED] - middle
    changed = np.abs(expression - expression[first]).mean((1, 2))
    near = moved.argsort()[1 : 1 + max(count, round(NEAR * len(moved)))]
    third = near[changed[near].argsort()[::-1]][: max(1, count // 3)]
    after = int(third[0]) + 1 if third[0] + 1 < len(moved) else int(third[0]) - 1
    wanted = dict.fromkeys([third[0], after, *third, *random.permutation(len(moved))])
    return [int(n) for n in wanted if n != first][:count]


def remade(portrait: Portrait, closed: np.ndarray, head: HeadModel, random: np.random.Generator) -> Portrait:
    """The portrait drawn with the expression of landmarks (478 3 px) of the same video, turned a little.

    Raises
    ------
    InputError
        If nobody is found in what was drawn.
    """
    face = fit_portrait(portrait, head)
    to = fitted(face, closed[None], 25)
    turn = Rotation.from_euler("XYZ", random.normal(0, TURN, 3), degrees=True).as_quat()
    picture = Renderer(face, None).frame(to.blendshapes[0], turn, gaze=to.gaze[0], lip_offsets=to.lip_offsets[0])
    return find_portrait(picture)


def a_look(portrait: Portrait, random: np.random.Generator) -> Look:
    """A change of pictures: none, or one for this photo and all that stands beside it."""
    looks: list[Look] = []
    if random.random() < PAINTED:
        smooth, simple = random.uniform(10, 60), random.uniform(0.2, 0.5)
        looks.append(lambda image: cv2.stylization(image, sigma_s=smooth, sigma_r=simple))
    if random.random() < TINTED:
        curves = (np.linspace(0, 1, 256)[:, None] ** np.exp(random.normal(0, 0.2, 3)) * 255).round().astype(np.uint8)
        looks.append(lambda image: cv2.LUT(image, curves[None]))
    if random.random() < COVERED:
        looks.append(_cover(portrait, random))

    def look(image: np.ndarray) -> np.ndarray:
        for change in looks:
            image = change(image)
        return image

    return look


def _cover(portrait: Portrait, random: np.random.Generator) -> Look:
    """Something before the lower half of the face, with the pattern of another part of the picture: hand or microphone."""
    x, y, width, height = portrait.box
    place = np.array([x, y]) + [width, height] * random.uniform([0.1, 0.6], [0.9, 1.1])
    axes = np.array([width, height]) * random.uniform(0.1, 0.25, 2)
    mask = np.zeros(portrait.image.shape[:2], np.float32)
    centre, axes = (tuple(int(n) for n in pair) for pair in (place, axes))
    cv2.ellipse(mask, centre, axes, random.uniform(0, 180), 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), 0.01 * width)[..., None]
    pattern = np.roll(portrait.image, random.integers(0, mask.shape[:2], 2), (0, 1))
    return lambda image: (image + mask * (pattern.astype(np.float32) - image)).round().astype(np.uint8)
