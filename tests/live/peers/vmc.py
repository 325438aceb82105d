"""A marionette of the VMC protocol on python-osc's server: prints its port, then all frames and when they came as JSON.

A frame is what was told before each /VMC/Ext/Blend/Apply. A datagram ``end`` ends it.
"""

import json
import sys
import time

from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer

frames, heard, now, sizes = [], [], {"clips": {}, "bones": {}}, []


def ok(address, loaded):
    now["ok"] = loaded


def seconds(address, value):
    now["seconds"] = value


def bone(address, name, *numbers):
    now["bones"][name] = numbers


def clip(address, name, value):
    now["clips"][name] = value


def apply(address):
    heard.append(time.monotonic())
    frames.append(json.loads(json.dumps(now)))
    now["clips"].clear()


class Server(BlockingOSCUDPServer):
    def verify_request(self, request, client_address):
        if request[0] == b"end":
            print(json.dumps({"frames": frames, "heard": heard, "largest": max(sizes, default=0)}))
            raise SystemExit
        sizes.append(len(request[0]))
        return super().verify_request(request, client_address)


if __name__ == "__main__":
    dispatcher = Dispatcher()
    for address, handler in {
        "/VMC/Ext/OK": ok, "/VMC/Ext/T": seconds, "/VMC/Ext/Bone/Pos": bone, "/VMC/Ext/Blend/Val": clip,
        "/VMC/Ext/Blend/Apply": apply,
    }.items():  # fmt: skip
        dispatcher.map(address, handler)
    server = Server(("127.0.0.1", int(sys.argv[1])), dispatcher)
    print(server.server_address[1], flush=True)
    server.serve_forever()
