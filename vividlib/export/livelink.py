"""Live Link Face CSV: what the iPhone app records and Unreal, Blender and Maya importers read.

Columns, order, time code and number format are those of real takes. Signs, in the words of
`vividlib.conventions`:

- ``EyeYaw`` is minus our yaw (positive towards the person's right) and ``EyePitch`` minus our pitch
  (positive downwards), radians. Seen in real takes, where they follow the eyeLook shapes with a
  correlation of 0.999.
- The head's turn is R = Ry(-HeadYaw) Rx(HeadPitch) Rz(-HeadRoll), radians: positive turns the face
  to the person's right, down, and tilts the crown to the person's left. The app takes head and eye
  angles from the same conversion (an Unreal FRotator of ARKit's transform).
- ``EyeRoll`` is what that conversion gives for an eye that turns about its own axes and has no torsion:
  tan(roll) = sin(yaw) tan(pitch). Real takes have just this roll (to 1e-7), so it is written, and not read.

The format has no place for head translation and lip offsets.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT
from vividlib.export.reading import read_table
from vividlib.export.timing import fill, frames_at
from vividlib.head.gaze import gaze_of
from vividlib.media.files import atomic_output
from vividlib.types import Motion

_ANGLES = [
    f"{part}{angle}" for part in ("Head", "LeftEye", "RightEye") for angle in ("Yaw", "Pitch", "Roll")
]  # fmt: skip
_SHAPES = [name[0].upper() + name[1:] for name in ARKIT]
# The app writes the right side of these two pairs first, unlike ARKit's own order.
_SWAPPED = {"JawLeft": "JawRight", "JawRight": "JawLeft", "MouthLeft": "MouthRight", "MouthRight": "MouthLeft"}
HEADER = ["Timecode", "BlendShapeCount", *(_SWAPPED.get(name, name) for name in _SHAPES), *_ANGLES]
_ROW = [(_SHAPES + _ANGLES).index(name) for name in HEADER[2:]]  # a take's order, out of a packet's

_READ = ["Timecode", *_SHAPES, *_ANGLES]

_TICKS = 60  # a time code counts sixtieths of a second whatever the frame rate
_DAY = 24 * 60 * 60


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
    angles = [-yaw, pitch, -roll]
    for eye_yaw, eye_pitch in -motion.gaze.transpose(1, 2, 0).astype(np.float64):
        angles += [eye_yaw, eye_pitch, np.arctan(np.sin(eye_yaw) * np.tan(eye_pitch))]
    return np.concatenate([motion.blendshapes, np.stack(angles, axis=1)], axis=1) + 0.0  # no -0.0


def read(path: str | Path) -> Motion:
    """Read a take by its column names; its frame rate comes from the time codes.

    Frames the camera dropped are filled in between their neighbours, so that the motion stays in
    step with sound; every recorded value is kept as it is.

    Raises
    ------
    MotionError
        If the file is not there, lacks a column, or holds a broken row or time code.
    """
    seconds, *values = read_table(path, "Live Link Face CSV", lambda header: _READ, _seconds).values()
    rate, index = frames_at(np.unwrap(seconds, period=_DAY), path, lone=_TICKS)  # a take may pass midnight
    table = fill(index, np.stack(values, axis=1))
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
