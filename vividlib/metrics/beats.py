"""Does the head move in time with the voice? Beat Align, and what chance alone would give.

SadTalker (Zhang et al., 2023, section 4) takes the score from Bailando (Siyao et al., 2022, section 4.1), which took it
from AI Choreographer (Li et al., 2021): each beat of the audio looks for the nearest beat of the motion, a moment at
which it is slowest. The score by itself tells little, for a head that trembles has a beat near everything:
`matched` asks whether a motion fits its own audio better than others'.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks
from scipy.spatial.transform import Rotation

from vividlib.conventions import SAMPLE_RATE

SIGMA = 3 / 60
"""Seconds by which beats may miss each other, as a standard deviation: Bailando's 3 frames at 60 Hz."""
SMOOTHING = 5 / 60
"""Seconds, standard deviation of the Gaussian over the speed of a motion: Bailando's 5 frames at 60 Hz."""


def audio_beats(samples: np.ndarray) -> np.ndarray:
    """Beats of audio (N,) at SAMPLE_RATE in seconds, as `librosa.beat.beat_track` finds them: (B,), evenly spaced.

    Bailando's, made for music: speech gives it a tempo, too. `audio_onsets` asks less.
    """
    import librosa

    return librosa.beat.beat_track(y=samples, sr=SAMPLE_RATE, hop_length=SAMPLE_RATE // 100, units="time")[1]


def audio_onsets(samples: np.ndarray) -> np.ndarray:
    """Onsets of audio (N,) at SAMPLE_RATE in seconds, as `librosa.onset.onset_detect` finds them: (B,)."""
    import librosa

    return librosa.onset.onset_detect(y=samples, sr=SAMPLE_RATE, hop_length=SAMPLE_RATE // 100, units="time")


def motion_beats(rotation: np.ndarray, rate: float) -> np.ndarray:
    """Moments at which a head (quaternions, (T, 4), at ``rate`` Hz) turns slowest, in seconds: (B,)."""
    turns = Rotation.from_quat(rotation)
    speed = gaussian_filter1d((turns[:-1].inv() * turns[1:]).magnitude(), SMOOTHING * rate)
    return (find_peaks(-speed)[0] + 0.5) / rate


def beat_align(audio: np.ndarray, motion: np.ndarray, sigma: float = SIGMA) -> float:
    """Beat Align of the beats of audio (A,) and of motion (M,), seconds: in [0, 1], higher is better.

    The mean over beats of the audio of ``exp(-d^2 / (2 sigma^2))`` at a distance d from the nearest beat of the
    motion. 0 without beats of motion; NaN without beats of audio, which tell nothing.
    """
    if not len(audio):
        return np.nan
    if not len(motion):
        return 0.0
    distance = np.abs(audio[:, None] - motion).min(1)
    return float(np.mean(np.exp(-(distance**2) / (2 * sigma**2))))


class Match(NamedTuple):
    """How well pairs fit, beside pairs made at random."""

    own: float  # mean score of what belongs together
    shuffled: float  # the same in the mean of permutations
    p: float  # share of permutations that fit as well as what belongs together, itself among them


def matched(scores: np.ndarray, permutations: int = 9999, seed: int = 0) -> Match:
    """Permutation test (Fisher; Good, "Permutation, parametric, and bootstrap tests", 2005, section 3) of pairs.

    Parameters
    ----------
    scores : (N, N): of motion i to audio j; motion i belongs to audio i. NaN, where nothing can be told, does not count
    permutations : ``p`` is at least 1 / (permutations + 1)
    """
    random, rows = np.random.default_rng(seed), np.arange(len(scores))
    own = float(np.nanmean(scores[rows, rows]))
    others = [np.nanmean(scores[rows, random.permutation(len(rows))]) for _ in range(permutations)]
    reached = 1 + np.count_nonzero(np.array(others) >= own - 1e-12)
    return Match(own, float(np.mean(others)), reached / (1 + permutations))
