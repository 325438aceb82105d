"""Motion as .npz: the library's own format, every curve bit for bit."""

from __future__ import annotations

import zipfile
from dataclasses import fields
from pathlib import Path
from typing import BinaryIO

import numpy as np

from vividlib.errors import MotionError
from vividlib.media.files import atomic_output, open_input, read_arrays
from vividlib.types import Motion

_LARGEST = 4 * 2**30  # bytes: ten hours with lip offsets
_NAMES = [field.name for field in fields(Motion)]


def write(motion: Motion, path: str | Path) -> None:
    """Write every field of ``motion`` as an array of its own name.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    with atomic_output(path) as partial, open(partial, "wb") as file:
        np.savez_compressed(file, **{name: getattr(motion, name) for name in _NAMES})


def read(path: str | Path) -> Motion:
    """Read what `write` wrote.

    Raises
    ------
    MotionError
        If the file is not there, is not such an archive, or its arrays do not make a motion.
    """
    with open_input(path, MotionError) as file:
        if _unpacked(file) > _LARGEST:
            raise MotionError(f"{path} unpacks to more than {_LARGEST >> 30} GiB; cut the motion into shorter ones.")
    arrays = read_arrays(path, MotionError)
    missing = [name for name in _NAMES if name not in arrays]
    if missing:
        raise MotionError(f"{path} is no motion of vividlib: it lacks {missing[0]}; make one with `vividlib speak`.")
    if arrays["rate"].shape or arrays["rate"].dtype.kind not in "iuf":
        raise MotionError(f"{path} is no motion of vividlib: its rate is no number; make one with `vividlib speak`.")
    try:
        return Motion(**{name: arrays[name] for name in _NAMES} | {"rate": float(arrays["rate"])})
    except MotionError as error:
        raise MotionError(f"{path}: {error}") from error


def _unpacked(file: BinaryIO) -> int:
    """Bytes that an archive says it unpacks to, which is as much as is ever read of it."""
    try:
        return sum(part.file_size for part in zipfile.ZipFile(file).infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return 0  # what is wrong is said when it is read
