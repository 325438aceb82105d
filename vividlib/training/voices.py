"""Synthesisers that say when each of their sounds is heard: espeak-ng, flite and festival.

They are tools for making training data, installed by the system's package manager; nothing of them is part
of the library. espeak-ng reports sounds through its C interface, flite by ``-psdur``, festival by
``utt.save.segs``. Only voices whose licence allows any use are named here: those of MBROLA do not.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from vividlib.conventions import SAMPLE_RATE
from vividlib.errors import BackendError
from vividlib.training.visemes import Phone

ESPEAK_BURST_AFTER = 0.045
"""Seconds of silent closure that espeak-ng counts to the sound before a voiceless stop (seen in its waveforms)."""
ESPEAK_VARIANTS = (
    "", "+m1", "+m2", "+m3", "+m4", "+m5", "+m6", "+m7", "+m8", "+f1", "+f2", "+f3", "+f4", "+f5", "+klatt",
    "+klatt4", "+adam", "+Andrea", "+Diogo", "+iven", "+linda", "+steph", "+victor",
)  # fmt: skip
FLITE_VOICES = ("slt", "rms", "awb", "kal16")

ARPABET = {
    "aa": "ɑ", "ae": "æ", "ah": "ʌ", "ao": "ɔ", "aw": "aʊ", "ax": "ə", "ay": "aɪ", "b": "b", "ch": "tʃ", "d": "d",
    "dh": "ð", "eh": "ɛ", "er": "ɜ", "ey": "eɪ", "f": "f", "g": "g", "hh": "h", "ih": "ɪ", "iy": "i", "jh": "dʒ",
    "k": "k", "l": "l", "m": "m", "n": "n", "ng": "ŋ", "ow": "oʊ", "oy": "ɔɪ", "p": "p", "r": "ɹ", "s": "s",
    "sh": "ʃ", "t": "t", "th": "θ", "uh": "ʊ", "uw": "u", "v": "v", "w": "w", "y": "j", "z": "z", "zh": "ʒ",
    "pau": "", "sil": "", "ssil": "",
}  # fmt: skip
"""The phones of English dictionaries in the IPA."""


def _pairs(names: str, sounds: str) -> dict[str, str]:
    return dict(zip(names.split(), sounds.split(), strict=True))


_SILENCES = {"#": "", "##": "", "_": "", "pau": ""}
_ENGLISH = ARPABET | _pairs("axr dx el em en hv nx", "ɚ ɾ əl əm ən h n") | {"h#": "", "brth": ""}
_ITALIAN = _SILENCES | _pairs(
    "i e E a o O u i1 e1 E1 a1 o1 O1 u1 j w p t k b d g f s S v z Z ts tS dz dZ m n J ng nf l L r",
    "i e ɛ a o ɔ u i e ɛ a o ɔ u j w p t k b d g f s ʃ v z ʒ ts tʃ dz dʒ m n ɲ ŋ ɱ l ʎ r",
)
_CZECH = _SILENCES | _pairs(
    "a a: b c c~ ch d d~ dz dz~ e e: f g h i i: j k l m n n* n~ o o: p r r~ r~* s s~ t t~ u u: v z z~",
    "a a b ts tʃ x d ɟ dz dʒ ɛ ɛ f g ɦ ɪ i j k l m n ŋ ɲ o o p r r r s ʃ t c u u v z ʒ",
)
_FINNISH = _SILENCES | _pairs(
    "a e i o u y @ 7 & p t k b d g f T s S h v m n N l L r j w D z Z",
    "ɑ e i o u y æ ø ə p t k b d g f θ s ʃ h ʋ m n ŋ l ʎ r j w ð z ʒ",
)
_CATALAN = _SILENCES | _pairs(
    "ax a a1 b d e e1 E E1 f g i i1 j J k l L m n o o1 O O1 p r rr s S t u u1 w z Z",
    "ə a a b d e e ɛ ɛ f g i i j ɲ k l ʎ m n o o ɔ ɔ p r r s ʃ t u u w z ʒ",
)
_RUSSIAN = _SILENCES | _pairs(
    "ii yy uu ee oo aa a e i y u ae ay ur p pp b bb t tt d dd k kk g gg c ch f ff v vv s ss z zz sh sch zh h hh m mm n "
    "nn l ll r rr j",
    "i ɨ u e o a ʌ ɛ ɪ ɨ u ə ɪ ʊ p p b b t t d d k k g g ts tʃ f f v v s s z z ʃ ɕ ʒ x x m m n n l l r r j",
)
_INDIAN = _SILENCES | _pairs(
    "a aa ih iy uh uw eh ee ay oh oo aw f k g ch T D N th dh n p b m y r l v L R s sh j h ksh sri x kh gh td tth ddh bh "
    "zh @ w",
    "ə a ɪ i ʊ u e e ɛ o o ɔ f k g tʃ ʈ ɖ ɳ t d n p b m j r l ʋ ɭ ɽ s ʃ dʒ h kʃ ʃr x k g ʈ ʈ ɖ b ʒ ə ʋ",
)


@dataclass(frozen=True)
class FestivalVoice:
    """A voice of festival, as Debian packages them (festvox-...)."""

    name: str  # (voice_NAME)
    language: str  # key of `sentences.SENTENCES`
    encoding: str  # of the texts that it reads
    sounds: dict[str, str]  # its phones in the IPA


FESTIVAL_VOICES = (
    FestivalVoice("ked_diphone", "en-us", "latin1", _ENGLISH),
    FestivalVoice("cmu_us_slt_arctic_hts", "en-us", "latin1", _ENGLISH),
    FestivalVoice("lp_diphone", "it", "latin1", _ITALIAN),
    FestivalVoice("pc_diphone", "it", "latin1", _ITALIAN),
    FestivalVoice("czech_ph", "cs", "iso-8859-2", _CZECH),
    FestivalVoice("czech_dita", "cs", "iso-8859-2", _CZECH),
    FestivalVoice("czech_machac", "cs", "iso-8859-2", _CZECH),
    FestivalVoice("czech_krb", "cs", "iso-8859-2", _CZECH),
    FestivalVoice("suo_fi_lj_diphone", "fi", "latin1", _FINNISH),
    FestivalVoice("hy_fi_mv_diphone", "fi", "latin1", _FINNISH),
    FestivalVoice("upc_ca_ona_hts", "ca", "latin1", _CATALAN),
    FestivalVoice("msu_ru_nsh_clunits", "ru", "utf8", _RUSSIAN),
    FestivalVoice("hindi_NSK_diphone", "hi", "utf8", _INDIAN),
    FestivalVoice("marathi_NSK_diphone", "mr", "utf8", _INDIAN),
    FestivalVoice("telugu_NSK_diphone", "te", "utf8", _INDIAN),
)


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
        edges = [time - ESPEAK_BURST_AFTER * s.startswith(("p", "t", "k")) for time, s in self._marks]
        edges = [*np.maximum.accumulate(edges), len(samples) / self._rate]
        phones = [Phone(s, start, end) for (_, s), start, end in zip(self._marks, edges, edges[1:]) if end > start]
        return soxr.resample(samples, self._rate, SAMPLE_RATE), phones


def flite(text: str, voice: str, stretch: float = 1.0) -> tuple[np.ndarray, list[Phone]]:
    """Read English ``text`` with flite: samples at SAMPLE_RATE (N float32) and when each phone is heard."""
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


def festival(texts: list[str], voice: FestivalVoice) -> Iterator[tuple[np.ndarray, list[Phone]]]:
    """Read each text: samples at SAMPLE_RATE (N float32) and when each phone is heard."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "say.scm"
        lines = [f"(voice_{voice.name})"]
        for number, text in enumerate(texts):
            quoted = re.sub(r'["\\]', "", text)
            lines += [
                f'(set! said (utt.synth (Utterance Text "{quoted}")))',
                f'(utt.save.wave said "{number}.wav" \'riff)',
                f'(utt.save.segs said "{number}.lab")',
            ]
        script.write_text("\n".join(lines), voice.encoding)
        try:
            subprocess.run(["festival", "-b", script], cwd=folder, capture_output=True, check=True)
        except FileNotFoundError:
            raise BackendError("festival is missing; install it, for example: apt-get install festival.") from None
        except subprocess.CalledProcessError:
            raise BackendError(f"festival cannot speak with {voice.name}; install its festvox- package.") from None
        for number in range(len(texts)):
            samples, rate = soundfile.read(Path(folder) / f"{number}.wav", dtype="float32")
            rows = [line.split() for line in (Path(folder) / f"{number}.lab").read_text().splitlines()[1:]]
            ends = [float(end) for end, _, _ in rows]
            sounds = [voice.sounds[name.rstrip(":") if name not in voice.sounds else name] for *_, name in rows]
            phones = [Phone(sound, *edges) for sound, *edges in zip(sounds, [0.0, *ends], ends)]
            yield soxr.resample(samples, rate, SAMPLE_RATE), phones
