"""What real people have beyond MakeHuman's: smooth displacements of the face, learned from videos.

The file beside this one holds them as principal components at MediaPipe's landmarks, so it does not depend on the
mesh; `spread` carries them over to a head. benchmarks/head_people.py makes it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.sparse.linalg import splu

from vividlib.errors import HeadError
from vividlib.head.bend import take_along, thin_plate
from vividlib.head.model import joint
from vividlib.media.files import read_arrays
from vividlib.types import HeadModel

COMPONENTS = Path(__file__).with_name("people.npz")
STEP = 1e-5
"""Metres: the step in which `COMPONENTS` are stored, as 16-bit integers."""

LANDMARKS = 468
"""Landmarks of the skin; the irises follow the lids."""

EXACTNESS = 1e3
"""How closely displacements pass through the landmarks, relative to how far they stray by themselves."""

LIDS_REACH = 0.004
"""Metres from the eyeball within which the lids, less and less, slide over it instead of nearing or leaving it."""


def read() -> np.ndarray:
    """The components (N, 468, 3) in metres, each scaled to one standard deviation, head space."""
    return read_arrays(COMPONENTS, HeadError)["components"] * STEP


def save(components: np.ndarray, path: Path) -> None:
    """Write components (N, 468, 3) in metres."""
    np.savez_compressed(path, components=np.round(components / STEP).astype(np.int16))


class Spread:
    """Displacements of the landmarks, carried over to the whole head.

    They are the mean of a Gaussian field on the mesh, given the landmarks; its precision is the price of bending
    (`vividlib.head.bend`).
    """

    def __init__(self, head: HeadModel):
        self.head = head
        self.skin, place, precision = thin_plate(head)
        place = place[:LANDMARKS]
        reach = splu(precision.tocsc()).solve(place.T.toarray())
        scale = np.diag(place @ reach).mean()
        self.covariance = place @ reach / scale
        """(468, 468): how landmarks stray together, one axis; its mean variance is 1."""
        noise = np.eye(LANDMARKS) / EXACTNESS
        self._weights = np.linalg.solve(self.covariance + noise, reach.T / scale).T

    def __call__(self, displacements: np.ndarray) -> np.ndarray:
        """(..., 468, 3) to (..., V, 3), metres."""
        fields = np.zeros((*displacements.shape[:-2], *self.head.template.shape))
        fields[..., self.skin, :] = self._weights @ displacements
        take_along(self.head, fields)
        for side in ("left", "right"):
            self._slide(fields, side)
        return fields

    def _slide(self, fields: np.ndarray, side: str) -> None:
        """Take out of ``fields`` what moves the lids towards an eyeball or away from it; in place."""
        ball, lids = self.head.regions[f"eyeball_{side}"], self.head.regions[f"eyelids_{side}"]
        centre = joint(self.head, self.head.template, f"eye_{side}")
        arm = self.head.template[lids] - centre
        distance = np.linalg.norm(arm, axis=1, keepdims=True)
        way = arm / distance
        clear = distance - np.linalg.norm(self.head.template[ball] - centre, axis=1).mean()
        share = np.clip(1 - clear / LIDS_REACH, 0, 1)
        nearer = ((fields[..., lids, :] - fields[..., ball[:1], :]) * way).sum(-1, keepdims=True)
        fields[..., lids, :] -= share * nearer * way
