"""A receiver of iFacialMocap's text: prints its port, then all frames and when they came as JSON. A datagram ``end`` ends it."""

import json
import socket
import sys
import time


def parse(text):
    shapes, _, bones = text.partition("=")
    values = {}
    for part in shapes.strip("|").split("|"):
        name, _, value = part.rpartition("-")
        values[name] = int(value)
    for part in bones.strip("|").split("|"):
        name, _, numbers = part.partition("#")
        values[name] = [float(number) for number in numbers.split(",")]
    return values


if __name__ == "__main__":
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", int(sys.argv[1])))
    print(receiver.getsockname()[1], flush=True)
    frames, heard = [], []
    while (data := receiver.recv(65_536)) != b"end":
        heard.append(time.monotonic())
        frames.append(parse(data.decode("ascii")))
    print(json.dumps({"frames": frames, "heard": heard}))
