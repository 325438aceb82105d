"""What reading sound and reading pictures from media containers have in common."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO

import av
from av.container import InputContainer

from vividlib.errors import InputError

DECODE_ERRORS = (av.FFmpegError, ValueError, OverflowError, MemoryError)
"""What PyAV raises on damaged files."""

LARGEST_FRAME = 8192 * 8192
"""Pixels of a frame beyond which a file is taken to be damaged rather than decoded."""


def open_container(file: BinaryIO) -> InputContainer:
    """Open a media file for reading; raises `DECODE_ERRORS`. Close it, or use it in a ``with``.

    No protocol is allowed, so a playlist cannot make the demuxer open anything but ``file``.
    """
    return av.open(file, options={"protocol_whitelist": "none"}, metadata_errors="replace")


def moving_pictures(container: InputContainer) -> av.VideoStream | None:
    """The first video stream that can be decoded and is not a cover picture."""
    cover = av.stream.Disposition.attached_pic
    return next((s for s in container.streams.video if s.codec_context and not s.disposition & cover), None)


def sound(container: InputContainer) -> av.AudioStream | None:
    """The first audio stream that can be decoded."""
    return next((s for s in container.streams.audio if s.codec_context), None)


def decoded(container: InputContainer, stream: av.stream.Stream, error: type[InputError], name: str) -> Iterator:
    """Frames of one stream. Damaged packets are skipped, as players do, up to a tenth of all.

    Raises
    ------
    InputError
        Of the class ``error``, if more than that is damaged.
    """
    packets = container.demux(stream)
    good = bad = 0
    while True:
        try:
            frames = next(packets).decode()
            good += 1
        except StopIteration:
            break
        except DECODE_ERRORS:
            frames = ()
            bad += 1
        yield from frames
    if bad * 10 > good:
        raise error(f"{name} is damaged: {bad} of its {good + bad} packets cannot be decoded; export it again.")


def start_time(stream: av.stream.Stream) -> Fraction | None:
    """When the first frame of a stream is presented (s, on the container's clock), if the file says so."""
    if stream.start_time is None or stream.time_base is None:
        return None
    return stream.start_time * stream.time_base
