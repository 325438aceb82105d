"""When each sound of known words is heard: forced alignment by pocketsphinx.

Its acoustic model is English. Words that its dictionary lacks, and Arabic ones, are spelt in its phones
(ARPABET) from what espeak-ng would say: consonants land where they are heard, vowels only roughly.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
import pocketsphinx

from vividlib.conventions import SAMPLE_RATE
from vividlib.training.closures import end_at_burst
from vividlib.training.visemes import CLASS, VOWELS, Phone
from vividlib.training.voices import ARPABET, Espeak

LETTER_A = "a(2)"  # as in the alphabet, not the article
GRID_UNIT, GRID_DELAY = 1 / 25000, 0.04  # seconds; the videos' sound has been delayed against the .align times
FRAME = 1 / 100  # seconds, of pocketsphinx
FILLERS = ("<sil>", "<s>", "</s>", "(NULL)", "[NOISE]", "[SPEECH]")
LARGEST_SHIFT = 0.35  # seconds by which the sound may have been moved against the known times of words
LARGEST_ERROR = 0.15  # seconds by which the edges between words may then still miss the known times
LONGEST_STOP = 0.15  # seconds; what a p, b, t, d, k or g lasts longer is the silence before it

SPELLING = {
    **{ipa: name for name, ipa in ARPABET.items() if ipa},
    "ə": "AH", "a": "AE", "aː": "AE", "ɑː": "AA", "ɒ": "AA", "ɐ": "AH", "ɚ": "ER", "ɜː": "ER", "ɔː": "AO", "oː": "OW", "o": "OW",
    "e": "EY", "eː": "EY", "iː": "IY", "uː": "UW", "ᵻ": "IH", "ɾ": "D", "r": "R", "ɡ": "G", "ʔ": "", "ħ": "HH",
    "x": "HH", "χ": "HH", "ɣ": "G", "ʕ": "AH", "q": "K",
}  # fmt: skip
"""The nearest phone of ARPABET for sounds of English and Arabic in the IPA."""
LONGEST_FIRST = re.compile("|".join(sorted(SPELLING, key=len, reverse=True)))
STOPS = frozenset("pbtdkg")
SPOKEN_VOWELS = frozenset(name.upper() for name, ipa in ARPABET.items() if CLASS.get(ipa[:1]) in VOWELS)


@dataclass(frozen=True)
class Word:
    """A word as `add_words` and the dictionary have it, and when it is said."""

    name: str
    start: float  # seconds
    end: float  # seconds


@cache
def _decoder() -> pocketsphinx.Decoder:
    wide = {"beam": 1e-100, "pbeam": 1e-100, "wbeam": 1e-80}
    return pocketsphinx.Decoder(samprate=SAMPLE_RATE, bestpath=False, loglevel="FATAL", **wide)


@cache
def _espeak() -> Espeak:
    return Espeak()


def phones_of(video: Path, samples: np.ndarray) -> list[Phone]:
    """When each sound of a video is heard, silences included; an empty list where that is not known.

    Known are the words of GRID (an .align file beside the video), and of those anchors whose words stand in
    the words.json above the video's folder. An alignment that misses their times is not believed.

    Parameters
    ----------
    video : where its words are looked for
    samples : (N,) float32 in [-1, 1] at SAMPLE_RATE, its sound; it may have been moved by LARGEST_SHIFT
    """
    known = grid_words(video)
    if not known:
        known = anchor_words(video)
        add_words([word.name for word in known], "ar")
    found = _align(samples, [word.name for word in known])
    spoken = [word for word, _ in found if word.name not in FILLERS]
    if len(spoken) != len(known) or len(known) < 2:
        return []
    errors = _inner_edges(spoken) - _inner_edges(known)
    shift = np.median(errors)
    if abs(shift) > LARGEST_SHIFT or np.abs(errors - shift).max() > LARGEST_ERROR:
        return []
    return end_at_burst(samples, [phone for _, phones in found for phone in phones])


def _inner_edges(words: list[Word]) -> np.ndarray:
    """Seconds at which words meet; where the first begins and the last ends is less well known."""
    return np.array([[one.end, two.start] for one, two in pairwise(words)])


def align(samples: np.ndarray, words: list[str]) -> list[Phone]:
    """When each sound of English ``words`` is heard; an empty list where they do not fit the sound.

    Parameters
    ----------
    samples : (N,) float32 in [-1, 1] at SAMPLE_RATE
    words : in lower case, as `words_of` finds them in a text; names and numbers are read as espeak-ng reads them
    """
    add_words(words, "en-us")
    return end_at_burst(samples, [phone for _, phones in _align(samples, words) for phone in phones])


def words_of(text: str) -> list[str]:
    """The words of an English text, in lower case and without punctuation."""
    return re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text.lower().replace("’", "'"))


def add_words(words: list[str], voice: str) -> None:
    """Teach the decoder the words that it lacks, as a voice of espeak-ng reads them."""
    decoder = _decoder()
    for word in words:
        if decoder.lookup_word(word) is None:
            for number, spelling in enumerate(_spellings(word, voice), 1):
                decoder.add_word(word if number == 1 else f"{word}({number})", " ".join(spelling), update=False)


def _spellings(word: str, voice: str) -> list[list[str]]:
    """Phones of ARPABET for a word; of Arabic also with the short vowels that its script leaves out."""
    _, phones = _espeak().say(word, voice, pitch=50, words_a_minute=150)
    found = LONGEST_FIRST.findall("".join(phone.symbol for phone in phones))
    plain = [name for name, _ in groupby(SPELLING[sound].upper() for sound in found) if name]
    if voice != "ar" or not plain:
        return [plain] if plain else []
    vowelled = plain[:1]
    for one, two in pairwise(plain):
        vowelled += ["AH", two] if not {one, two} & SPOKEN_VOWELS else [two]
    return [plain, vowelled]


def _align(samples: np.ndarray, words: list[str]) -> list[tuple[Word, list[Phone]]]:
    """Words and silences in time, each with its sounds; none where they do not fit."""
    decoder = _decoder()
    if not words or any(decoder.lookup_word(word) is None for word in words):
        return []
    pcm = (np.clip(samples, -1, 1) * 32767).astype(np.int16).tobytes()
    decoder.set_align_text(" ".join(words))
    _decode(decoder, pcm)
    if decoder.hyp() is None:
        return []
    decoder.set_alignment()
    _decode(decoder, pcm)
    return [(Word(word.name, *_span(word)), _sounds(word)) for word in decoder.get_alignment()]


def _sounds(word: pocketsphinx.AlignmentEntry) -> list[Phone]:
    """The sounds of a word; a first stop that has swallowed the pause before it gives that back."""
    first, *others = [Phone(ARPABET.get(part.name.lower(), ""), *_span(part)) for part in word]
    if first.symbol in STOPS and first.end - first.start > LONGEST_STOP:
        begins = first.end - LONGEST_STOP
        return [Phone("", first.start, begins), Phone(first.symbol, begins, first.end), *others]
    return [first, *others]


def _span(part: pocketsphinx.AlignmentEntry) -> tuple[float, float]:
    return part.start * FRAME, (part.start + part.duration) * FRAME


def _decode(decoder: pocketsphinx.Decoder, pcm: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()


def grid_words(video: Path) -> list[Word]:
    """Words of the GRID sentence that a video shows, from the .align file beside it; else none."""
    file = video.with_suffix(".align")
    if not file.exists():
        return []
    rows = [line.split() for line in file.read_text().splitlines()]
    return [
        Word(LETTER_A if word == "a" else word, *(int(time) * GRID_UNIT + GRID_DELAY for time in times))
        for *times, word in rows
        if word not in ("sil", "sp")
    ]


def anchor_words(video: Path) -> list[Word]:
    """Words that an anchor says in a video, from the words.json above its folder; else none."""
    file = video.parent.parent / "words.json"
    if not file.exists():
        return []
    rows = _anchors(file).get(f"{video.parent.name}/{video.name}", [])
    return [Word(row["word"], row["start"], row["end"]) for row in rows]


@cache
def _anchors(file: Path) -> dict[str, list[dict]]:
    return {"/".join(Path(clip["path"]).parts[-2:]): clip["words"] or [] for clip in json.loads(file.read_text())}
