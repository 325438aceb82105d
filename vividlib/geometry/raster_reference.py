"""The rasteriser in plain NumPy: slow, obviously right, the oracle of every fast backend."""

from __future__ import annotations

import numpy as np


def rasterize(points, faces, width, height, cull_back):
    """See `vividlib.geometry.raster.rasterize`, which checks the arguments."""
    triangle = np.full((height, width), -1, np.int32)
    barycentrics = np.zeros((height, width, 3), np.float32)
    depth = np.full((height, width), -np.inf, np.float32)
    for index, face in enumerate(faces):
        corners = points[face].astype(np.float64)
        a, b, c = corners[:, :2]
        area = edge(a, b, c[0], c[1])
        # The screen's y points down: counter-clockwise as the viewer sees it has a negative area here.
        if area == 0 or (cull_back and area > 0):
            continue
        facing = 1.0 if area > 0 else -1.0
        low = np.clip(np.ceil(corners[:, :2].min(0)), 0, [width, height]).astype(int)
        high = np.clip(np.floor(corners[:, :2].max(0)) + 1, 0, [width, height]).astype(int)
        y, x = np.mgrid[low[1] : high[1], low[0] : high[0]].astype(np.float64)
        inside = np.ones(x.shape, bool)
        weights = []
        for start, end in ((b, c), (c, a), (a, b)):
            weight = facing * edge(start, end, x, y)
            inside &= (weight > 0) | ((weight == 0) & owns_edge(facing * (end - start)))
            weights.append(weight)
        total = weights[0] + weights[1] + weights[2]
        weights = np.stack(weights, -1) / np.where(inside, total, 1)[..., None]
        z = (weights[..., 0] * corners[0, 2] + weights[..., 1] * corners[1, 2]) + weights[..., 2] * corners[2, 2]
        window = np.s_[low[1] : high[1], low[0] : high[0]]
        wins = inside & (z.astype(np.float32) > depth[window])
        triangle[window][wins] = index
        barycentrics[window][wins] = weights[wins]
        depth[window][wins] = z[wins]
    return triangle, barycentrics, depth


def edge(start, end, x, y):
    """Twice the signed area of (start, end, (x, y)), positive when clockwise on the screen.

    The ends are put in one order first, so that both triangles of an edge get exactly opposite
    numbers and no rounding can leave a hole between them.
    """
    if tuple(end) < tuple(start):
        return -edge(end, start, x, y)
    return (end[0] - start[0]) * (y - start[1]) - (end[1] - start[1]) * (x - start[0])


def owns_edge(direction):
    """Top-left rule for a triangle that runs clockwise on the screen."""
    return direction[1] < 0 or (direction[1] == 0 and direction[0] > 0)


def interpolate(attributes, faces, triangle, barycentrics):
    """See `vividlib.geometry.raster.interpolate`."""
    values = np.zeros((*triangle.shape, attributes.shape[1]), np.float32)
    covered = triangle >= 0
    corners = attributes[faces[triangle[covered]]]
    values[covered] = (barycentrics[covered][:, :, None] * corners).sum(1)
    return values


def warp(image, flow, left, top):
    """See `vividlib.geometry.raster.warp`."""
    height, width = image.shape[:2]
    rows, columns = np.indices(flow.shape[:2])
    x = np.clip(columns + left + flow[..., 0].astype(np.float64), 0, width - 1)
    y = np.clip(rows + top + flow[..., 1].astype(np.float64), 0, height - 1)
    x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
    x1, y1 = np.minimum(x0 + 1, width - 1), np.minimum(y0 + 1, height - 1)
    share_x, share_y = (x - x0)[..., None], (y - y0)[..., None]
    upper = image[y0, x0] * (1 - share_x) + image[y0, x1] * share_x
    lower = image[y1, x0] * (1 - share_x) + image[y1, x1] * share_x
    values = upper * (1 - share_y) + lower * share_y
    if image.dtype == np.uint8:
        values = np.floor(values + 0.5)
    return values.astype(image.dtype)
