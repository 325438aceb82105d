"""Azure speech service: its blendshape chunks and its viseme events.

Blendshapes: 60 frames a second, chunks ``{"FrameIndex": n, "BlendShapes": [[55 numbers], ...]}``: ARKit's 52 in
their order, then the rolls of head and eyes, whose unit is not written down: they are written 0 and not read.
Visemes: a list of ``{"audioOffset": ticks, "visemeId": 0 to 21}``, as its events call them; a tick is 100 ns.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from vividlib.conventions import ARKIT
from vividlib.errors import MotionError
from vividlib.export.cues import Cue, cues_of, motion_of
from vividlib.export.reading import MAX_FRAMES, numbers, read_json
from vividlib.head.gaze import gaze_of
from vividlib.head.visemes import mixture
from vividlib.media.files import atomic_output
from vividlib.types import Motion

_RATE = 60
_ROLLS = 3
_TICKS = 10_000_000  # a second
_HOLD = 0.2  # seconds that the last viseme is shown, since events say only when one begins

_VISEMES = [
    {}, {"aa": 0.5, "E": 0.5}, {"aa": 1}, {"oh": 0.6, "aa": 0.4}, {"E": 0.7, "ou": 0.3}, {"RR": 1}, {"ih": 1},
    {"ou": 1}, {"oh": 1}, {"aa": 0.5, "ou": 0.5}, {"oh": 0.6, "ih": 0.4}, {"aa": 0.6, "ih": 0.4}, {"E": 0.3},
    {"RR": 0.7, "ou": 0.3}, {"nn": 1}, {"SS": 1}, {"CH": 1}, {"TH": 1}, {"FF": 1}, {"DD": 1}, {"kk": 1}, {"PP": 1},
]  # fmt: skip
_SHAPES = {str(number): mixture(weights) for number, weights in enumerate(_VISEMES)}


def write_blendshapes(motion: Motion, path: str | Path) -> None:
    """Write one chunk of all frames, at 60 a second.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    frames = motion.resample(_RATE).blendshapes
    with atomic_output(path) as partial, open(partial, "w", encoding="utf-8") as file:
        file.write('{"FrameIndex":0,"BlendShapes":[')
        file.writelines(
            ("," if number else "") + f"[{','.join(map(str, frame))},0,0,0]" for number, frame in enumerate(frames)
        )
        file.write("]}\n")


def read_blendshapes(path: str | Path) -> Motion:
    """Read a chunk, a list of chunks, or one chunk a line; missing frames are held from the one before.

    Raises
    ------
    MotionError
        If it is broken, or rows have other than 55 numbers.
    """
    content = read_json(path, "Azure blendshape JSON")
    chunks = content if isinstance(content, list) else [content]
    if not all(isinstance(chunk, dict) and {"FrameIndex", "BlendShapes"} <= chunk.keys() for chunk in chunks):
        raise MotionError(
            f"{path} is no Azure blendshape JSON: a chunk lacks FrameIndex or BlendShapes; export it again."
        )
    frames = np.concatenate(
        [numbers(chunk["BlendShapes"], (None, len(ARKIT) + _ROLLS), path, "BlendShapes") for chunk in chunks]
        or [np.zeros((0, len(ARKIT) + _ROLLS))]
    )
    starts = numbers([chunk["FrameIndex"] for chunk in chunks], (len(chunks),), path, "FrameIndex")
    index = np.concatenate(
        [start + np.arange(len(chunk["BlendShapes"])) for start, chunk in zip(starts, chunks)] or [[]]
    )
    if not len(frames):
        raise MotionError(f"{path} holds no frames; export it again.")
    if index[0] < 0 or (np.diff(index) < 1).any() or index[-1] >= min(MAX_FRAMES, 100 * len(index) + 100):
        raise MotionError(f"{path}: FrameIndex does not rise steadily; put the chunks in order.")
    shapes = frames[np.maximum(np.searchsorted(index, np.arange(index[-1] + 1), "right") - 1, 0), : len(ARKIT)]
    return Motion(shapes, gaze=gaze_of(shapes), rate=_RATE)


def write_visemes(motion: Motion, path: str | Path) -> None:
    """Write the visemes that look most like the motion, and when each begins. Raises as `write_blendshapes`."""
    events = [
        {"audioOffset": round(cue.start * _TICKS), "visemeId": int(cue.shape)} for cue in cues_of(motion, _SHAPES)
    ]
    events.append({"audioOffset": round(motion.duration * _TICKS), "visemeId": 0})
    with atomic_output(path) as partial:
        partial.write_text(json.dumps(events, indent=1) + "\n", "utf-8")


def read_visemes(path: str | Path) -> Motion:
    """Read a list of events, or one event a line, in the spelling of any of the service's languages.

    Raises
    ------
    MotionError
        If it is broken, or an identity is not 0 to 21.
    """
    content = read_json(path, "Azure viseme JSON")
    events = content if isinstance(content, list) else [content]
    if not all(isinstance(event, dict) for event in events):
        raise MotionError(f"{path} is no Azure viseme JSON: it is no list of events; export it again.")
    events = [{key.lower().replace("_", ""): value for key, value in event.items()} for event in events]
    if not all({"audiooffset", "visemeid"} <= event.keys() for event in events):
        raise MotionError(f"{path} is no Azure viseme JSON: an event lacks audioOffset or visemeId; export it again.")
    times = numbers([event["audiooffset"] for event in events], (len(events),), path, "audioOffset") / _TICKS
    ends = np.append(times[1:], times[-1:] + _HOLD * (events[-1]["visemeid"] != 0 if events else 0))
    return motion_of(
        [Cue(start, end, str(event["visemeid"])) for start, end, event in zip(times, ends, events)], _SHAPES, path
    )
