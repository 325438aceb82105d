"""A texture square for heads that come without one: skin on a cylinder, every other part in a box of its own."""

from __future__ import annotations

import numpy as np

BOXES = {
    "eyeball_left": (0.005, 0.72, 0.165, 0.99), "eyeball_right": (0.17, 0.72, 0.33, 0.99),
    "teeth_upper": (0.335, 0.72, 0.495, 0.99), "teeth_lower": (0.5, 0.72, 0.66, 0.99),
    "tongue": (0.665, 0.72, 0.825, 0.99), "mouth_cavity": (0.83, 0.72, 0.995, 0.99),
}  # fmt: skip
"""Left, top, right, bottom of the parts; the skin has what is above them."""

SKIN = (0.005, 0.005, 0.995, 0.71)
ENLARGED = 1.2
"""How much the face is enlarged at the cost of the back of the head."""


def unwrap(vertices: np.ndarray, faces: np.ndarray, parts: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Lay a head out in the unit square: uv (U, 2), origin top left, and the faces' indices into it (F, 3).

    A face belongs to a part of `BOXES` where all its vertices do; parts are seen from the front.
    """
    flat = np.stack([vertices[:, 0], -vertices[:, 1]], 1)
    angle = np.arctan2(vertices[:, 0], vertices[:, 2] - np.median(vertices[:, 2])) / np.pi
    around = np.stack([np.arctan(ENLARGED * angle) / np.arctan(ENLARGED), -vertices[:, 1]], 1)
    corners = around[faces]
    # Triangles across the seam at the back: take those corners to the near edge that are on the far side.
    behind = np.ptp(corners[..., 0], axis=1) > 1
    side = np.sign(corners[behind, :, 0].sum(1, keepdims=True))
    corners[behind, :, 0] = np.where(np.sign(corners[behind, :, 0]) == side, corners[behind, :, 0], side)

    box = np.tile(SKIN, (len(faces), 1))
    skin = np.ones(len(faces), bool)
    for name, place in BOXES.items():
        own = np.isin(faces, parts.get(name, [])).all(1)
        corners[own], box[own] = flat[faces[own]], place
        skin &= ~own
        _fill(corners, own)
    _fill(corners, skin)
    corners = box[:, None, :2] + corners * (box[:, None, 2:] - box[:, None, :2])
    uv, index = np.unique(
        np.concatenate([corners.reshape(-1, 2), faces.reshape(-1, 1)], 1), axis=0, return_inverse=True
    )
    return uv[:, :2].astype(np.float32), index.reshape(-1, 3).astype(np.int32)


def _fill(corners: np.ndarray, faces: np.ndarray) -> None:
    """Stretch the corners of some faces over the unit square, in place."""
    if faces.any():
        low = corners[faces].min((0, 1))
        corners[faces] = (corners[faces] - low) / np.maximum(corners[faces].max((0, 1)) - low, 1e-9)
