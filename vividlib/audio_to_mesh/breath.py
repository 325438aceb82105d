"""How breathing moves a head: a little up and back with every breath in, slowly down again with every breath out.

At rest people breathe every three to five seconds and are as long about it in as out. Who speaks breathes in quickly,
in a pause, and out for as long as the phrase lasts (Conrad and Schoenle, "Speech and respiration", 1979; Winkworth et
al., "Breathing patterns during spontaneous speech", 1995). A pause is known for one only when it is there, so that it
is the same in a stream.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from vividlib.audio_to_mesh import noise
from vividlib.conventions import MOTION_RATE

DEEPEST = np.array([-np.radians(0.25), 0, 0, 0, 0.0008, -0.0006])
"""The pose (6, see `Limits`) with full lungs relative to that with empty ones: radians and metres."""
SHORTEST, LONGEST = 3.0, 5.0  # seconds from breath to breath at rest
INTAKE, RELEASE, RETURN = 0.4, 0.45, 0.6  # shares of that: breathing in, out, and until the next one from there
GASP = 0.5 * MOTION_RATE  # frames in which a speaker breathes in, even if words follow at once
PHRASE = 1.5 * MOTION_RATE  # frames of breathing out after which a speaker takes the next pause
SPOKEN = 5.0 * MOTION_RATE  # frames in which speech empties the lungs
PAUSE = int(0.08 * MOTION_RATE)  # frames of silence that are a pause
AIR = 6.0 * MOTION_RATE  # frames after which a speaker breathes in at a gap too short to be heard as a pause
SOFTNESS = 0.12  # seconds, of each of three filters of one pole: speed and acceleration have no steps

_KEEP = np.exp(-1 / (SOFTNESS * MOTION_RATE))
_POLES = np.poly([_KEEP] * 3)


@dataclass(frozen=True, eq=False)
class Breath:
    """What breathing to come depends on, of what was before it."""

    frame: int
    inhaling: bool
    age: int  # frames since breathing in or out began
    period: float  # frames from breath to breath, were nobody to speak
    rise: float  # of the lungs in a frame of breathing in
    spoke: bool  # whether this breath was spoken with
    silent: int  # frames since somebody spoke
    lungs: float  # in [0, 1]
    smooth: np.ndarray  # the filter of the lungs: 3


def begin(seed: int) -> Breath:
    """Empty lungs, at some time before the next breath."""
    period, waits = noise.uniform(seed, noise.BREATH, 0, 1, 2)[0]
    frames = _period(period)
    return Breath(0, False, int(waits * RETURN * frames), frames, 0.0, False, PAUSE, 0.0, np.zeros(3))


def step(state: Breath, seed: int, voice: np.ndarray) -> tuple[Breath, np.ndarray]:
    """Breathing in the next frames.

    Parameters
    ----------
    state : from `begin` or the step before
    seed : of how long breaths are, and how deep
    voice : (T,) in [0, 1], one frame at least: whether a voice is heard

    Returns
    -------
    state : for the next step
    poses : (T, 6) float64 between 0 and `DEEPEST`
    """
    random = noise.uniform(seed, noise.BREATH, state.frame, len(voice), 2)
    inhaling, age, period, rise = state.inhaling, state.age, state.period, state.rise
    spoke, silent, level = state.spoke, state.silent, state.lungs
    lungs = np.empty(len(voice))
    for index, speaks in enumerate((voice > 0.5).tolist()):
        silent = 0 if speaks else silent + 1
        takes = GASP if spoke else INTAKE * period
        if inhaling and (age >= takes or (speaks and not spoke)):
            inhaling, age, spoke = False, 0, speaks
        elif not inhaling:
            spoke |= speaks
            if age >= (PHRASE if spoke else RETURN * period) and (silent >= PAUSE or age >= AIR):
                inhaling, age, period = True, 0, _period(random[index, 0])
                depth = 0.6 + 0.4 * random[index, 1]
                rise = max(0.0, depth - level) / (GASP if spoke else INTAKE * period)
        fall = 1 / (SPOKEN if spoke else RELEASE * period)
        level = min(1.0, level + rise) if inhaling else max(0.0, level - fall)
        lungs[index] = level
        age += 1
    lungs, smooth = lfilter([(1 - _KEEP) ** 3], _POLES, lungs, zi=state.smooth)
    after = Breath(state.frame + len(voice), inhaling, age, period, rise, spoke, silent, level, smooth)
    return after, lungs[:, None] * DEEPEST


def _period(share: float) -> float:
    """Frames from breath to breath at rest, of a number in [0, 1)."""
    return (SHORTEST + (LONGEST - SHORTEST) * share) * MOTION_RATE
