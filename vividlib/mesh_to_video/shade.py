"""What is known of each pixel once it is known which triangle it sees, compiled by Numba.

One pass instead of a dozen over arrays: a frame at 512 px would take three times as long.
"""

from __future__ import annotations

import math

from numba import njit

from vividlib.backend import compiled

NEAR, FAR = 0.002, 0.006  # metres behind the photo's surface: seen, and hidden
JUMP = 0.5  # px between neighbours that are no more neighbours in the photo
FAINT = 0.02  # weight of what does not count: a mean of nothing else has to be something, too


@compiled
def shade(
    triangle, barycentrics, faces, carried, part, sheet, fine, left, top, seen, trust, stir, behind, flow, occlusion, fill
):  # fmt: skip
    """Write the backward flow, the occlusion and the colours of what the photo does not show.

    Parameters
    ----------
    triangle, barycentrics : what the rasteriser saw on a grid ``fine`` times as fine as the pixels
    faces : F 3
    carried : N 8, of each vertex: way back to its place in the photo (2 px), depth there, whether the photo has pixels
        enough of it, and its colour and matte where it has not
    part : F, of each triangle; ``sheet`` is the one around the head
    left, top : px, of the window that is drawn
    seen : parts (H W), depth and slack of the photo on the fine grid of the whole crop
    trust : h w, of the photo where things move by more than ``stir`` px, fully from three times that on
    behind : h w 4 uint8, what the sheet shows behind the head
    flow, occlusion, fill : of the window, h w 2, h w and h w 4, written to
    """
    seen_part, seen_depth, seen_slack = seen
    for row in range(occlusion.shape[0]):
        for column in range(occlusion.shape[1]):
            x, y, red, green, blue, alpha = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
            shown, weight, rest = 0.0, 0.0, 0.0
            for i in range(row * fine, row * fine + fine):
                for j in range(column * fine, column * fine + fine):
                    index = triangle[i, j]
                    if index < 0:  # beside the person; the plate shows
                        rest += 1
                        continue
                    at = faces[index, 0], faces[index, 1], faces[index, 2]
                    share = barycentrics[i, j, 0], barycentrics[i, j, 1], barycentrics[i, j, 2]
                    dx, dy = _mean(carried, at, share, 0), _mean(carried, at, share, 1)
                    m = _nearest(top * fine + i + fine * dy, seen_depth.shape[0])
                    n = _nearest(left * fine + j + fine * dx, seen_depth.shape[1])
                    here = 0.0
                    if part[index] == sheet:
                        red_here, green_here, blue_here, cover = _around(behind, m // fine, n // fine)
                        if seen_part[m, n] == sheet:
                            here = 1.0
                    else:
                        red_here, green_here, blue_here, cover = _hidden(carried, at, share)
                        if seen_part[m, n] == part[index]:
                            below = seen_depth[m, n] - seen_slack[m, n] - _mean(carried, at, share, 2)
                            here = min(max((FAR - below) / (FAR - NEAR), 0.0), 1.0) * _mean(carried, at, share, 3)
                    known = trust[m // fine, n // fine]
                    if known < 1:
                        moved = min(max((math.sqrt(dx * dx + dy * dy) / stir - 1) / 2, 0.0), 1.0)
                        here *= 1 - moved * (1 - known)
                    shown += here
                    weight += here + FAINT
                    x += (here + FAINT) * dx
                    y += (here + FAINT) * dy
                    away = 1 - here + FAINT
                    rest += away
                    red += away * cover * red_here
                    green += away * cover * green_here
                    blue += away * cover * blue_here
                    alpha += away * cover
            occlusion[row, column] = shown / fine**2
            flow[row, column, 0] = x / max(weight, FAINT)
            flow[row, column, 1] = y / max(weight, FAINT)
            fill[row, column, 0] = red / max(rest, FAINT)
            fill[row, column, 1] = green / max(rest, FAINT)
            fill[row, column, 2] = blue / max(rest, FAINT)
            fill[row, column, 3] = alpha / max(rest, FAINT)


@compiled
def mark_seam(triangle, part, sheet, flow, seam):
    """Mark neighbouring pixels of head and sheet (H W) between which the flow jumps in ``seam`` (H W bool)."""
    height, width = triangle.shape
    for row in range(height):
        for column in range(width):
            head = part[triangle[row, column]] != sheet
            for m, n in ((row + 1, column), (row, column + 1)):
                if m == height or n == width or head == (part[triangle[m, n]] != sheet):
                    continue
                for axis in range(2):
                    if abs(flow[row, column, axis] - flow[m, n, axis]) > JUMP:
                        seam[row, column] = seam[m, n] = True


@njit(inline="always")
def _mean(carried, at, share, channel):
    """What three vertices carry, blended."""
    return share[0] * carried[at[0], channel] + share[1] * carried[at[1], channel] + share[2] * carried[at[2], channel]


@njit(inline="always")
def _around(behind, row, column):
    """Colour and matte that the sheet has behind the head."""
    return (
        float(behind[row, column, 0]), float(behind[row, column, 1]), float(behind[row, column, 2]),
        behind[row, column, 3] / 255,
    )  # fmt: skip


@njit(inline="always")
def _hidden(carried, at, share):
    """Colour and matte of a part of the head that the photo does not show."""
    return (
        _mean(carried, at, share, 4), _mean(carried, at, share, 5), _mean(carried, at, share, 6),
        _mean(carried, at, share, 7),
    )  # fmt: skip


@njit(inline="always")
def _nearest(place, size):
    return int(min(max(place + 0.5, 0.0), size - 1.0))
