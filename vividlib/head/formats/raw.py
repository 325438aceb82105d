"""What a file of another head says, before it is made a `HeadModel`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vividlib.conventions import ARKIT
from vividlib.errors import HeadError

PARTS = ("eyeball_left", "eyeball_right", "teeth_upper", "teeth_lower", "tongue", "mouth_cavity", "eye_sockets")
"""Regions that a file may name; what remains is skin."""


@dataclass(frozen=True, eq=False)
class RawHead:
    """A head in its own axes and units.

    Either ``blendshapes`` holds the 52 of ARKit, or ``motions`` holds what expressions are mixed from.

    Raises
    ------
    HeadError
        If shapes do not agree, a number is not finite, or a triangle names a vertex that is not there.
    """

    path: Path  # for messages
    name: str
    vertices: np.ndarray  # V 3
    faces: np.ndarray  # F 3
    identity: np.ndarray  # K V 3, for one standard deviation
    blendshapes: np.ndarray | None = None  # 52 V 3
    motions: np.ndarray | None = None  # M V 3
    unit: float | None = None  # metres; None: as large as the default head
    parts: dict[str, np.ndarray] = field(default_factory=dict)  # name of `PARTS` -> vertex indices
    colours: np.ndarray | None = None  # V 3 sRGB, 0 to 255

    def __post_init__(self):
        count = len(self.vertices)
        wanted = {"vertices": (count, 3), "faces": (len(self.faces), 3), "identity": (len(self.identity), count, 3)}
        if self.blendshapes is not None:
            wanted["blendshapes"] = (len(ARKIT), count, 3)
        if self.motions is not None:
            wanted["motions"] = (len(self.motions), count, 3)
        if self.colours is not None:
            wanted["colours"] = (count, 3)
        for name, shape in wanted.items():
            array = getattr(self, name)
            if np.shape(array) != shape:
                raise HeadError(f"{self.path}: {name} have shape {np.shape(array)} where {shape} is needed.")
            if not np.isfinite(array).all():
                raise HeadError(f"{self.path}: {name} hold NaN or infinite numbers; download the file again.")
        if count < 100 or not len(self.faces):
            raise HeadError(f"{self.path} has {count} vertices and {len(self.faces)} triangles: too few for a head.")
        for name, indices in {"faces": self.faces, **self.parts}.items():
            if np.size(indices) and (np.min(indices) < 0 or np.max(indices) >= count):
                raise HeadError(f"{self.path}: {name} name vertices beyond the {count} that there are.")


def by_arkit_name(path: Path, names: list[str], shapes: np.ndarray) -> np.ndarray:
    """Bring shapes (N, V, 3) into the order of ARKit by their names: (52, V, 3).

    ``eyeBlink_L`` and ``eyeBlinkLeft`` mean the same; where a file splits a shape that ARKit does not, into
    ``browInnerUp_L`` and ``browInnerUp_R``, the halves are added. tongueOut may be missing.

    Raises
    ------
    HeadError
        If another shape is missing.
    """
    found = dict.fromkeys(ARKIT, 0)
    lower = {name.lower(): name for name in ARKIT}
    missing = set(ARKIT) - {"tongueOut"}
    for name, shape in zip(names, shapes):
        stem = str(name).strip()
        for short, side in (("_L", "Left"), ("_R", "Right")):
            stem = stem.removesuffix(short) + side if stem.endswith(short) else stem
        key = stem.replace("_", "").lower()
        whole = key.removesuffix("left").removesuffix("right")
        name = lower.get(key) or lower.get(whole)
        if name:
            found[name] = found[name] + shape
            missing.discard(name)
    if missing:
        raise HeadError(f"{path} lacks the expressions {', '.join(sorted(missing))}; a head needs ARKit's 52.")
    return np.stack([np.broadcast_to(found[name], shapes.shape[1:]) for name in ARKIT]).astype(np.float32)
