"""What the lips do for each sound: articulatory targets in ARKIT blendshapes, and coarticulation.

The targets are learned from filmed people whose words are known (`phones.learn`, the table targets.csv), starting from
ones written by hand from phonetics (place, height, rounding; after the IPA chart), which remain where a sound was
never filmed. Between targets the curves follow Cohen and Massaro, "Modeling coarticulation in synthetic visual
speech" (1993): each sound has a dominance that falls off with time, different for lips and jaw, and a curve is the
dominance-weighted mean of the targets. A full closure of the lips is then imposed on p, b and m, which no neighbour may
open, and on f and v the lower lip stays at the upper teeth.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vividlib.conventions import ARKIT_INDEX, MOTION_RATE
from vividlib.head.visemes import both_sides, row


@dataclass(frozen=True)
class Phone:
    """A sound and when it is heard."""

    symbol: str  # IPA, or "" for silence
    start: float  # seconds
    end: float  # seconds


def _target(**values: float) -> np.ndarray:
    """A row of 52; a name without Left or Right sets both sides."""
    return row(both_sides(**values))


REST = _target()

PRIOR = {
    # vowels: open to close, spread to rounded
    "a": _target(jawOpen=0.40, mouthLowerDown=0.22, mouthUpperUp=0.15, mouthStretch=0.04),
    "ɑ": _target(jawOpen=0.42, mouthLowerDown=0.20, mouthUpperUp=0.10, mouthPucker=0.05),
    "æ": _target(jawOpen=0.36, mouthLowerDown=0.22, mouthUpperUp=0.20, mouthStretch=0.10, mouthSmile=0.08),
    "ʌ": _target(jawOpen=0.28, mouthLowerDown=0.15, mouthUpperUp=0.15),
    "ɛ": _target(jawOpen=0.31, mouthLowerDown=0.20, mouthUpperUp=0.20, mouthStretch=0.08, mouthSmile=0.08),
    "ə": _target(jawOpen=0.20, mouthLowerDown=0.12, mouthUpperUp=0.12),
    "ɜ": _target(jawOpen=0.20, mouthLowerDown=0.10, mouthUpperUp=0.12, mouthPucker=0.20),
    "e": _target(jawOpen=0.28, mouthLowerDown=0.25, mouthUpperUp=0.25, mouthStretch=0.12, mouthSmile=0.15),
    "ɪ": _target(jawOpen=0.22, mouthLowerDown=0.18, mouthUpperUp=0.20, mouthStretch=0.10, mouthSmile=0.10),
    "i": _target(jawOpen=0.17, mouthLowerDown=0.15, mouthUpperUp=0.25, mouthStretch=0.15, mouthSmile=0.18),
    "ɨ": _target(jawOpen=0.18, mouthLowerDown=0.15, mouthUpperUp=0.18, mouthStretch=0.08),
    "ɔ": _target(jawOpen=0.32, mouthFunnel=0.12, mouthPucker=0.35),
    "o": _target(jawOpen=0.24, mouthFunnel=0.12, mouthPucker=0.40),
    "ʊ": _target(jawOpen=0.17, mouthFunnel=0.08, mouthPucker=0.35),
    "u": _target(jawOpen=0.12, mouthFunnel=0.10, mouthPucker=0.60),
    "y": _target(jawOpen=0.12, mouthFunnel=0.12, mouthPucker=0.50),
    "ø": _target(jawOpen=0.20, mouthFunnel=0.15, mouthPucker=0.38),
    "œ": _target(jawOpen=0.27, mouthFunnel=0.15, mouthPucker=0.25),
    # consonants: lips, teeth, tongue
    "p": _target(jawOpen=0.08, mouthPress=0.15, mouthRollLower=0.08, mouthRollUpper=0.06),
    "f": _target(jawOpen=0.10, mouthRollLower=0.30, mouthUpperUp=0.18, mouthShrugLower=0.10),
    "β": _target(jawOpen=0.12, mouthPress=0.05, mouthPucker=0.10, mouthRollLower=0.05),
    "θ": _target(jawOpen=0.13, mouthLowerDown=0.12, mouthUpperUp=0.10, tongueOut=0.10),
    "t": _target(jawOpen=0.14, mouthLowerDown=0.12, mouthUpperUp=0.15, mouthStretch=0.04),
    "l": _target(jawOpen=0.20, mouthLowerDown=0.13, mouthUpperUp=0.13),
    "s": _target(jawOpen=0.12, mouthLowerDown=0.12, mouthUpperUp=0.24, mouthStretch=0.08, mouthSmile=0.06),
    "ʃ": _target(jawOpen=0.14, mouthFunnel=0.20, mouthPucker=0.30, mouthLowerDown=0.10, mouthUpperUp=0.20),
    "ɹ": _target(jawOpen=0.13, mouthFunnel=0.06, mouthPucker=0.28, mouthLowerDown=0.05),
    "r": _target(jawOpen=0.17, mouthLowerDown=0.12, mouthUpperUp=0.12),
    "k": _target(jawOpen=0.20, mouthLowerDown=0.12, mouthUpperUp=0.18),
    "h": _target(jawOpen=0.20, mouthLowerDown=0.12, mouthUpperUp=0.12),
    "w": _target(jawOpen=0.09, mouthFunnel=0.06, mouthPucker=0.70),
    "j": _target(jawOpen=0.14, mouthLowerDown=0.12, mouthUpperUp=0.20, mouthStretch=0.10, mouthSmile=0.15),
    "": REST,
}
"""A target for each class of sounds that look alike, named after one of them, by hand from phonetics."""

ALIKE = {
    "a": "aɐᵄ", "ɑ": "ɑɒ", "æ": "æ", "ʌ": "ʌ", "ɛ": "ɛ", "ə": "əɘɤᵊ", "ɜ": "ɜɝɚɞ", "e": "e", "ɪ": "ɪᵻ", "i": "i",
    "ɨ": "ɨɯ", "ɔ": "ɔ", "o": "oɵ", "ʊ": "ʊ", "u": "uʉ", "y": "yʏ", "ø": "ø", "œ": "œɶ",
    "p": "pbmɓ", "f": "fvʋɱ", "β": "βɸ", "θ": "θð", "t": "tdnʈɖɳɗ", "l": "lɫɭɬɮʎ", "s": "szɕʑ", "ʃ": "ʃʒʂʐ", "ɹ": "ɹɻ", "r": "rɾɽ",
    "k": "kɡgŋɲcɟxɣqɢχʁɴʀħʕʔç", "h": "hɦ", "w": "wɥʍ", "j": "jʝ",
}  # fmt: skip
CLASSES = list(PRIOR)
CLASS = {letter: name for name, letters in ALIKE.items() for letter in letters}
"""The class of each letter of the IPA."""

VOWELS = frozenset(["a", "ɑ", "æ", "ʌ", "ɛ", "ə", "ɜ", "e", "ɪ", "i", "ɨ", "ɔ", "o", "ʊ", "u", "y", "ø", "œ"])
ROUNDED = frozenset(["ɔ", "o", "ʊ", "u", "y", "ø", "œ", "ʃ", "w"])

LIP_ROUNDING = [ARKIT_INDEX["mouthFunnel"], ARKIT_INDEX["mouthPucker"]]
TARGETS_FILE = Path(__file__).with_name("targets.csv")


def read_targets(file: Path = TARGETS_FILE) -> dict[str, np.ndarray]:
    """A row of 52 for each class of sounds, from the table that `phones.learn` writes."""
    with open(file, encoding="utf8", newline="") as lines:
        return {
            row.pop("sound"): _target(**{name: float(value) for name, value in row.items()})
            for row in csv.DictReader(lines)
        }


TARGETS = read_targets()
"""A target for each class of sounds, learned from real speech."""

CLOSING = 0.05
"""Seconds the lips take to meet and to part around a p, b or m, and the lower lip to the teeth and back."""


LEAD = 0.035
"""Seconds by which lips are ahead of the sound, as measured on GRID."""
PLATEAU = 0.6  # share of a sound during which its dominance does not fall
REACH = 0.05  # seconds in which it then falls to 1/e
UNROUNDED_REACH, ROUNDED_REACH = 0.045, 0.075  # seconds, of rounding, which begins well before the sound
FREE = frozenset(["k", "h", "t", "l", "r", "ə"])
FIRM = frozenset(["p", "f", "s", "ʃ", "w"])


def segments(phones: list[Phone]) -> list[Phone]:
    """Classes of sounds in time: a diphthong or affricate becomes its parts, of equal length."""
    parts = []
    for phone in phones:
        letters = [CLASS[letter] for letter in phone.symbol if letter in CLASS] or [""]
        edges = np.linspace(phone.start, phone.end, len(letters) + 1)
        parts += [Phone(*part) for part in zip(letters, edges[:-1], edges[1:])]
    return parts


def shares(phones: list[Phone], frames: int) -> tuple[np.ndarray, np.ndarray]:
    """How much each class of sounds decides about the lips over time, and about their rounding, which reaches further.

    Dominance falls off as exp(-(distance / reach)^1.5), a form that Cohen and Massaro (1993) leave to be fitted; its
    strengths and reaches are by hand, for 1.4 times more or less of any changed what `phones` checks by under 0.5 %. On f
    and v the lower lip is at the teeth and on p, b and m the lips meet, whatever the neighbours ask for.

    Returns
    -------
    others, rounding : (frames, classes) in the order of CLASSES; rows add up to 1
    """
    times = np.arange(frames) / MOTION_RATE + LEAD
    parts = segments(phones)
    centre, half = (np.array([part.end + sign * part.start for part in parts]) / 2 for sign in (1, -1))
    distance = np.maximum(0, np.abs(times[:, None] - centre) - PLATEAU * half)
    names = [CLASSES.index(part.symbol) for part in parts]
    others, rounding = np.zeros((2, frames, len(CLASSES)))
    for kind, shared in ((_firmness, others), (_roundness, rounding)):
        strength, reach = np.array([kind(part.symbol) for part in parts]).T
        logarithm = np.log(strength) - (distance / reach) ** 1.5
        np.add.at(shared.T, names, np.exp(logarithm - logarithm.max(1, keepdims=True)).T)
        shared /= shared.sum(1, keepdims=True)
    for held, symbol in ((labiodental(phones, frames), "f"), (closure(phones, frames), "p")):
        others *= 1 - held[:, None]
        others[:, CLASSES.index(symbol)] += held
    return others, rounding


def _firmness(symbol: str) -> tuple[float, float]:
    """Strength and reach (seconds) of a class of sounds, for all but rounding."""
    return 0.45 if symbol in FREE else 1.6 if symbol in FIRM else 1.0, REACH


def _roundness(symbol: str) -> tuple[float, float]:
    return (1.4, ROUNDED_REACH) if symbol in ROUNDED else (0.5, UNROUNDED_REACH)


def articulate(phones: list[Phone], frames: int, opening: np.ndarray) -> np.ndarray:
    """Curves of a mouth that says ``phones``.

    Parameters
    ----------
    phones : in order, without gaps longer than a frame other than silence
    frames : length of the result at MOTION_RATE
    opening : how far each blendshape parts the lips (52,), from `metrics.mouth.gap_weights`

    Returns
    -------
    (frames, 52) float32 in [0, 1]
    """
    others, rounding = shares(phones, frames)
    rows = np.stack([TARGETS[name] for name in CLASSES])
    curves = others @ rows
    curves[:, LIP_ROUNDING] = rounding @ rows[:, LIP_ROUNDING]
    close = ARKIT_INDEX["mouthClose"]
    gap = np.maximum(0, curves @ opening)
    curves[:, close] += closure(phones, frames) * gap / -opening[close]
    return np.clip(curves, 0, 1).astype(np.float32)


def closure(phones: list[Phone], frames: int) -> np.ndarray:
    """How closed p, b and m hold the lips, (frames,) float32 in [0, 1]: 1 while the sound lasts."""
    return _held(phones, frames, "p")


def labiodental(phones: list[Phone], frames: int) -> np.ndarray:
    """How near f and v hold the lower lip to the upper teeth, (frames,) float32 in [0, 1]: 1 while the sound lasts."""
    return _held(phones, frames, "f")


def _held(phones: list[Phone], frames: int, symbol: str) -> np.ndarray:
    times = np.arange(frames) / MOTION_RATE + LEAD
    held = np.zeros(frames, np.float32)
    for part in segments(phones):
        if part.symbol == symbol:
            away = np.maximum(part.start + 0.01 - times, times - max(part.start + 0.02, part.end - 0.005))
            held = np.maximum(held, 0.5 + 0.5 * np.cos(np.pi * np.clip(away / CLOSING, 0, 1)))
    return held.astype(np.float32)


def voiced(phones: list[Phone], frames: int, lead: float = 0.1, tail: float = 0.16) -> np.ndarray:
    """1 where somebody speaks or is about to, (frames,) float32."""
    times = np.arange(frames) / MOTION_RATE
    active = np.zeros(frames, np.float32)
    for phone in phones:
        if phone.symbol:
            active[(times >= phone.start - lead) & (times <= phone.end + tail)] = 1
    return active
