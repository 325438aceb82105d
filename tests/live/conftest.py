"""Receivers of live protocols, each a process of its own."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

PEERS = Path(__file__).parent / "peers"


class Peer:
    """A receiver in another process; ``port`` is where it listens."""

    def __init__(self, protocol: str, port: int = 0, *arguments: str):
        command = [sys.executable, str(PEERS / f"{protocol}.py"), str(port), *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def report(self) -> dict:
        """What it received, after telling it to end."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"end", ("127.0.0.1", self.port))
        return json.loads(self.process.communicate(timeout=60)[0])

    def frames(self) -> list[dict]:
        """The frames of its report."""
        return self.report()["frames"]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def peer():
    """``peer(protocol, port=0, *arguments)`` starts one; those left over are killed."""
    started = []

    def start(*arguments) -> Peer:
        started.append(Peer(*arguments))
        return started[-1]

    yield start
    for one in started:
        one.kill()
