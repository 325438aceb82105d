"""What of a person the head mesh does not cover: hair, neck and shoulders, as a sheet behind it.

The sheet is a grid over the crop. Near the head it moves with the head, at the border of the crop
it stands still, and in between it stretches as a rubber sheet does: the share of the head's motion
and the depth solve Laplace's equation, with hair and body much stiffer than background, so that
hair follows as one piece and the stretching happens where nobody looks. Where there is nothing of the
person the sheet is cut away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from scipy import sparse
from scipy.sparse.linalg import spsolve

CELLS = 56  # along the longer side of the crop
BACKGROUND = 0.02  # stiffness of background against that of hair and body


@dataclass(frozen=True, eq=False)
class Canvas:
    """A grid of N vertices in the pixels of the crop."""

    pixels: np.ndarray  # N 2
    depth: np.ndarray  # N, metres, camera-space Z
    weight: np.ndarray  # N in [0, 1], share of the head's motion
    faces: np.ndarray  # F 3 int32


def stretch(
    covered: np.ndarray, weight: np.ndarray, depth: np.ndarray, matte: np.ndarray, person: np.ndarray
) -> Canvas:
    """Lay the sheet.

    Parameters
    ----------
    covered : H W bool, where the head mesh is in the photo
    weight, depth : H W float32, share of the head's motion and camera-space Z of the mesh there
    matte : H W float32 in [0, 1], how much of a pixel is the person
    person : H W bool, where anything is that the sheet has to carry
    """
    height, width = covered.shape
    step = max(height, width) / CELLS
    columns, rows = (max(3, round(n / step) + 1) for n in (width, height))
    # A pixel beyond the crop on each side, lest rounding leaves its border without a triangle.
    x, y = np.linspace(-1, width, columns), np.linspace(-1, height, rows)
    pixels = np.stack(np.meshgrid(x, y), -1)
    nearest = tuple(pixels[..., axis].round().astype(int).clip(0, side - 1) for axis, side in ((1, height), (0, width)))
    inside = covered[nearest]
    stiff = BACKGROUND + (1 - BACKGROUND) * np.clip(cv2.blur(matte, (5, 5))[nearest], 0, 1)

    border = np.zeros((rows, columns), bool)
    border[[0, -1], :] = border[:, [0, -1]] = True
    share = _harmonic(stiff, inside | border, np.where(inside & ~border, weight[nearest], 0))
    # The outline of the mesh gives the depth, to the outside and to what lies hidden behind the face.
    outline = inside & ~cv2.erode(inside.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    flat = _harmonic(np.ones_like(stiff), outline, np.where(outline, depth[nearest], 0))

    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = (part.ravel() for part in (index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]))
    faces = np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)]).astype(np.int32)
    reach = 2 * math.ceil(step) + 1
    carries = cv2.dilate(person.astype(np.uint8), np.ones((reach, reach), np.uint8))[nearest].astype(bool).ravel()
    return Canvas(pixels.reshape(-1, 2), flat.ravel(), share.ravel(), faces[carries[faces].any(1)])


def _harmonic(stiffness: np.ndarray, known: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Solve ``div(stiffness grad u) = 0`` on a grid, ``u = value`` where known, free at the border."""
    index = np.arange(known.size).reshape(known.shape)
    pairs = [(index[:, :-1], index[:, 1:]), (index[:-1], index[1:])]
    first = np.concatenate([p.ravel() for p, _ in pairs])
    second = np.concatenate([q.ravel() for _, q in pairs])
    flat = stiffness.ravel()
    between = 2 / (1 / flat[first] + 1 / flat[second])  # resistances in series
    both = np.concatenate([first, second]), np.concatenate([second, first])
    links = sparse.csr_array((np.concatenate([between, between]), both), shape=(known.size, known.size))
    system = (sparse.diags_array(links.sum(1)) - links).tocsr()
    fixed = known.ravel()
    result = value.ravel().astype(np.float64).copy()
    if fixed.all() or not fixed.any():
        return result.reshape(known.shape)
    right = -system[~fixed][:, fixed] @ result[fixed]
    result[~fixed] = spsolve(system[~fixed][:, ~fixed].tocsc(), right)
    return result.reshape(known.shape)
