"""What all live connections share: frames in, datagrams out, nothing queued."""

from __future__ import annotations

import socket
import time
from abc import ABC, abstractmethod

from vividlib.errors import MotionError, OutputError
from vividlib.export.mixtures import fold_lips
from vividlib.types import Motion


class Link(ABC):
    """An open connection to a program that shows a face; use it in a ``with`` block, or `close` it."""

    def __init__(self):
        self._opened = time.monotonic()

    def send(self, frame: Motion, seconds: float | None = None) -> None:
        """Show a frame now. Lip offsets are folded into the blendshapes.

        Parameters
        ----------
        frame
            A motion of one frame, such as ``motion.at([seconds])``.
        seconds
            Its time stamp, for protocols that have one; None: since the connection was opened.

        Raises
        ------
        MotionError
            If there is not exactly one frame.
        OutputError
            If the receiver refuses for good. One that is away for a while loses frames, which is no error.
        """
        if len(frame) != 1:
            raise MotionError(f"{len(frame)} frames at once; send one at a time: motion.at([seconds]).")
        self._send(fold_lips(frame), time.monotonic() - self._opened if seconds is None else seconds)

    @abstractmethod
    def _send(self, frame: Motion, seconds: float) -> None: ...

    @abstractmethod
    def close(self) -> None:
        """End the connection."""

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self.close()


class UdpLink(Link):
    """A link that sends each frame as datagrams.

    Raises
    ------
    OutputError
        If the host has no address.
    """

    def __init__(self, host: str, port: int):
        super().__init__()
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError, OverflowError) as error:
            raise OutputError(f"{host}:{port} is no address of a receiver ({error}); check host and port.") from error
        # Receivers listen on IPv4; "localhost" may name IPv6 first.
        family, _, _, _, self._address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def _send(self, frame: Motion, seconds: float) -> None:
        for datagram in self._datagrams(frame, seconds):
            try:
                self._socket.sendto(datagram, self._address)
            except OSError:  # the network blinks or is full: this frame is lost, the next may not be
                return

    @abstractmethod
    def _datagrams(self, frame: Motion, seconds: float) -> list[bytes]: ...

    def close(self) -> None:
        self._socket.close()
