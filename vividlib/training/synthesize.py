"""Synthetic speech with known phone times, from espeak-ng and flite: many languages and voices.

Both are tools for making training data, installed by the system's package manager; nothing of them is
part of the library. espeak-ng reports phones through its C interface, flite by ``-psdur``.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import soxr

from vividlib.conventions import MOTION_RATE, SAMPLE_RATE
from vividlib.errors import BackendError
from vividlib.head import model
from vividlib.metrics.lip_gap import gap_weights
from vividlib.training import clips
from vividlib.training.sentences import SENTENCES, SYLLABLE_ONSETS, SYLLABLE_VOWELS
from vividlib.training.visemes import Phone, articulate, voiced

BURST_AFTER = 0.045
"""Seconds of silent closure that espeak-ng counts to the sound before a voiceless stop (seen in its waveforms)."""
VARIANTS = ["", "+m1", "+m3", "+m7", "+f1", "+f2", "+f4"]
FLITE_VOICES = ["slt", "rms", "awb", "kal16"]

ARPABET = {
    "aa": "ɑ", "ae": "æ", "ah": "ʌ", "ao": "ɔ", "aw": "aʊ", "ax": "ə", "ay": "aɪ", "b": "b", "ch": "tʃ", "d": "d",
    "dh": "ð", "eh": "ɛ", "er": "ɜ", "ey": "eɪ", "f": "f", "g": "g", "hh": "h", "ih": "ɪ", "iy": "i", "jh": "dʒ",
    "k": "k", "l": "l", "m": "m", "n": "n", "ng": "ŋ", "ow": "oʊ", "oy": "ɔɪ", "p": "p", "r": "ɹ", "s": "s",
    "sh": "ʃ", "t": "t", "th": "θ", "uh": "ʊ", "uw": "u", "v": "v", "w": "w", "y": "j", "z": "z", "zh": "ʒ",
    "pau": "", "sil": "", "ssil": "",
}  # fmt: skip
"""The phones of English dictionaries in the IPA."""


class _Event(ctypes.Structure):
    """espeak_EVENT of speak_lib.h."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # milliseconds
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("name", ctypes.c_char * 8),
    ]


PHONEME_EVENT, LIST_END = 7, 0
_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)  # fmt: skip


class Espeak:
    """The synthesiser espeak-ng, which keeps its state in one C library: make one and use it."""

    def __init__(self):
        name = ctypes.util.find_library("espeak-ng")
        if name is None:
            raise BackendError("libespeak-ng is missing; install it, for example: apt-get install espeak-ng.")
        self._library = ctypes.CDLL(name)
        synchronous, phoneme_events_as_ipa = 2, 1 | 2
        self._rate = self._library.espeak_Initialize(synchronous, 0, None, phoneme_events_as_ipa)
        self._callback = _CALLBACK(self._receive)
        self._library.espeak_SetSynthCallback(self._callback)

    def _receive(self, samples, count, events) -> int:
        if samples and count:
            self._audio.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while events[index].type != LIST_END:
            if events[index].type == PHONEME_EVENT:
                raw = ctypes.string_at(ctypes.addressof(events[index]) + _Event.name.offset, 8)
                symbol = raw.split(b"\0")[0].decode("utf8", "ignore")
                self._marks.append((events[index].audio_position / 1000, symbol))
            index += 1
        return 0

    def say(self, text: str, voice: str, pitch: int, words_a_minute: int) -> tuple[np.ndarray, list[Phone]]:
        """Read ``text``: samples at SAMPLE_RATE (N float32) and when each phone is heard."""
        self._audio, self._marks = [], []
        if self._library.espeak_SetVoiceByName(voice.encode()):
            raise BackendError(f"espeak-ng has no voice {voice!r}; install all of its voices.")
        rate_parameter, pitch_parameter, utf8 = 1, 3, 1
        self._library.espeak_SetParameter(rate_parameter, words_a_minute, 0)
        self._library.espeak_SetParameter(pitch_parameter, pitch, 0)
        raw = text.encode()
        self._library.espeak_Synth(raw, len(raw) + 1, 0, 0, 0, utf8, None, None)
        samples = np.concatenate(self._audio).astype(np.float32) / 32768
        edges = [time - BURST_AFTER * s.startswith(("p", "t", "k")) for time, s in self._marks]
        edges = [*np.maximum.accumulate(edges), len(samples) / self._rate]
        phones = [Phone(s, start, end) for (_, s), start, end in zip(self._marks, edges, edges[1:]) if end > start]
        return soxr.resample(samples, self._rate, SAMPLE_RATE), phones


def flite(text: str, voice: str, stretch: float = 1.0) -> tuple[np.ndarray, list[Phone]]:
    """Read English ``text`` with flite: samples at SAMPLE_RATE and when each phone is heard."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        command = ["flite", "-voice", voice, "-psdur", "--setf", f"duration_stretch={stretch}", "-t", text, "-o", path]
        try:
            marks = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        except FileNotFoundError:
            raise BackendError("flite is missing; install it, for example: apt-get install flite.") from None
        samples, rate = soundfile.read(path, dtype="float32")
    names, ends = zip(*(mark.rsplit(":", 1) for mark in marks))
    ends = [float(end) for end in ends]
    phones = [Phone(ARPABET[name], start, end) for name, start, end in zip(names, [0.0, *ends], ends)]
    return soxr.resample(samples, rate, SAMPLE_RATE), phones


def babble(random: np.random.Generator) -> str:
    """A sentence of nonsense words in which any consonant may meet any vowel."""
    words = []
    for _ in range(random.integers(5, 9)):
        syllables = random.integers(2, 5)
        words.append("".join(random.choice(SYLLABLE_ONSETS) + random.choice(SYLLABLE_VOWELS) for _ in range(syllables)))
    return " ".join(words) + "."


def synthesize(folder: Path, seed: int = 0) -> int:
    """Write every sentence in several voices, and nonsense, as training clips; returns how many.

    Parameters
    ----------
    folder : where `clips.save` puts them; clips that are there are kept
    seed : of voices, pitch and speed
    """
    random = np.random.default_rng(seed)
    espeak = Espeak()
    jobs = [
        (f"espeak_{language}_{number:02}_{repeat}", language, text.strip())
        for language, texts in SENTENCES.items()
        for number, text in enumerate(texts.strip().splitlines())
        for repeat in range(4)
    ]
    jobs += [(f"babble_{number:03}", "it", babble(random)) for number in range(150)]
    for name, language, text in jobs:
        voice = language + random.choice(VARIANTS)
        pitch, speed = int(random.integers(15, 85)), int(random.integers(110, 210))
        if not clips.exists(folder, name):
            _save(folder, name, *espeak.say(text, voice, pitch, speed), speaker="espeak")
    english = [text.strip() for key in ("en-us", "en") for text in SENTENCES[key].strip().splitlines()]
    english += [babble(random) for _ in range(120)]
    for voice in FLITE_VOICES:
        for number, text in enumerate(english):
            stretch = random.uniform(0.85, 1.25)
            name = f"flite_{voice}_{number:02}"
            if not clips.exists(folder, name):
                _save(folder, name, *flite(text, voice, stretch), speaker=f"flite_{voice}")
    return len(jobs) + len(FLITE_VOICES) * len(english)


def _save(folder: Path, name: str, samples: np.ndarray, phones: list[Phone], speaker: str) -> None:
    quiet = np.zeros(SAMPLE_RATE // 2, np.float32)  # a rest before and after
    samples = np.concatenate([quiet, samples, quiet])
    phones = [Phone(p.symbol, p.start + 0.5, p.end + 0.5) for p in phones]
    phones = [Phone("", 0, 0.5), *phones, Phone("", phones[-1].end, len(samples) / SAMPLE_RATE)]
    frames = len(samples) * MOTION_RATE // SAMPLE_RATE
    clips.save(folder, name, clips.Clip(
        speaker=speaker, samples=samples, blendshapes=articulate(phones, frames, gap_weights(model.load())),
        voiced=voiced(phones, frames),
    ))  # fmt: skip
