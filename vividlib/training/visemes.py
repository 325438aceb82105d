"""What the lips do for each sound: articulatory targets in ARKit blendshapes, and coarticulation.

The targets are written by hand from phonetics (place, height, rounding; after the IPA chart); their sizes
follow the means that `mouth.fit_mouths` finds for each sound in aligned recordings of a real speaker. Between targets the curves follow Cohen and
Massaro, "Modeling coarticulation in synthetic visual speech" (1993): each sound has a dominance that
falls off with time, different for lips and jaw, and a curve is the dominance-weighted mean of the
targets. A full closure of the lips is then imposed on p, b and m, which no neighbour may open.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vividlib.conventions import ARKIT, ARKIT_INDEX, MOTION_RATE
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

TARGETS = {
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
"""One target for each class of sounds that look alike, named after one of them."""

ALIKE = {
    "a": "aɐᵄ", "ɑ": "ɑɒ", "æ": "æ", "ʌ": "ʌ", "ɛ": "ɛ", "ə": "əɘɤᵊ", "ɜ": "ɜɝɚɞ", "e": "e", "ɪ": "ɪᵻ", "i": "i",
    "ɨ": "ɨɯ", "ɔ": "ɔ", "o": "oɵ", "ʊ": "ʊ", "u": "uʉ", "y": "yʏ", "ø": "ø", "œ": "œɶ",
    "p": "pbmɓ", "f": "fvʋɱβɸ", "θ": "θð", "t": "tdnʈɖɳɗ", "l": "lɫɭɬɮʎ", "s": "szɕʑ", "ʃ": "ʃʒʂʐ", "ɹ": "ɹɻ", "r": "rɾɽ",
    "k": "kɡgŋɲcɟxɣqɢχʁɴʀħʕʔç", "h": "hɦ", "w": "wɥʍ", "j": "jʝ",
}  # fmt: skip
CLASS = {letter: name for name, letters in ALIKE.items() for letter in letters}
"""The class of each letter of the IPA."""

VOWELS = frozenset(["a", "ɑ", "æ", "ʌ", "ɛ", "ə", "ɜ", "e", "ɪ", "i", "ɨ", "ɔ", "o", "ʊ", "u", "y", "ø", "œ"])
ROUNDED = frozenset(["ɔ", "o", "ʊ", "u", "y", "ø", "œ", "ʃ", "w"])

LIP_ROUNDING = [ARKIT_INDEX["mouthFunnel"], ARKIT_INDEX["mouthPucker"]]
LEAD = 0.035
"""Seconds by which lips are ahead of the sound's middle, as measured on the same recordings."""
CLOSING = 0.05
"""Seconds the lips take to meet and to part around a p, b or m."""


def segments(phones: list[Phone]) -> list[Phone]:
    """Classes of sounds in time: a diphthong or affricate becomes its parts, of equal length."""
    parts = []
    for phone in phones:
        letters = [CLASS[letter] for letter in phone.symbol if letter in CLASS] or [""]
        edges = np.linspace(phone.start, phone.end, len(letters) + 1)
        parts += [Phone(*part) for part in zip(letters, edges[:-1], edges[1:])]
    return parts


def _dominance(part: Phone, times: np.ndarray, rounding: bool) -> np.ndarray:
    """Logarithm of how much one sound decides about the lips over time, (T,)."""
    centre, half = (part.start + part.end) / 2, (part.end - part.start) / 2
    away = np.maximum(0, np.abs(times - centre) - 0.6 * half)
    strength = 1.0
    reach = 0.05
    if part.symbol in ("k", "h", "t", "l", "r", "ə"):
        strength = 0.45  # made inside the mouth: the lips are free for their neighbours
    if part.symbol in ("p", "f", "s", "ʃ", "w"):
        strength = 1.6
    if rounding:
        strength = 1.4 if part.symbol in ROUNDED else 0.5
        reach = 0.075 if part.symbol in ROUNDED else 0.045  # lips round well before the sound
    return np.log(strength) - (away / reach) ** 1.5


def articulate(
    phones: list[Phone], frames: int, opening: np.ndarray, targets: dict[str, np.ndarray] = TARGETS
) -> np.ndarray:
    """Curves of a mouth that says ``phones``.

    Parameters
    ----------
    phones : in order, without gaps longer than a frame other than silence
    frames : length of the result at MOTION_RATE
    opening : how far each blendshape parts the lips (52,), from `metrics.lip_gap.gap_weights`
    targets : class of sounds to a row of 52

    Returns
    -------
    (frames, 52) float32 in [0, 1]
    """
    times = np.arange(frames) / MOTION_RATE + LEAD
    parts = segments(phones)
    rows = np.stack([targets[part.symbol] for part in parts])
    curves = np.empty((frames, len(ARKIT)), np.float32)
    for columns, rounding in (
        ([c for c in range(len(ARKIT)) if c not in LIP_ROUNDING], False),
        (LIP_ROUNDING, True),
    ):
        weights = np.stack([_dominance(part, times, rounding) for part in parts])
        weights = np.exp(weights - weights.max(0))
        curves[:, columns] = (weights / weights.sum(0)).T @ rows[:, columns]
    # On p, b and m the lips meet whatever the jaw and the rounding of the neighbours ask for.
    closed = closure(phones, frames)[:, None]
    free = [column for column in range(len(ARKIT)) if column not in LIP_ROUNDING]
    curves[:, free] += closed * (targets["p"][free] - curves[:, free])
    close = ARKIT_INDEX["mouthClose"]
    gap = np.maximum(0, curves @ opening)
    curves[:, close] += closed[:, 0] * gap / -opening[close]
    return np.clip(curves, 0, 1)


def closure(phones: list[Phone], frames: int) -> np.ndarray:
    """How closed p, b and m hold the lips, (frames,) float32 in [0, 1]: 1 while the sound lasts."""
    times = np.arange(frames) / MOTION_RATE + LEAD
    closed = np.zeros(frames, np.float32)
    for part in segments(phones):
        if part.symbol == "p":
            away = np.maximum(part.start + 0.01 - times, times - max(part.start + 0.02, part.end - 0.015))
            closed = np.maximum(closed, 0.5 + 0.5 * np.cos(np.pi * np.clip(away / CLOSING, 0, 1)))
    return closed.astype(np.float32)


def voiced(phones: list[Phone], frames: int, lead: float = 0.1, tail: float = 0.16) -> np.ndarray:
    """1 where somebody speaks or is about to, (frames,) float32."""
    times = np.arange(frames) / MOTION_RATE
    active = np.zeros(frames, np.float32)
    for phone in phones:
        if phone.symbol:
            active[(times >= phone.start - lead) & (times <= phone.end + tail)] = 1
    return active
