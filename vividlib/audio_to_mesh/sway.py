"""How the head moves while somebody talks: slow sway, and a nod where the voice sets in strongly.

A seeded process, not learned. Sizes are those of people who talk to a camera; nods fall on stressed syllables (Munhall
et al., "Visual prosody and speech intelligibility", 2004). It begins at rest and knows nothing of what comes, so that
it is the same in a stream.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import maximum_filter1d
from scipy.signal import butter, lfilter, lfilter_zi, sosfilt
from scipy.spatial.transform import Rotation
from scipy.special import ndtr

from vividlib.audio_to_mesh import noise
from vividlib.conventions import MOTION_RATE

SWAY = np.array([2.2, 3.0, 1.3])  # degrees, standard deviation: pitch, yaw, roll
DRIFT = np.array([0.002, 0.0015, 0.002])  # metres, standard deviation: x, y, z
FASTEST = 0.35  # Hz, the fastest sway
LARGEST = 11.0  # degrees about any one axis
NOD = 2.2  # degrees down at a strong onset
NOD_TIME = 0.5  # seconds
REST_BETWEEN = int(0.6 * MOTION_RATE)  # frames from one nod to the next
LEAST_RISE = 0.8  # dB a frame from which the voice sets in
STRONGEST_RISE = 5.0  # dB a frame that makes the largest nod
EASE = 1.2  # seconds from rest
LIVENING = 0.5  # seconds in which a listener becomes a speaker
RECENT = 4 * MOTION_RATE  # frames over which the loudest is remembered
RANGE = 40.0  # dB below the loudest at which a voice counts as silent
QUIET = -30.0  # dB, taken for the loudest before anything is heard

PURPOSE = 3  # of the random numbers
BUMP = np.hanning(int(NOD_TIME * MOTION_RATE) + 2)[1:-1]
FIR = 1, 0  # the denominator of a filter without feedback: for a bare 1 SciPy goes a way ten times slower
SMOOTHING = np.array([1, 2, 3, 2, 1]) / 9
SLOW = butter(2, FASTEST, fs=MOTION_RATE, output="sos")


@dataclass(frozen=True, eq=False)
class Sway:
    """What head motion to come depends on, of what was before it."""

    frame: int
    slow: np.ndarray  # the filter of sway and drift: 1 2 6
    lively: np.ndarray  # the filter of liveliness: 1
    levels: np.ndarray  # RECENT, dB, oldest first
    smoothing: np.ndarray  # the filter of the level: 4
    smooth: float  # the smooth level in the frame before, dB
    rises: np.ndarray  # 2, of the smooth level in the frames before
    beat: int  # frame of the latest nod
    nods: np.ndarray  # the filter of nods: len(BUMP) - 1


def begin() -> Sway:
    """The head at rest, in silence."""
    silent = QUIET - RANGE
    return Sway(
        frame=0,
        slow=np.zeros((1, 2, 6)),
        lively=np.zeros(1),
        levels=np.full(RECENT, QUIET),
        smoothing=silent * lfilter_zi(SMOOTHING, [1]),
        rises=np.zeros(2),
        smooth=silent,
        beat=-REST_BETWEEN,
        nods=np.zeros(len(BUMP) - 1),
    )


def step(state: Sway, seed: int, loudness: np.ndarray, voice: np.ndarray) -> tuple[Sway, np.ndarray, np.ndarray]:
    """The head in the next frames.

    Parameters
    ----------
    state : from `begin` or the step before
    seed : of everything that the voice does not tell
    loudness : (T,) dB
    voice : (T,) in [0, 1], whether a voice is heard

    Returns
    -------
    state : for the next step
    rotation : (T, 4) float32 quaternions
    translation : (T, 3) float32 metres
    """
    frames = state.frame + np.arange(len(voice))
    random = noise.normal(seed, PURPOSE, state.frame, len(voice), 7)
    slow, slow_after = sosfilt(SLOW, random[:, :6], axis=0, zi=state.slow)
    ease = np.clip(frames / (EASE * MOTION_RATE), 0, 1)
    ease = (ease * ease * (3 - 2 * ease))[:, None]
    slow *= ease / _SLOW_GAIN
    # A listener is quieter than a speaker: half the sway where nobody speaks.
    keeps = np.exp(-1 / (LIVENING * MOTION_RATE))
    lively, lively_after = lfilter([1 - keeps], [1, -keeps], voice, zi=state.lively)
    onsets, heard = _onsets(state, loudness, voice)
    nods, nods_after = lfilter(BUMP, FIR, onsets * (0.2 + 0.8 * ndtr(random[:, 6])), zi=state.nods)
    degrees = slow[:, :3] * SWAY * (0.5 + 0.5 * lively)[:, None]
    degrees[:, 0] += NOD * ease[:, 0] * nods  # +X turns down
    degrees = LARGEST * np.tanh(degrees / LARGEST)
    rotation = Rotation.from_euler("YXZ", degrees[:, [1, 0, 2]], degrees=True).as_quat(canonical=True)
    after = replace(heard, frame=state.frame + len(voice), slow=slow_after, lively=lively_after, nods=nods_after)
    return after, rotation.astype(np.float32), (slow[:, 3:] * DRIFT).astype(np.float32)


def _onsets(state: Sway, loudness: np.ndarray, voice: np.ndarray) -> tuple[np.ndarray, Sway]:
    """Where the voice sets in strongly, (T,): mostly 0, up to 1 at a syllable with weight; and what was heard."""
    levels = np.concatenate([state.levels, loudness])
    loudest = maximum_filter1d(levels, RECENT + 1, origin=RECENT // 2)[RECENT:]
    smooth, smoothing = lfilter(SMOOTHING, FIR, np.maximum(loudness, loudest - RANGE), zi=state.smoothing)
    rises = np.concatenate([state.rises, np.diff(smooth, prepend=state.smooth) * voice])
    before, peak, after = rises[:-2], rises[1:-1], rises[2:]
    strength, beat = np.zeros(len(voice)), state.beat
    for index in np.flatnonzero((peak >= LEAST_RISE) & (peak > before) & (peak >= after)):
        if state.frame + index >= beat + REST_BETWEEN:
            beat = state.frame + int(index)
            strength[index] = min(1.0, peak[index] / STRONGEST_RISE)
    return strength, replace(
        state, levels=levels[len(levels) - RECENT :], smoothing=smoothing, rises=rises[-2:],
        smooth=float(smooth[-1]) if len(smooth) else state.smooth, beat=beat,
    )  # fmt: skip


def _gain() -> float:
    """Standard deviation of white noise after SLOW."""
    impulse = np.zeros(20 * MOTION_RATE)
    impulse[0] = 1
    return float(np.linalg.norm(sosfilt(SLOW, impulse)))


_SLOW_GAIN = _gain()
