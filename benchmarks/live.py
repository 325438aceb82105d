"""Sixty frames a second for a minute to four programs at once, each a process: ``python -m benchmarks.live``.

The receivers are those of the tests (python-osc's server, a stand-in for VTube Studio, decoders of Live Link and
iFacialMocap). *Late* frames are those that the sender dropped, because a later one was due when it got to run: that is
the machine's load, which is written down. *Lost* are those that were sent and did not arrive; a link with a thread of
its own (VTube Studio) leaves out frames that a newer one has *overtaken*. On a machine that others load, run it with
``chrt -r 10``, which is written down, too. Then every receiver is killed and started again under way. Jitter is how far
the time between two arrivals is from the time between the two frames.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from benchmarks.common import ROOT, write
from vividlib import live
from vividlib.pipeline import speak
from vividlib.types import Motion
from vividlib.weights import asset_path

FPS, SECONDS = 60, 60
RESTART_SECONDS, KILLED_AT, BACK_AT = 12, 4, 6
PROTOCOLS = "livelink", "vmc", "ifacialmocap", "vts"


class Receiver:
    """A receiver of the tests, in a process of its own."""

    def __init__(self, protocol: str, folder: Path, port: int = 0):
        self.protocol, self.folder = protocol, folder
        script = ROOT / "tests" / "live" / "peers" / f"{protocol}.py"
        memory = [str(folder / "memory.json")] if protocol == "vts" else []
        command = [sys.executable, str(script), str(port), *memory]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def open(self) -> live.link.Link:
        if self.protocol == "vts":
            return live.VTubeStudio("127.0.0.1", self.port, self.folder / "token")
        return live.connect(f"{self.protocol}://127.0.0.1:{self.port}")

    def again(self) -> Receiver:
        """Killed, and a while later another at the same place."""
        self.process.kill()
        self.process.wait()
        time.sleep(BACK_AT - KILLED_AT)
        return Receiver(self.protocol, self.folder, self.port)

    def heard(self) -> np.ndarray:
        """When each frame arrived (s), after telling it to end."""
        if self.protocol == "vts":
            from websockets.sync.client import connect

            with connect(f"ws://127.0.0.1:{self.port}", proxy=None) as other:
                head = {"apiName": "VTubeStudioPublicAPI", "apiVersion": "1.0", "requestID": "end"}
                other.send(json.dumps(head | {"messageType": "TestEnd", "data": {}}))
        else:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"end", ("127.0.0.1", self.port))
        return np.array(json.loads(self.process.communicate()[0])["heard"])


class Log(live.link.Link):
    """A link that only notes which frames were sent."""

    def __init__(self):
        super().__init__()
        self.seconds = []

    def _send(self, frame: Motion, seconds: float) -> None:
        self.seconds.append(seconds)

    def close(self) -> None: ...


def perform(motion: Motion, receivers: list[Receiver]) -> tuple[live.Played, np.ndarray, int]:
    """Play to all; what became of the frames, the times of those sent (s), and how many were overtaken."""
    log = Log()
    links = [receiver.open() for receiver in receivers]
    played = live.play(motion, [*links, log], FPS)
    for link in links:
        link.close()
    return played, np.array(log.seconds), sum(getattr(link, "overtaken", 0) for link in links)


def jitter(heard: np.ndarray, seconds: np.ndarray) -> dict:
    """Milliseconds; only where every frame arrived, so that arrivals and frames correspond."""
    if len(heard) != len(seconds):
        return {}
    off = np.abs(np.diff(heard) - np.diff(seconds)) * 1e3
    median, p95, p99 = np.quantile(off, [0.5, 0.95, 0.99]).round(3).tolist()
    return {"jitter_ms": {"median": median, "p95": p95, "p99": p99, "max": round(float(off.max()), 3)}}


def minute(motion: Motion, folder: Path) -> dict:
    receivers = [Receiver(protocol, folder) for protocol in PROTOCOLS]
    before = os.getloadavg()[0]
    played, seconds, overtaken = perform(motion, receivers)
    of_each = {}
    for receiver in receivers:
        heard = receiver.heard()
        missing = {"overtaken": overtaken} if receiver.protocol == "vts" else {}
        missing["lost"] = len(seconds) - len(heard) - sum(missing.values())
        of_each[receiver.protocol] = {"received": len(heard)} | missing | jitter(heard, seconds)
    ahead = hasattr(os, "sched_getscheduler") and os.sched_getscheduler(0) == os.SCHED_RR
    return {
        "fps": FPS, "seconds": SECONDS, "sent": played.sent, "late": played.late, "real_time_scheduling": ahead,
        "load_average": [round(before, 2), round(os.getloadavg()[0], 2)], "receivers": of_each,
    }  # fmt: skip


def restart(motion: Motion, folder: Path) -> dict:
    """Kill every receiver under way; how long until the new ones hear, and how many frames they get."""
    part = motion.at(np.arange(RESTART_SECONDS * motion.rate) / motion.rate)
    receivers = [Receiver(protocol, folder) for protocol in PROTOCOLS]
    again, back = {}, {}

    def replace(receiver: Receiver) -> None:
        again[receiver.protocol] = receiver.again()
        back[receiver.protocol] = time.monotonic()

    timers = [threading.Timer(KILLED_AT, replace, [receiver]) for receiver in receivers]
    for timer in timers:
        timer.start()
    played, _, _ = perform(part, receivers)
    for timer in timers:
        timer.join()
    of_each = {}
    for protocol in PROTOCOLS:
        heard = again[protocol].heard()
        wait = round(float(heard[0] - back[protocol]), 3) if len(heard) else None
        of_each[protocol] = {"received_after": len(heard), "first_after_s": wait}
    return {"seconds": RESTART_SECONDS, "killed_at_s": KILLED_AT, "sent": played.sent, "receivers": of_each}


def main() -> None:
    spoken = speak(asset_path("speech.wav"))
    motion = spoken.at(np.arange(SECONDS * spoken.rate) / spoken.rate % spoken.duration)
    with tempfile.TemporaryDirectory() as folder:
        write("live", {"minute": minute(motion, Path(folder)), "restart": restart(motion, Path(folder))})


if __name__ == "__main__":
    main()
