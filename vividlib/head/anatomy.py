"""Cuts the head out of the MakeHuman base mesh and names its parts.

The base mesh ("hm08") is made of quads whose rows run in closed rings around the mouth and the eyes, so
lips, lids and the mouth cavity are found by walking rings from a few known vertices.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from vividlib.head import teeth
from vividlib.head.makehuman import BaseMesh

CHEST_HEIGHT, ARM_DISTANCE = 0.490, 0.185
"""The cut (metres, base mesh): what is above the one and nearer to the mid plane than the other stays."""

TEETH = {"teeth_upper": "helper-upper-teeth", "teeth_lower": "helper-lower-teeth"}
TONGUE = "helper-tongue"
"""Groups of the base mesh."""

# Vertices of the base mesh, on the mid line of the mouth and above the middle of the left eye.
LIP_RING = (474, 7229)  # two neighbours on the line where the lips meet, upper lip, from the middle to the left
LIP_CORNERS, LID_CORNERS = (12, 26), (7, 22)  # columns of the left and the right corner in these rings
LIP_OUTWARDS, LIP_INWARDS = 468, 520  # neighbours of the first: towards the nose, into the mouth
LID_RING = (13352, 13353)  # two neighbours on the edge of the left upper lid
LID_OUTWARDS, LID_INWARDS = 6785, 7748  # neighbours of the first, towards the brow and the eyeball
RED_ROWS, RING_ROWS, CAVITY_ROWS = 6, 7, 6
"""Rings of quads: of the red of the lips, with the skin around it, and into the mouth."""

LID_ROWS, SOCKET_ROWS = 8, 3
"""Rings of quads: of the lids from their edge outwards, and from there to where they touch the eyeball."""

EYE_SEGMENTS = 24
EYE_RINGS = np.radians([8, 10, 16, 22, 24, 27, 34, 44, 56, 72, 90, 110, 130, 155])
PUPIL, IRIS = np.radians([9, 23])
"""A new eyeball: angles of its rings from the line of sight, and of the rims of pupil and iris."""


@dataclass(frozen=True, eq=False)
class Cut:
    """A part of the base mesh as a mesh of its own."""

    gather: csr_matrix  # V N: vertices of the head as linear combinations of those of the base mesh
    faces: np.ndarray  # F 3
    uv: np.ndarray  # U 2, origin bottom left, islands still where the base mesh has them
    uv_faces: np.ndarray  # F 3
    parts: dict[str, np.ndarray]  # vertex indices of body, eyeballs, teeth and tongue
    number: np.ndarray  # N: index in the head of a vertex of the base mesh, -1 where it was cut away
    quads: np.ndarray  # Q 4: the body, before it was cut into triangles


def cut_head(base: BaseMesh) -> Cut:
    """Head, neck and shoulders with eyeballs, teeth and tongue."""
    quads, uv_quads = base.quads["body"], base.uv_quads["body"]
    centre = base.vertices[quads].mean(1)
    kept = (centre[:, 1] > CHEST_HEIGHT) & (np.abs(centre[:, 0]) < ARM_DISTANCE)
    pieces = {"body": (quads[kept], uv_quads[kept]), "tongue": (base.quads[TONGUE], base.uv_quads[TONGUE])}

    number = np.full(len(base.vertices), -1)
    rows, parts, faces, uv_faces, count = [], {}, [], [], 0
    for part, (piece, uv_piece) in pieces.items():
        vertices = np.unique(piece)
        number[vertices] = count + np.arange(len(vertices))
        parts[part] = number[vertices]
        rows.append(
            csr_matrix((np.ones(len(vertices)), (range(len(vertices)), vertices)), (len(vertices), len(number)))
        )
        flip = _second_diagonal_is_shorter(base.vertices[piece])
        faces.append(number[_triangles(piece, flip)])
        uv_faces.append(_triangles(uv_piece, flip))
        count += len(vertices)

    uv = [base.uv]
    for part, group in TEETH.items():
        weights, piece, places = teeth.resample(base, group)
        rows.append(weights)
        parts[part] = count + np.arange(weights.shape[0])
        flip = _second_diagonal_is_shorter((weights @ base.vertices)[piece])
        faces.append(count + _triangles(piece, flip))
        uv_faces.append(sum(map(len, uv)) + _triangles(piece, flip))
        uv.append(places)
        count += weights.shape[0]
    directions, eye_faces = eyeball()
    for side, group in (("left", "helper-l-eye"), ("right", "helper-r-eye")):
        turned = directions * ([1, 1, 1] if side == "left" else [-1, 1, 1])
        rows.append(_follow_sphere(base, group, turned))
        parts[f"eyeball_{side}"] = count + np.arange(len(turned))
        faces.append(count + (eye_faces if side == "left" else eye_faces[:, ::-1]))
        uv_faces.append(sum(map(len, uv)) + (eye_faces if side == "left" else eye_faces[:, ::-1]))
        uv.append(_flat_eyeball(turned))
        count += len(turned)

    quads = number[quads[kept]]
    gather = csr_matrix(np.vstack([row.toarray() for row in rows]))
    return Cut(gather, np.concatenate(faces), np.concatenate(uv), np.concatenate(uv_faces), parts, number, quads)


def eyeball() -> tuple[np.ndarray, np.ndarray]:
    """A unit sphere in rings around +Z, open at the back: vertices (E, 3), the front pole first, and faces."""
    turn = np.arange(EYE_SEGMENTS) * 2 * np.pi / EYE_SEGMENTS
    rings = [
        np.stack([np.sin(angle) * np.cos(turn), np.sin(angle) * np.sin(turn), np.full_like(turn, np.cos(angle))], 1)
        for angle in EYE_RINGS
    ]
    vertices = np.concatenate([[[0, 0, 1]], *rings])
    here = np.arange(EYE_SEGMENTS)
    there = (here + 1) % EYE_SEGMENTS
    faces = [np.stack([np.zeros_like(here), 1 + here, 1 + there], 1)]
    for ring in range(len(EYE_RINGS) - 1):
        inner, outer = 1 + ring * EYE_SEGMENTS, 1 + (ring + 1) * EYE_SEGMENTS
        faces.append(np.stack([inner + here, outer + here, outer + there], 1))
        faces.append(np.stack([inner + here, outer + there, inner + there], 1))
    return vertices, np.concatenate(faces)


def eye_ring(angle: float) -> np.ndarray:
    """Indices within an eyeball of the ring nearest to an angle (radians) from the line of sight."""
    return 1 + np.abs(EYE_RINGS - angle).argmin() * EYE_SEGMENTS + np.arange(EYE_SEGMENTS)


def _follow_sphere(base: BaseMesh, group: str, directions: np.ndarray) -> csr_matrix:
    """Make a finer eyeball follow the base mesh's own by the affine map that fits it best."""
    vertices = np.unique(base.quads[group])
    ball = base.vertices[vertices]
    unit = ball - ball.mean(0)
    unit /= np.linalg.norm(unit, axis=1).mean()
    affine = np.linalg.pinv(np.column_stack([unit, np.ones(len(unit))]))
    weights = np.column_stack([directions, np.ones(len(directions))]) @ affine
    rows = np.zeros((len(directions), len(base.vertices)))
    rows[:, vertices] = weights
    return csr_matrix(rows)


def _flat_eyeball(directions: np.ndarray) -> np.ndarray:
    """UV of an eyeball: a disc whose radius grows with the angle from the line of sight, the front enlarged."""
    angle = np.arccos(np.clip(directions[:, 2], -1, 1))
    side = np.arctan2(directions[:, 1], directions[:, 0])
    radius = 0.5 * (angle / np.pi) ** 0.6
    return 0.5 + radius[:, None] * np.stack([np.cos(side), np.sin(side)], 1)


def _second_diagonal_is_shorter(corners: np.ndarray) -> np.ndarray:
    first = np.linalg.norm(corners[:, 0] - corners[:, 2], axis=1)
    return np.linalg.norm(corners[:, 1] - corners[:, 3], axis=1) < first


def _triangles(quads: np.ndarray, flip: np.ndarray) -> np.ndarray:
    quads = np.where(flip[:, None], np.roll(quads, -1, axis=1), quads)
    return quads[:, [[0, 1, 2], [0, 2, 3]]].reshape(-1, 3)


def mirror_map(vertices: np.ndarray) -> np.ndarray:
    """The vertex on the other side of each (V int64). ``vertices`` must be symmetric about x = 0."""
    distance, other = cKDTree(vertices).query(vertices * [-1, 1, 1])
    if distance.max() > 1e-4 or (other[other] != np.arange(len(other))).any():
        raise ValueError(f"The mesh is not symmetric: {distance.max() * 1000:.2f} mm; check the cut.")
    return other


class Rings:
    """Walks the rings of a quad mesh."""

    def __init__(self, quads: np.ndarray):
        self.neighbours: dict[int, set[int]] = {}
        self.quads_at: dict[int, list[list[int]]] = {}
        for quad in quads.tolist():
            for before, here, after in zip(quad[-1:] + quad[:-1], quad, quad[1:] + quad[:1]):
                self.neighbours.setdefault(here, set()).update((before, after))
                self.quads_at.setdefault(here, []).append(quad)

    def ring(self, first: int, second: int) -> list[int]:
        """The closed ring of edges that begins with these two: straight on at every vertex."""
        ring = [first, second]
        while True:
            before, here = ring[-2:]
            beside = {v for quad in self.quads_at[here] if before in quad for v in quad}
            (ahead,) = self.neighbours[here] - beside
            if ahead == first:
                return ring
            ring.append(ahead)

    def next_to(self, ring: list[int], neighbour: int) -> list[int]:
        """The ring beside ``ring`` on the side of ``neighbour``, which adjoins its first vertex."""
        beside = [neighbour]
        for here, ahead in pairwise(ring):
            (quad,) = [q for q in self.quads_at[here] if ahead in q and beside[-1] in q]
            (corner,) = set(quad) - {here, ahead, beside[-1]}
            beside.append(corner)
        return beside

    def stack(self, ring: list[int], neighbour: int, count: int) -> np.ndarray:
        """``count`` rings, the given one first, column by column: (count, len(ring))."""
        rows = [ring]
        while len(rows) < count:
            rows.append(self.next_to(rows[-1], neighbour))
            behind = {vertex for quad in self.quads_at[neighbour] if rows[-2][0] in quad for vertex in quad}
            (neighbour,) = self.neighbours[neighbour] - behind
        return np.array(rows)


def lip_rows(cut: Cut) -> tuple[np.ndarray, np.ndarray]:
    """Rings from the line where the lips meet: outwards (RING_ROWS, 38) and inwards (CAVITY_ROWS, 38).

    Column 0 is the middle of the upper lip; columns run to the person's left.
    """
    walk = Rings(cut.quads)
    ring = walk.ring(*cut.number[list(LIP_RING)].tolist())
    outwards = walk.stack(ring, int(cut.number[LIP_OUTWARDS]), RING_ROWS)
    return outwards, walk.stack(ring, int(cut.number[LIP_INWARDS]), CAVITY_ROWS)


def lid_rows(cut: Cut) -> tuple[np.ndarray, np.ndarray]:
    """Rings of the left lids from their edge: outwards (LID_ROWS, 28) and inwards (SOCKET_ROWS, 28).

    Column 0 is the middle of the upper lid; columns run to the person's left and back below.
    """
    walk = Rings(cut.quads)
    ring = walk.ring(*cut.number[list(LID_RING)].tolist())
    outwards = walk.stack(ring, int(cut.number[LID_OUTWARDS]), LID_ROWS)
    return outwards, walk.stack(ring, int(cut.number[LID_INWARDS]), SOCKET_ROWS)


def enclosed(cut: Cut, ring: np.ndarray, inside: int) -> np.ndarray:
    """Vertices of the body on that side of a closed ring where the vertex ``inside`` is."""
    edges = np.concatenate([cut.quads[:, [k, (k + 1) % 4]] for k in range(4)])
    edges = edges[~np.isin(edges, ring).any(1)]
    count = cut.gather.shape[0]
    _, label = connected_components(coo_matrix((np.ones(len(edges)), edges.T), (count, count)), directed=False)
    return np.flatnonzero(label == label[inside])


def border_loop(faces: np.ndarray) -> np.ndarray:
    """The one open border of a mesh as an ordered loop."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    seen = Counter(map(tuple, np.sort(edges, 1).tolist()))
    onwards = {a: b for a, b in edges.tolist() if seen[min(a, b), max(a, b)] == 1}
    loop = [next(iter(onwards))]
    while onwards[loop[-1]] != loop[0]:
        loop.append(onwards[loop[-1]])
    return np.array(loop)
