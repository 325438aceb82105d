"""Whether a head holds together when it moves: folded triangles, surfaces that cross, lips that gape.

A *zone* is the skin around a region. Its surfaces are compared with themselves, so what lies behind the
line of the lips, where both lips lap by design, is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from vividlib.types import HeadModel

FOLDED = -0.5
"""Cosine between the normals of neighbouring triangles (120 degrees) beyond which they count as folded."""

SLIVER = 2e-7
"""Square metres under which a triangle is too small for its fold to be seen (0.2 mm2; a pixel of a 1000 px head)."""


@dataclass(frozen=True, eq=False)
class Zone:
    """Triangles of a part of a mesh, and how they adjoin."""

    faces: np.ndarray  # F 3 int, into the vertices of the head
    edges: np.ndarray  # E 2 int
    neighbours: np.ndarray  # N 2 int into faces: pairs that share an edge
    smooth: np.ndarray  # N bool: pairs that are not folded at rest


def zone(head: HeadModel, region: str) -> Zone:
    """The region with the ring of skin around it."""
    inside = np.zeros(len(head.template), bool)
    inside[head.regions[region]] = True
    return zone_of(head.faces[np.isin(head.faces, head.regions["skin"]).all(1)], head.template, inside)


def zone_of(faces: np.ndarray, template: np.ndarray, inside: np.ndarray) -> Zone:
    """Those of ``faces`` (F 3) that touch a vertex ``inside`` (V bool)."""
    faces = faces[inside[faces].any(1)]
    sides = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), 1)
    edges, number = np.unique(sides, axis=0, return_inverse=True)
    order = np.argsort(number.ravel(), kind="stable")
    same = number.ravel()[order][1:] == number.ravel()[order][:-1]
    neighbours = np.stack([order[:-1][same], order[1:][same]], 1) % len(faces)
    return Zone(faces, edges, neighbours, _cosines(template, faces, neighbours) > 0)


def folded(zone: Zone, vertices: np.ndarray, limit: float = FOLDED) -> np.ndarray:
    """Which pairs of neighbouring triangles, of those smooth at rest, have folded onto each other (bool).

    ``limit`` is the cosine between their normals from which on they count as folded.

    Pairs with a `SLIVER`, as corners of lips and lids have them, are let off.
    """
    pairs = zone.neighbours[zone.smooth]
    a, b, c = np.moveaxis(vertices[zone.faces], 1, 0)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    return (_cosines(vertices, zone.faces, pairs) < limit) & (area[pairs].min(1) > SLIVER)


def folds(zone: Zone, vertices: np.ndarray) -> int:
    """How many pairs of neighbouring triangles have folded."""
    return int(folded(zone, vertices).sum())


def crossing(zone: Zone, vertices: np.ndarray) -> float:
    """How deep the zone enters itself: metres by which an edge sticks out behind a triangle that it pierces.

    No more than half an edge (about 1 mm at lips and lids), however deep the rest follows: see `lip_gap` for that.
    """
    start, end = vertices[zone.edges[:, 0]], vertices[zone.edges[:, 1]]
    corners = vertices[zone.faces]
    centres = corners.mean(1)
    reach = np.linalg.norm(end - start, axis=1).max() / 2 + np.linalg.norm(corners - centres[:, None], axis=2).max()
    near = cKDTree(centres).query_ball_point((start + end) / 2, reach)
    edge, face = np.repeat(np.arange(len(near)), list(map(len, near))), np.concatenate(near).astype(int)
    beside = (np.minimum(start, end)[edge] <= corners.max(1)[face]) & (
        np.maximum(start, end)[edge] >= corners.min(1)[face]
    )
    edge, face = edge[beside.all(1)], face[beside.all(1)]
    apart = (zone.edges[edge][:, :, None] != zone.faces[face][:, None]).all((1, 2))
    edge, face = edge[apart], face[apart]
    a, b, c = np.moveaxis(corners[face], 1, 0)
    normal = np.cross(b - a, c - a)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    before, behind = (((point[edge] - a) * normal).sum(1) for point in (start, end))
    share = before / np.where(before == behind, 1, before - behind)
    hit = start[edge] + share[:, None] * (end - start)[edge]
    inside = before * behind < 0
    for tail, tip in ((a, b), (b, c), (c, a)):
        inside &= (np.cross(tip - tail, hit - tail) * normal).sum(1) > 0
    return float(np.minimum(np.abs(before), np.abs(behind))[inside].max(initial=0))


def lip_gap(head: HeadModel, vertices: np.ndarray) -> tuple[float, float]:
    """Widest opening between the lips, and how far they lap at most, along their line (metres, >= 0)."""
    ring = head.regions["lips_inner"]
    left, right = np.sort([head.template[ring, 0].argmax(), head.template[ring, 0].argmin()])
    lower, upper = ring[left : right + 1], np.concatenate([ring[right:], ring[: left + 1]])[::-1]
    x = head.template[lower, 0][::-1]
    beneath = np.interp(head.template[upper, 0], np.maximum.accumulate(x), vertices[lower, 1][::-1])
    gap = (vertices[upper, 1] - beneath)[1:-1]
    return float(max(gap.max(), 0)), float(max(-gap.min(), 0))


def _cosines(vertices: np.ndarray, faces: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    a, b, c = np.moveaxis(vertices[faces], 1, 0)
    normal = np.cross(b - a, c - a)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-15)
    return (normal[pairs[:, 0]] * normal[pairs[:, 1]]).sum(1)
