"""Motion as .npz: the library's own format, every curve bit for bit."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np

from vividlib.errors import MotionError
from vividlib.media.files import atomic_output, read_arrays
from vividlib.types import Motion

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
    arrays = read_arrays(path, MotionError)
    missing = [name for name in _NAMES if name not in arrays]
    if missing:
        raise MotionError(f"{path} is no motion of vividlib: it lacks {missing[0]}; make one with `vividlib speak`.")
    if arrays["rate"].shape or arrays["rate"].dtype.kind not in "iuf":
        raise MotionError(f"{path} is no motion of vividlib: its rate is no number; make one with `vividlib speak`.")
    return Motion(**{name: arrays[name] for name in _NAMES} | {"rate": float(arrays["rate"])})
