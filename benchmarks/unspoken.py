"""Sounds that are no speech: what a mouth should not chatter to. All 16 kHz, float32, from numpy and a seed."""

from __future__ import annotations

import numpy as np

from vividlib.conventions import SAMPLE_RATE
from vividlib.types import Speech

SECONDS = 20.0
COUNT = int(SECONDS * SAMPLE_RATE)
TIMES = np.arange(COUNT) / SAMPLE_RATE
CHORDS = ((57, 60, 64), (53, 57, 60), (48, 52, 55), (55, 59, 62))  # MIDI notes: a minor, F, C, G
BEAT = 0.5  # seconds


def sounds() -> dict[str, Speech]:
    """Room noise, coloured noise, mains hum, breaths, chords and drums, with a peak or level said in the name."""
    random = np.random.default_rng(0)
    noises = {f"{colour}_noise": coloured(random, slope) for colour, slope in (("white", 0), ("pink", 1), ("brown", 2))}
    made = {"room_noise_-60_dB": to_level(coloured(random, 1), -60)}
    made |= {f"{name}_-26_dB": to_level(noise, -26) for name, noise in noises.items()}
    made["mains_hum_-30_dB"] = to_level(hum(), -30)
    made["breaths_-40_dB"] = to_level(breaths(random), -40)
    made["chords_-20_dB"] = to_level(chords(), -20)
    made["drums_-20_dB"] = to_level(drums(random), -20)
    made["band_-20_dB"] = to_level(to_level(chords(), -20) + to_level(drums(random), -20), -20)
    return {name: Speech(np.clip(sound, -1, 1).astype(np.float32)) for name, sound in made.items()}


def to_level(sound: np.ndarray, level: float) -> np.ndarray:
    """The sound with this root mean square, dB of full scale."""
    return sound * 10 ** (level / 20) / np.sqrt(np.mean(np.square(sound)))


def coloured(random: np.random.Generator, slope: float) -> np.ndarray:
    """Noise whose power falls with frequency to the power of ``slope``, from 20 Hz on."""
    spectrum = np.fft.rfft(random.normal(size=COUNT))
    frequency = np.maximum(np.fft.rfftfreq(COUNT, 1 / SAMPLE_RATE), 20)
    return np.fft.irfft(spectrum * frequency ** (-slope / 2), COUNT)


def hum() -> np.ndarray:
    """50 Hz and its harmonics."""
    return sum(np.sin(2 * np.pi * 50 * k * TIMES) / k for k in range(1, 12))


def breaths(random: np.random.Generator) -> np.ndarray:
    """Noise between 300 Hz and 4 kHz that swells for half a second every four, over a quiet room."""
    spectrum = np.fft.rfft(random.normal(size=COUNT))
    frequency = np.fft.rfftfreq(COUNT, 1 / SAMPLE_RATE)
    air = np.fft.irfft(spectrum * ((frequency > 300) & (frequency < 4000)), COUNT)
    swell = np.sin(np.pi * np.clip((TIMES % 4.0) / 0.5, 0, 1)) ** 2
    return air * swell + 0.003 * coloured(random, 1)


def chords() -> np.ndarray:
    """Four triads around and around, struck twice a second, with eight falling harmonics a note."""
    sound = np.zeros(COUNT)
    for beat in range(int(SECONDS / BEAT)):
        since = TIMES - beat * BEAT
        struck = np.where(since >= 0, np.exp(-3 * np.maximum(since, 0)), 0) * np.minimum(1, np.maximum(since, 0) / 0.01)
        for note in CHORDS[beat // 4 % len(CHORDS)]:
            pitch = 440 * 2 ** ((note - 69) / 12)
            sound += struck * sum(np.sin(2 * np.pi * pitch * k * TIMES) / k**1.5 for k in range(1, 9))
    return sound


def drums(random: np.random.Generator) -> np.ndarray:
    """A kick on every beat, a snare on every other, hats between."""
    kick = np.exp(-25 * (TIMES % BEAT)) * np.sin(2 * np.pi * 55 * (TIMES % BEAT))
    snare = np.exp(-30 * ((TIMES + BEAT) % (2 * BEAT))) * random.normal(size=COUNT) * 0.5
    hats = np.exp(-80 * (TIMES % (BEAT / 2))) * np.diff(random.normal(size=COUNT + 1)) * 0.15
    return kick + snare + hats
