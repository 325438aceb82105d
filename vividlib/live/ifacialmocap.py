"""iFacialMocap: the text datagrams of the iPhone app, which VSeeFace, Warudo, Blender and others read.

``mouthSmile_R-0|...|=head#rx,ry,rz,px,py,pz|rightEye#rx,ry,rz|leftEye#rx,ry,rz|``: blendshapes as whole numbers
from 0 to 100 with ``_L`` and ``_R`` for the sides, angles in degrees, positions in metres, in the axes of ARKit's
face, which are ours: x turns down, y to the person's left, z the crown to the person's right. Seen in recorded
packets, where the eyes' x and y have the signs of the eyeLook shapes beside them and their z is ``x * y``, as in Live
Link Face takes. A turn is Ry(ry) Rx(rx) Rz(rz), as it is there.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from vividlib.conventions import ARKIT
from vividlib.export.livelink import frame_values
from vividlib.live.link import UdpLink
from vividlib.types import Motion

PORT = 49983
_DIRECTIONS = ("jawLeft", "jawRight", "mouthLeft", "mouthRight")  # whole names: the one mouth moves to a side


def _short(name: str) -> str:
    if name in _DIRECTIONS:
        return name
    return name.replace("Left", "_L").replace("Right", "_R")


NAMES = [_short(name) for name in ARKIT]
"""The 52 names as the app writes them, in ARKit's order."""


class IFacialMocap(UdpLink):
    """A stand-in for the iFacialMocap app.

    Parameters
    ----------
    host, port
        Where the receiving program runs and listens.

    Raises
    ------
    OutputError
        If the host has no address.
    """

    def __init__(self, host: str = "localhost", port: int = PORT):
        super().__init__(host, port)

    def _datagrams(self, frame: Motion, seconds: float) -> list[bytes]:
        return [text(frame).encode("ascii")]


def text(frame: Motion) -> str:
    """One frame as the app's text, version 1."""
    percent = np.rint(np.clip(frame.blendshapes[0], 0, 1) * 100).astype(int)
    yaw_pitch_roll = np.degrees(frame_values(frame)[0, 52:]).reshape(3, 3) * [-1, 1, -1]
    head, left, right = yaw_pitch_roll[:, [1, 0, 2]]
    shapes = "".join(f"{name}-{value}|" for name, value in zip(NAMES, percent))
    head = _numbers([*head, *frame.head_translation[0]])
    return f"{shapes}=head#{head}|rightEye#{_numbers(right)}|leftEye#{_numbers(left)}|"


def _numbers(values: Iterable[float]) -> str:
    return ",".join(f"{value + 0.0:.6f}" for value in values)
