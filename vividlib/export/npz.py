"""Motion as .npz: the library's own format, every curve bit for bit."""

from __future__ import annotations

import zipfile
from dataclasses import fields
from pathlib import Path

import numpy as np

from vividlib.errors import MotionError
from vividlib.media.files import atomic_output
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
    try:
        with np.load(path, allow_pickle=False) as arrays:
            curves = {name: arrays[name] for name in _NAMES}
    except (OSError, EOFError, KeyError, ValueError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise MotionError(f"{path} is not a motion of vividlib ({error}); make one with `vividlib speak`.") from error
    curves["rate"] = float(curves["rate"])
    return Motion(**curves)
