"""What a user can ask of a performance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real

import numpy as np

from vividlib.conventions import ARKIT, ARKIT_INDEX
from vividlib.errors import InputError

STRONGEST = 2.0
"""Of every strength: more tears a face."""
STYLES = 34
"""How many styles the weights hold."""


@dataclass(frozen=True)
class Controls:
    """How a voice is performed; the defaults leave everything as the network has learned it.

    Raises
    ------
    InputError
        If a value is out of its range or no blendshape has the name.
    """

    mouth: float = 1.0
    """Strength of the mouth, 0 to 2. Lips that close on p, b and m still close."""
    upper_face: float = 1.0
    """Strength of brows, squints, cheeks and of how far the eyes wander, 0 to 2."""
    blink_rate: float = 1.0
    """Factor on how often the eyes blink, 0 (never) to 5."""
    close_in_silence: bool = True
    """Whether the mouth rests where nobody speaks; else it does what the network makes of the noise."""
    smoothing: float = 0.0
    """Seconds over which the mouth is smoothed, 0 to 0.5. It comes late by as much and closes less."""
    gain: Mapping[str, float] = field(default_factory=dict, hash=False)
    """Factors on single blendshapes by ARKit name, 0 to 5."""
    offset: Mapping[str, float] = field(default_factory=dict, hash=False)
    """What is added to single blendshapes by ARKit name, -1 to 1; results stay in [0, 1]."""
    style: int = 0
    """Whose manner: 0 is the neutral one, the others are those of people the network has learned from."""
    style_strength: float = 1.0
    """How much of the style, 0 to 2: subtle on the lips, plain on brows, cheeks and blinks."""

    def __post_init__(self):
        for name in ("mouth", "upper_face", "style_strength"):
            _check(name, getattr(self, name), 0, STRONGEST)
        _check("blink_rate", self.blink_rate, 0, 5)
        if not isinstance(self.style, Integral) or self.style not in range(STYLES):
            raise InputError(f"There is no style {self.style}; choose from 0 to {STYLES - 1}.")
        _check("smoothing", self.smoothing, 0, 0.5)
        for name, low, high in (("gain", 0, 5), ("offset", -1, 1)):
            given = getattr(self, name)
            if not isinstance(given, Mapping):
                raise InputError(f"{name} is {given!r}; name the blendshapes, as in {{'jawOpen': 1.0}}.")
            object.__setattr__(self, name, dict(given))  # a copy: what is changed later would not have been checked
            for shape, value in given.items():
                if shape not in ARKIT_INDEX:
                    raise InputError(f"No blendshape is called {shape!r}; choose from {', '.join(ARKIT)}.")
                _check(f"{name} of {shape}", value, low, high)

    def shaped(self, blendshapes: np.ndarray) -> np.ndarray:
        """Blendshapes (T, 52) with gain and offset, in [0, 1]."""
        gain, offset = np.ones(len(ARKIT), np.float32), np.zeros(len(ARKIT), np.float32)
        gain[[ARKIT_INDEX[name] for name in self.gain]] = list(self.gain.values())
        offset[[ARKIT_INDEX[name] for name in self.offset]] = list(self.offset.values())
        return np.clip(blendshapes * gain + offset, 0, 1)


def _check(name: str, value: float, low: float, high: float) -> None:
    if not (isinstance(value, Real) and low <= value <= high):
        raise InputError(f"{name} is {value!r}; choose a number from {low} to {high:g}.")


DEFAULTS = Controls()
"""Everything as it was learned."""
