"""What a user can ask of a performance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from os import PathLike
from pathlib import Path

import numpy as np

from vividlib.conventions import ARKIT, ARKIT_INDEX
from vividlib.errors import InputError
from vividlib.types import Motion

STRONGEST = 2.0
"""Of every strength: more tears a face."""
STYLES = 34
"""How many styles the weights hold."""
SPEEDS = range(1, 6)
"""Of head motion, as EMO has them (arXiv 2402.17485, section 3.2)."""
HEADS = "codebook", "still"
"""Where the head's motion comes from, if not from a take."""
WIDEST = {"yaw": 0.35, "pitch": 0.25}  # radians past the viewer; people turn the head to look farther aside
NEAREST = 0.05  # metres by which the head is nearer or farther than in the photo
SHORTEST_TAKE = 1.0  # seconds


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
    """How much of the style, 0 to 2: subtle on the lips, plain on brows, cheeks, blinks and the head."""
    head: str | PathLike | Motion = "codebook"
    """Where the head's motion comes from. ``"codebook"``: drawn for the voice; ``"still"``: none but breath; or a
    reference take of a second or more: a motion, or its file, or a video, which is tracked. Of a take only the head's
    pose is used, relative to its mean; when it is over it goes back and forth."""
    head_strength: float = 1.0
    """Factor on the head's motion, 0 to 2; what the photo can show is never exceeded. Breath stays."""
    head_speed: int = 3
    """How fast the head moves, 1 (slow) to 5 (fast). A take keeps its own speed."""
    gaze: tuple[float, float] = (0.0, 0.0)
    """Where the eyes rest instead of on the viewer: yaw -0.35 to 0.35 and pitch -0.25 to 0.25 radians, signs as in
    `vividlib.conventions`."""
    distance: float = 0.0
    """Metres by which the head is farther (above 0) or nearer than in the photo, -0.05 to 0.05, as far as it can show."""

    def __post_init__(self):
        for name in ("mouth", "upper_face", "style_strength", "head_strength"):
            _check(name, getattr(self, name), 0, STRONGEST)
        _check("blink_rate", self.blink_rate, 0, 5)
        if not isinstance(self.style, Integral) or self.style not in range(STYLES):
            raise InputError(f"There is no style {self.style}; choose from 0 to {STYLES - 1}.")
        _check("smoothing", self.smoothing, 0, 0.5)
        _check_head(self.head)
        if not isinstance(self.head_speed, Integral) or self.head_speed not in SPEEDS:
            raise InputError(f"head_speed is {self.head_speed!r}; choose from 1 (slow) to 5 (fast).")
        _check("distance", self.distance, -NEAREST, NEAREST)
        if not isinstance(self.gaze, Iterable) or len(gaze := tuple(self.gaze)) != 2:
            raise InputError(f"gaze is {self.gaze!r}; hand in yaw and pitch in radians, as in (0.2, 0.0).")
        for (name, widest), angle in zip(WIDEST.items(), gaze):
            _check(f"{name} of gaze", angle, -widest, widest)
        object.__setattr__(self, "gaze", gaze)
        for name, low, high in (("gain", 0, 5), ("offset", -1, 1)):
            given = getattr(self, name)
            if not isinstance(given, Mapping):
                raise InputError(f"{name} is {given!r}; name the blendshapes, as in {{'jawOpen': 1.0}}.")
            object.__setattr__(self, name, dict(given))  # a copy: what is changed later would not have been checked
            for shape, value in given.items():
                if shape not in ARKIT_INDEX:
                    raise InputError(f"No blendshape is called {shape!r}; choose from {', '.join(ARKIT)}.")
                _check(f"{name} of {shape}", value, low, high)

    @property
    def head_file(self) -> Path | None:
        """The file of the reference take, where it has not been read yet."""
        return None if isinstance(self.head, Motion) or self.head in HEADS else Path(self.head)

    def shaped(self, blendshapes: np.ndarray) -> np.ndarray:
        """Blendshapes (T, 52) with gain and offset, in [0, 1]."""
        gain, offset = np.ones(len(ARKIT), np.float32), np.zeros(len(ARKIT), np.float32)
        gain[[ARKIT_INDEX[name] for name in self.gain]] = list(self.gain.values())
        offset[[ARKIT_INDEX[name] for name in self.offset]] = list(self.offset.values())
        return np.clip(blendshapes * gain + offset, 0, 1)


def _check_head(head: str | PathLike | Motion) -> None:
    if isinstance(head, Motion):
        if head.duration < SHORTEST_TAKE:
            raise InputError(f"The take lasts {head.duration:.2f} s; hand in one of at least {SHORTEST_TAKE:g} s.")
    elif not isinstance(head, (str, PathLike)):
        raise InputError(f"head is {head!r}; choose {' or '.join(map(repr, HEADS))}, or hand in a Motion or its file.")
    elif head not in HEADS and not Path(head).is_file():
        raise InputError(f"There is no file {head}; choose {' or '.join(map(repr, HEADS))}, or check the path.")


def _check(name: str, value: float, low: float, high: float) -> None:
    if not (isinstance(value, Real) and low <= value <= high):
        raise InputError(f"{name} is {value!r}; choose a number from {low} to {high:g}.")


def check_controls(controls: Controls) -> None:
    """Raise InputError unless these are controls."""
    if not isinstance(controls, Controls):
        raise InputError(f"{controls!r} are no controls; hand in vividlib.Controls(mouth=1.2) or the like.")


DEFAULTS = Controls()
"""Everything as it was learned."""
