"""Names that rigs give to the 52 shapes, to visemes and to bones, found whatever their case, prefix and side marks."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from vividlib.conventions import ARKIT, ARKIT_INDEX
from vividlib.head.visemes import VISEMES, VOWELS

_CAMEL_SIDE = re.compile(r"(?<=[a-z])([LR])$")


def plain(name: str) -> str:
    """The name without case, marks between words and what stands before a dot; sides spelled out.

    ``eyeBlink_L``, ``EyeBlinkL``, ``eye blink left`` and ``Face.EyeBlinkLeft`` are all ``eyeblinkleft``.
    """
    name = re.sub(r"[_\-. ]([lrLR])$", lambda side: {"l": "Left", "r": "Right"}[side[1].lower()], name.strip())
    name = _CAMEL_SIDE.sub(lambda side: {"L": "Left", "R": "Right"}[side[1]], name)
    return "".join(filter(str.isalnum, re.split(r"[.:/|]", name)[-1])).lower()


_ARKIT = {plain(name): name for name in ARKIT}


def arkit_name(name: str) -> str | None:
    """Which of the 52 a rig means, also behind a prefix such as ``A25_Jaw_Open``; None if it is none of them."""
    short = plain(name)
    if short in _ARKIT:
        return _ARKIT[short]
    return next((full for known, full in _ARKIT.items() if short.endswith(known)), None)


def arkit_columns(names: Iterable[str]) -> dict[int, int]:
    """Place in ``names`` -> column of `conventions.ARKIT`; of two names for one shape the first counts."""
    found = {}
    for place, name in enumerate(names):
        full = arkit_name(name)
        if full is not None and ARKIT_INDEX[full] not in found.values():
            found[place] = ARKIT_INDEX[full]
    return found


def blendshapes(names: list[str], weights: np.ndarray) -> np.ndarray:
    """The 52 (T, 52) out of columns (T, N) that go by these names; shapes that are not among them are 0."""
    columns = arkit_columns(names)
    result = np.zeros((len(weights), len(ARKIT)))
    result[:, list(columns.values())] = weights[:, list(columns)]
    return result


_VISEMES = {f"{prefix}{plain(name)}": name for name in VISEMES for prefix in ("viseme", "v")}
_LETTERS = {"a": "aa", "i": "ih", "u": "ou", "e": "ee", "o": "oh"}
_KANA = {"あ": "aa", "い": "ih", "う": "ou", "え": "ee", "お": "oh"}
_VOWELS = {name: name for name in VOWELS} | _LETTERS | {f"fclmth{a}": vowel for a, vowel in _LETTERS.items()} | _KANA
_BLINKS = {"fcleyecloseleft": "eyeBlinkLeft", "fcleyecloseright": "eyeBlinkRight"}
_BLINKS |= {"blinkleft": "eyeBlinkLeft", "blinkright": "eyeBlinkRight"}


def viseme_name(name: str) -> str | None:
    """Which of the 15 visemes a rig means by ``viseme_PP``, ``vrc.v_pp`` and the like; None if none."""
    return _VISEMES.get(plain(name))


def vowel_name(name: str) -> str | None:
    """Which of VRM's five vowels a rig means by ``aa``, ``A``, ``Fcl_MTH_A`` or ``あ``; None if none."""
    return _VOWELS.get(plain(name))


def blink_name(name: str) -> str | None:
    """Which blink, by its ARKit name, a rig means by ``Blink_L``, ``blinkLeft`` or ``Fcl_EYE_Close_L``; None if none."""
    return _BLINKS.get(plain(name))
