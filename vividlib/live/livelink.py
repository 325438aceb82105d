"""Live Link Face: the packets of Epic's iPhone app, which Unreal Engine takes for MetaHumans and other rigs.

Version 6 of the packet, big-endian: u8 version; i32 length and UTF-8 device id; the same of the subject's name;
frame time as i32 frame, f32 part of a frame, i32 numerator and i32 denominator of the rate; u8 count (61) and
that many f32: ARKit's 52, then yaw, pitch and roll of head, left eye and right eye.
"""

from __future__ import annotations

import math
import struct
import uuid

from vividlib.errors import OutputError
from vividlib.export.livelink import frame_values
from vividlib.live.link import UdpLink
from vividlib.types import Motion

PORT = 11111
_VERSION = 6
_RATE = 60  # frame times count sixtieths of a second, at any rate of sending
_WRAP = 24 * 60 * 60 * _RATE  # a time code passes midnight
_LONGEST = 255  # bytes of a name


class LiveLink(UdpLink):
    """A Live Link Face source.

    Parameters
    ----------
    host, port
        Where the engine runs, and the port of its Live Link Face source.
    subject
        The name under which Live Link lists the face.

    Raises
    ------
    OutputError
        If the host has no address, or the subject no name that fits.
    """

    def __init__(self, host: str = "localhost", port: int = PORT, subject: str = "vividlib"):
        if not 0 < len(subject.encode()) <= _LONGEST:
            raise OutputError(f"A Live Link subject has a name of 1 to {_LONGEST} bytes; choose another.")
        super().__init__(host, port)
        self._device, self._subject = str(uuid.uuid4()).upper(), subject

    def _datagrams(self, frame: Motion, seconds: float) -> list[bytes]:
        return [packet(frame, seconds, self._device, self._subject)]


def packet(frame: Motion, seconds: float, device: str, subject: str) -> bytes:
    """One frame as a Live Link Face packet; ``seconds`` becomes its time code."""
    part, whole = math.modf(round(seconds * _RATE, 6) % _WRAP)  # 123 / 60 s is frame 123, not 122.99999
    values = frame_values(frame)[0]
    names = b"".join(struct.pack(f">i{len(name)}s", len(name), name) for name in (device.encode(), subject.encode()))
    time = struct.pack(">ifii", int(whole), part, _RATE, 1)
    return struct.pack(">B", _VERSION) + names + time + struct.pack(f">B{len(values)}f", len(values), *values)
