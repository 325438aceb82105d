"""What is seen in videos of speaking people: landmarks, a head for each person, and how it moves in each video.

All of it is slow, so all of it is kept on disk, video by video: a run can be stopped at any point and continued.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from vividlib.conventions import ARKIT, LIP_LANDMARKS
from vividlib.errors import InputError
from vividlib.head import model
from vividlib.head.lips import LOWER, UPPER, spread
from vividlib.head.model import landmarks_of
from vividlib.media.video import read_video
from vividlib.reconstruction.fit import fit_person, in_head_space
from vividlib.reconstruction.landmarks import track_faces
from vividlib.reconstruction.solve import EYES, solve
from vividlib.reconstruction.track import follow
from vividlib.types import HeadModel, Motion

LOST = 0.1  # share of frames without a face above which a video is dropped
SEEN = 16  # frames, spread over all videos of a person, from which the head is read
CLOSED, FEWEST = 48, 5  # frames of closed lips, from which it is read how this mouth rests
TOUCHING = 0.0005  # metres between lips as detected, below which they are closed
MOUTH = [index for index, name in enumerate(ARKIT) if name.startswith(("jaw", "mouth"))]


@dataclass(frozen=True)
class Film:
    """One video of one person."""

    name: str  # of what is kept of it
    speaker: str
    video: Path


def landmarks_file(film: Film, out: Path) -> Path:
    """Where `watch` leaves the landmarks of a film."""
    return out / "landmarks" / f"{film.name}.npz"


def person_file(speaker: str, out: Path) -> Path:
    """Where `meet` leaves the head of a person."""
    return out / "people" / f"{speaker}.npz"


def track_file(film: Film, out: Path) -> Path:
    """Where `track` leaves the motion in a film."""
    return out / "tracks" / f"{film.name}.npz"


def watch(film: Film, out: Path) -> None:
    """Find the face in every frame of a video and keep its landmarks.

    Raises
    ------
    VideoError
        If the video cannot be read.
    """
    if landmarks_file(film, out).exists():
        return
    reader = read_video(film.video)
    lost = np.full((478, 3), np.nan)
    found = [lost if points is None else points for points in track_faces(frame for _, frame in reader)]
    save(landmarks_file(film, out), landmarks=np.array(found, np.float32), fps=float(reader.fps))


def landmarks_of_film(film: Film, out: Path) -> tuple[np.ndarray, float]:
    """Landmarks (T 478 3 px, NaN where the face is lost) of a watched film, and frames a second.

    Raises
    ------
    InputError
        If the face is lost too often.
    """
    with np.load(landmarks_file(film, out), allow_pickle=False) as arrays:
        landmarks, fps = arrays["landmarks"].astype(np.float64), float(arrays["fps"])
    if not len(landmarks) or np.isnan(landmarks[:, 0, 0]).mean() > LOST:
        raise InputError("the face is lost too often")
    return landmarks, fps


def meet(films: list[Film], out: Path) -> None:
    """Read one person's head from all the films that show it well, and keep it."""
    if person_file(films[0].speaker, out).exists():
        return
    found = np.concatenate([landmarks_of_film(film, out)[0] for film in films])
    identity, neutral = known_person(found[~np.isnan(found[:, 0, 0])], model.load())
    save(person_file(films[0].speaker, out), identity=identity.astype(np.float32), neutral=neutral.astype(np.float32))


def known_person(landmarks: np.ndarray, head: HeadModel) -> tuple[np.ndarray, np.ndarray]:
    """Identity (K) and neutral head (V 3) of the person in these frames (T 478 3 px), closed lips relaxed.

    A fit alone takes some of how a mouth rests for expression: lips that press or smile a little, half a millimetre
    between them. Here, and nowhere else, that is taken out: what the frames of closed lips have in common, in shapes of
    the mouth and in what these leave over, goes into the neutral head. A mouth that is never seen closed stays as it is.
    """
    identity, neutral, _ = fit_person(head, landmarks[_spaced(np.arange(len(landmarks)), SEEN)])
    corners = [EYES[0][0], EYES[1][8]]  # their distance says how many pixels a metre has
    across = np.linalg.norm(np.diff(landmarks_of(head, neutral)[corners], axis=0))
    metre = np.linalg.norm(np.diff(landmarks[:, corners, :2], axis=1)[:, 0], axis=1) / across
    apart = np.linalg.norm((landmarks[:, LOWER, :2] - landmarks[:, UPPER, :2]).mean(1), axis=1) / metre
    closed = np.flatnonzero(apart < TOUCHING)
    if len(closed) >= FEWEST:
        still = solve(head, landmarks[_spaced(closed, CLOSED)], neutral)
        neutral = neutral + np.tensordot(still.expression[:, MOUTH].mean(0), head.blendshapes[MOUTH], 1)
        leftover = in_head_space(still, still.residual)[:, LIP_LANDMARKS]
        neutral[head.lips] += spread(leftover.mean(0), head)
    return identity, neutral


def _spaced(numbers: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the numbers, evenly from first to last."""
    return numbers[np.unique(np.linspace(0, len(numbers) - 1, most).round().astype(int))]


def track(film: Film, out: Path) -> None:
    """Fit the person's head to every frame of a film, and keep its motion and what that leaves over at the lips."""
    if track_file(film, out).exists():
        return
    landmarks, fps = landmarks_of_film(film, out)
    with np.load(person_file(film.speaker, out), allow_pickle=False) as person:
        neutral = person["neutral"].astype(np.float64)
    found = [None if np.isnan(points).any() else points for points in landmarks]
    motion, leftover = follow(found, fps, model.load(), neutral)
    curves = {field.name: getattr(motion, field.name) for field in fields(Motion)}
    save(track_file(film, out), leftover=leftover.astype(np.float32), **curves)


def tracked(film: Film, out: Path) -> tuple[Motion, np.ndarray, np.ndarray]:
    """Motion of a tracked film, what it leaves over at the lips (T 40 3 metres), and the person's identity (K)."""
    with np.load(track_file(film, out), allow_pickle=False) as arrays:
        curves = dict(arrays)
    leftover = curves.pop("leftover")
    rate = float(curves.pop("rate"))
    with np.load(person_file(film.speaker, out), allow_pickle=False) as person:
        return Motion(**curves, rate=rate), leftover, person["identity"]


def save(file: Path, **arrays: np.ndarray | float) -> None:
    """Write a file of arrays, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial.npz")
    np.savez(partial, **arrays)
    partial.replace(file)
