"""Biovision BVH: the head and the eyes as joints, for tools that animate bones.

Offsets and positions are centimetres; angles are degrees, each joint R = Rz Rx Ry in the order of its channels.
Shapes have no place here. Any BVH with a joint named after the head is read: turns of its parents are carried up
to it; its position is read where it is the root.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
from scipy.spatial.transform import Rotation

from vividlib.errors import MotionError
from vividlib.export.names import plain
from vividlib.export.reading import finite, open_text
from vividlib.export.timing import known_rate
from vividlib.head import model
from vividlib.head.gaze import eye_shapes
from vividlib.media.files import atomic_output
from vividlib.types import Motion

_CENTIMETRES = 100
_MOST_WORDS = 100_000  # of a hierarchy; a person with fingers has 2 000
_TURNS = "Zrotation Xrotation Yrotation"


def write(motion: Motion, path: str | Path) -> None:
    """Write joints Head, LeftEye and RightEye of the default head.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    turns = [Rotation.from_quat(motion.head_rotation)]
    turns += [Rotation.from_matrix(model.gaze_rotation(motion.gaze[:, eye])) for eye in (0, 1)]
    angles = [turn.as_euler("ZXY", degrees=True) for turn in turns]
    place = motion.head_translation.astype(np.float64) * _CENTIMETRES
    table = np.concatenate([place, *angles], axis=1) + 0.0  # no -0.0
    with atomic_output(path) as partial, open(partial, "w", encoding="ascii", newline="\n") as file:
        file.write(f"{_hierarchy()}MOTION\nFrames: {len(motion)}\nFrame Time: {1 / motion.rate:.10f}\n")
        file.writelines(" ".join(f"{value:.7f}" for value in row) + "\n" for row in table)


def _hierarchy() -> str:
    head = model.load()
    lines = ["HIERARCHY", "ROOT Head", "{", "\tOFFSET 0 0 0"]
    lines += [f"\tCHANNELS 6 Xposition Yposition Zposition {_TURNS}"]
    for side in ("left", "right"):
        x, y, z = model.joint(head, head.template, f"eye_{side}") * _CENTIMETRES
        lines += [f"\tJOINT {side.title()}Eye", "\t{", f"\t\tOFFSET {x:.6f} {y:.6f} {z:.6f}"]
        lines += [f"\t\tCHANNELS 3 {_TURNS}", "\t\tEnd Site", "\t\t{", "\t\t\tOFFSET 0 0 2", "\t\t}", "\t}"]
    top = head.template[:, 1].max() * _CENTIMETRES
    lines += ["\tEnd Site", "\t{", f"\t\tOFFSET 0 {top:.6f} 0", "\t}", "}"]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class _Joint:
    name: str
    parent: int | None  # in the list of joints
    channels: list[str]
    first: int  # column of its first channel


def read(path: str | Path) -> Motion:
    """Read the head's turns, and the eyes' where they are joints.

    Raises
    ------
    MotionError
        If it is broken, or has no joint named after a head.
    """
    try:
        with open_text(path) as text:
            joints = _joints(_hierarchy_of(text))
            frames, step, values = _motion_of(text)
    except UnicodeDecodeError:
        raise
    except (ValueError, IndexError, OverflowError) as error:
        raise MotionError(f"{path} is no BVH ({error}); export it again.") from error
    width = sum(len(joint.channels) for joint in joints)
    if frames < 1 or not 0 < step < np.inf or values.size != frames * width:
        raise MotionError(
            f"{path} has {values.size} numbers; {frames} frames of {width} channels need {frames * width}. Export it again."
        )
    table = finite(values.reshape(frames, width), path, "the motion")
    named = {plain(joint.name): number for number, joint in reversed(list(enumerate(joints)))}
    head = next((number for name, number in named.items() if name == "head"), None)
    if head is None:
        head = next((number for name, number in named.items() if name.endswith("head")), None)
    if head is None:
        raise MotionError(f"{path} has no joint called Head; rename the one that turns the head.")
    turn = _turn(joints[head], table)
    parent = joints[head].parent
    while parent is not None:
        turn = _turn(joints[parent], table) * turn
        parent = joints[parent].parent
    eyes = [named.get("lefteye", named.get("eyeleft")), named.get("righteye", named.get("eyeright"))]
    gaze = np.zeros((frames, 2, 2))
    for eye, number in enumerate(eyes):
        if number is not None:
            gaze[:, eye] = _turn(joints[number], table).as_euler("YXZ")[:, :2] * [1, -1]
    return Motion(
        eye_shapes(gaze), turn.as_quat(), _position(joints[head], table), gaze, rate=known_rate(1 / step, frames * step)
    )


def _hierarchy_of(text: TextIO) -> list[str]:
    """The words of a file up to its motion."""
    words = []
    for line in text:
        if line.strip() == "MOTION":
            return words
        words += line.split()
        if len(words) > _MOST_WORDS:
            break
    raise ValueError("it has no line MOTION")


def _motion_of(text: TextIO) -> tuple[int, float, np.ndarray]:
    """Frames, seconds of each, and all numbers of the part that follows."""
    head = {}
    for line in text:
        key, _, value = line.partition(":")
        head[key.strip()] = value
        if "Frame Time" in head:
            break
    values = array("d")
    for line in text:
        values.extend(map(float, line.split()))
    if not {"Frames", "Frame Time"} <= head.keys():
        raise ValueError("it does not say Frames and Frame Time")
    return int(head["Frames"]), float(head["Frame Time"]), np.array(values)


def _joints(words: list[str]) -> list[_Joint]:
    joints, open_joints, column = [], [], 0
    for place, word in enumerate(words):
        if word in ("ROOT", "JOINT"):
            name = " ".join(words[place + 1 : words.index("{", place)])
            parent = next((number for number in reversed(open_joints) if number is not None), None)
            joints.append(_Joint(name, parent, [], column))
        elif word == "{":
            ends = "Site" in words[max(place - 2, 0) : place]
            open_joints.append(None if ends else len(joints) - 1)
        elif word == "}":
            open_joints.pop()
        elif word == "CHANNELS":
            count = int(words[place + 1])
            channels = words[place + 2 : place + 2 + count]
            if len(channels) != count or any(re.fullmatch("[XYZ](position|rotation)", c) is None for c in channels):
                raise ValueError(f"the channels of {joints[-1].name} are broken")
            joints[-1].channels.extend(channels)
            column += count
    return joints


def _turn(joint: _Joint, table: np.ndarray) -> Rotation:
    turn = Rotation.identity(len(table))
    for place, channel in enumerate(joint.channels, start=joint.first):
        if channel.endswith("rotation"):
            turn = turn * Rotation.from_euler(channel[0], table[:, [place]], degrees=True)
    return turn


def _position(joint: _Joint, table: np.ndarray) -> np.ndarray | None:
    """Metres (T, 3), where a root has positions; those of other joints are lengths of bones."""
    places = [joint.channels.index(f"{axis}position") for axis in "XYZ" if f"{axis}position" in joint.channels]
    if joint.parent is not None or len(places) != 3:
        return None
    return table[:, [joint.first + place for place in places]] / _CENTIMETRES
