"""What is no voice: music and noises, during which a mouth has to stay at rest.

Every kind of noise is a few lines of filtered noise and random times, after how such sounds arise; babble of
people is not among them, for it is speech. Some kinds, and some instruments, are held out for measuring.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, sosfilt

from vividlib.conventions import ARKIT, MOTION_RATE, SAMPLE_RATE
from vividlib.training import clips
from vividlib.training.music import music
from vividlib.training.synthesize import unfilmed
from vividlib.training.visemes import Phone

PIECES, PIECE = 26, 20.0  # how many pieces of music, and their seconds
TAKES, TAKE = 4, 8.0  # how often each kind of noise, and its seconds
HELD_OUT_PIECES = 6
LEVEL = -50.0, -14.0  # dB of full scale, root mean square


def negatives(folder: Path, seed: int = 0, held_out: bool = False) -> int:
    """Write music and noises as training clips with a mouth at rest; returns how many.

    Parameters
    ----------
    folder : where `clips.save` puts them; clips that are there are kept
    seed : of all that is random
    held_out : whether to write the instruments and the kinds of noise that are only for measuring

    Raises
    ------
    BackendError
        If fluidsynth or its soundfont is not installed.
    """
    made = [f"music_{number:02}" for number in range(HELD_OUT_PIECES if held_out else PIECES)]
    made += [f"noise_{kind}_{take}" for kind in (HELD_OUT_NOISES if held_out else NOISES) for take in range(TAKES)]
    for name in made:
        if not clips.exists(folder, name):
            samples = sound(name, seed, held_out)
            frames = len(samples) * MOTION_RATE // SAMPLE_RATE
            rest, silent = np.zeros((frames, len(ARKIT)), np.float32), np.zeros(frames, np.float32)
            whole = [Phone("", 0.0, frames / MOTION_RATE)]
            clips.save(folder, name, unfilmed(name.split("_")[0], samples, rest, silent, whole))
    return len(made)


def sound(name: str, seed: int = 0, held_out: bool = False) -> np.ndarray:
    """One of the sounds that `negatives` writes, at a random level: (N,) float32 at SAMPLE_RATE."""
    random = np.random.default_rng([seed, held_out, zlib.crc32(name.encode())])
    if name.startswith("music"):
        samples = music(random, PIECE, held_out)
    else:
        samples = (NOISES | HELD_OUT_NOISES)[name.split("_")[1]](random, round(TAKE * SAMPLE_RATE))
    level = 10 ** (random.uniform(*LEVEL) / 20) / np.sqrt(np.mean(np.square(samples)) + 1e-12)
    return np.clip(samples * level, -1, 1).astype(np.float32)


def coloured(random: np.random.Generator, count: int, slope: float) -> np.ndarray:
    """Noise whose power falls with frequency to the power of ``slope``, from 20 Hz on; root mean square 1."""
    spectrum = np.fft.rfft(random.normal(size=count))
    frequency = np.maximum(np.fft.rfftfreq(count, 1 / SAMPLE_RATE), 20)
    noise = np.fft.irfft(spectrum * frequency ** (-slope / 2), count)
    return noise / noise.std()


def _band(noise: np.ndarray, low: float, high: float) -> np.ndarray:
    return sosfilt(butter(2, (low, high), "bandpass", fs=SAMPLE_RATE, output="sos"), noise)


def _waving(random: np.random.Generator, count: int, seconds: float) -> np.ndarray:
    """A slow random curve between 0 and 1."""
    step = SAMPLE_RATE // 100
    curve = gaussian_filter1d(random.normal(size=count // step + 2), 100 * seconds, mode="wrap")
    curve = (curve - curve.min()) / np.ptp(curve)
    return np.interp(np.arange(count) / step, np.arange(len(curve)), curve)


def _struck(random: np.random.Generator, count: int, every: float, hit: Callable[[], np.ndarray]) -> np.ndarray:
    """Hits at random times, ``every`` so many seconds in the mean."""
    samples = np.zeros(count)
    at = random.exponential(every)
    while (start := int(at * SAMPLE_RATE)) < count:
        one = hit()[: count - start] * random.uniform(0.3, 1)
        samples[start : start + len(one)] += one
        at += 0.03 + random.exponential(every)
    return samples


def _ringing(random: np.random.Generator, pitches: np.ndarray, decay: float) -> np.ndarray:
    """Tones (Hz) that are struck together and die away by 60 dB in ``decay`` seconds."""
    times = np.arange(int(decay * SAMPLE_RATE)) / SAMPLE_RATE
    tones = np.sin(2 * np.pi * pitches[:, None] * times + random.uniform(0, 6.28, (len(pitches), 1)))
    return (tones * random.uniform(0.2, 1, (len(pitches), 1))).sum(0) * 10 ** (-3 * times / decay)


def room(random: np.random.Generator, count: int) -> np.ndarray:
    """A quiet room: pink to brown noise, with a little hum."""
    return coloured(random, count, random.uniform(0.8, 2.2)) + random.uniform(0, 0.5) * hum(random, count)


def hiss(random: np.random.Generator, count: int) -> np.ndarray:
    """An amplifier, air conditioning or rain on a roof: white to pink noise that hardly changes."""
    return coloured(random, count, random.uniform(-0.3, 0.8)) * (1 + 0.2 * _waving(random, count, 0.5))


def hum(random: np.random.Generator, count: int) -> np.ndarray:
    """The mains and its harmonics."""
    times, mains = np.arange(count) / SAMPLE_RATE, random.choice([50.0, 60.0]) * random.uniform(0.995, 1.005)
    tones = [np.sin(2 * np.pi * mains * k * times) * random.uniform(0, 1) / k for k in range(1, 14)]
    return np.sum(tones, axis=0) + 0.05 * coloured(random, count, 1)


def street(random: np.random.Generator, count: int) -> np.ndarray:
    """Distant traffic, and cars that pass."""
    samples = 0.4 * coloured(random, count, 2)
    for _ in range(3):
        passing = np.exp(-np.square((np.arange(count) / count - random.uniform()) / random.uniform(0.05, 0.2)))
        samples += passing * _band(coloured(random, count, 0.8), 80, random.uniform(600, 2500))
    return samples


def keyboard(random: np.random.Generator, count: int) -> np.ndarray:
    """Keys: a click of a few milliseconds and a duller one when the key is released."""

    def key() -> np.ndarray:
        sharp, dull = (coloured(random, 800, slope) * np.exp(-np.arange(800) / 60) for slope in (-0.5, 1))
        gap = np.zeros(int(random.uniform(0.05, 0.12) * SAMPLE_RATE))
        return np.concatenate([sharp, gap, 0.5 * dull])

    return _struck(random, count, random.uniform(0.08, 0.3), key) + 0.01 * coloured(random, count, 1)


def knocks(random: np.random.Generator, count: int) -> np.ndarray:
    """Doors, steps and things put on a table: low resonances of wood, struck."""

    def knock() -> np.ndarray:
        wood = _ringing(random, random.uniform(60, 900, 8), random.uniform(0.08, 0.35))
        return wood + 0.5 * coloured(random, len(wood), 1) * np.exp(-np.arange(len(wood)) / 200)

    return _struck(random, count, random.uniform(0.3, 1.5), knock) + 0.01 * coloured(random, count, 1.5)


def breaths(random: np.random.Generator, count: int) -> np.ndarray:
    """Breath drawn and let go every few seconds, through a throat that colours it, in a quiet room."""
    samples = 0.01 * coloured(random, count, 1)
    at = random.uniform(0, 1)
    while (start := int(at * SAMPLE_RATE)) < count:
        length = int(random.uniform(0.25, 1.2) * SAMPLE_RATE)
        swell = np.sin(np.pi * np.linspace(0, 1, length) ** random.uniform(0.6, 1.5)) ** 2
        air = sum(
            _band(coloured(random, length, 0.5), f * 0.8, f * 1.2)
            for f in random.uniform((400, 1200, 2200), (800, 1900, 4500))
        )
        samples[start : start + length] += (random.uniform(0.3, 1) * air * swell)[: count - start]
        at += length / SAMPLE_RATE + random.uniform(0.3, 2.5)
    return samples


def wind(random: np.random.Generator, count: int) -> np.ndarray:
    """Gusts in a microphone, and what whistles in them."""
    gust = _waving(random, count, 0.4)
    return gust**2 * coloured(random, count, 2) + 0.2 * gust**4 * _band(coloured(random, count, 0), 400, 1200)


def rustle(random: np.random.Generator, count: int) -> np.ndarray:
    """Paper and clothes: short bursts of bright noise in heaps."""
    return (
        coloured(random, count, -0.2) * np.maximum(_waving(random, count, 0.02) - 0.45, 0) * _waving(random, count, 0.5)
    )


def chimes(random: np.random.Generator, count: int) -> np.ndarray:
    """Telephones, bells and beeps: inharmonic tones that are struck, or plain ones that are switched."""

    def bell() -> np.ndarray:
        pitch = random.uniform(400, 2400)
        partials = np.array([1, 2.0, 2.76, 5.4])[: random.integers(1, 5)]
        return _ringing(random, pitch * partials[pitch * partials < 7500], random.uniform(0.2, 2))

    return _struck(random, count, random.uniform(0.4, 1.5), bell) + 0.005 * coloured(random, count, 1)


def engine(random: np.random.Generator, count: int) -> np.ndarray:
    """A motor: harmonics of a rate that wanders, rough."""
    rate = random.uniform(25, 90) * (1 + 0.5 * _waving(random, count, 0.6))
    phase = 2 * np.pi * np.cumsum(rate) / SAMPLE_RATE
    tones = sum(np.sin(k * phase + random.uniform(0, 6.28)) * random.uniform(0, 1) / k**0.7 for k in range(1, 30))
    return tones + 0.5 * coloured(random, count, 1)


def applause(random: np.random.Generator, count: int) -> np.ndarray:
    """Many hands: claps of a few milliseconds in a hall."""

    def clap() -> np.ndarray:
        return _band(random.normal(size=500), *random.uniform((500, 1500), (1200, 4500))) * np.exp(-np.arange(500) / 80)

    many = _struck(random, count, 0.004, clap)
    return many * (0.3 + _waving(random, count, 1.0))


def dishes(random: np.random.Generator, count: int) -> np.ndarray:
    """Plates, glasses and cutlery: high, stiff things that ring briefly."""

    def plate() -> np.ndarray:
        return _ringing(random, random.uniform(1500, 7000, 6), random.uniform(0.05, 0.4))

    return _struck(random, count, random.uniform(0.15, 0.6), plate) + 0.01 * coloured(random, count, 1)


def silence(random: np.random.Generator, count: int) -> np.ndarray:
    """Nothing at all, but for the last bit."""
    return 1e-9 * random.normal(size=count)


NOISES = {
    kind.__name__: kind
    for kind in (room, hiss, hum, street, keyboard, knocks, breaths, wind, rustle, chimes, engine, silence)
}
HELD_OUT_NOISES = {kind.__name__: kind for kind in (applause, dishes)}
"""Kinds of noise: a random generator and how many samples, to that many samples."""
