"""Motion and faces as files that rigs, engines and viewers read, chosen by suffix or by name."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vividlib.errors import MotionError, OutputError
from vividlib.export import (
    audio2face,
    avatar,
    azure,
    bvh,
    geometry_cache,
    gltf,
    livelink,
    npz,
    rhubarb,
    table,
    usd,
)  # fmt: skip
from vividlib.export.mixtures import fold_lips
from vividlib.export.shown import shown
from vividlib.head.gaze import gaze_of
from vividlib.media.files import check_suffix, open_input
from vividlib.types import Face, HeadModel, Motion


@dataclass(frozen=True)
class Format:
    """One way to store a motion."""

    suffixes: tuple[str, ...]
    holds: str  # which curves of a motion: shapes or visemes; turn, place (of the head), gaze, lips
    write: Callable[..., None]  # write(motion, path), and the head where one is shown
    read: Callable[[Path], Motion] | None
    mark: str = ""  # found at either end of such a file, where a suffix has several formats
    shows_head: bool = False
    needs: Callable[[], object] = lambda: None  # raises BackendError where a library is missing


MOTION_FORMATS = {
    "npz": Format((".npz",), "shapes turn place gaze lips", npz.write, npz.read),
    "livelink": Format((".csv",), "shapes turn gaze", livelink.write, livelink.read, r"\A[^\n]*BlendShapeCount"),
    "csv": Format((".csv",), "shapes turn place gaze", table.write, table.read),
    "gltf": Format((".glb", ".vrm"), "shapes turn place", gltf.write_motion, gltf.read, shows_head=True),
    "usd": Format(
        (".usda", ".usdc", ".usdz", ".usd"),
        "shapes turn place",
        usd.write,
        usd.read,
        shows_head=True,
        needs=usd.library,
    ),
    "obj": Format((".obj",), "shapes turn place gaze lips", geometry_cache.write_obj, None, shows_head=True),
    "pc2": Format((".pc2",), "shapes turn place gaze lips", geometry_cache.write_pc2, None, shows_head=True),
    "audio2face": Format(
        (".json", ".csv"), "shapes", audio2face.write, audio2face.read, r'"facsNames"|\A[^\n]*blendShapes\.'
    ),
    "azure": Format((".json",), "shapes", azure.write_blendshapes, azure.read_blendshapes, '"BlendShapes"'),
    "azure-visemes": Format((".json",), "visemes", azure.write_visemes, azure.read_visemes, '"(?i:viseme_?id)"'),
    "rhubarb": Format((".tsv", ".xml", ".json"), "visemes", rhubarb.write, rhubarb.read, '"mouthCues"'),
    "oculus": Format((".csv",), "visemes", table.write_oculus, table.read),
    "vrm": Format((".csv",), "visemes", table.write_vrm, table.read),
    "bvh": Format((".bvh",), "turn place gaze", bvh.write, bvh.read),
}
"""Name -> format. Of several with one suffix the first is written, and the first whose mark fits is read."""

FACE_WRITERS = {".glb": gltf.write_face, ".obj": geometry_cache.write_face}
MOTION_SUFFIXES = {suffix: name for name, kind in reversed(MOTION_FORMATS.items()) for suffix in kind.suffixes}
AVATARS = (".glb", ".vrm")
_EDGE = 2**20  # bytes at either end of a file in which a mark is looked for
_SEEN = 0.02  # radians: a smaller difference of gaze is not seen


def save(
    motion: Motion, path: str | Path, whose: Face | HeadModel | Path | None = None, format: str | None = None
) -> tuple[str, ...]:  # fmt: skip
    """Write a motion in a format by name, or in that of the suffix; see `vividlib.save_motion`.

    ``whose`` is whom a format that shows a head shows; a path is that of a user's own GLB or VRM.

    Returns
    -------
    tuple of str
        What the file does not hold, a line each.
    """
    onto = whose if isinstance(whose, Path) else None
    kind = written_format(path, format, onto)
    notes = _lost(motion, kind)
    if "lips" not in kind.holds and _shaped(kind):
        motion = fold_lips(motion, None if onto else shown(whose)[0])
    if onto:
        return notes + avatar.write(motion, path, onto)
    if kind.shows_head:
        kind.write(motion, path, whose)
    else:
        kind.write(motion, path)
    return notes


def load(path: str | Path, format: str | None = None) -> Motion:
    """Read a motion in a format by name, or in the one that its suffix and content tell; see `vividlib.load_motion`."""
    suffix = Path(path).suffix.lower()
    readable = {name: kind for name, kind in MOTION_FORMATS.items() if kind.read}
    if format is not None and format not in readable:
        raise MotionError(f"{path}: there is no format {format!r} to read; choose one of {', '.join(readable)}.")
    fitting = {name: kind for name, kind in readable.items() if suffix in kind.suffixes and format in (None, name)}
    if not fitting:
        suffixes = sorted({s for name, kind in readable.items() if format in (None, name) for s in kind.suffixes})
        raise MotionError(f"{path}: {format or 'a motion'} is read from {', '.join(suffixes)} files.")
    return _recognised(path, fitting).read(path)


def written_format(path: str | Path, format: str | None = None, onto: Path | None = None) -> Format:
    """The format that a motion is written in, by name or suffix, ``onto`` a user's own GLB or VRM or not.

    Raises
    ------
    OutputError
        If there is no such format, or the suffix is not one of it.
    BackendError
        If it needs a library that is not installed.
    """
    if format is not None and format not in MOTION_FORMATS:
        raise OutputError(f"There is no format {format!r}; choose one of {', '.join(MOTION_FORMATS)}.")
    suffix = check_suffix(path, MOTION_FORMATS[format].suffixes if format else MOTION_SUFFIXES)
    if onto and suffix not in AVATARS:
        raise OutputError(f"{path}: a motion on {onto} is written as {' or '.join(AVATARS)}.")
    if suffix == ".vrm" and (onto is None or onto.suffix.lower() != ".vrm"):
        raise OutputError(f"{path}: a VRM is written onto a VRM; hand that in as the head, or write a .glb.")
    kind = MOTION_FORMATS[format or MOTION_SUFFIXES[suffix]]
    kind.needs()
    return kind


def _recognised(path: str | Path, fitting: dict[str, Format]) -> Format:
    if len(fitting) == 1:
        return next(iter(fitting.values()))
    with open_input(path, MotionError) as file:
        edges = file.read(_EDGE)
        file.seek(max(len(edges), file.seek(0, os.SEEK_END) - _EDGE))
        text = (edges + file.read()).decode("utf-8-sig", errors="replace")
    for kind in fitting.values():
        if kind.mark and re.search(kind.mark, text):
            return kind
    if "csv" in fitting:
        return fitting["csv"]  # any table with a time and known names
    raise MotionError(f"{path} looks like none of {', '.join(fitting)}; export it as one of these.")


def _shaped(kind: Format) -> bool:
    return kind.holds.startswith(("shapes", "visemes"))


def _lost(motion: Motion, kind: Format) -> tuple[str, ...]:
    """What of a motion this format has no place for, of what moves at all."""
    said = gaze_of(motion.blendshapes) if "shapes" in kind.holds else 0
    lips = "became the nearest mixture of shapes" if _shaped(kind) else "have no place"
    notes = {
        "shapes": ("the blendshapes have no place", motion.blendshapes.any() and not _shaped(kind)),
        "turn": ("the head's turn has no place", motion.head_rotation[:, :3].any()),
        "place": ("the head's translation has no place", motion.head_translation.any()),
        "gaze": ("the gaze has no place beyond eyeLook shapes", np.abs(motion.gaze - said).max() > _SEEN),
        "lips": (f"the lip offsets {lips}", motion.lip_offsets.any()),
    }
    lost = [note for curve, (note, moves) in notes.items() if moves and curve not in kind.holds]
    return tuple(lost + ["of the blendshapes only the mouth is kept"] * ("visemes" in kind.holds))
