"""Learn how identity coefficients differ between people, and between pictures of one person.

Probabilistic linear discriminant analysis (Ioffe, ECCV 2006) of what `solve` finds in single pictures: many frames of the people
in videos say how far one person's coefficients stray, and all people, those of portraits too, how far people differ from the
template, which is taken for their mean.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain
from pathlib import Path

import numpy as np
from tqdm import tqdm

from vividlib.errors import InputError, NoFaceError
from vividlib.head.model import load
from vividlib.reconstruction.landmarks import find_faces
from vividlib.reconstruction.solve import solve
from vividlib.training.clips import HELD_OUT, frames_of
from vividlib.training.landmarks import pictures

VIDEOS, FRAME = 40, 12  # of each person at most, and the frame of each that counts
COMPARED = frozenset(f"id{number:02}" for number in (0, 2, 5, 12, 14, 17, 20)) | {"grid_s1"}
"""People whose coefficients `benchmarks.tracking` compares; nothing is learned here of them, nor of those held out."""
UNSURE = 0.01  # variance added to what one person's coefficients stray by, which is known from few people


def learn(videos: Path, portraits: Path, out: Path) -> None:
    """Fit single pictures and write ``out`` (npz), the asset that `vividlib.reconstruction.identity` reads.

    Parameters
    ----------
    videos : as for `vividlib.training.clips.videos_of`
    portraits : pictures, each of somebody else

    Raises
    ------
    InputError
        If a folder is not there.
    NoFaceError
        If no person can be seen in two videos.
    """
    for folder in (videos, portraits, out.parent):
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder; check the path.")
    faces = ((f"portrait {name}", image) for name, image in pictures(portraits))
    people: dict[str, list[np.ndarray]] = {}
    for who, image in tqdm(chain(frames_of(videos, VIDEOS, [FRAME], HELD_OUT | COMPARED), faces)):
        if found := find_faces(image):
            people.setdefault(who, []).append(solve(load(), found[0][None]).identity)
    np.savez_compressed(out, share=share([np.array(own) for own in people.values()]).astype(np.float32))


def share(people: Collection[np.ndarray]) -> np.ndarray:
    """What coefficients found in one picture contribute to the most likely ones of a person, K K.

    Parameters
    ----------
    people : of each person what was found in some pictures, N K

    Raises
    ------
    NoFaceError
        If nobody has two pictures.
    """
    more = sum(len(own) - 1 for own in people)
    if not more:
        raise NoFaceError("Nobody is seen in two videos; hand in a folder with several videos of each person.")
    stray = sum((own - own.mean(0)).T @ (own - own.mean(0)) for own in people) / more
    apart = sum(np.outer(own.mean(0), own.mean(0)) - stray / len(own) for own in people) / len(people)
    strengths, axes = np.linalg.eigh(apart)
    apart = (axes * np.clip(strengths, 0, None)) @ axes.T
    return apart @ np.linalg.inv(apart + stray + UNSURE * np.eye(len(apart)))
