"""Beats of the head where the voice sets in strongly: heads go with stressed syllables (Munhall et al., "Visual prosody
and speech intelligibility", 2004), more clearly than the little that was filmed shows.

As in gestures of hands, a hold comes before the stroke (McNeill, "Hand and mind", 1992, chapter 3). The head slows down
to where the syllable is loudest, whatever it does: its curve is shown up to LATEST frames late. From there it makes up
for that, and nods.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d
from scipy.signal import lfilter, lfilter_zi
from scipy.special import ndtr

from vividlib.audio_to_mesh import noise
from vividlib.audio_to_mesh.features import QUIETEST_VOICE
from vividlib.audio_to_mesh.head_codebook import POSE
from vividlib.audio_to_mesh.splines import FIR
from vividlib.conventions import MOTION_RATE

DEPTH = np.radians(1.5)
"""How far the head bows at the strongest onset."""
LASTS = 0.5  # seconds
REST_BETWEEN = int(0.6 * MOTION_RATE)  # frames from one beat to the next
LATEST = 2  # frames that a hold lasts
SLOWING = 7  # frames in which it comes about: the head is slowest in their middle, where a syllable is loudest
LEAST_RISE = 0.8  # dB a frame from which the voice sets in
STRONGEST_RISE = 5.0  # dB a frame that makes the largest nod
RECENT = 4 * MOTION_RATE  # frames over which the loudest is remembered
RANGE = 40.0  # dB below the loudest at which a voice counts as silent

HOLD = LATEST * np.sin(np.pi / 2 * np.interp(np.arange(1, REST_BETWEEN), [0, SLOWING, REST_BETWEEN], [0, 1, 2])) ** 2
"""How late the curve is after the strongest onset, in frames; over before the next one."""
NOD = np.pad(np.hanning(int(LASTS * MOTION_RATE) + 2)[1:-1], ((SLOWING + 1) // 2, 0))
"""How far the head bows after the strongest onset, as a share of the depth: from where it is slowest."""
SMOOTHING = np.array([1, 2, 3, 2, 1]) / 9


@dataclass(frozen=True, eq=False)
class State:
    """What beats to come depend on, of what was before them."""

    frame: int
    levels: np.ndarray  # RECENT, dB, oldest first
    smoothing: np.ndarray  # the filter of the level: 4
    smooth: float  # the smooth level in the frame before, dB
    rises: np.ndarray  # 2, of the smooth level in the frames before
    beat: int  # frame of the latest onset
    holds: np.ndarray  # the filter of holds: len(HOLD) - 1
    nods: np.ndarray  # the filter of nods: len(NOD) - 1
    poses: np.ndarray  # LATEST, POSE: those before, as drawn


def begin() -> State:
    """Silence, and a head at rest."""
    silent = QUIETEST_VOICE - RANGE
    return State(
        frame=0,
        levels=np.full(RECENT, QUIETEST_VOICE),
        smoothing=silent * lfilter_zi(SMOOTHING, [1]),
        smooth=silent,
        rises=np.zeros(2),
        beat=-REST_BETWEEN,
        holds=np.zeros(len(HOLD) - 1),
        nods=np.zeros(len(NOD) - 1),
        poses=np.zeros((LATEST, POSE)),
    )


def step(
    state: State, seed: int, loudness: np.ndarray, voice: np.ndarray, poses: np.ndarray, depth: float = DEPTH
) -> tuple[State, np.ndarray]:
    """The next frames with holds and nods.

    Parameters
    ----------
    state : from `begin` or the step before
    seed : of how much is made of each onset
    loudness : (T,) dB, as early as it is known
    voice : (T,) in [0, 1], whether a voice is heard
    poses : (T, POSE) of a head that knows of no beats
    depth : of the largest nod, radians

    Returns
    -------
    state : for the next step
    poses : (T, POSE)
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
    late, holds = lfilter(HOLD, FIR, onsets, zi=state.holds)
    bows, nods = lfilter(NOD, FIR, onsets * willing, zi=state.nods)
    rows = np.concatenate([state.poses, poses])
    made = _delayed(rows, late)
    made[:, 0] += depth * bows
    after = State(
        state.frame + len(voice), levels[len(levels) - RECENT :], smoothing, float(smooth[-1]), rises[-2:], beat,
        holds, nods, rows[len(rows) - LATEST :],
    )  # fmt: skip
    return after, made


def _delayed(rows: np.ndarray, late: np.ndarray) -> np.ndarray:
    """The last rows of a curve as they were ``late`` frames (T,) before each, between two of them if need be."""
    whole = np.ceil(late).astype(int)
    earlier = np.arange(len(rows) - len(late), len(rows)) - whole
    later = np.minimum(earlier + 1, len(rows) - 1)  # what is not late needs no later row: there may be none
    return rows[earlier] + (whole - late)[:, None] * (rows[later] - rows[earlier])
