"""Visemes as mixtures of the 52 blendshapes: what a face does for the sounds that look alike.

The sets are those of Oculus Lipsync (also OpenXR and VRChat; 15 visemes) and of VRM (5 Japanese vowels).
The mixtures follow articulatory phonetics: the jaw by a vowel's height (IPA chart: aa and oh open, ih and
ou close), the lips by its rounding (funnel pushes both lips out, pucker draws in the corners), and
consonants by where their closure is: both lips (PP), lower lip on the upper teeth (FF), tongue between
the teeth (TH), teeth together (SS, CH). Jaws are those of clear speech; scale a mixture for mumbling.
"""

from __future__ import annotations

import numpy as np

from vividlib.conventions import ARKIT_INDEX
from vividlib.errors import HeadError


def both_sides(**shapes: float) -> dict[str, float]:
    """Weights by full ARKit name; a name without Left or Right stands for both sides."""
    names = {name: (name,) if name in ARKIT_INDEX else (f"{name}Left", f"{name}Right") for name in shapes}
    return {full: shapes[name] for name, fulls in names.items() for full in fulls}


def row(shapes: dict[str, float]) -> np.ndarray:
    """The 52 blendshapes (float32) that have these weights by full ARKit name, and zero else."""
    values = np.zeros(len(ARKIT_INDEX), np.float32)
    values[[ARKIT_INDEX[name] for name in shapes]] = list(shapes.values())
    return values


VISEMES = {
    "sil": {},
    # p b m: lips pressed together, a little rolled in, and the jaw almost shut behind them
    "PP": both_sides(jawOpen=0.04, mouthClose=0.04, mouthPress=0.35, mouthRollLower=0.15, mouthRollUpper=0.12),
    # f v: the lower lip goes in and up to the edge of the upper teeth
    "FF": both_sides(jawOpen=0.08, mouthRollLower=0.45, mouthUpperUp=0.30, mouthShrugLower=0.10),
    # th: the tip of the tongue shows between the teeth
    "TH": both_sides(jawOpen=0.20, mouthLowerDown=0.12, mouthUpperUp=0.12, tongueOut=0.55),
    # t d: tongue behind the teeth, lips slightly apart
    "DD": both_sides(jawOpen=0.14, mouthLowerDown=0.12, mouthUpperUp=0.15, mouthStretch=0.05),
    # k g: closed far back; only the jaw tells
    "kk": both_sides(jawOpen=0.20, mouthLowerDown=0.12, mouthUpperUp=0.18),
    # tsh dj sh: teeth together behind lips pushed out
    "CH": both_sides(jawOpen=0.10, mouthFunnel=0.35, mouthPucker=0.20, mouthUpperUp=0.10),
    # s z: teeth together behind spread lips
    "SS": both_sides(jawOpen=0.08, mouthLowerDown=0.15, mouthUpperUp=0.22, mouthStretch=0.12, mouthSmile=0.10),
    # n l: as DD, softer
    "nn": both_sides(jawOpen=0.16, mouthLowerDown=0.10, mouthUpperUp=0.12),
    # r: lips drawn a little together
    "RR": both_sides(jawOpen=0.14, mouthFunnel=0.15, mouthPucker=0.28),
    # open vowel, as in father
    "aa": both_sides(jawOpen=0.50, mouthLowerDown=0.20, mouthUpperUp=0.12),
    # half-open, as in bed
    "E": both_sides(jawOpen=0.32, mouthLowerDown=0.20, mouthUpperUp=0.20, mouthStretch=0.10, mouthSmile=0.10),
    # close and spread, as in bit
    "ih": both_sides(jawOpen=0.18, mouthLowerDown=0.16, mouthUpperUp=0.22, mouthStretch=0.15, mouthSmile=0.18),
    # half-open and rounded, as in toe
    "oh": both_sides(jawOpen=0.32, mouthFunnel=0.25, mouthPucker=0.35),
    # close and rounded, as in book
    "ou": both_sides(jawOpen=0.12, mouthFunnel=0.20, mouthPucker=0.65),
}
"""The 15 visemes of Oculus Lipsync in its order: name -> {ARKit name: weight}."""

VOWELS = {
    "aa": VISEMES["aa"],
    "ih": VISEMES["ih"],
    # Japanese u: close, hardly rounded
    "ou": both_sides(jawOpen=0.12, mouthFunnel=0.15, mouthPucker=0.45),
    # Japanese e lies between ih and aa
    "ee": VISEMES["E"],
    "oh": VISEMES["oh"],
}
"""The 5 vowels of VRM 1.0 (a i u e o): name -> {ARKit name: weight}."""


def mixture(weights: dict[str, float], table: dict[str, dict[str, float]] = VISEMES) -> np.ndarray:
    """The 52 blendshapes (float32, in [0, 1]) of a mixture of visemes.

    Parameters
    ----------
    weights
        Viseme -> weight, as a lip-sync engine gives them.
    table
        `VISEMES` or `VOWELS`.

    Raises
    ------
    HeadError
        If the table has no such viseme.
    """
    unknown = weights.keys() - table.keys()
    if unknown:
        raise HeadError(f"No viseme is called {', '.join(sorted(unknown))}; there are {', '.join(table)}.")
    rows = [weight * row(table[viseme]) for viseme, weight in weights.items()]
    return np.clip(np.sum(rows, 0, np.float32) if rows else row({}), 0, 1)
