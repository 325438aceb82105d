"""From any source to any number of programs: what `vividlib live` does."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from itertools import chain
from pathlib import Path

import numpy as np

from vividlib import export
from vividlib.audio_to_mesh.controls import DEFAULTS, Controls
from vividlib.conventions import SAMPLE_RATE
from vividlib.errors import AudioError, InputError, VividError
from vividlib.export import retarget as retargeting
from vividlib.export.retarget import Retarget
from vividlib.export.takes import with_take
from vividlib.live import sound
from vividlib.live.address import connect, parse
from vividlib.live.link import Link
from vividlib.live.pacing import Clock, Played, Timeline, check_fps, play
from vividlib.media.audio import load_speech, open_sound
from vividlib.types import Motion, Progress, Speech, check_seed

STANDARD_INPUT, MICROPHONE = "-", "mic"
_GOODBYE = 0.5  # seconds
_LAG = 0.06  # seconds that what is shown may be behind what a microphone gave


def broadcast(
    source: str | Path, to: Iterable[str], *, fps: float = 60, play_sound: bool = False,
    retarget: Retarget | str | Path | None = None, seed: int = 0, controls: Controls = DEFAULTS,
    progress: Progress | None = None,
) -> Played:  # fmt: skip
    """Perform speech or a motion live.

    Parameters
    ----------
    source
        A sound file, a motion file, ``"-"`` for raw samples on standard input (16 kHz, mono, signed 16-bit
        little-endian) or ``"mic"`` for the default microphone.
    to
        Addresses as for `connect`.
    fps
        Frames a second.
    play_sound
        Whether the sound is played on the default loudspeaker; the face then follows it.
    retarget
        A table, its TOML file, or the name of a preset.
    seed, controls
        As for `vividlib.speak`.
    progress
        See `vividlib.Progress`: of a reference take and of speech in files, before it is performed.

    Raises
    ------
    InputError, OutputError, BackendError
    """
    source, to = str(source), list(to)
    check_fps(fps)
    check_seed(seed)
    for address in to:
        parse(address)
    table = retarget if isinstance(retarget, Retarget) or retarget is None else retargeting.load(retarget)
    has_motion = Path(source).suffix.lower() in export.MOTION_SUFFIXES
    if play_sound and (source == MICROPHONE or has_motion):
        raise InputError(f"{source} has no sound to play; leave out --play, or hand in a recording of the speech.")
    if has_motion and controls != DEFAULTS:
        raise InputError(f"{source} is a motion already; controls of a voice change nothing about it, leave them out.")
    comes = source in (STANDARD_INPUT, MICROPHONE)
    given = None if comes else export.load(source) if has_motion else load_speech(source)
    with ExitStack() as stack:  # all that may fail is opened before the long work begins
        links = [stack.enter_context(connect(address)) for address in to]
        if comes:
            speaker = stack.enter_context(sound.Loudspeaker(SAMPLE_RATE, 1)) if play_sound else None
            return _while_it_comes(source, links, speaker, fps, table, seed, with_take(controls, progress))
        recording = open_sound(source) if play_sound else None
        speaker = recording and stack.enter_context(sound.Loudspeaker(recording.rate, recording.channels))
        motion = given if has_motion else _spoken(given, seed, with_take(controls, progress), progress)
        if not speaker:
            return play(motion, links, fps, retarget=table)
        pouring = _Beside(lambda: _pour(recording.blocks, speaker))
        played = play(motion, links, fps, retarget=table, clock=speaker)
        pouring.check()
        return played


def listen(
    chunks: Iterable[np.ndarray], timeline: Timeline, seed: int = 0, controls: Controls = DEFAULTS,
    speaker: sound.Playout | None = None,
) -> None:  # fmt: skip
    """Turn a voice into motion as it comes; let the speaker have the sound for which there is a face.

    Parameters
    ----------
    chunks
        (N,) float32 in [-1, 1] at 16 kHz.
    timeline, speaker
        What grows; both are ended at the end. Who ends the timeline before ends the listening.
    seed, controls
        As for `vividlib.speak`.
    """
    from vividlib.audio_to_mesh.stream import Performer  # here, because torch takes seconds to load

    performer, unheard = Performer(controls), np.zeros(0, np.float32)
    state = performer.begin(seed)
    try:
        for chunk in chain(chunks, [None]):
            if timeline.ended:
                return
            last = chunk is None
            samples = unheard[:0] if last else chunk
            state, motion = performer.step(state, samples, last)
            unheard = np.concatenate([unheard, samples])
            if motion is None:
                continue
            timeline.extend(motion)
            count = len(motion) * sound.CHUNK
            if speaker:
                speaker.write(unheard[:count, None])
            unheard = unheard[count:]
    finally:
        timeline.end()
        if speaker:
            speaker.end()


def _while_it_comes(
    source: str, links: list[Link], speaker: sound.Loudspeaker | None, fps: float, table: Retarget | None, seed: int,
    controls: Controls,
) -> Played:  # fmt: skip
    """Perform a voice that is still coming, from standard input or the microphone."""
    timeline = Timeline()
    if source == MICROPHONE:
        chunks, clock = sound.microphone(), Clock(timeline, _LAG)
    else:
        # Raw: a thread that waits in the buffered one holds a lock, without which Python cannot end on Ctrl-C.
        chunks, clock = sound.pcm(sys.stdin.buffer.raw), speaker or Clock(timeline)

    def hear() -> None:
        with closing(chunks):
            listen(chunks, timeline, seed, controls, speaker)

    listening = _Beside(hear)
    try:
        played = play(timeline, links, fps, retarget=table, clock=clock)
    finally:
        timeline.end()
        listening.leave()
    listening.check()
    if not played.sent:
        raise AudioError("No sound came; pipe in raw 16 kHz mono 16-bit samples, or hand in a sound file.")
    return played


def _spoken(voice: Speech, seed: int, controls: Controls, progress: Progress | None) -> Motion:
    from vividlib.audio_to_mesh import performance  # here, because torch takes seconds to load

    return performance.speak(voice, seed, controls, progress=progress)


def _pour(blocks: Iterator[np.ndarray], speaker: sound.Playout) -> None:
    try:
        with closing(blocks):
            while not speaker.ended and (block := next(blocks, None)) is not None:
                speaker.write(block)
    finally:
        speaker.end()


class _Beside:
    """Work beside the playing, on a thread that does not keep the program alive."""

    def __init__(self, work: Callable[[], None]):
        self._work, self._problem = work, None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._work()
        except VividError as problem:
            self._problem = problem

    def leave(self) -> None:
        """Give it the time to close a microphone; a pipe on which nothing comes is not waited for."""
        self._thread.join(_GOODBYE)

    def check(self) -> None:
        """Raise what went wrong so far."""
        if self._problem:
            raise self._problem
