"""Plain comma-separated tables: a time in seconds, then curves by name.

``csv`` holds all of a motion but its lip offsets, to the last bit: ``time``, the 52 ARKit names, the head's
quaternion and translation (metres), the gaze (radians). ``oculus`` and ``vrm`` hold ``time`` and the weights of
the 15 or 5 visemes. All are read back, and so is any table with a time and some known names.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from vividlib.conventions import ARKIT, MOTION_RATE
from vividlib.errors import MotionError
from vividlib.export.mixtures import viseme_weights
from vividlib.export.names import arkit_columns, blendshapes
from vividlib.export.reading import read_table
from vividlib.export.timing import fill, frames_at
from vividlib.head.gaze import gaze_of
from vividlib.head.visemes import VISEMES, VOWELS, row
from vividlib.media.files import atomic_output
from vividlib.types import Motion

_TIMES = ("time", "timecode", "seconds", "timestamp")
_POSE = [f"headRotation{axis}" for axis in "XYZW"] + [f"headTranslation{axis}" for axis in "XYZ"]
_GAZE = [f"{eye}Gaze{angle}" for eye in ("left", "right") for angle in ("Yaw", "Pitch")]


def write(motion: Motion, path: str | Path) -> None:
    """Write time, blendshapes, head and gaze; numbers are as long as their bits need.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    gaze = motion.gaze.reshape(len(motion), 4)
    values = np.concatenate([motion.blendshapes, motion.head_rotation, motion.head_translation, gaze], axis=1)
    write_columns(path, ["time", *ARKIT, *_POSE, *_GAZE], motion.rate, values)


def _write_visemes(motion: Motion, path: str | Path, visemes: dict[str, dict[str, float]]) -> None:
    """Write time and the weight of each viseme. Raises as `write`."""
    write_columns(path, ["time", *visemes], motion.rate, viseme_weights(motion.blendshapes, visemes).round(6))


write_oculus = partial(_write_visemes, visemes=VISEMES)
write_vrm = partial(_write_visemes, visemes=VOWELS)


def write_columns(path: str | Path, header: list[str], rate: float, values: np.ndarray) -> None:
    """Write a line of names, then one line a frame: its time in seconds, and its values (T, C float32).

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    with atomic_output(path) as partial_path, open(partial_path, "w", encoding="utf-8", newline="\n") as file:
        file.write(",".join(header) + "\n")
        file.writelines(",".join([repr(frame / rate), *map(str, line)]) + "\n" for frame, line in enumerate(values))


def read(path: str | Path) -> Motion:
    """Read curves by their names: ARKit's in any usual spelling, or visemes of Oculus or VRM.

    Raises
    ------
    MotionError
        If there is no time, no known name, or a broken row.
    """
    columns = read_table(path, "table of curves", lambda header: _known_columns(header, path))
    (_, seconds), *others = columns.items()
    rate, index = frames_at(seconds, path, lone=MOTION_RATE)
    curves = dict(zip(dict(others), fill(index, np.stack([curve for _, curve in others], axis=1)).T))
    for visemes in (VISEMES, VOWELS):
        if set(visemes) <= set(curves):
            weights = np.stack([curves[name] for name in visemes], axis=1)
            return Motion(np.clip(weights @ np.stack([row(shapes) for shapes in visemes.values()]), 0, 1), rate=rate)
    table = np.stack(list(curves.values()), axis=1)
    shapes = blendshapes(list(curves), table)
    pose, gaze = ([curves.get(name) for name in group] for group in (_POSE, _GAZE))
    posed, gazing = (all(curve is not None for curve in group) for group in (pose, gaze))
    return Motion(
        shapes,
        np.stack(pose[:4], axis=1) if posed else None,
        np.stack(pose[4:], axis=1) if posed else None,
        np.stack(gaze, axis=1).reshape(-1, 2, 2) if gazing else gaze_of(shapes),
        rate=rate,
    )


def _known_columns(header: list[str], path: str | Path) -> list[str]:
    """The names to read: the time, then a whole set of visemes, or shapes, head and gaze."""
    time = next((name for name in header if name.lower() in _TIMES), None)
    if time is None:
        raise MotionError(f"{path} has no column of times; call the one that holds seconds `time`.")
    for visemes in (VISEMES, VOWELS):
        if set(visemes) <= set(header):
            return [time, *visemes]
    shapes = [header[place] for place in arkit_columns(header)]
    if not shapes:
        raise MotionError(f"{path} has no column named after one of ARKit's shapes, such as jawOpen; rename them.")
    return [time, *shapes, *(name for name in _POSE + _GAZE if name in header)]
