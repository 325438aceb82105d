"""The rasteriser compiled by Numba: the same arithmetic as `raster_reference`, pixel by pixel.

The kernels draw one frame on one thread and release the GIL; the frames of a batch run on all cores. Of the ways to
share the work this one costs the least processor time: bands of a frame have to set triangles up more than once, and
Numba's own parallel loops wait for each other busily.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from vividlib.backend import compiled, each_frame
from vividlib.geometry.raster_reference import pyramid


def rasterize(points, faces, height, width, cull_back):
    """See `vividlib.geometry.raster.rasterize`, which checks the arguments; here there is one batch axis."""
    triangle = np.full((len(points), height, width), -1, np.int32)
    barycentrics = np.zeros((len(points), height, width, 3), np.float32)
    depth = np.full((len(points), height, width), -np.inf, np.float32)
    each_frame(lambda i: _draw(points[i], faces, cull_back, triangle[i], barycentrics[i], depth[i]), range(len(points)))
    return triangle, barycentrics, depth


@compiled
def _draw(points, faces, cull_back, triangle, barycentrics, depth):
    height, width = depth.shape
    perspective = points.shape[1] == 4
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
        nearest = max(points[a, 2], points[b, 2], points[c, 2])
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                if depth[y, x] > nearest:  # hidden, whatever the triangle does here
                    continue
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
                    if perspective:
                        u, v, w = u / points[a, 3], v / points[b, 3], w / points[c, 3]
                        total = u + v + w
                        u, v, w = u / total, v / total, w / total
                    barycentrics[y, x, 0] = u
                    barycentrics[y, x, 1] = v
                    barycentrics[y, x, 2] = w


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


def interpolate(attributes, faces, triangle, barycentrics):
    """See `vividlib.geometry.raster.interpolate`."""
    values = np.zeros((*triangle.shape, attributes.shape[2]), np.float32)
    own = _frames(attributes, len(triangle))
    each_frame(lambda i: _blend(own[i], faces, triangle[i], barycentrics[i], values[i]), range(len(triangle)))
    return values


@compiled
def _blend(attributes, faces, triangle, barycentrics, values):
    height, width = triangle.shape
    channels = attributes.shape[1]
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


def sample(texture, uv, steps):
    """See `vividlib.geometry.raster.sample`."""
    values = np.zeros((*uv.shape[:3], texture.shape[3]), np.float32)
    levels = [texture] if steps is None else pyramid(texture.astype(np.float32))
    steps = np.zeros((*uv.shape[:3], 2, 2), np.float32) if steps is None else steps
    sizes = np.array([level.shape[1:3] for level in levels])
    rows = [level.reshape(len(texture), -1, texture.shape[3]) for level in levels]
    own = _frames(rows[0] if len(rows) == 1 else np.concatenate(rows, axis=1), len(uv))
    each_frame(lambda i: _look(own[i], sizes, uv[i], steps[i], values[i]), range(len(uv)))
    return values


@compiled
def _look(texels, sizes, uv, steps, values):
    starts = np.append(0, np.cumsum(sizes[:, 0] * sizes[:, 1]))
    for row in range(uv.shape[0]):
        for column in range(uv.shape[1]):
            u, v = np.float64(uv[row, column, 0]), np.float64(uv[row, column, 1])
            level = 0.0
            if len(sizes) > 1:
                level = _level(steps[row, column], sizes[0, 1], sizes[0, 0])
                level = min(max(level, 0.0), len(sizes) - 1.0)
            fine = int(level)
            share = level - fine
            _add(texels, starts[fine], sizes[fine, 0], sizes[fine, 1], u, v, 1 - share, values, row, column)
            if share > 0:
                coarse = fine + 1
                _add(texels, starts[coarse], sizes[coarse, 0], sizes[coarse, 1], u, v, share, values, row, column)


@njit(inline="always")
def _level(steps, width, height):
    """As in `vividlib.geometry.raster_reference`."""
    right_u, right_v = np.float64(steps[0, 0]) * width, np.float64(steps[0, 1]) * height
    down_u, down_v = np.float64(steps[1, 0]) * width, np.float64(steps[1, 1]) * height
    right, down = right_u**2 + right_v**2, down_u**2 + down_v**2
    longest = (right + down) / 2 + np.hypot((right - down) / 2, right_u * down_u + right_v * down_v)
    return np.log2(max(longest, 1e-37)) / 2


@njit(inline="always")
def _add(texels, start, height, width, u, v, weight, values, row, column):
    """Add what one level of a texture, from row ``start`` of its texels on, holds at a place."""
    x = min(max(u * width - 0.5, 0.0), width - 1.0)
    y = min(max(v * height - 0.5, 0.0), height - 1.0)
    x0, y0 = int(x), int(y)
    upper, lower = start + y0 * width, start + min(y0 + 1, height - 1) * width
    x1 = min(x0 + 1, width - 1)
    share_x, share_y = x - x0, y - y0
    for channel in range(texels.shape[1]):
        above = texels[upper + x0, channel] * (1 - share_x) + texels[upper + x1, channel] * share_x
        below = texels[lower + x0, channel] * (1 - share_x) + texels[lower + x1, channel] * share_x
        values[row, column, channel] += weight * (above * (1 - share_y) + below * share_y)


def warp(image, flow, left, top):
    """See `vividlib.geometry.raster.warp`."""
    values = np.empty((*flow.shape[:3], image.shape[3]), image.dtype)
    own = _frames(image, len(flow))
    each_frame(lambda i: _warp(own[i], flow[i], left, top, values[i]), range(len(flow)))
    return values


@compiled
def _warp(image, flow, left, top, values):
    height, width, channels = image.shape
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


def _frames(values, count):
    """What each frame has: its own, or the one that all share."""
    return values if len(values) == count else [values[0]] * count
