"""A recording to motion: the steps of `stream`, one after the other."""

from __future__ import annotations

import math

from vividlib.audio_to_mesh.controls import DEFAULTS, Controls
from vividlib.audio_to_mesh.stream import Performer
from vividlib.conventions import MOTION_RATE, SAMPLE_RATE
from vividlib.errors import AudioError
from vividlib.media.audio import SHORTEST
from vividlib.types import Face, Motion, Progress, Speech

STEP = 10 * SAMPLE_RATE  # samples


def speak(
    speech: Speech, seed: int = 0, controls: Controls = DEFAULTS, face: Face | None = None,
    progress: Progress | None = None,
) -> Motion:  # fmt: skip
    """Turn a voice into face motion.

    Parameters
    ----------
    speech
        At least 0.2 s.
    seed
        Of all that the voice does not tell: blinks, gaze, brows and head motion. The same speech and seed give the
        same motion, bit for bit.
    controls
        What is asked of the performance.
    face
        Who will move: how a person speaks depends a little on the face, how far the head moves on the photo.
    progress
        Called as ``progress("speak", frames done, frames)``.

    Returns
    -------
    Motion
        ``ceil(duration * MOTION_RATE)`` frames at MOTION_RATE. In silence the mouth is at rest.

    Raises
    ------
    AudioError
        If the speech is too short.
    """
    if speech.duration < SHORTEST:
        raise AudioError(f"The audio lasts {speech.duration:.2f} s; hand in at least {SHORTEST} s of speech.")
    frames = math.ceil(len(speech.samples) * MOTION_RATE / SAMPLE_RATE)
    performer, motions = Performer(controls, face), []
    state = performer.begin(seed)
    for start in range(0, len(speech.samples), STEP):
        if progress:
            progress("speak", sum(map(len, motions)), frames)
        stop = start + STEP
        state, motion = performer.step(state, speech.samples[start:stop], last=stop >= len(speech.samples))
        motions += [motion] if motion else []
    if progress:
        progress("speak", frames, frames)
    return Motion.joined(motions)
