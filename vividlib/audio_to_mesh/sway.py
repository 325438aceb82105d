"""How the head and brows move while somebody talks: slow sway, and a nod where the voice sets in strongly.

A seeded process, not learned. Sizes are those of people who talk to a camera; head and brow beats fall on
stressed syllables (Munhall et al., "Visual prosody and speech intelligibility", 2004).
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, find_peaks, sosfilt
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT, ARKIT_INDEX, MOTION_RATE

SWAY = np.array([2.2, 3.0, 1.3])  # degrees, standard deviation: pitch, yaw, roll
DRIFT = np.array([0.002, 0.0015, 0.002])  # metres, standard deviation: x, y, z
FASTEST = 0.35  # Hz, the fastest sway
LARGEST = 11.0  # degrees about any one axis
NOD = 2.2  # degrees down at a strong onset
NOD_TIME = 0.5  # seconds
BROW = 0.16  # of browInnerUp at a strong onset
EASE = 1.2  # seconds from and to rest


def onsets(level: np.ndarray, voice: np.ndarray) -> np.ndarray:
    """Where the voice sets in strongly, (T,) float64: mostly 0, up to 1 at a syllable with weight.

    Parameters
    ----------
    level : (T,) loudness in dB
    voice : (T,) in [0, 1], whether a voice is heard
    """
    rise = np.diff(gaussian_filter1d(np.maximum(level, level.max() - 40), 2), prepend=0) * voice
    rise[0] = 0
    peaks, found = find_peaks(rise, height=0.8, distance=int(0.6 * MOTION_RATE))
    beats = np.zeros(len(level))
    beats[peaks] = np.clip(found["peak_heights"] / 5, 0, 1)
    return beats


def _slow_noise(frames: int, channels: int, random: np.random.Generator) -> np.ndarray:
    """Noise below FASTEST with standard deviation 1, (frames, channels)."""
    run_in = 10 * MOTION_RATE
    passed = butter(2, FASTEST, fs=MOTION_RATE, output="sos")
    noise = sosfilt(passed, random.normal(size=(run_in + frames, channels)), axis=0)[run_in:]
    impulse = np.zeros(run_in)
    impulse[0] = 1
    return noise / np.linalg.norm(sosfilt(passed, impulse))


def _bumps(beats: np.ndarray, seconds: float) -> np.ndarray:
    """A raised cosine of the given length at every beat, (T,)."""
    bump = np.hanning(int(seconds * MOTION_RATE))
    return np.convolve(beats, bump)[: len(beats)]


def sway(level: np.ndarray, voice: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Head motion and brows.

    Parameters
    ----------
    level, voice : as for `onsets`
    random : of everything that the voice does not tell

    Returns
    -------
    rotation : (T, 4) float32 quaternions, at rest at both ends
    translation : (T, 3) float32 metres
    brows : (T, 52) float32 blendshapes
    """
    frames = len(level)
    times = np.arange(frames) / MOTION_RATE
    ease = np.clip(np.minimum(times, times[-1] - times) / min(EASE, max(frames / 2 / MOTION_RATE, 1e-6)), 0, 1)
    ease = ease * ease * (3 - 2 * ease)
    noise = _slow_noise(frames, 6, random) * ease[:, None]
    # A listener is quieter than a speaker: half the sway where nobody speaks.
    liveliness = 0.5 + 0.5 * gaussian_filter1d(voice.astype(np.float64), MOTION_RATE / 2)
    beats = onsets(level, voice)
    degrees = noise[:, :3] * SWAY * liveliness[:, None]
    degrees[:, 0] += NOD * ease * _bumps(beats * random.uniform(0.2, 1, frames), NOD_TIME)  # +X turns down
    degrees = LARGEST * np.tanh(degrees / LARGEST)
    rotation = Rotation.from_euler("YXZ", degrees[:, [1, 0, 2]], degrees=True).as_quat(canonical=True)
    brows = np.zeros((frames, len(ARKIT)), np.float32)
    lift = ease * np.clip(_bumps(beats * (random.random(frames) < 0.35), 0.7), 0, 1)
    brows[:, ARKIT_INDEX["browInnerUp"]] = BROW * lift
    for side in ("Left", "Right"):
        brows[:, ARKIT_INDEX[f"browOuterUp{side}"]] = BROW * 0.7 * lift
    return rotation.astype(np.float32), (noise[:, 3:] * DRIFT).astype(np.float32), brows
