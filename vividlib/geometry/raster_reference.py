"""The rasteriser in plain NumPy: slow, obviously right, the oracle of every fast backend."""

from __future__ import annotations

import numpy as np


def rasterize(points, faces, height, width, cull_back):
    """See `vividlib.geometry.raster.rasterize`, which checks the arguments; here there is one batch axis."""
    triangle = np.full((len(points), height, width), -1, np.int32)
    barycentrics = np.zeros((len(points), height, width, 3), np.float32)
    depth = np.full((len(points), height, width), -np.inf, np.float32)
    for frame, found in zip(points, zip(triangle, barycentrics, depth)):
        _draw(frame, faces, cull_back, *found)
    return triangle, barycentrics, depth


def _draw(points, faces, cull_back, triangle, barycentrics, depth):
    height, width = depth.shape
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
        weights, z = weights[wins], z[wins]
        if corners.shape[1] == 4:
            weights = weights / corners[:, 3]
            weights /= weights.sum(-1, keepdims=True)
        triangle[window][wins] = index
        barycentrics[window][wins] = weights
        depth[window][wins] = z


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
    attributes = np.broadcast_to(attributes, (len(triangle), *attributes.shape[1:]))
    values = np.zeros((*triangle.shape, attributes.shape[2]), np.float32)
    frame, row, column = np.nonzero(triangle >= 0)
    corners = attributes[frame[:, None], faces[triangle[frame, row, column]]]
    values[frame, row, column] = (barycentrics[frame, row, column][:, :, None] * corners).sum(1)
    return values


def sample(texture, uv, steps):
    """See `vividlib.geometry.raster.sample`."""
    if steps is None:
        return _at(texture, uv).astype(np.float32)
    levels = pyramid(texture.astype(np.float32))
    level = np.clip(_level(steps, *texture.shape[1:3]), 0, len(levels) - 1)
    shares = (np.maximum(0, 1 - np.abs(level - index))[..., None] for index in range(len(levels)))
    return sum(share * _at(texture, uv) for share, texture in zip(shares, levels)).astype(np.float32)


def _at(texture, uv):
    height, width = texture.shape[1:3]
    uv = uv.astype(np.float64)
    return _bilinear(texture, uv[..., 0] * width - 0.5, uv[..., 1] * height - 0.5)


def pyramid(texture):
    """The texture (B H W C), and means of 2 x 2 texels for as long as both sides, where they are not 1, are even."""
    levels = [texture]
    while max(texture.shape[1:3]) > 1 and all(side % 2 == 0 or side == 1 for side in texture.shape[1:3]):
        for axis in (1, 2):
            if texture.shape[axis] > 1:
                first, second = ((slice(None),) * axis + (slice(start, None, 2),) for start in (0, 1))
                texture = (texture[first] + texture[second]) / 2
        levels.append(texture)
    return levels


def _level(steps, height, width):
    """Binary logarithm of the longer axis, in texels, of the ellipse that a pixel covers in the texture."""
    right, down = np.moveaxis(steps.astype(np.float64) * [width, height], -2, 0)
    half = ((right**2).sum(-1) + (down**2).sum(-1)) / 2
    apart = np.hypot(((right**2).sum(-1) - (down**2).sum(-1)) / 2, (right * down).sum(-1))
    return np.log2(np.maximum(half + apart, np.finfo(np.float32).tiny)) / 2


def warp(image, flow, left, top):
    """See `vividlib.geometry.raster.warp`."""
    rows, columns = np.indices(flow.shape[1:3])
    x, y = columns + left + flow[..., 0].astype(np.float64), rows + top + flow[..., 1].astype(np.float64)
    values = _bilinear(image, x, y)
    if image.dtype == np.uint8:
        values = np.floor(values + 0.5)
    return values.astype(image.dtype)


def _bilinear(image, x, y):
    """Values (B h w C) of images (B or 1, H W C) at places (B h w) in pixels, beyond the border those of the border."""
    height, width = image.shape[1:3]
    frame = np.arange(len(image))[:, None, None]
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
    x1, y1 = np.minimum(x0 + 1, width - 1), np.minimum(y0 + 1, height - 1)
    share_x, share_y = (x - x0)[..., None], (y - y0)[..., None]
    upper = image[frame, y0, x0] * (1 - share_x) + image[frame, y0, x1] * share_x
    lower = image[frame, y1, x0] * (1 - share_x) + image[frame, y1, x1] * share_x
    return upper * (1 - share_y) + lower * share_y
