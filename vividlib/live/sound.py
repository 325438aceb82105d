"""Sound in and out while it happens: raw samples from a pipe, a microphone, a loudspeaker that tells the time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from types import ModuleType
from typing import BinaryIO

import numpy as np

from vividlib.conventions import MOTION_RATE, SAMPLE_RATE
from vividlib.errors import AudioError, BackendError
from vividlib.live.pacing import BEFORE

CHUNK = SAMPLE_RATE // MOTION_RATE
"""Samples taken at a time: one frame of motion, 20 ms."""
_QUEUED = 1.0  # seconds of sound that wait for the loudspeaker at most


def pcm(file: BinaryIO) -> Iterator[np.ndarray]:
    """Chunks (N,) float32 of a stream of 16 kHz, mono, signed 16-bit little-endian samples."""
    half = b""  # a pipe may be cut between the bytes of a sample
    while data := file.read(2 * CHUNK - len(half)):
        data = half + data
        half = data[len(data) // 2 * 2 :]
        yield np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32) / 32768


def microphone() -> Iterator[np.ndarray]:
    """Chunks (CHUNK,) float32 from the default microphone, for as long as they are asked for.

    Raises
    ------
    BackendError
        If sounddevice or PortAudio is missing.
    AudioError
        If there is no microphone, or it stops.
    """
    device = sound_device()
    try:
        with device.InputStream(SAMPLE_RATE, CHUNK, channels=1, dtype="float32") as stream:
            while True:
                yield stream.read(CHUNK)[0][:, 0].copy()
    except device.PortAudioError as error:
        raise AudioError(f"The microphone does not work ({error}); choose another in the system's settings.") from error


class Playout:
    """Sound between who makes it and who hears it: written by one thread, taken by the sound card's.

    `position` is the clock of what is shown with the sound: seconds of it that have been heard. Where sound is
    missing there is silence, and the position waits.

    Attributes
    ----------
    ended : whether nothing more will be written
    """

    def __init__(self, rate: int, channels: int):
        self.rate, self.channels = rate, channels
        self._blocks, self._queued, self._taken = deque(), 0, 0  # in samples
        self._last = None  # when sample self._taken is or was heard
        self.ended = False
        self._change = threading.Condition()

    def write(self, block: np.ndarray) -> None:
        """Add sound (N, channels) float32; waits while a second is queued already. After the end it is left out."""
        with self._change:
            self._change.wait_for(lambda: self.ended or self._queued < _QUEUED * self.rate)
            if len(block) and not self.ended:
                self._blocks.append(block)
                self._queued += len(block)

    def end(self) -> None:
        """Nothing more will be written; from here on the position goes on with the clock."""
        with self._change:
            self.ended = True
            self._change.notify_all()

    def take(self, out: np.ndarray, heard: float) -> None:
        """Fill ``out`` (N, channels), whose first sample will be heard at ``heard`` seconds of the card's clock."""
        with self._change:
            count = 0
            while self._blocks and count < len(out):
                part = self._blocks[0][: len(out) - count]
                out[count : count + len(part)] = part
                count += len(part)
                self._blocks[0] = self._blocks[0][len(part) :]
                if not len(self._blocks[0]):
                    self._blocks.popleft()
            out[count:] = 0
            self._queued -= count
            self._taken += count
            if count:
                self._last = heard + count / self.rate
            self._change.notify_all()

    def position(self, now: float) -> float:
        """Seconds of the sound that have been heard at ``now`` seconds of the card's clock."""
        with self._change:
            if self._last is None:
                return BEFORE
            heard = self._taken / self.rate + now - self._last
            return heard if self.ended and not self._queued else min(heard, self._taken / self.rate)


class Loudspeaker(Playout):
    """The default loudspeaker; called, it gives the position. Use it in a ``with`` block.

    Raises
    ------
    BackendError
        If sounddevice or PortAudio is missing.
    AudioError
        If there is no loudspeaker.
    """

    def __init__(self, rate: int, channels: int):
        super().__init__(rate, channels)
        device = sound_device()
        try:
            self._stream = device.OutputStream(rate, channels=channels, dtype="float32", callback=self._fill)
            self._stream.start()
        except device.PortAudioError as error:
            raise AudioError(
                f"No loudspeaker works ({error}); leave out --play or choose one in the system."
            ) from error

    def __call__(self) -> float:
        return self.position(self._stream.time)

    def _fill(self, out: np.ndarray, frames: int, time, status) -> None:
        # Some drivers do not say when a block will be heard.
        self.take(out, time.outputBufferDacTime or self._stream.time + self._stream.latency)

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self.end()
        self._stream.close()


def sound_device() -> ModuleType:
    """The module sounddevice.

    Raises
    ------
    BackendError
        If it or its PortAudio library is missing.
    """
    try:
        import sounddevice
    except ImportError as error:
        raise BackendError('Microphone and loudspeaker need sounddevice: pip install "vividlib[live]".') from error
    except OSError as error:
        raise BackendError(
            "sounddevice finds no PortAudio; install it (Debian and Ubuntu: apt install libportaudio2)."
        ) from error
    return sounddevice
