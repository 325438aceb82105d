"""Training examples on disk: videos by person, and a voice and how the face moved, one compressed npz a clip."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path

import numpy as np

from vividlib.errors import InputError
from vividlib.media.video import read_video
from vividlib.training.visemes import Phone

HELD_OUT = frozenset(
    [f"id{number}" for number in range(24, 29)]
    + [f"vox_{number:02}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12)]
)
"""People of the shared clips from whom nothing is learned: figures of training are theirs. vox_10 is vox_06 again."""

HEADS_LENT = frozenset(f"vox_{number:02}" for number in (1, 3, 5, 8, 11))
"""Of these, of those held out, the motion of the head alone is learned from: people in conversation are rare here."""

HALVED = "voiced", "blendshapes", "lip_offsets"


def videos_of(folder: Path, most: int, without: Collection[str] = ()) -> dict[str, list[Path]]:
    """At most so many videos of each person, spread over what there is.

    The .mp4 files of one folder show one person; those directly in ``folder``, one each. People and
    videos with the names in ``without`` are left out.
    """
    videos: dict[str, list[Path]] = {}
    for video in sorted(folder.rglob("*.mp4")):
        person = video.stem if video.parent == folder else video.parent.name
        if person not in without and video.stem not in without:
            videos.setdefault(person, []).append(video)
    return {person: paths[:: max(1, len(paths) // most)][:most] for person, paths in videos.items()}


def frames_of(
    folder: Path, most: int, numbers: Collection[int], without: Collection[str] = ()
) -> Iterator[tuple[str, np.ndarray]]:
    """Person and picture (H W 3 uint8): the frames with these numbers of `videos_of` a folder."""
    for person, videos in videos_of(folder, most, without).items():
        for video in videos:
            for number, (_, image) in enumerate(islice(read_video(video), max(numbers) + 1)):
                if number in numbers:
                    yield person, image


@dataclass(frozen=True, eq=False)
class Clip:
    """Speech and motion in step; of a synthetic clip only the mouth, the voice and the phones are known."""

    speaker: str
    tracked: bool  # a person was filmed; else the mouth was made by rule
    samples: np.ndarray  # N float32 in [-1, 1] at SAMPLE_RATE
    voiced: np.ndarray  # T float32: 1 where somebody speaks or is about to
    blendshapes: np.ndarray  # T 52 float32 at MOTION_RATE
    lip_offsets: np.ndarray  # T 40 3 float32 metres in head space, at the landmarks LIPS; T 0 3 if synthetic
    head_rotation: np.ndarray  # T 4 float32 quaternions; T 0 if synthetic
    head_translation: np.ndarray  # T 3 float32 metres; T 0 if synthetic
    gaze: np.ndarray  # T 2 float32 radians, yaw and pitch of both eyes; T 0 if synthetic
    identity: np.ndarray  # 80 float32, coefficients of the default head's identity basis; empty if synthetic
    phones: tuple[Phone, ...]  # when each sound is heard, silences included; empty where it is not known


def path(folder: Path, name: str) -> Path:
    """Where a clip lies."""
    return Path(folder) / f"{name}.npz"


def exists(folder: Path, name: str) -> bool:
    """Whether a clip has been written already."""
    return path(folder, name).exists()


def files(folders: Iterable[Path]) -> list[Path]:
    """Where the clips of the folders, and of folders in them, lie.

    Raises
    ------
    InputError
        If there are none.
    """
    found = sorted(file for folder in folders for file in Path(folder).rglob("*.npz") if ".partial" not in file.name)
    if not found:
        names = ", ".join(map(str, folders))
        raise InputError(f"No clips in {names}; make some with `python -m vividlib.training prepare` or `synthesize`.")
    return found


def is_check(name: str) -> bool:
    """Whether a clip is among the tenth that is not learned from, chosen by its name."""
    return zlib.crc32(name.encode()) % 10 == 0


def save(folder: Path, name: str, clip: Clip) -> None:
    """Write one clip, whole or not at all: sound as 16-bit, curves as 16-bit floats."""
    arrays = {f.name: getattr(clip, f.name) for f in fields(Clip) if f.name != "phones"}
    arrays["samples"] = np.round(np.clip(clip.samples, -1, 1) * 32767).astype(np.int16)
    arrays |= {curve: arrays[curve].astype(np.float16) for curve in HALVED}
    arrays["symbols"] = np.array([phone.symbol for phone in clip.phones], str)
    arrays["times"] = np.array([(phone.start, phone.end) for phone in clip.phones], np.float32).reshape(-1, 2)
    final = path(folder, name)
    final.parent.mkdir(parents=True, exist_ok=True)
    partial = final.with_suffix(".partial.npz")
    np.savez_compressed(partial, **arrays)
    partial.replace(final)


def load(file: Path) -> Clip:
    """Read one clip.

    Raises
    ------
    InputError
        If the file is none, such as a track that `prepare` keeps beside its clips.
    """
    with np.load(file, allow_pickle=False) as stored:
        arrays = dict(stored)
    if "symbols" not in arrays:
        raise InputError(f"{file} is no clip; hand in the folder `clips` of what `prepare` wrote.")
    symbols, times = arrays.pop("symbols"), arrays.pop("times").astype(float)
    arrays |= {curve: arrays[curve].astype(np.float32) for curve in HALVED}
    arrays["samples"] = arrays["samples"].astype(np.float32) / 32767
    phones = tuple(Phone(str(symbol), *edges) for symbol, edges in zip(symbols, times.tolist()))
    return Clip(speaker=str(arrays.pop("speaker")), tracked=bool(arrays.pop("tracked")), phones=phones, **arrays)
