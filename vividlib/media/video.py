"""Video out and in: frames of H W 3 uint8 sRGB, one at a time."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext, suppress
from fractions import Fraction
from typing import Self

import av
import numpy as np

from vividlib.errors import OutputError, VideoError
from vividlib.media.audio import Sound, open_sound
from vividlib.media.containers import DECODE_ERRORS, LARGEST_FRAME, decoded, moving_pictures, open_container
from vividlib.media.files import Source, atomic_output, check_suffix, check_writable, open_input, source_name
from vividlib.types import Speech

SUFFIXES = (".mp4", ".mov")
"""What is written. Matroska and WebM round time stamps to milliseconds, so 29.97 fps is not exact there."""

_SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_SOURCE_TYPE = _SOURCE_TYPES + "compositeWithTrainedAlgorithmicMedia"
AI_TAGS = {
    "digitalsourcetype": _SOURCE_TYPE,
    "comment": "AI-generated: a photo animated by vividlib",
}
"""Metadata of every video written: IPTC's digital source type for machines, a sentence for people."""

_AI_SOURCE_TYPES = {
    _SOURCE_TYPES + name for name in ("compositeWithTrainedAlgorithmicMedia", "trainedAlgorithmicMedia")
}

# The same as an XMP packet, where IPTC's standard puts it, in the box that XMP's (part 3) reserves in MP4.
_XMP = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 Iptc4xmpExt:DigitalSourceType="{_SOURCE_TYPE}"/>
</rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>""".encode()
_XMP_BOX = struct.pack(">I", 24 + len(_XMP)) + b"uuid" + bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC") + _XMP

# veryfast is the knee: measured at 512 px and equal crf, superfast makes files four times as large
# for the same time, faster takes twice the time for no smaller ones.
_X264 = {"preset": "veryfast", "crf": "18"}

# The tags must outlive the muxer's list of known keys; the index goes first, so that playing can
# start before the download ends; durations are kept finer than the default milliseconds.
_MP4 = {"movflags": "use_metadata_tags+faststart", "movie_timescale": "90000"}

_AAC_BITS = 96_000  # a second and channel
_LARGEST_SIDE = 16_384  # px, of H.264


def frame_rate(fps: float | Fraction) -> Fraction:
    """Exact frames a second; 23.976, 29.97 and 59.94 mean the NTSC rates (30000/1001).

    Raises
    ------
    OutputError
        If ``fps`` is not between 1 and 240.
    """
    if not 1 <= fps <= 240:
        raise OutputError(f"{fps} frames a second cannot be written; choose 1 to 240.")
    ntsc = Fraction(round(fps) * 1000, 1001)
    nearer = abs(fps - ntsc) < min(0.005, abs(fps - round(fps)))  # few frames a second are near both
    return ntsc if nearer else Fraction(fps).limit_denominator(1000)


class VideoWriter:
    """Write H.264 and AAC, frame by frame, in a ``with`` block.

    The file appears when the block ends well; after an exception nothing is left and what was
    there before is kept. Sound is cut or padded with silence to the length of the video. A size
    that is odd grows by one row or column, a copy of the last. Memory does not grow with length.

    Parameters
    ----------
    path
        Where to, .mp4 or .mov.
    width, height
        Size of the frames, px.
    fps
        Frames a second; see `frame_rate`.
    audio
        What to hear, at its own quality: anything `open_sound` takes.
    metadata
        Further tags, such as ``{"title": "..."}``. The AI-generated tags are always written.

    Raises
    ------
    OutputError
        If the suffix, place, size or rate cannot be written, or the disk is full.
    AudioError
        If ``audio`` cannot be read.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        width: int,
        height: int,
        fps: float | Fraction,
        audio: Source | Speech | None = None,
        metadata: Mapping[str, str] | None = None,
    ):
        check_suffix(path, SUFFIXES)
        check_writable(path)
        if not (2 <= width <= _LARGEST_SIDE and 2 <= height <= _LARGEST_SIDE):
            raise OutputError(f"A video of {width}x{height} pixels cannot be written; sides are 2 to {_LARGEST_SIDE}.")
        self.path = path
        self.shape = (height, width, 3)
        self.fps = frame_rate(fps)
        self.frames = 0
        self._audio = audio
        self._metadata = {**(metadata or {}), **AI_TAGS}

    def __enter__(self) -> Self:
        self._session = self._open()
        self._session.__enter__()
        return self

    def __exit__(self, *exception) -> bool | None:
        return self._session.__exit__(*exception)

    def write(self, frame: np.ndarray) -> None:
        """Append one frame, H W 3 uint8 sRGB, and the sound that belongs to it."""
        if frame.shape != self.shape or frame.dtype != np.uint8:
            raise OutputError(f"A frame here is {self.shape} uint8, not {frame.shape} {frame.dtype}; convert it.")
        height, width, _ = self.shape
        if height % 2 or width % 2:
            frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), "rgb24")
        picture = self._to_yuv.reformat(
            picture,
            format="yuv420p",
            dst_colorspace=av.video.reformatter.Colorspace.ITU709,
            dst_color_range=av.video.reformatter.ColorRange.MPEG,
            threads=1,
        )
        picture.pts, picture.time_base = self.frames, 1 / self.fps
        self._container.mux(self._video.encode(picture))
        self.frames += 1
        if self._track:
            self._container.mux(self._track.until(self.frames / self.fps))

    @contextmanager
    def _open(self) -> Iterator[None]:
        sound = open_sound(self._audio) if self._audio is not None else None
        listening = closing(sound.blocks) if sound else nullcontext()
        with listening, atomic_output(self.path) as partial:
            with _muxer(partial) as container:
                container.metadata.update(self._metadata)
                self._container = container
                self._to_yuv = av.video.reformatter.VideoReformatter()
                self._video = _video_stream(container, self.shape, self.fps)
                self._track = _SoundTrack(container, sound) if sound else None
                yield
                if not self.frames:
                    raise OutputError(f"{os.fspath(self.path)}: no frames were written; a video needs at least one.")
                container.mux(self._video.encode())
                if self._track:
                    container.mux(self._track.end())
            with partial.open("ab") as file:
                file.write(_XMP_BOX)


class _SoundTrack:
    """Encodes sound up to a given time: silence where it is too short, nothing where it is too long."""

    def __init__(self, container: av.container.OutputContainer, sound: Sound):
        self._sound = sound
        self._stream = container.add_stream("aac", rate=sound.rate, bit_rate=_AAC_BITS * sound.channels)
        self._stream.layout = ("mono", "stereo")[sound.channels - 1]
        self._done = 0
        self._waiting = np.zeros((0, sound.channels), np.float32)

    def until(self, seconds: Fraction) -> list[av.Packet]:
        """Packets of the sound up to ``seconds``, as far as the encoder has them ready."""
        count = round(seconds * self._sound.rate) - self._done
        pieces, ready = [self._waiting], len(self._waiting)
        while ready < count:
            piece = next(self._sound.blocks, None)
            if piece is None:
                piece = np.zeros((count - ready, self._sound.channels), np.float32)
            pieces.append(piece)
            ready += len(piece)
        samples = np.concatenate(pieces)
        block, self._waiting = samples[:count], samples[count:]
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block.T), "fltp", self._stream.layout.name)
        frame.sample_rate, frame.pts, frame.time_base = self._sound.rate, self._done, Fraction(1, self._sound.rate)
        self._done += count
        return self._stream.encode(frame)

    def end(self) -> list[av.Packet]:
        """What the encoder still holds."""
        return self._stream.encode()


def _video_stream(
    container: av.container.OutputContainer, shape: tuple[int, int, int], fps: Fraction
) -> av.VideoStream:
    stream = container.add_stream("libx264", rate=fps, options=_X264)
    stream.height, stream.width = (side + side % 2 for side in shape[:2])
    stream.pix_fmt = "yuv420p"
    # sRGB shares BT.709's primaries, and players expect its transfer curve by this name.
    context = stream.codec_context
    context.colorspace = context.color_primaries = context.color_trc = 1
    return stream


@contextmanager
def _muxer(path: os.PathLike) -> Iterator[av.container.OutputContainer]:
    """A container to write to. By name, not by file object: faststart reads back what it wrote."""
    container = av.open(f"file:{path}", "w", options=_MP4)
    try:
        yield container
        container.close()
    except BaseException as error:
        # Closing writes the index; whatever stops that now, the first error is the one to tell.
        with suppress(av.FFmpegError):
            container.close()
        if isinstance(error, av.FFmpegError) and not isinstance(error, OSError):
            raise OutputError(f"The video could not be encoded ({error}); try another size or rate.") from error
        raise


class VideoReader:
    """A video to iterate over, as often as wanted: pairs of time (s) and frame (H W 3 uint8 sRGB).

    Times start at 0 and follow the file's own stamps, which need not be evenly spaced. Memory
    does not grow with length. Made by `read_video`.
    """

    def __init__(self, source: Source):
        self._source = source
        self._name = source_name(source)
        with self._opened() as (container, stream):
            rate = stream.average_rate or stream.guessed_rate
            self.fps: Fraction = rate if rate and 1 <= rate <= 1000 else Fraction(25)
            self.duration: float = _duration(container, stream)
            """Seconds, as the file claims; 0 where it does not say."""
            self.frames: int = stream.frames or round(self.duration * self.fps)
            """How many frames to expect, as the file claims; 0 where it does not say."""
            first = next(self._pictures(container, stream), None)
        if first is None:
            raise VideoError(f"{self._name} holds no frames that can be decoded; export it again.")
        self.height, self.width = first[1].shape[:2]

    def __iter__(self) -> Iterator[tuple[float, np.ndarray]]:
        with self._opened() as (container, stream):
            yield from self._pictures(container, stream)

    @contextmanager
    def _opened(self) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
        with open_input(self._source, VideoError) as file:
            try:
                container = open_container(file)
            except DECODE_ERRORS as error:
                raise VideoError(f"{self._name} is no video that can be read ({error}); convert it to MP4.") from error
            with container:
                stream = moving_pictures(container)
                if stream is None:
                    raise VideoError(f"{self._name} holds no video that can be decoded; choose another file.")
                if stream.width * stream.height > LARGEST_FRAME:
                    raise VideoError(f"{self._name} is {stream.width}x{stream.height} px; scale it down.")
                stream.thread_type = "AUTO"
                yield container, stream

    def _pictures(self, container, stream) -> Iterator[tuple[float, np.ndarray]]:
        size, start, last = None, None, None
        for frame in decoded(container, stream, VideoError, self._name):
            size = size or (frame.width, frame.height)
            time = frame.time
            if time is None:
                time = 0.0 if last is None else last + float(1 / self.fps)
            start = time if start is None else start
            last = time
            try:
                image = frame.to_ndarray(format="rgb24", width=size[0], height=size[1])
            except DECODE_ERRORS as error:
                raise VideoError(f"{self._name} has frames that cannot be shown ({error}); convert it.") from error
            # The display matrix turns counter-clockwise, as does rot90.
            yield time - start, np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90)))


def read_video(source: Source) -> VideoReader:
    """Open a video: its ``fps``, ``frames``, ``duration``, ``width``, ``height``, and its frames by iteration.

    Rotation that the file asks for is applied.

    Raises
    ------
    VideoError
        If the file is missing, unreadable, damaged or holds no frames.
    """
    return VideoReader(source)


def is_ai_generated(source: Source) -> bool:
    """Whether a video says of itself that it was made by a trained model (IPTC digital source type).

    Raises
    ------
    VideoError
        If the file cannot be read.
    """
    with open_input(source, VideoError) as file:
        try:
            with open_container(file) as container:
                return bool(_AI_SOURCE_TYPES & set(container.metadata.values()))
        except DECODE_ERRORS as error:
            raise VideoError(f"{source_name(source)} is no video that can be read ({error}); check it.") from error


def _duration(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    seconds = (container.duration or 0) / av.time_base
    return seconds if math.isfinite(seconds) and seconds > 0 else 0.0
