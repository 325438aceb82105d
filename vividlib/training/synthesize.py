"""Synthetic speech with known sounds and mouths made by rule: many languages, voices, pitches and tempos."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import soxr

from vividlib.conventions import MOTION_RATE, SAMPLE_RATE
from vividlib.head import model
from vividlib.metrics.mouth import gap_weights
from vividlib.training import clips
from vividlib.training.closures import end_at_burst
from vividlib.training.sentences import SENTENCES, SYLLABLE_ONSETS, SYLLABLE_VOWELS
from vividlib.training.visemes import Phone, articulate, voiced
from vividlib.training.voices import (
    ESPEAK_VARIANTS,
    FESTIVAL_VOICES,
    FLITE_VOICES,
    Espeak,
    FestivalVoice,
    festival,
    flite,
)

Spoken = Iterator[tuple[np.ndarray, list[Phone]]]
"""Samples at SAMPLE_RATE (N float32) and when each sound is heard, for one text after another."""

ESPEAK_LANGUAGES = ("ar", "en-us", "en", "es", "fr", "de", "it", "ru", "pt-br", "hi", "tr", "cs", "fi")
ESPEAK_REPEATS = {"ar": 12, "en-us": 4, "en": 4}  # of every sentence; Arabic has no other synthesiser
OTHER_REPEATS = 3
FESTIVAL_REPEATS = 2  # of every sentence that is not English, of which there are few
ESPEAK_BABBLE, OTHER_BABBLE = 100, 30  # sentences of nonsense, for each voice of flite and the Italian of festival
TEMPO = 0.88, 1.14  # how a voice is played faster or slower, which makes its throat shorter or longer, too
REST = 0.5  # seconds of silence before and after


@dataclass(frozen=True)
class _Reader:
    """One synthesiser's voice, or espeak-ng's many of one language, and what it reads."""

    name: str  # the first part of its clips' names
    speaker: str  # of its clips
    texts: list[str]
    read: Callable[[list[str], list[np.random.Generator]], Spoken]


def synthesize(folder: Path, seed: int = 0) -> int:
    """Write every sentence in several voices, and nonsense, as training clips; returns how many.

    Parameters
    ----------
    folder : where `clips.save` puts them; clips that are there are kept
    seed : of nonsense, voices, pitch and tempo; a run that was stopped and continued gives the same speech but for
        the noise in espeak-ng's sounds, which depends on all that it has said before

    Raises
    ------
    BackendError
        If espeak-ng, flite, festival or one of their voices is not installed.
    """
    opening = gap_weights(model.load())
    readers = _readers(np.random.default_rng(seed))
    for reader in readers:
        named = {f"{reader.name}_{number:03}": text for number, text in enumerate(reader.texts)}
        missing = {name: text for name, text in named.items() if not clips.exists(folder, name)}
        random = [np.random.default_rng([seed, zlib.crc32(name.encode())]) for name in missing]
        for name, (samples, phones) in zip(missing, reader.read(list(missing.values()), random)):
            clips.save(folder, name, _clip(reader.speaker, samples, phones, opening))
    return sum(len(reader.texts) for reader in readers)


def _readers(random: np.random.Generator) -> list[_Reader]:
    espeak = Espeak()
    readers = [
        _Reader(f"espeak_{language}", "espeak", lines(language) * ESPEAK_REPEATS.get(language, OTHER_REPEATS),
                partial(_read_espeak, espeak, language))
        for language in ESPEAK_LANGUAGES
    ]  # fmt: skip
    babble_reader = partial(_read_espeak, espeak, "it")
    readers.append(_Reader("espeak_babble", "espeak", [babble(random) for _ in range(ESPEAK_BABBLE)], babble_reader))
    for voice in FLITE_VOICES:
        texts = [*lines("en-us"), *lines("en"), *(babble(random) for _ in range(OTHER_BABBLE))]
        readers.append(_Reader(f"flite_{voice}", f"flite_{voice}", texts, partial(_read_flite, voice)))
    for voice in FESTIVAL_VOICES:
        texts = lines(voice.language) * (1 if voice.language == "en-us" else FESTIVAL_REPEATS)
        texts += [babble(random) for _ in range(OTHER_BABBLE)] if voice.language == "it" else []
        name = f"festival_{voice.name}"
        readers.append(_Reader(name, name, texts, partial(_read_festival, voice)))
    return readers


def _read_espeak(espeak: Espeak, language: str, texts: list[str], random: list[np.random.Generator]) -> Spoken:
    for text, own in zip(texts, random):
        voice = language + str(own.choice(ESPEAK_VARIANTS))
        yield espeak.say(text, voice, pitch=int(own.integers(15, 85)), words_a_minute=int(own.integers(110, 210)))


def _read_flite(voice: str, texts: list[str], random: list[np.random.Generator]) -> Spoken:
    for text, own in zip(texts, random):
        yield _played(*flite(text, voice), own)


def _read_festival(voice: FestivalVoice, texts: list[str], random: list[np.random.Generator]) -> Spoken:
    for said, own in zip(festival(texts, voice), random):
        yield _played(*said, own)


def _played(samples: np.ndarray, phones: list[Phone], random: np.random.Generator) -> tuple[np.ndarray, list[Phone]]:
    """Speech played at another tempo, as Ko et al., "Audio augmentation for speech recognition" (2015)."""
    tempo = random.uniform(*TEMPO)
    played = soxr.resample(samples, SAMPLE_RATE * tempo, SAMPLE_RATE)
    return played, [Phone(phone.symbol, phone.start / tempo, phone.end / tempo) for phone in phones]


def lines(language: str) -> list[str]:
    """The sentences of one language."""
    return [line.strip() for line in SENTENCES[language].strip().splitlines()]


def babble(random: np.random.Generator) -> str:
    """A sentence of nonsense words in which any consonant may meet any vowel."""
    words = []
    for _ in range(random.integers(5, 9)):
        syllables = random.integers(2, 5)
        words.append("".join(random.choice(SYLLABLE_ONSETS) + random.choice(SYLLABLE_VOWELS) for _ in range(syllables)))
    return " ".join(words) + "."


def _clip(speaker: str, samples: np.ndarray, phones: list[Phone], opening: np.ndarray) -> clips.Clip:
    """What was read, between two rests, with the mouth that says it."""
    quiet = np.zeros(round(REST * SAMPLE_RATE), np.float32)
    samples = np.concatenate([quiet, samples, quiet])
    phones = [Phone(phone.symbol, phone.start + REST, phone.end + REST) for phone in phones]
    phones = [Phone("", 0, phones[0].start), *phones, Phone("", phones[-1].end, len(samples) / SAMPLE_RATE)]
    phones = end_at_burst(samples, phones)
    frames = len(samples) * MOTION_RATE // SAMPLE_RATE
    return unfilmed(speaker, samples, articulate(phones, frames, opening), voiced(phones, frames), phones)


def unfilmed(
    speaker: str, samples: np.ndarray, blendshapes: np.ndarray, active: np.ndarray, phones: list[Phone]
) -> clips.Clip:
    """A clip of which only the sound, the mouth (T 52), the voice (T) and the sounds are known."""
    frames = len(blendshapes)
    none = {name: np.zeros((frames, 0), np.float32) for name in ("head_rotation", "head_translation", "gaze")}
    return clips.Clip(
        speaker=speaker, tracked=False, samples=samples[: frames * SAMPLE_RATE // MOTION_RATE], voiced=active,
        blendshapes=blendshapes, lip_offsets=np.zeros((frames, 0, 3), np.float32), identity=np.zeros(0, np.float32),
        phones=tuple(phones), **none,
    )  # fmt: skip
