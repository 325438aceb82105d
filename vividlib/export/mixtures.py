"""Motions for rigs that have less than this library: lip offsets as blendshapes, blendshapes as visemes.

Both are the nearest mixture that the rig can show, where near is measured on the head: the mean square of how
far the vertices are from where they should be, metres, under coefficients in [0, 1] (bounded least squares).
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from scipy.linalg import solve_triangular
from scipy.optimize import lsq_linear
from scipy.spatial.distance import cdist

from vividlib.conventions import ARKIT
from vividlib.head import model
from vividlib.head.lips import parting, spread
from vividlib.head.visemes import row
from vividlib.types import HeadModel, Motion

_MOUTH = [index for index, name in enumerate(ARKIT) if name.startswith(("jaw", "mouth"))]
_CHANGE = 1e-7  # square metres: a shape moves from 0 to 1 only for 0.3 mm over all lip vertices
_WHOLE = 1e-2  # square metres, a thousand times what a mouth moves: the price of shares that do not add up to 1
_EFFORT = 1e-10  # square metres: of two mixtures of visemes that look the same, the smaller


def fold_lips(motion: Motion, head: HeadModel | None = None) -> Motion:
    """The motion with its lip offsets expressed by jaw and mouth shapes, as well as those can.

    The gap between the inner lips counts as much as all that the lips do: a viewer forgives a millimetre of shape, but
    not lips that stay apart on p, b and m.

    Parameters
    ----------
    motion
        Without lip offsets it is returned as it is.
    head
        Whose lips the offsets move; None is the default head.
    """
    if not motion.lip_offsets.shape[1]:
        return motion
    head = head or model.load()
    basis = _seen(head.blendshapes[_MOUTH][:, head.lips], head)
    normal = basis @ basis.T + _CHANGE * np.eye(len(_MOUTH))
    now = motion.blendshapes[:, _MOUTH].astype(np.float64)
    each = np.eye(motion.lip_offsets[0].size).reshape(-1, *motion.lip_offsets.shape[1:])  # a coordinate at a time
    slope = motion.lip_offsets.reshape(len(motion), -1) @ (_seen(spread(each, head), head) @ basis.T)
    low, high = np.minimum(-now, 0), np.maximum(1 - now, 0)  # what is beyond [0, 1] already may stay
    blendshapes = motion.blendshapes.copy()
    blendshapes[:, _MOUTH] = now + _solve(normal, slope, low, high)
    return replace(motion, blendshapes=blendshapes, lip_offsets=None)


def _seen(moved: np.ndarray, head: HeadModel) -> np.ndarray:
    """Moves of the lips (N, L, 3 metres) as rows (N, 3 L + 1): root mean square, and what they do to the gap."""
    moved = moved.astype(np.float64)
    gap = moved[..., 1] @ parting(head)
    return np.column_stack([moved.reshape(len(moved), -1) / len(head.lips) ** 0.5, gap])


def viseme_weights(blendshapes: np.ndarray, visemes: dict[str, dict[str, float]]) -> np.ndarray:
    """How much of each viseme together looks most like these blendshapes, on the mouth of the default head.

    The weights are shares: they and the mouth at rest (``sil`` where the table has it) add up to 1, as in the
    engines that these visemes come from. Rigs sculpt each viseme whole, jaw included, and a sum beyond 1 would
    tear them. (Heinz and Chang 2001, "Fully constrained least squares", section III.)

    Parameters
    ----------
    blendshapes
        (T, 52).
    visemes
        `vividlib.head.visemes.VISEMES` or ``VOWELS``.

    Returns
    -------
    numpy.ndarray
        (T, len(visemes)) float32 in [0, 1], columns in the order of the table.
    """
    rows = np.stack([row(shapes) for shapes in visemes.values()] + [row({})] * ("sil" not in visemes))
    shapes, moved = _lower_face()
    basis = rows[:, shapes] @ moved
    normal = basis @ basis.T + _WHOLE + _EFFORT * np.diag(rows.any(axis=1))  # rest costs no effort
    slope = blendshapes[:, shapes] @ (moved @ basis.T) + _WHOLE
    weights = _solve(normal, slope, np.zeros_like(slope), np.ones_like(slope))
    return weights[:, : len(visemes)].astype(np.float32)


def mouth_distances(blendshapes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """How far lips and tongue of the default head are apart (T, N metres, root mean square): (T, 52) and (N, 52)."""
    shapes, moved = _lower_face()
    factor = np.linalg.cholesky(moved @ moved.T + 1e-12 * np.eye(len(shapes)))  # the same lengths, in fewer numbers
    return cdist(blendshapes[:, shapes] @ factor, others[:, shapes] @ factor)


@cache
def _lower_face() -> tuple[list[int], np.ndarray]:
    """The shapes that speak, and what each moves of lips and tongue (shapes, 3 N)."""
    head = model.load()
    speaking = [index for index, name in enumerate(ARKIT) if name.startswith(("jaw", "mouth", "tongue"))]
    seen = np.concatenate([head.lips, head.regions["tongue"]])
    moved = head.blendshapes[speaking][:, seen].reshape(len(speaking), -1).astype(np.float64)
    return speaking, moved / len(seen) ** 0.5


def _solve(normal: np.ndarray, slope: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Minimise ``x N x / 2 - s x`` within bounds, for each row of ``slope`` (Stark and Parker 1995, in SciPy)."""
    factor = np.linalg.cholesky(normal)
    goals = solve_triangular(factor, slope.T, lower=True).T
    solved = [lsq_linear(factor.T, goal, bounds, method="bvls").x for goal, *bounds in zip(goals, low, high)]
    return np.clip(solved, low, high)  # bounds are met to rounding
