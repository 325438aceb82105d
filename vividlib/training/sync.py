"""How far the sound of each video is ahead of its lips, or behind them.

SyncNet's audio-video offset (Chung and Zisserman, "Out of time", 2016) is the lag at which a network finds that voice
and lips fit best; here the network that moves lips to a voice is asked, and its lips are compared with those seen. A
word or two tell little, so first all videos of a person are heard together, and each alone is believed only as
far from them as its own evidence goes: the largest of likelihood times a Gaussian, twice (Lindley and Smith, "Bayes
estimates for the linear model", 1972).
"""

from __future__ import annotations

import numpy as np

from vividlib.audio_to_mesh.performance import speak
from vividlib.conventions import MOTION_RATE
from vividlib.head import model
from vividlib.metrics.lag import correlations, peak
from vividlib.metrics.mouth import lip_gap
from vividlib.types import Speech

REACH = 15  # frames at MOTION_RATE between sound and picture that are looked for: 0.3 s
PERSON_SIGMA, CLIP_SIGMA = 0.1, 0.025  # seconds: of persons about 0, of a person's videos about theirs
NUMBERS = 8.0  # a second: independent ones in the opening of lips, which move at up to 4 Hz


def heard_opening(speech: Speech) -> np.ndarray:
    """How far the network parts the lips to a voice (T mm at MOTION_RATE)."""
    return lip_gap(speak(speech).blendshapes, model.load())


def lags(heard: list[np.ndarray], seen: list[np.ndarray]) -> tuple[float, np.ndarray, np.ndarray]:
    """By how much lips run behind the sound in the videos of one person.

    Parameters
    ----------
    heard : opening of the lips (T mm at MOTION_RATE) as the sound of each video has it
    seen : and as its picture has it

    Returns
    -------
    person : seconds, of all together; positive if lips are late
    clips : seconds, of each
    evidence : log-likelihood of each, against lips that have nothing to do with the sound
    """
    places = np.arange(-REACH, REACH + 1) / MOTION_RATE
    together = _evidence(correlations(heard, seen, REACH), sum(map(len, seen)))
    person = _most_likely(together, places, 0.0, PERSON_SIGMA)
    each = [_evidence(correlations([h], [s], REACH), len(s)) for h, s in zip(heard, seen)]
    found = np.array([_most_likely(curve, places, person, CLIP_SIGMA) for curve in each])
    return person, found, np.array([np.interp(lag, places, curve) for lag, curve in zip(found, each)])


def _evidence(correlation: np.ndarray, frames: int) -> np.ndarray:
    """Log-likelihood of every lag: how much less of the lips is left unexplained there (Gaussian regression)."""
    return -frames / MOTION_RATE * NUMBERS / 2 * np.log(1 - np.clip(correlation, 0, 0.99) ** 2)


def _most_likely(evidence: np.ndarray, places: np.ndarray, centre: float, sigma: float) -> float:
    found = peak(evidence - ((places - centre) / sigma) ** 2 / 2)
    return float(np.interp(found, np.arange(len(places)), places))
