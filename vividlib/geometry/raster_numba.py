"""The rasteriser compiled by Numba: the same arithmetic as `raster_reference`, pixel by pixel.

The kernels run on one thread and release the GIL.
"""

from __future__ import annotations

import numpy as np
from numba import njit


def compiled(function):
    """Compile, and keep the code for later processes where there is a folder to write it to."""
    try:
        return njit(cache=True, nogil=True)(function)
    except RuntimeError:  # neither this folder nor the home folder is writable, as in many containers
        return njit(nogil=True)(function)


@compiled
def rasterize(points, faces, width, height, cull_back):
    """See `vividlib.geometry.raster.rasterize`, which checks the arguments."""
    triangle = np.full((height, width), -1, np.int32)
    barycentrics = np.zeros((height, width, 3), np.float32)
    depth = np.full((height, width), -np.inf, np.float32)
    for index in range(len(faces)):
        a, b, c = faces[index]
        ax, ay, az = np.float64(points[a, 0]), np.float64(points[a, 1]), np.float64(points[a, 2])
        bx, by, bz = np.float64(points[b, 0]), np.float64(points[b, 1]), np.float64(points[b, 2])
        cx, cy, cz = np.float64(points[c, 0]), np.float64(points[c, 1]), np.float64(points[c, 2])
        # Clipped as floats: a far vertex would not fit an integer.
        left = int(max(np.ceil(min(ax, bx, cx)), 0.0))
        right = int(min(np.floor(max(ax, bx, cx)), width - 1.0))
        top = int(max(np.ceil(min(ay, by, cy)), 0.0))
        bottom = int(min(np.floor(max(ay, by, cy)), height - 1.0))
        if left > right or top > bottom:
            continue
        area = _edge(_line(ax, ay, bx, by, 1.0), cx, cy)
        if area == 0 or (cull_back and area > 0):
            continue
        facing = 1.0 if area > 0 else -1.0
        first = _line(bx, by, cx, cy, facing)
        second = _line(cx, cy, ax, ay, facing)
        third = _line(ax, ay, bx, by, facing)
        owns_first = _owns_edge(facing * (cx - bx), facing * (cy - by))
        owns_second = _owns_edge(facing * (ax - cx), facing * (ay - cy))
        owns_third = _owns_edge(facing * (bx - ax), facing * (by - ay))
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                u = _edge(first, x, y)
                if u < 0 or (u == 0 and not owns_first):
                    continue
                v = _edge(second, x, y)
                if v < 0 or (v == 0 and not owns_second):
                    continue
                w = _edge(third, x, y)
                if w < 0 or (w == 0 and not owns_third):
                    continue
                total = u + v + w
                u, v, w = u / total, v / total, w / total
                z = np.float32(u * az + v * bz + w * cz)
                if z > depth[y, x]:
                    triangle[y, x] = index
                    depth[y, x] = z
                    barycentrics[y, x, 0] = u
                    barycentrics[y, x, 1] = v
                    barycentrics[y, x, 2] = w
    return triangle, barycentrics, depth


@njit(inline="always")
def _line(ax, ay, bx, by, sign):
    """The edge from a to b as (x, y, dx, dy, sign), its ends in the order that both triangles share."""
    if bx < ax or (bx == ax and by < ay):
        return bx, by, ax - bx, ay - by, -sign
    return ax, ay, bx - ax, by - ay, sign


@njit(inline="always")
def _edge(line, x, y):
    return line[4] * (line[2] * (y - line[1]) - line[3] * (x - line[0]))


@njit(inline="always")
def _owns_edge(dx, dy):
    return dy < 0 or (dy == 0 and dx > 0)


@compiled
def interpolate(attributes, faces, triangle, barycentrics):
    """See `vividlib.geometry.raster.interpolate`."""
    height, width = triangle.shape
    channels = attributes.shape[1]
    values = np.zeros((height, width, channels), np.float32)
    for y in range(height):
        for x in range(width):
            index = triangle[y, x]
            if index < 0:
                continue
            a, b, c = faces[index]
            u, v, w = barycentrics[y, x]
            for channel in range(channels):
                values[y, x, channel] = (
                    u * attributes[a, channel] + v * attributes[b, channel] + w * attributes[c, channel]
                )
    return values


@compiled
def warp(image, flow, left, top):
    """See `vividlib.geometry.raster.warp`."""
    height, width, channels = image.shape
    values = np.empty((flow.shape[0], flow.shape[1], channels), image.dtype)
    # Adding a half and cutting rounds a byte; a float is left alone.
    rounding = 0.5 if image.itemsize == 1 else 0.0
    for row in range(flow.shape[0]):
        for column in range(flow.shape[1]):
            x = min(max(column + left + np.float64(flow[row, column, 0]), 0.0), width - 1.0)
            y = min(max(row + top + np.float64(flow[row, column, 1]), 0.0), height - 1.0)
            x0, y0 = int(x), int(y)
            x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
            share_x, share_y = x - x0, y - y0
            for channel in range(channels):
                upper = image[y0, x0, channel] * (1 - share_x) + image[y0, x1, channel] * share_x
                lower = image[y1, x0, channel] * (1 - share_x) + image[y1, x1, channel] * share_x
                values[row, column, channel] = upper * (1 - share_y) + lower * share_y + rounding
    return values
