"""Nods where the voice sets in strongly: heads go with stressed syllables (Munhall et al., "Visual prosody and speech
intelligibility", 2004), more clearly than the little that was filmed shows.

A nod begins at the onset of the syllable and is fastest about a tenth of a second later, at its loudest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d
from scipy.signal import lfilter, lfilter_zi
from scipy.special import ndtr

from vividlib.audio_to_mesh import noise
from vividlib.audio_to_mesh.features import QUIETEST_VOICE
from vividlib.audio_to_mesh.splines import FIR
from vividlib.conventions import MOTION_RATE

DEPTH = np.radians(1.2)
"""How far the head bows at the strongest onset."""
LASTS = 0.5  # seconds
REST_BETWEEN = int(0.6 * MOTION_RATE)  # frames from one nod to the next
LEAST_RISE = 0.8  # dB a frame from which the voice sets in
STRONGEST_RISE = 5.0  # dB a frame that makes the largest nod
RECENT = 4 * MOTION_RATE  # frames over which the loudest is remembered
RANGE = 40.0  # dB below the loudest at which a voice counts as silent

BUMP = np.hanning(int(LASTS * MOTION_RATE) + 2)[1:-1]
SMOOTHING = np.array([1, 2, 3, 2, 1]) / 9


@dataclass(frozen=True, eq=False)
class State:
    """What nods to come depend on, of what was before them."""

    frame: int
    levels: np.ndarray  # RECENT, dB, oldest first
    smoothing: np.ndarray  # the filter of the level: 4
    smooth: float  # the smooth level in the frame before, dB
    rises: np.ndarray  # 2, of the smooth level in the frames before
    beat: int  # frame of the latest nod
    nods: np.ndarray  # the filter of nods: len(BUMP) - 1


def begin() -> State:
    """Silence."""
    silent = QUIETEST_VOICE - RANGE
    return State(
        frame=0,
        levels=np.full(RECENT, QUIETEST_VOICE),
        smoothing=silent * lfilter_zi(SMOOTHING, [1]),
        smooth=silent,
        rises=np.zeros(2),
        beat=-REST_BETWEEN,
        nods=np.zeros(len(BUMP) - 1),
    )


def step(state: State, seed: int, loudness: np.ndarray, voice: np.ndarray) -> tuple[State, np.ndarray]:
    """The nods of the next frames.

    Parameters
    ----------
    state : from `begin` or the step before
    seed : of how much is made of each onset
    loudness : (T,) dB, as early as it is known
    voice : (T,) in [0, 1], whether a voice is heard

    Returns
    -------
    state : for the next step
    pitch : (T,) radians down
    """
    levels = np.concatenate([state.levels, loudness])
    loudest = maximum_filter1d(levels, RECENT + 1, origin=RECENT // 2)[RECENT:]
    smooth, smoothing = lfilter(SMOOTHING, FIR, np.maximum(loudness, loudest - RANGE), zi=state.smoothing)
    rises = np.concatenate([state.rises, np.diff(smooth, prepend=state.smooth) * voice])
    before, peak, after = rises[:-2], rises[1:-1], rises[2:]
    onsets, beat = np.zeros(len(voice)), state.beat
    for index in np.flatnonzero((peak >= LEAST_RISE) & (peak > before) & (peak >= after)):
        if state.frame + index >= beat + REST_BETWEEN:
            beat = state.frame + int(index)
            onsets[index] = min(1.0, peak[index] / STRONGEST_RISE)
    # Not every stress is nodded to.
    willing = 0.2 + 0.8 * ndtr(noise.normal(seed, noise.NODS, state.frame, len(voice), 1)[:, 0])
    bows, nods = lfilter(BUMP, FIR, onsets * willing, zi=state.nods)
    after = State(
        state.frame + len(voice), levels[len(levels) - RECENT :], smoothing, float(smooth[-1]), rises[-2:], beat, nods
    )
    return after, DEPTH * bows
