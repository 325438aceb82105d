"""What real people have beyond MakeHuman's: smooth displacements of the face, learned from videos.

The file beside this one holds them as principal components at MediaPipe's landmarks, so it does not depend on the
mesh; `spread` carries them over to a head. benchmarks/head_people.py makes it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from vividlib.errors import HeadError
from vividlib.geometry.mesh import laplacian
from vividlib.head.model import joint
from vividlib.media.files import read_arrays
from vividlib.types import HeadModel

COMPONENTS = Path(__file__).with_name("people.npz")
STEP = 1e-5
"""Metres: the step in which `COMPONENTS` are stored, as 16-bit integers."""

LANDMARKS = 468
"""Landmarks of the skin; the irises follow the lids."""

SMOOTHNESS, STIFFNESS = 2.0, 1e-3
"""Of the displacements between landmarks, and of what no landmark reaches; as in `reconstruction.fit`."""

EXACTNESS = 1e3
"""How closely displacements pass through the landmarks, relative to how far they stray by themselves."""

FOLLOWERS = {
    "eyeball_left": "eyelids_left", "eyeball_right": "eyelids_right",
    "teeth_upper": "lips_inner", "teeth_lower": "lips_inner", "tongue": "lips_inner",
}  # fmt: skip
"""Parts without landmarks of their own, and the region whose mean displacement they take."""

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

    They are the mean of a Gaussian field on the mesh whose precision is the squared Laplacian (a thin plate; Botsch
    and Sorkine, On Linear Variational Surface Deformation Methods, 2008, section 3), given the landmarks.
    """

    def __init__(self, head: HeadModel):
        self.head = head
        rigid = np.concatenate([head.regions[part] for part in FOLLOWERS])
        self.skin = np.setdiff1d(np.arange(len(head.template)), rigid)
        rows = np.repeat(np.arange(LANDMARKS), 3)
        corners = head.landmark_vertices[:LANDMARKS].ravel(), head.landmark_weights[:LANDMARKS].ravel().astype(float)
        place = sparse.csr_matrix((corners[1], (rows, corners[0])), (LANDMARKS, len(head.template)))[:, self.skin]
        smooth = laplacian(head.faces, len(head.template))[self.skin][:, self.skin]
        precision = SMOOTHNESS * smooth.T @ smooth + STIFFNESS * sparse.identity(len(self.skin))
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
        for part, region in FOLLOWERS.items():
            fields[..., self.head.regions[part], :] = fields[..., self.head.regions[region], :].mean(-2, keepdims=True)
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
