"""Sound in: any container, rate and channel count, read block by block so that only the result takes memory.

Time zero is the first frame of the video, where the file has one, so that sound and frames of the
same file agree even if they do not start together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import av
import numpy as np
import soxr

from vividlib.conventions import SAMPLE_RATE
from vividlib.errors import AudioError
from vividlib.media import containers
from vividlib.media.containers import DECODE_ERRORS
from vividlib.media.files import Source, open_input, source_name
from vividlib.types import Speech

SHORTEST = 0.2
"""Seconds of sound that speech needs."""

SILENCE = 1e-3
"""Peak (-60 dBFS) below which a recording holds no voice: a muted or unplugged microphone."""

_RATES = range(2_000, 768_001)  # Hz that are believed; anything else is a damaged header
_VIDEO_RATES = (44_100, 48_000)  # Hz that every player takes; other sound is resampled to the last
_LONGEST_LEAD = 60  # seconds between the starts of sound and video that are believed
_BLOCK = 65_536  # samples handled at a time where the source does not come in blocks


class Sound(NamedTuple):
    """Sound on its way into a video: close ``blocks`` when done before its end."""

    rate: int  # Hz
    channels: int  # 1 or 2
    blocks: Iterator[np.ndarray]  # N C float32


def load_speech(source: Source | np.ndarray | Speech, rate: int | None = None) -> Speech:
    """Read a voice as 16 kHz mono.

    Channels are averaged; sound that exceeds full scale is turned down to it.

    Parameters
    ----------
    source
        A path, bytes or binary file object of anything FFmpeg reads, videos included;
        or an array of samples (N or N C; integers count as full scale); or a `Speech`, which is
        returned as it is.
    rate
        Samples a second (Hz) of an array; files know their own.

    Raises
    ------
    AudioError
        If the sound is missing, unreadable, damaged, shorter than 0.2 s, silent or holds NaN.
    """
    if isinstance(source, Speech):
        return source
    mono = ((rate, block.mean(1, keepdims=True)) for rate, block in _blocks(source, rate))
    # A bytearray grows in place: the pieces are never held twice.
    buffer = bytearray()
    for block in _resampled(mono, SAMPLE_RATE):
        buffer += block.tobytes()
    samples = np.frombuffer(buffer, np.float32)
    _check_speech(samples, "The array" if isinstance(source, np.ndarray) else source_name(source))
    peak = np.abs(samples).max()
    if peak > 1:
        samples /= peak
    return Speech(samples)


def open_sound(source: Source | Speech) -> Sound:
    """Sound as it should go into a video: mono or stereo as it was, 44.1 or 48 kHz.

    More than two channels are mixed to one, other rates are resampled to 48 kHz.

    Raises
    ------
    AudioError
        If the sound is missing, unreadable or empty; while reading also if it is damaged or holds NaN.
    """
    blocks = _blocks(source, SAMPLE_RATE) if isinstance(source, Speech) else _blocks(source, None)
    first = next(blocks, None)
    if first is None:
        raise AudioError(f"{source_name(source)} holds no sound; choose another file.")
    source_rate, block = first
    rate = source_rate if source_rate in _VIDEO_RATES else _VIDEO_RATES[-1]
    channels = block.shape[1] if block.shape[1] <= 2 else 1

    def rest() -> Iterator[tuple[int, np.ndarray]]:
        try:
            yield source_rate, _with_channels(block, channels)
            for later_rate, later in blocks:
                yield later_rate, _with_channels(later, channels)
        finally:
            blocks.close()

    return Sound(rate, channels, _resampled(rest(), rate))


def _check_speech(samples: np.ndarray, name: str) -> None:
    seconds = len(samples) / SAMPLE_RATE
    if seconds < SHORTEST:
        raise AudioError(f"{name} holds {seconds:.2f} s of sound; {SHORTEST} s is the least.")
    # Half the range rather than the peak, so that a constant offset is not taken for a voice.
    if np.ptp(samples) / 2 < SILENCE:
        raise AudioError(f"{name} is silent; check the microphone or choose another file.")


def _with_channels(block: np.ndarray, channels: int) -> np.ndarray:
    if block.shape[1] == channels:
        return block
    return np.repeat(block.mean(1, keepdims=True), channels, axis=1)


def _resampled(blocks: Iterable[tuple[int, np.ndarray]], rate: int) -> Iterator[np.ndarray]:
    """Bring blocks (rate, N C) to one rate; a change of the source's rate on the way is followed."""
    resampler, resampler_rate = None, None
    for source_rate, block in blocks:
        if source_rate != resampler_rate:
            if resampler is not None:
                yield resampler.resample_chunk(np.zeros((0, block.shape[1]), np.float32), last=True)
            resampler = soxr.ResampleStream(source_rate, rate, block.shape[1], dtype="float32")
            resampler_rate = source_rate
        yield resampler.resample_chunk(np.ascontiguousarray(block))
    if resampler is not None:
        yield resampler.resample_chunk(np.zeros((0, block.shape[1]), np.float32), last=True)


def _blocks(source: Source | np.ndarray | Speech, rate: int | None) -> Iterator[tuple[int, np.ndarray]]:
    """Sound as stored: (Hz, N C float32), finite, at rates that can be true."""
    if isinstance(source, Speech):
        blocks = _array_blocks(source.samples, rate)
    elif isinstance(source, np.ndarray):
        if rate is None:
            raise AudioError("An array of samples needs its rate: load_speech(samples, rate=48000).")
        blocks = _array_blocks(source, rate)
    else:
        blocks = _file_blocks(source)
    for block_rate, block in blocks:
        if block_rate not in _RATES:
            raise AudioError(f"A sample rate of {block_rate} Hz cannot be right; give the true one or re-export.")
        if not np.isfinite(block).all():
            raise AudioError("The audio holds NaN or infinite samples; repair or re-export it.")
        yield block_rate, block


def _array_blocks(samples: np.ndarray, rate: int) -> Iterator[tuple[int, np.ndarray]]:
    if samples.ndim not in (1, 2) or not samples.size:
        raise AudioError(f"An array of samples is N or N C, not {samples.shape}; reshape it.")
    if samples.dtype.kind not in "iuf":
        raise AudioError(f"Samples are integers or floating point, not {samples.dtype}; convert them.")
    for start in range(0, len(samples), _BLOCK):
        block = samples[start : start + _BLOCK]
        yield rate, _as_float(block.reshape(len(block), -1))


def _as_float(samples: np.ndarray) -> np.ndarray:
    """Integers to [-1, 1), unsigned ones around their middle; floating point as it is."""
    if samples.dtype.kind == "f":
        return samples.astype(np.float32)
    info = np.iinfo(samples.dtype)
    full = (float(info.max) - float(info.min) + 1) / 2
    middle = full if samples.dtype.kind == "u" else 0.0
    return ((samples.astype(np.float64) - middle) / full).astype(np.float32)


def _file_blocks(source: Source) -> Iterator[tuple[int, np.ndarray]]:
    name = source_name(source)
    with open_input(source, AudioError) as file:
        try:
            container = containers.open_container(file)
        except DECODE_ERRORS as error:
            raise AudioError(f"{name} is no sound that can be read ({error}); convert it to WAV.") from error
        with container:
            yield from _container_blocks(container, name)


def _container_blocks(container: av.container.InputContainer, name: str) -> Iterator[tuple[int, np.ndarray]]:
    stream = containers.sound(container)
    if stream is None:
        raise AudioError(f"{name} holds no sound that can be decoded; choose another file.")
    pictures = containers.moving_pictures(container)
    origin = containers.start_time(pictures) if pictures else None
    ahead = None  # samples before time zero that are still to be dropped
    for frame in containers.decoded(container, stream, AudioError, name):
        block = _samples(frame)
        if ahead is None:
            lead = float(frame.time - origin) if frame.time is not None and origin is not None else 0.0
            lead = round(lead * frame.sample_rate) if abs(lead) < _LONGEST_LEAD else 0
            if lead > 0:
                yield frame.sample_rate, np.zeros((lead, block.shape[1]), np.float32)
            ahead = max(0, -lead)
        if ahead < len(block):
            yield frame.sample_rate, block[ahead:]
        ahead = max(0, ahead - len(block))


def _samples(frame: av.AudioFrame) -> np.ndarray:
    """N C float32 of a decoded frame."""
    channels = frame.layout.nb_channels
    kind = np.dtype(av.audio.frame.format_dtypes[frame.format.name])
    if not frame.format.is_planar:
        return _as_float(np.frombuffer(frame.planes[0], kind, frame.samples * channels).reshape(-1, channels))
    # Not to_ndarray: with eight channels or more PyAV 18 finds planes past the last one and reads what is not there.
    planes = [np.frombuffer(plane, kind, frame.samples) for plane in frame.planes[:channels]]
    return _as_float(np.stack(planes, axis=1))
