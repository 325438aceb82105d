"""The moving head as vertices: a sequence of OBJ files, or one PC2 cache. Lip offsets are in them.

Both say where every vertex of the head is in each frame, head pose included: metres, +Y up, vertices in the
order of the head. Beside the frames stands the mesh at rest, with UV, as one OBJ of the same order: a program loads
that and lets the cache move it. Neither is read, since vertices have no coefficients.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from vividlib.errors import OutputError
from vividlib.export.shown import shown
from vividlib.head.model import deform
from vividlib.media.files import atomic_output
from vividlib.types import Face, HeadModel, Motion


def write_obj(motion: Motion, path: str | Path, whose: Face | HeadModel | None = None) -> None:
    """Write ``take.obj``, the head at rest, and the folder ``take_frames`` with ``take_0000.obj`` and so on.

    Frames of a longer take that were in that folder are removed.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    path = Path(path)
    head, neutral = shown(whose)
    folder = path.with_name(f"{path.stem}_frames")
    frames, surface = _frames(motion, head, neutral), _surface(head)
    _write_mesh(path, neutral, surface)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made ({error.strerror}); choose another name.") from error
    for frame, vertices in enumerate(frames):
        _write_mesh(folder / f"{path.stem}_{frame:04d}.obj", vertices, surface)
    ours = re.compile(rf"{re.escape(path.stem)}_(\d{{4,}})\.obj")
    for file in folder.iterdir():
        number = ours.fullmatch(file.name)
        if number and int(number[1]) >= len(motion):
            file.unlink()


def write_pc2(motion: Motion, path: str | Path, whose: Face | HeadModel | None = None) -> None:
    """Write ``take.pc2``, and ``take.obj``, the head at rest that it moves.

    The header is ``POINTCACHE2\\0``, then little-endian: version 1, points, first frame 0, frames a sample 1,
    samples; then float32 x, y, z of each point of each sample.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    head, neutral = shown(whose)
    frames = _frames(motion, head, neutral)
    with atomic_output(path) as partial, open(partial, "wb") as file:
        file.write(struct.pack("<12siiffi", b"POINTCACHE2\0", 1, len(neutral), 0.0, 1.0, len(motion)))
        file.writelines(np.ascontiguousarray(vertices, "<f4").tobytes() for vertices in frames)
    _write_mesh(Path(path).with_suffix(".obj"), neutral, _surface(head))


def write_face(face: Face, path: str | Path, texture: int = 0) -> None:
    """Write a person's neutral head as one OBJ with UV, and without a picture of any size. Raises as `write_obj`."""
    _write_mesh(path, face.neutral, _surface(face.head))


def _frames(motion: Motion, head: HeadModel, neutral: np.ndarray) -> Iterator[np.ndarray]:
    """The vertices (V, 3 metres) of each frame; the chest stays where it is."""
    turns = Rotation.from_quat(motion.head_rotation)
    share = np.clip(head.head_weight, 0, 1)[:, None]

    def vertices(frame):
        lips = motion.lip_offsets[frame] if motion.lip_offsets.size else None
        still = deform(head, neutral, motion.blendshapes[frame], motion.gaze[frame], lips)
        return still + share * (turns[frame].apply(still) + motion.head_translation[frame] - still)

    return map(vertices, range(len(motion)))


def _surface(head: HeadModel) -> str:
    """The part of an OBJ that no motion changes: UV and faces."""
    uv = (f"vt {u:.6f} {1 - v:.6f}\n" for u, v in head.uv.tolist())  # OBJ counts v from the bottom
    corners = np.stack([head.faces, head.uv_faces], axis=2) + 1
    faces = (f"f {a}/{s} {b}/{t} {c}/{u}\n" for (a, s), (b, t), (c, u) in corners.tolist())
    return "".join([*uv, *faces])


def _write_mesh(path: str | Path, vertices: np.ndarray, surface: str) -> None:
    with atomic_output(path) as partial, open(partial, "w", encoding="ascii", newline="\n") as file:
        file.writelines(f"v {x:.6f} {y:.6f} {z:.6f}\n" for x, y, z in vertices.tolist())
        file.write(surface)
