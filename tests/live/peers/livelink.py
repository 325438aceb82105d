"""A receiver of Live Link Face packets, written from the byte layout alone: prints its port, then all frames and when they came as JSON.

A datagram ``end`` ends it.
"""

import json
import socket
import struct
import sys
import time

NAMES = [
    "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft",
    "eyeLookOutLeft", "eyeLookUpLeft", "eyeSquintLeft", "eyeWideLeft",
    "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight",
    "eyeLookOutRight", "eyeLookUpRight", "eyeSquintRight", "eyeWideRight",
    "jawForward", "jawLeft", "jawRight", "jawOpen",
    "mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight",
    "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight", "mouthDimpleLeft", "mouthDimpleRight",
    "mouthStretchLeft", "mouthStretchRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft",
    "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "browDownLeft", "browDownRight", "browInnerUp",
    "browOuterUpLeft", "browOuterUpRight", "cheekPuff", "cheekSquintLeft",
    "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut",
    "HeadYaw", "HeadPitch", "HeadRoll", "LeftEyeYaw",
    "LeftEyePitch", "LeftEyeRoll", "RightEyeYaw", "RightEyePitch", "RightEyeRoll",
]  # fmt: skip


def decode(packet):
    place = 0

    def take(layout):
        nonlocal place
        values = struct.unpack_from(">" + layout, packet, place)
        place += struct.calcsize(">" + layout)
        return values if len(values) > 1 else values[0]

    version = take("B")
    assert version == 6, version
    device = take(f"{take('i')}s").decode("utf-8")
    subject = take(f"{take('i')}s").decode("utf-8")
    number, part = take("if")
    rate = take("ii")
    count = take("B")
    assert count == 61, count
    values = take("61f")
    assert place == len(packet), "bytes are left over"
    return {
        "device": device, "subject": subject, "frame": number, "part": part, "rate": rate,
        "values": dict(zip(NAMES, values, strict=True)),
    }  # fmt: skip


if __name__ == "__main__":
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    receiver.bind(("127.0.0.1", int(sys.argv[1])))
    print(receiver.getsockname()[1], flush=True)
    frames, heard = [], []
    while (data := receiver.recv(65_536)) != b"end":
        heard.append(time.monotonic())
        frames.append(decode(data))
    print(json.dumps({"frames": frames, "heard": heard}))
