"""Live Link Face CSV: what the iPhone app records and Unreal, Blender and Maya importers read.

Columns, order, time code and number format are those of real takes. Signs, in the words of
`vividlib.conventions`:

- ``EyeYaw`` is minus our yaw (positive towards the person's right) and ``EyePitch`` minus our pitch
  (positive downwards), radians. Seen in real takes, where they follow the eyeLook shapes with a
  correlation of 0.999.
- The head's turn is R = Ry(-HeadYaw) Rx(HeadPitch) Rz(-HeadRoll), radians: positive turns the face
  to the person's right, down, and tilts the crown to the person's left. The app takes head and eye
  angles from the same conversion (an Unreal FRotator of ARKit's transform), and the eye roll of real
  takes, ``yaw * pitch``, is what this order and these signs give for an eye without torsion.

The format has no place for head translation and lip offsets, and one angle pair says all our gaze
does: eye roll is written as 0 and not read.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT
from vividlib.errors import MotionError
from vividlib.head.gaze import gaze_of
from vividlib.media.files import atomic_output, open_input
from vividlib.types import Motion

_ANGLES = [
    f"{part}{angle}" for part in ("Head", "LeftEye", "RightEye") for angle in ("Yaw", "Pitch", "Roll")
]  # fmt: skip
_SHAPES = [name[0].upper() + name[1:] for name in ARKIT]
# The app writes the right side of these two pairs first, unlike ARKit's own order.
_SWAPPED = {"JawLeft": "JawRight", "JawRight": "JawLeft", "MouthLeft": "MouthRight", "MouthRight": "MouthLeft"}
HEADER = ["Timecode", "BlendShapeCount", *(_SWAPPED.get(name, name) for name in _SHAPES), *_ANGLES]
_ROW = [(_SHAPES + _ANGLES).index(name) for name in HEADER[2:]]  # a take's order, out of a packet's

_TICKS = 60  # a time code counts sixtieths of a second whatever the frame rate
_DAY = 24 * 60 * 60
_RATES = (24000 / 1001, 24, 25, 30000 / 1001, 30, 48, 50, 60000 / 1001, 60, 100, 120)


def write(motion: Motion, path: str | Path) -> None:
    """Write ``motion`` as a take that starts at time code zero, one row a frame.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    table = frame_values(motion)[:, _ROW]
    with atomic_output(path) as partial, open(partial, "w", encoding="ascii", newline="\n") as file:
        file.write(",".join(HEADER) + "\n")
        for frame, row in enumerate(table):
            values = ",".join(f"{value:.10f}" for value in row)
            file.write(f"{_timecode(frame / motion.rate)},{len(row)},{values}\n")


def frame_values(motion: Motion) -> np.ndarray:
    """The 61 numbers of each frame, as Live Link orders them: ARKit's 52, then yaw, pitch, roll of head and eyes.

    Returns
    -------
    numpy.ndarray
        (T, 61) float64; angles in radians with the signs given above: head, left eye, right eye.
    """
    yaw, pitch, roll = Rotation.from_quat(motion.head_rotation).as_euler("YXZ").T
    left, right = motion.gaze[:, 0], motion.gaze[:, 1]
    still = np.zeros(len(motion))
    angles = [-yaw, pitch, -roll, -left[:, 0], -left[:, 1], still, -right[:, 0], -right[:, 1], still]
    return np.concatenate([motion.blendshapes, np.stack(angles, axis=1)], axis=1).astype(np.float64) + 0.0  # no -0.0


def read(path: str | Path) -> Motion:
    """Read a take by its column names; its frame rate comes from the time codes.

    Frames the camera dropped are filled in between their neighbours, so that the motion stays in
    step with sound; every recorded value is kept as it is.

    Raises
    ------
    MotionError
        If the file is not there, lacks a column, or holds a broken row or time code.
    """
    with open_input(path, MotionError) as file:
        try:
            rows = list(csv.reader(io.TextIOWrapper(file, "utf-8-sig", newline="")))
        except (UnicodeDecodeError, csv.Error) as error:
            raise MotionError(f"{path} is no Live Link Face CSV ({error}); export the take again.") from error
    header = rows[0] if rows else []
    missing = [name for name in HEADER if name not in header and name != "BlendShapeCount"]
    if missing:
        raise MotionError(f"{path} is no Live Link Face CSV: it lacks the column {missing[0]}; export the take again.")
    seconds, table = [], []
    for number, row in enumerate(rows[1:], start=2):
        try:
            cells = dict(zip(header, row, strict=True))
            seconds.append(_seconds(cells["Timecode"]))
            table.append([float(cells[name]) for name in _SHAPES + _ANGLES])
        except ValueError as error:
            raise MotionError(f"{path}, line {number}: {error}; delete the line or export the take again.") from error
    if not table:
        raise MotionError(f"{path} holds no frames; export the take again.")
    rate, index = _frames(np.array(seconds), path)
    table = _fill(index, np.array(table))
    yaw, pitch, roll = table[:, 52:55].T
    gaze = -table[:, [[55, 56], [58, 59]]]
    if not gaze.any():  # many writers fill only the eyeLook shapes
        gaze = gaze_of(table[:, :52])
    return Motion(
        blendshapes=table[:, :52],
        head_rotation=Rotation.from_euler("YXZ", np.stack([-yaw, pitch, -roll], axis=1)).as_quat(),
        gaze=gaze,
        rate=rate,
    )


def _timecode(seconds: float) -> str:
    """``HH:MM:SS:FF.fff``, where FF.fff counts sixtieths of a second."""
    thousandths = round(seconds * _TICKS * 1000) % (_DAY * _TICKS * 1000)
    whole, part = divmod(thousandths, _TICKS * 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}:{part // 1000:02d}.{part % 1000:03d}"


def _seconds(timecode: str) -> float:
    hours, minutes, seconds, ticks = timecode.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + float(ticks) / _TICKS


def _frames(seconds: np.ndarray, path: str | Path) -> tuple[float, np.ndarray]:
    """The frame rate behind a column of times, and the frame number of each row."""
    if len(seconds) == 1:
        return float(_TICKS), np.zeros(1, int)
    steps = np.diff(seconds) % _DAY  # a take may pass midnight
    frame = np.median(steps)
    if not 0 < frame < 1:
        raise MotionError(f"{path}: its time codes do not rise steadily from row to row; export the take again.")
    counts = np.rint(steps / frame).astype(int)
    if counts.min() < 1 or counts.sum() > 10 * len(seconds):
        raise MotionError(f"{path}: its time codes repeat or jump; export the take again.")
    rate = counts.sum() / steps.sum()
    nearest = min(_RATES, key=lambda known: abs(known - rate))
    # Time codes are rounded and phones keep their own time: a known rate that ends within half a frame is meant.
    rate = nearest if abs(nearest - rate) * steps.sum() < 0.5 else rate
    return rate, np.concatenate([[0], np.cumsum(counts)])


def _fill(index: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Rows for every frame number up to the last, linear between those of ``index``."""
    every = np.arange(index[-1] + 1)
    if len(every) == len(table):
        return table
    return np.stack([np.interp(every, index, column) for column in table.T], axis=1)
