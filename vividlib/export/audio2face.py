"""NVIDIA Audio2Face: the JSON of its application and the CSV of its service.

The JSON has ``exportFps``, ``trackPath``, ``numPoses``, ``numFrames``, ``facsNames`` [P] and ``weightMat`` [F][P];
newer versions add joints, whose axes are not written down: they are neither written nor read. The CSV has
``timeCode`` in seconds, then ``blendShapes.EyeBlinkLeft`` and so on. Both hold blendshapes alone.
"""

from __future__ import annotations

import json
from pathlib import Path

from vividlib.conventions import ARKIT
from vividlib.errors import MotionError
from vividlib.export.names import arkit_columns, blendshapes
from vividlib.export.reading import MAX_FRAMES, numbers, read_json
from vividlib.export.table import read as read_table
from vividlib.export.table import write_columns
from vividlib.head.gaze import gaze_of
from vividlib.media.files import atomic_output
from vividlib.types import Motion

_HEADER = ["timeCode", *(f"blendShapes.{name[0].upper()}{name[1:]}" for name in ARKIT)]


def write(motion: Motion, path: str | Path) -> None:
    """Write .json as the application does, or .csv as the service does.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    if Path(path).suffix.lower() == ".csv":
        write_columns(path, _HEADER, motion.rate, motion.blendshapes)
        return
    frames = (f"[{', '.join(map(str, frame))}]" for frame in motion.blendshapes)
    start = {
        "exportFps": motion.rate, "trackPath": "", "numPoses": len(ARKIT), "numFrames": len(motion), "facsNames": ARKIT,
    }  # fmt: skip
    with atomic_output(path) as partial, open(partial, "w", encoding="utf-8") as file:
        file.write(json.dumps(start, indent=4)[:-2] + ',\n    "weightMat": [\n        ')
        file.writelines((",\n        " if number else "") + frame for number, frame in enumerate(frames))
        file.write("\n    ]\n}\n")


def read(path: str | Path) -> Motion:
    """Read either; shapes are found by name.

    Raises
    ------
    MotionError
        If the file is broken, or its poses are not ARKit's.
    """
    if Path(path).suffix.lower() == ".csv":
        return read_table(path)
    content = read_json(path, "Audio2Face JSON")
    if not isinstance(content, dict):
        content = {}
    missing = [key for key in ("exportFps", "facsNames", "weightMat") if key not in content]
    if missing:
        raise MotionError(f"{path} is no Audio2Face JSON: it lacks {missing[0]}; export the blendshapes again.")
    names = content["facsNames"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise MotionError(f"{path}: facsNames is no list of names; export the blendshapes again.")
    if not arkit_columns(names):
        raise MotionError(
            f"{path} holds none of ARKit's shapes; solve for an ARKit mesh in Audio2Face and export again."
        )
    weights = numbers(content["weightMat"], (None, len(names)), path, "weightMat")
    rate = float(numbers(content["exportFps"], (), path, "exportFps"))
    if rate <= 0:
        raise MotionError(f"{path}: exportFps is {rate:g}; correct it to the frames a second.")
    if len(weights) > MAX_FRAMES:
        raise MotionError(f"{path} has {len(weights)} frames, more than {MAX_FRAMES}; cut it into shorter ones.")
    shapes = blendshapes(names, weights)
    return Motion(shapes, gaze=gaze_of(shapes), rate=rate)
