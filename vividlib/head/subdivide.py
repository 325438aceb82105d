"""A finer head: every triangle becomes four, and every field of the head follows linearly.

The scheme interpolates (butterfly; Dyn, Levin and Gregory, 1990): old vertices stay where they are, so lips
that meet and lids that close still do, and new ones lie on a smooth surface through them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix

from vividlib.types import HeadModel


def subdivide(head: HeadModel) -> HeadModel:
    """The same head with four times the triangles; regions, joints, UV layout and landmarks keep their names."""
    count = len(head.template)
    edges, number = _edges(head.faces)
    finer = _butterfly(head.faces, edges, number, count)
    uv_edges, uv_number = _edges(head.uv_faces)
    middle = {tuple(edge): count + index for index, edge in enumerate(edges.tolist())}
    mirrored = np.sort(head.mirror[edges], 1)
    twin = np.array([middle.get(tuple(edge), -1) for edge in mirrored.tolist()])
    template = _apply(finer, head.template)
    twin = np.where(twin < 0, _nearest(template, count, np.flatnonzero(twin < 0)), twin)
    vertices, weights = _landmarks(head, middle)
    return replace(
        head,
        name=f"{head.name}-high",
        template=template,
        faces=_split(head.faces, number, count),
        identity_basis=_apply(finer, head.identity_basis),
        blendshapes=_apply(finer, head.blendshapes),
        uv=np.concatenate([head.uv, head.uv[uv_edges].mean(1)]).astype(np.float32),
        uv_faces=_split(head.uv_faces, uv_number, len(head.uv)),
        regions={name: _region(region, edges, middle, count) for name, region in head.regions.items()},
        landmark_vertices=vertices,
        landmark_weights=weights,
        mirror=np.concatenate([head.mirror, twin]).astype(np.int32),
        head_weight=np.concatenate([head.head_weight, head.head_weight[edges].mean(1)]),
        albedo=np.concatenate([head.albedo, head.albedo[edges].mean(1)]),
    )


def finer(faces: np.ndarray, count: int) -> tuple[csr_matrix, np.ndarray]:
    """Four triangles for each of ``faces`` (F 3): their vertices from the old ones (count + E, count), and them (4 F 3)."""
    edges, number = _edges(faces)
    return _butterfly(faces, edges, number, count), _split(faces, number, count)


def _edges(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Edges (E 2, sorted) and their numbers at each face: opposite its third, first and second corner (F 3)."""
    sides = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), 1)
    edges, number = np.unique(sides, axis=0, return_inverse=True)
    return edges, number.reshape(-1, 3)


def _split(faces: np.ndarray, number: np.ndarray, count: int) -> np.ndarray:
    a, b, c = faces.T
    ab, bc, ca = (count + number).T
    quarters = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return np.stack([np.stack(quarter, 1) for quarter in quarters], 1).reshape(-1, 3).astype(np.int32)


def _butterfly(faces: np.ndarray, edges: np.ndarray, number: np.ndarray, count: int) -> csr_matrix:
    """Old and new vertices from the old ones: (count + E, count). Beside an open border, midpoints."""
    size = len(edges)
    across = faces[:, [2, 0, 1]]  # the corner opposite each side
    degree = np.bincount(number.ravel(), minlength=size)
    opposite = np.full((size, 2), -1)
    order = np.argsort(number.ravel(), kind="stable")
    first = np.cumsum(degree) - degree
    opposite[:, 0] = across.ravel()[order[first]]
    inner = degree == 2
    opposite[inner, 1] = across.ravel()[order[first[inner] + 1]]

    index = {tuple(edge): k for k, edge in enumerate(edges.tolist())}
    rows, columns, values = [np.arange(count)], [np.arange(count)], [np.ones(count)]
    for k, (a, b) in enumerate(edges.tolist()):
        stencil = {a: 0.5, b: 0.5}
        if inner[k]:
            wings = []
            for c in opposite[k].tolist():
                stencil[c] = stencil.get(c, 0) + 0.125
                for end in (a, b):
                    side = index[min(end, c), max(end, c)]
                    wings += [v for v in opposite[side].tolist() if v not in (a, b)]
            if len(wings) == 4 and -1 not in wings:
                for wing in wings:
                    stencil[wing] = stencil.get(wing, 0) - 0.0625
            else:
                stencil = {a: 0.5, b: 0.5}
        rows.append(np.full(len(stencil), count + k))
        columns.append(np.array(list(stencil)))
        values.append(np.array(list(stencil.values())))
    entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
    return coo_matrix(entries, shape=(count + size, count)).tocsr()


def _apply(finer: csr_matrix, field: np.ndarray) -> np.ndarray:
    """A field (..., V, 3) on the finer mesh."""
    flat = np.moveaxis(field, -2, 0).reshape(finer.shape[1], -1)
    return np.moveaxis((finer @ flat).reshape(finer.shape[0], *field.shape[:-2], 3), 0, -2).astype(np.float32)


def _region(region: np.ndarray, edges: np.ndarray, middle: dict, count: int) -> np.ndarray:
    """A vertex list with the new vertices between its members; a closed loop stays a loop."""
    loop = list(zip(region.tolist(), np.roll(region, -1).tolist()))
    if all((min(pair), max(pair)) in middle for pair in loop):
        return np.array([v for a, b in loop for v in (a, middle[min(a, b), max(a, b)])], np.int32)
    inside = np.zeros(count, bool)
    inside[region] = True
    return np.concatenate([region, count + np.flatnonzero(inside[edges].all(1))]).astype(np.int32)


def _landmarks(head: HeadModel, middle: dict) -> tuple[np.ndarray, np.ndarray]:
    """Each landmark in that quarter of its triangle where it lies."""
    vertices, weights = head.landmark_vertices.copy(), head.landmark_weights.copy()
    for k, (corners, share) in enumerate(zip(head.landmark_vertices.tolist(), head.landmark_weights)):
        between = [middle[tuple(sorted((corners[i], corners[(i + 1) % 3])))] for i in range(3)]  # ab, bc, ca
        near = int(share.argmax())
        if share[near] >= 0.5:
            vertices[k] = np.roll([corners[near], between[near], between[near - 1]], near)
            weights[k] = 2 * share
            weights[k, near] -= 1
        else:  # the middle quarter: bc, ca, ab are opposite a, b, c
            vertices[k] = between[1], between[2], between[0]
            weights[k] = 1 - 2 * share
    return vertices, weights


def _nearest(template: np.ndarray, count: int, missing: np.ndarray) -> np.ndarray:
    """For new vertices without a mirrored edge, the new vertex nearest to the mirror image; all others 0."""
    from scipy.spatial import cKDTree

    found = np.zeros(len(template) - count, int)
    if len(missing):
        _, nearest = cKDTree(template[count:]).query(template[count + missing] * [-1, 1, 1])
        found[missing] = count + nearest
    return found
