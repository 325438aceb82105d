"""How the skin of a head bends where its landmarks are moved: as a thin plate, and what lies in the head goes with it.

The price of a displacement is its squared Laplacian (biharmonic; Botsch and Sorkine, On Linear Variational Surface
Deformation Methods, 2008, section 3). A fit bends one head with it, and learned people are spread over the mesh.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from vividlib.geometry.mesh import laplacian
from vividlib.types import HeadModel

SMOOTHNESS = 2.0  # of the bend, against landmarks of weight 1
STIFFNESS = 1e-3  # keeps what no landmark reaches where it is

FOLLOWERS = {
    "eyeball_left": "eyelids_left", "eyeball_right": "eyelids_right",
    "teeth_upper": "lips_inner", "teeth_lower": "lips_inner", "tongue": "lips_inner",
}  # fmt: skip
"""Parts that do not bend, and the region whose mean displacement they take."""


def thin_plate(head: HeadModel) -> tuple[np.ndarray, sparse.csr_matrix, sparse.csr_matrix]:
    """What bends of a head, and how.

    Returns
    -------
    skin
        (S,) vertices that bend: all but the `FOLLOWERS`.
    place
        (478, S): the landmarks as means of these vertices.
    price
        (S, S): a displacement d (S) along one axis costs ``d @ price @ d``, metres squared.
    """
    count = len(head.template)
    skin = np.setdiff1d(np.arange(count), np.concatenate([head.regions[part] for part in FOLLOWERS]))
    rows = np.repeat(np.arange(len(head.landmark_vertices)), 3)
    entries = head.landmark_weights.ravel().astype(float), (rows, head.landmark_vertices.ravel())
    place = sparse.csr_matrix(entries, (len(head.landmark_vertices), count))[:, skin]
    smooth = laplacian(head.faces, count)[skin][:, skin]
    return skin, place, SMOOTHNESS * smooth.T @ smooth + STIFFNESS * sparse.identity(len(skin))


def take_along(head: HeadModel, fields: np.ndarray) -> None:
    """Move the `FOLLOWERS` in displacements (..., V, 3) of the skin; in place."""
    for part, region in FOLLOWERS.items():
        fields[..., head.regions[part], :] = fields[..., head.regions[region], :].mean(-2, keepdims=True)
