"""Teeth one can count, in build: the two smooth bands of the base mesh, resampled tooth by tooth.

A band is a grid of 4 rows (root, middle, cutting edge, inside) by 17 columns from one end of the arch to the
other. It is sampled again with a column at the middle of each tooth and three at each gap, and with a row
on either side of the gums. Sampling is linear in the vertices of the base mesh, so the new teeth follow
every target as the old ones did.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.sparse import csr_matrix

from vividlib.head.makehuman import BaseMesh

WIDTHS = {
    "helper-upper-teeth": (8.5, 6.6, 7.8, 7.0, 6.8, 10.0, 9.5),
    "helper-lower-teeth": (5.4, 6.0, 6.9, 7.0, 7.2, 11.0, 10.5),
}
"""Widths of the teeth from the middle to one end, in proportion (mm in textbooks of dental anatomy)."""

GAP = 0.06
"""Half the width of the line between two teeth, as a share of a tooth."""

# Places of the rows between root (0), middle (1) and cutting edge (2), at the middle of a tooth and in a gap:
# root, gums, neck of the tooth, crown, edge.
ROWS_TOOTH, ROWS_GAP = (0, 0.72, 0.78, 1.4, 2.0), (0, 1.05, 1.12, 1.5, 1.94)
GUM_ROWS = 2

GAP_DEPTH, ROUNDNESS = 0.0006, 0.0004
"""Metres by which a gap lies behind, and the middle of a tooth before, the smooth band."""


def columns(group: str) -> tuple[np.ndarray, np.ndarray]:
    """Places along the arch in [-1, 1], and what is there: 0 the middle of a tooth, 1 a gap, 0.5 beside one."""
    widths = np.array(WIDTHS[group])
    ends = np.concatenate([[0], np.cumsum(widths)]) / widths.sum()
    place, kind = [0.0], [1.0]
    for start, end in pairwise(ends):
        width = end - start
        place += [start + GAP * width, (start + end) / 2, end - GAP * width, end]
        kind += [0.5, 0, 0.5, 1]
    return np.array([-p for p in place[:0:-1]] + place), np.array(kind[:0:-1] + kind)


def resample(base: BaseMesh, group: str) -> tuple[csr_matrix, np.ndarray, np.ndarray]:
    """Vertices as combinations of those of the base mesh (V N), quads (Q, 4), and uv (V, 2), by rows of columns."""
    grid = _grid(base, group)
    middle = base.vertices[grid[1]]
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(middle, axis=0), axis=1))])
    place, kind = columns(group)
    along = CubicSpline(2 * length / length[-1] - 1, np.eye(grid.shape[1]))(place)  # C 17
    rows = []
    for tooth, gap in zip(ROWS_TOOTH, ROWS_GAP):
        share = (1 - (kind == 1)) * tooth + (kind == 1) * gap
        across = np.maximum(0, 1 - np.abs(share[:, None] - np.arange(4)))  # C 4, linear between rows
        rows.append(across[:, :, None] * along[:, None])
    rows.append(np.eye(4)[3][None, :, None] * along[:, None])  # the inside
    weights = np.concatenate(rows).reshape(-1, grid.size)

    uv_of = np.zeros((len(base.vertices), 2))
    uv_of[base.quads[group]] = base.uv[base.uv_quads[group]]
    full = np.zeros((len(weights), len(base.vertices)))
    full[:, grid.ravel()] = weights
    number = np.arange(len(weights)).reshape(len(rows), -1)
    quads = np.stack([number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]], -1).reshape(-1, 4)
    corners = (full @ base.vertices)[quads[len(place) + len(place) // 2]]
    if np.cross(corners[1] - corners[0], corners[2] - corners[0])[2] < 0:
        quads = quads[:, ::-1]
    return csr_matrix(full), quads, weights @ uv_of[grid.ravel()]


def relief(positions: np.ndarray, group: str) -> np.ndarray:
    """Round every tooth and cut the gaps in, in positions (V, 3) of one arch."""
    _, kind = columns(group)
    rows = positions.reshape(-1, len(kind), 3)
    outwards = rows[2] - rows[2].mean(0)
    outwards[:, 1] = 0
    tangent = np.gradient(rows[2], axis=0) * [1, 0, 1]
    normal = np.cross(tangent, [0, 1, 0])
    normal *= np.sign((normal * outwards).sum(1, keepdims=True))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    depth = np.where(kind == 1, -GAP_DEPTH, np.where(kind == 0, ROUNDNESS, 0))
    moved = rows.copy()
    moved[GUM_ROWS : len(ROWS_TOOTH)] += (depth[:, None] * normal)[None]
    return moved.reshape(-1, 3)


def kinds(group: str) -> tuple[np.ndarray, np.ndarray]:
    """For each vertex of an arch (V bool each): whether it is on the gums, and whether in a gap between teeth."""
    _, kind = columns(group)
    row = np.repeat(np.arange(len(ROWS_TOOTH) + 1), len(kind))
    return row < GUM_ROWS, (np.tile(kind, len(ROWS_TOOTH) + 1) == 1) & (row >= GUM_ROWS)


def _grid(base: BaseMesh, group: str) -> np.ndarray:
    """The vertices of a band: (4, 17), root first, columns to the person's left."""
    neighbours: dict[int, set[int]] = {}
    quads = base.quads[group].tolist()
    for quad in quads:
        for here, there in zip(quad, quad[1:] + quad[:1]):
            neighbours.setdefault(here, set()).add(there)
            neighbours.setdefault(there, set()).add(here)

    def walk(line: list[int]) -> list[int]:
        while True:
            beside = {v for quad in quads if line[-1] in quad and line[-2] in quad for v in quad}
            ahead = neighbours[line[-1]] - beside
            if not ahead:
                return line
            line.append(ahead.pop())

    height = base.vertices[:, 1] * (1 if "upper" in group else -1)
    corners = [v for v, beside in neighbours.items() if len(beside) == 2]
    start = max((v for v in corners if base.vertices[v, 0] < 0), key=lambda v: height[v])
    lines = [walk([start, ahead]) for ahead in neighbours[start]]
    across = min(lines, key=len)
    return np.array([walk([v, _step_along(v, across, neighbours)]) for v in across])


def _step_along(vertex: int, across: list[int], neighbours: dict[int, set[int]]) -> int:
    """The neighbour of a vertex of the end column that lies in the next column."""
    (ahead,) = neighbours[vertex] - set(across)
    return ahead
