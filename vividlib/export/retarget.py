"""A motion fitted to one rig: gain, offset, limits and smoothing of each blendshape, and the mirror image.

Smoothing is the One-Euro filter (Casiez, Roussel and Vogel, "1€ Filter", CHI 2012, algorithm 1): a low-pass
whose cutoff rises with speed, so that a face at rest does not tremble and a fast one does not lag.
"""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vividlib.conventions import ARKIT, ARKIT_INDEX
from vividlib.errors import InputError
from vividlib.media.files import atomic_output, open_input
from vividlib.types import Motion

_SPEED_CUTOFF = 1.0  # Hz, of the speed estimate: the paper's own value
_SIDES = {"Left": "Right", "Right": "Left"}
_MIRROR = [
    next((ARKIT_INDEX[name.removesuffix(side) + other] for side, other in _SIDES.items() if name.endswith(side)), index)
    for index, name in enumerate(ARKIT)
]
_MIRROR_LIPS = [*range(10, -1, -1), *range(19, 10, -1)]  # of one loop: from the left corner instead of the right
_MIRROR_LIPS += [20 + place for place in _MIRROR_LIPS]


@dataclass(frozen=True)
class Shape:
    """What becomes of one blendshape: ``clip(gain * value + offset, low, high)``, then smoothing."""

    gain: float = 1.0
    offset: float = 0.0
    low: float = 0.0
    high: float = 1.0
    cutoff: float = np.inf  # Hz, of a shape at rest; infinite: no smoothing
    beta: float = 0.0  # Hz added for each unit a second that the shape moves


class Smoothing(NamedTuple):
    """Where the filters are after a frame."""

    values: np.ndarray  # 52
    speed: np.ndarray  # 52, a second
    seconds: float


@dataclass(frozen=True)
class Retarget:
    """A table of how the 52 blendshapes are fitted to a rig.

    The same frames at the same times give the same result, whether at once (`apply`) or one by one (`step`).

    Parameters
    ----------
    shapes
        By ARKit name. A beginning of names stands for all that begin so (``mouthSmile``, ``eyeLook``,
        ``brow``); the longest that fits counts. A shape that is not named is only limited to [0, 1].
    mirror
        Swap left and right of everything, as in a looking glass.

    Raises
    ------
    InputError
        If no blendshape begins with a name, or a number makes no sense.
    """

    shapes: dict[str, Shape] = field(default_factory=dict)
    mirror: bool = False

    def __post_init__(self):
        for name, shape in self.shapes.items():
            if not any(arkit.startswith(name) for arkit in ARKIT):
                raise InputError(
                    f"No blendshape begins with {name!r}; use ARKit's names, such as jawOpen or mouthSmile."
                )
            if not np.isfinite([shape.gain, shape.offset, shape.low, shape.high, shape.beta]).all():
                raise InputError(f"{name}: gain, offset, low, high and beta must be finite; correct the table.")
            if shape.low > shape.high or not shape.cutoff > 0 or shape.beta < 0:
                raise InputError(f"{name}: low may not exceed high, cutoff (Hz) is above 0, beta at least 0.")

    def apply(self, motion: Motion) -> Motion:
        """The whole motion, fitted."""
        return self._fit(None, motion, np.arange(len(motion)) / motion.rate)[1]

    def step(self, state: Smoothing | None, frame: Motion, seconds: float) -> tuple[Smoothing, Motion]:
        """One frame, fitted.

        Parameters
        ----------
        state
            What the step before gave; None at the first.
        frame
            A motion of one frame.
        seconds
            When it is shown. A frame that is not later than the one before repeats that one's blendshapes.
        """
        return self._fit(state, frame, np.full(len(frame), seconds))

    def _fit(self, state: Smoothing | None, motion: Motion, times: np.ndarray) -> tuple[Smoothing, Motion]:
        motion = mirrored(motion) if self.mirror else motion
        table = self._table
        fitted = np.clip(table.gain * motion.blendshapes + table.offset, table.low, table.high)
        for index, seconds in enumerate(times):
            state = self._smooth(state, fitted[index], float(seconds))
            fitted[index] = state.values
        return state, replace(motion, blendshapes=fitted)

    def _smooth(self, last: Smoothing | None, values: np.ndarray, seconds: float) -> Smoothing:
        if last is None:
            return Smoothing(values.copy(), np.zeros(len(ARKIT)), seconds)
        passed = seconds - last.seconds
        if passed <= 0:
            return last
        speed = last.speed + _share(_SPEED_CUTOFF, passed) * ((values - last.values) / passed - last.speed)
        share = _share(self._table.cutoff + self._table.beta * np.abs(speed), passed)
        return Smoothing(share * values + (1 - share) * last.values, speed, seconds)

    @cached_property
    def _table(self) -> Shape:
        """The columns of the table: a shape whose fields are arrays (52)."""
        rows = [self.shapes.get(max(self._names_of(name), key=len, default=""), Shape()) for name in ARKIT]
        return Shape(**{item.name: np.array([getattr(row, item.name) for row in rows]) for item in fields(Shape)})

    def _names_of(self, arkit: str) -> list[str]:
        return [name for name in self.shapes if arkit.startswith(name)]


def mirrored(motion: Motion) -> Motion:
    """The motion as in a looking glass: left and right change places."""
    lips = motion.lip_offsets
    return replace(
        motion,
        blendshapes=motion.blendshapes[:, _MIRROR],
        head_rotation=motion.head_rotation * [1, -1, -1, 1],
        head_translation=motion.head_translation * [-1, 1, 1],
        gaze=motion.gaze[:, ::-1] * [-1, 1],
        lip_offsets=lips[:, _MIRROR_LIPS] * [-1, 1, 1] if lips.size else lips,
    )


def presets() -> list[str]:
    """Names that `load` knows."""
    return sorted(file.name.removesuffix(".toml") for file in _presets().iterdir())


def load(source: str | Path) -> Retarget:
    """Read a table from a TOML file, or a preset by its name.

    Raises
    ------
    InputError
        If there is no such preset or file, or it is no such table.
    """
    if str(source) in presets():
        return _parse(_presets().joinpath(f"{source}.toml").read_text("utf-8"), source)
    if Path(source).suffix.lower() != ".toml":
        raise InputError(f"{source} is neither a .toml file nor one of the presets {', '.join(presets())}.")
    with open_input(source, InputError) as file:
        try:
            text = file.read().decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{source} is no TOML ({error}); save it as UTF-8 text.") from error
    return _parse(text, source)


def save(retarget: Retarget, path: str | Path) -> None:
    """Write a table as TOML, so that `load` gives it back exactly.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    lines = [f"mirror = {str(retarget.mirror).lower()}"]
    for name, shape in retarget.shapes.items():
        lines += ["", f"[shapes.{name}]", *(f"{key} = {float(value)!r}" for key, value in asdict(shape).items())]
    with atomic_output(path) as partial:
        partial.write_text("\n".join(lines) + "\n", "utf-8", newline="\n")


def _presets():
    return resources.files("vividlib.export") / "presets"


def _parse(text: str, source: str | Path) -> Retarget:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{source} is no TOML ({error}); correct the line.") from error
    known = {item.name for item in fields(Shape)}
    shapes = table.get("shapes", {})
    if (
        table.keys() - {"shapes", "mirror"}
        or not isinstance(shapes, dict)
        or not isinstance(table.get("mirror", False), bool)
    ):
        raise InputError(f"{source}: a table has `mirror = true` or `false` and [shapes.NAME] sections; correct it.")
    for name, shape in shapes.items():
        if not isinstance(shape, dict) or shape.keys() - known:
            raise InputError(f"{source}, {name}: a shape has {', '.join(sorted(known))}; correct it.")
        if any(isinstance(value, bool) or not isinstance(value, int | float) for value in shape.values()):
            raise InputError(f"{source}, {name}: {', '.join(shape)} must be numbers; correct it.")
    return Retarget({name: Shape(**shape) for name, shape in shapes.items()}, table.get("mirror", False))


def _share(cutoff: np.ndarray | float, passed: float) -> np.ndarray | float:
    """How much of a new value a first-order low-pass takes (Casiez et al., equation 4)."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff * passed))
