"""What of a person the head mesh does not cover: hair, neck and shoulders, as a sheet behind it.

The sheet is a grid over the crop. Near the head it moves with the head, at the border of the crop it stands still, unless
the photo ends there and cuts the hair, and in between it stretches as a rubber sheet does: the share of the head's
motion and the depth solve Laplace's equation, with hair and body much stiffer than background, so that hair follows as one
piece and the stretching happens where nobody looks. Where there is nothing of the person the sheet is cut away.
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
    covered: np.ndarray, weight: np.ndarray, depth: np.ndarray, matte: np.ndarray, person: np.ndarray,
    beyond: tuple[float, float, float] = (0, 0, 0),
) -> Canvas:  # fmt: skip
    """Lay the sheet.

    Parameters
    ----------
    covered : H W bool, where the head mesh is in the photo
    weight, depth : H W float32, share of the head's motion and camera-space Z of the mesh there
    matte : H W float32 in [0, 1], how much of a pixel is the person
    person : H W bool, where anything is that the sheet has to carry
    beyond : px by which it goes on at the top, left and right of the crop, free to move, where the photo ends there;
        where that is 0, and at the bottom, it stands still
    """
    height, width = covered.shape
    step = max(height, width) / CELLS
    top, left, right = (max(1, length) for length in beyond)  # a pixel at least, lest rounding leaves the border bare
    x, y = _places(-left, width - 1 + right, step), _places(-top, height, step)
    pixels = np.stack(np.meshgrid(x, y), -1)
    nearest = tuple(pixels[..., axis].round().astype(int).clip(0, side - 1) for axis, side in ((1, height), (0, width)))
    stiff = BACKGROUND + (1 - BACKGROUND) * np.clip(cv2.blur(matte, (5, 5))[nearest], 0, 1)

    still = np.zeros(pixels.shape[:2], bool)
    still[-1] = True
    for side, length in ((np.s_[0], beyond[0]), (np.s_[:, 0], beyond[1]), (np.s_[:, -1], beyond[2])):
        still[side] |= length == 0
    in_photo = ((pixels >= 0) & (pixels <= [width - 1, height - 1])).all(-1)
    inside = covered[nearest] & in_photo
    share = _harmonic(stiff, inside | still, np.where(inside, weight[nearest], 0))
    # The outline of the mesh gives the depth, to the outside and to what lies hidden behind the face.
    outline = _edge(inside)
    flat = _harmonic(np.ones_like(stiff), outline, np.where(outline, _at_edge(covered, depth)[nearest], 0))

    index = np.arange(still.size).reshape(still.shape)
    a, b, c, d = (part.ravel() for part in (index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]))
    faces = np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)]).astype(np.int32)
    reach = np.ones((2 * math.ceil(step) + 1,) * 2, np.uint8)
    carries = cv2.dilate(person.astype(np.uint8), reach)[nearest].astype(bool).ravel()
    return Canvas(pixels.reshape(-1, 2), flat.ravel(), share.ravel(), faces[carries[faces].any(1)])


def _at_edge(covered: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """For each pixel (H W) the depth where the edge of what is covered is nearest: cheeks fall off within a cell."""
    edge = _edge(covered)
    away = (~edge).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(away, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    depths = np.zeros(nearest.max() + 1, np.float32)
    depths[nearest[edge]] = depth[edge]
    return depths[nearest]


def _edge(mask: np.ndarray) -> np.ndarray:
    """What of a mask (H W bool) lies beside what is not in it."""
    return mask & ~cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)


def _places(first: float, last: float, step: float) -> np.ndarray:
    return np.linspace(first, last, max(3, round((last - first) / step) + 1))


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
