"""Where two lips, or two lids, meet: how they are brought, held and turned together, in build."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation


class Seam:
    """A closed ring of the mesh along which two lips, or two lids, meet, and the rings beside it.

    Parameters
    ----------
    outwards, inwards
        (R, C) rings of vertices; the first of both is the seam, its column 0 the middle of the upper side.
        Columns run to the person's left.
    corners
        Columns of the left and the right corner; between them the seam runs over the lower side.
    template
        (V, 3): where the two sides are compared, by their x.
    """

    def __init__(self, outwards: np.ndarray, inwards: np.ndarray, corners: tuple[int, int], template: np.ndarray):
        self.outwards, self.inwards, self.line = outwards, inwards, outwards[0]
        left, right = corners
        self.below = slice(left, right + 1)
        self.lower = self.line[self.below][::-1]  # from the right corner to the left one
        self.upper = np.concatenate([self.line[right:], self.line[: left + 1]])
        self._from_lower = _interpolation(template[self.lower, 0], template[self.upper, 0])
        self._from_upper = _interpolation(template[self.upper, 0], template[self.lower, 0])

    def weld(self, fields: np.ndarray) -> np.ndarray:
        """Let both sides move alike where they meet: (..., V, 3) displacements, or positions to close them."""
        upper, lower = fields[..., self.upper, :], fields[..., self.lower, :]
        change = np.zeros_like(fields)
        change[..., self.upper, :] = (self._from_lower @ lower - upper) / 2
        change[..., self.lower, :] = (self._from_upper @ upper - lower) / 2
        return fields + self._fade(change)

    def close(self, positions: np.ndarray, overlap: float) -> np.ndarray:
        """Bring both sides together; between the corners the upper one laps over the lower one, by metres."""
        lap = np.zeros_like(positions)
        lap[self.upper[1:-1]] = np.array([0, -overlap, overlap]) / 2
        lap[self.lower[1:-1]] = np.array([0, overlap, -overlap]) / 2
        return self.weld(positions) + self._fade(lap)

    def level(self, field: np.ndarray, upper: float, lower: float, only_gaps: bool = False) -> np.ndarray:
        """What to add to displacements (V, 3) so that both sides move up and down alike.

        The sides make up for these shares of their difference in height, or only of that part which opens a gap.
        """
        above, below = field[self.upper, 1], field[self.lower, 1]
        at_upper = above - self._from_lower @ below
        at_lower = self._from_upper @ above - below
        if only_gaps:
            at_upper, at_lower = np.maximum(at_upper, 0), np.maximum(at_lower, 0)
        change = np.zeros_like(field)
        change[self.upper, 1] = -upper * at_upper
        change[self.lower, 1] += lower * at_lower
        return self._fade(change)

    def turned(self, template: np.ndarray, centre: np.ndarray, turn: np.ndarray, below: bool) -> np.ndarray:
        """Displacements (V, 3) that turn one side about a point by a rotation vector, less towards its corners."""
        line = self.lower if below else self.upper
        x = template[line, 0]
        share = np.clip(4 * (x - x[0]) * (x[-1] - x) / (x[-1] - x[0]) ** 2, 0, 1)
        arm = template[line] - centre
        change = np.zeros_like(template)
        change[line] = Rotation.from_rotvec(share[:, None] * turn).apply(arm) - arm
        return self._fade(change, rings=3.5)

    def _fade(self, change: np.ndarray, rings: float = 2) -> np.ndarray:
        """Carry what moves the seam over to the rings beside it, less and less."""
        faded = change.copy()
        for rows in (self.outwards, self.inwards):
            for distance, row in enumerate(rows[1:], 1):
                faded[..., row, :] = change[..., self.line, :] * np.exp(-((distance / rings) ** 2))
        return faded


def _interpolation(known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Matrix that interpolates values at ``known`` (rising) linearly at ``wanted``: (W, K)."""
    known = np.maximum.accumulate(known)
    return np.stack([np.interp(wanted, known, unit) for unit in np.eye(len(known))], 1)
