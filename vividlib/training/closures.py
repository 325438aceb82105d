"""When the lips part after p, b and m, heard in the sound: aligners and synthesisers only say when a sound ends.

A p lasts, for them, until its breath is over, up to 50 ms after the burst that the parting lips make.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, sosfiltfilt

from vividlib.conventions import SAMPLE_RATE
from vividlib.training.visemes import CLASS, Phone

BAND = 700, 5500  # Hz; voice leaks through closed lips only below
STEP = SAMPLE_RATE // 1000  # samples, a millisecond
WINDOW = 9  # milliseconds over which loudness is smoothed
SHORTEST = 0.02  # seconds that lips stay closed
NASAL = 0.04  # seconds before the end of an m in which they part; earlier, loudness rises when the voice sets in
AFTER = 0.015  # seconds after the end of the sound in which the burst may still be
LEAST_RISE = 6.0  # dB within WINDOW either side; less is no burst


def end_at_burst(samples: np.ndarray, phones: list[Phone]) -> list[Phone]:
    """The same sounds, but each p, b and m ends, and the next sound begins, where the lips are heard to part.

    Parameters
    ----------
    samples : (N,) float32 in [-1, 1] at SAMPLE_RATE
    phones : in order, without gaps
    """
    loud = _loudness(samples)
    rise = np.gradient(loud)
    edges = [(phone.start, phone.end) for phone in phones]
    for index, phone in enumerate(phones[:-1]):
        if {CLASS.get(letter, "p") for letter in phone.symbol} != {"p"}:
            continue
        start = max(phone.start + SHORTEST, phone.end - NASAL if "m" in phone.symbol else 0)
        first, last = round(1000 * start), round(1000 * (phone.end + AFTER))
        if not WINDOW <= first < last < len(loud) - WINDOW:
            continue
        burst = first + int(np.argmax(rise[first:last]))
        if loud[burst + WINDOW] - loud[burst - WINDOW] > LEAST_RISE and burst / 1000 < edges[index + 1][1] - SHORTEST:
            edges[index] = edges[index][0], burst / 1000
            edges[index + 1] = burst / 1000, edges[index + 1][1]
    return [Phone(phone.symbol, *pair) for phone, pair in zip(phones, edges)]


def _loudness(samples: np.ndarray) -> np.ndarray:
    """Decibels within BAND, every millisecond, smoothed over WINDOW."""
    heard = sosfiltfilt(butter(4, BAND, "bandpass", fs=SAMPLE_RATE, output="sos"), samples)
    power = uniform_filter1d(np.square(heard), 5 * STEP)[::STEP]
    return uniform_filter1d(10 * np.log10(power + 1e-7 * power.max() + 1e-12), WINDOW)
