"""A coarser head, in build: vertices are merged into neighbours where it is least seen.

Quadric error metrics (Garland and Heckbert, 1997) with collapses onto one of the two ends, so that the
vertices that stay are vertices of the finer head and keep their identity basis, blendshapes and colour as they are.
Left and right are collapsed together. Lips, edges of the lids, seams of the texture and borders stay.
"""

from __future__ import annotations

import heapq
from dataclasses import replace

import numpy as np

from vividlib.head import embed
from vividlib.head.anatomy import eye_ring
from vividlib.types import HeadModel

KEPT = ("lips", "eyelids_left", "eyelids_right")
"""Regions of which every vertex stays."""

COARSER = {"teeth_upper": 0.2, "teeth_lower": 0.1, "tongue": 0.1, "mouth_cavity": 0.05, "eye_sockets": 0.02}
DETAIL = {"face": 8.0}
"""How much an error counts there; elsewhere 1."""

IRIS_RINGS = np.radians([8, 10, 22, 24])
"""Rings of an eyeball on either side of the rims of pupil and iris, of which every other vertex stays."""

COLOUR = 6e-6
"""Square metres that a change of colour by 1 counts for."""


def decimate(head: HeadModel, vertices: int) -> HeadModel:
    """The head with about this many vertices."""
    mesh = _Mesh(head)
    queue = [(mesh.cost(a, b), a, b) for a in range(len(head.template)) for b in mesh.beside(a)]
    queue = [entry for entry in queue if np.isfinite(entry[0])]
    heapq.heapify(queue)
    left = len(head.template)
    while left > vertices and queue:
        cost, gone, stays = heapq.heappop(queue)
        if gone not in mesh.faces_at or stays not in mesh.faces_at:
            continue
        now = mesh.cost(gone, stays)
        if now > cost * 1.0001 + 1e-18:
            if np.isfinite(now):
                heapq.heappush(queue, (now, gone, stays))
            continue
        pairs = {(gone, stays), (int(head.mirror[gone]), int(head.mirror[stays]))}
        if not mesh.allowed(pairs):
            continue
        for a, b in pairs:
            mesh.collapse(a, b)
            left -= 1
            for c in mesh.beside(b):
                for pair in ((b, c), (c, b)):
                    if np.isfinite(cost := mesh.cost(*pair)):
                        heapq.heappush(queue, (cost, *pair))
    return _restrict(head, mesh)


class _Mesh:
    """Triangles that change, with their texture corners."""

    def __init__(self, head: HeadModel):
        self.place = head.template.astype(float)
        self.albedo, self.mirror = head.albedo, head.mirror
        self.faces, self.uv_faces = head.faces.copy(), head.uv_faces.copy()
        self.faces_at: dict[int, set[int]] = {v: set() for v in range(len(self.place))}
        for face, corners in enumerate(head.faces.tolist()):
            for corner in corners:
                self.faces_at[corner].add(face)
        self.weight = np.ones(len(self.place))
        for name, value in (COARSER | DETAIL).items():
            self.weight[head.regions[name]] = value
        self.locked = self._locked(head)
        a, b, c = np.moveaxis(self.place[self.faces], 1, 0)
        normal = np.cross(b - a, c - a)
        area = np.linalg.norm(normal, axis=1, keepdims=True)
        plane = np.column_stack([normal, -(normal * a).sum(1)]) / np.maximum(area, 1e-12)
        self.quadric = np.zeros((len(self.place), 4, 4))
        each = area[:, :, None] * plane[:, :, None] * plane[:, None]
        for corner in self.faces.T:
            np.add.at(self.quadric, corner, each)
        self.area = np.zeros(len(self.place))
        np.add.at(self.area, self.faces.ravel(), np.repeat(area[:, 0], 3))

    def _locked(self, head: HeadModel) -> np.ndarray:
        """Vertices that must not go: named ones, seams of the texture, borders, what carries exact landmarks."""
        locked = np.zeros(len(self.place), bool)
        for name in KEPT:
            locked[head.regions[name]] = True
        for joint in head.joints.values():
            locked[joint] = True
        for side in ("left", "right"):
            ball = head.regions[f"eyeball_{side}"]
            locked[ball[0]] = True
            for angle in IRIS_RINGS:
                locked[ball[eye_ring(angle)[::2]]] = True
        locked[head.landmark_vertices[head.landmark_weights > 0.999]] = True
        corners = np.unique(np.column_stack([self.faces.ravel(), self.uv_faces.ravel()]), axis=0)
        locked |= np.bincount(corners[:, 0], minlength=len(locked)) > 1
        sides = np.sort(self.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), 1)
        edges, count = np.unique(sides, axis=0, return_counts=True)
        locked[edges[count == 1]] = True
        return locked

    def beside(self, vertex: int) -> list[int]:
        return np.setdiff1d(self.faces[list(self.faces_at[vertex])], [vertex]).tolist()

    def cost(self, gone: int, stays: int) -> float:
        on_middle = self.mirror[gone] == gone
        if self.locked[gone] or (on_middle and self.mirror[stays] != stays) or self.mirror[gone] == stays:
            return np.inf
        point = np.append(self.place[stays], 1)
        error = point @ self.quadric[gone] @ point
        colour = ((self.albedo[gone] - self.albedo[stays]) ** 2).sum() * COLOUR * self.area[gone]
        length = 1e-6 * self.area[gone] * ((self.place[gone] - self.place[stays]) ** 2).sum()
        return float(self.weight[gone] * (error + length) + colour)

    def allowed(self, pairs: set[tuple[int, int]]) -> bool:
        """Whether the mesh stays a surface, no triangle turns over, and both sides do not touch each other."""
        (first, *second) = sorted(pairs)
        if second:
            rings = [{first[0], *self.beside(first[0])}, {second[0][0], *self.beside(second[0][0])}]
            if first[0] in rings[1] or second[0][0] in rings[0]:
                return False
        return all(self._one_allowed(*pair) for pair in pairs)

    def _one_allowed(self, gone: int, stays: int) -> bool:
        shared = self.faces_at[gone] & self.faces_at[stays]
        if len(shared) != 2 or len(set(self.beside(gone)) & set(self.beside(stays))) != 2:
            return False
        moved = list(self.faces_at[gone] - shared)
        before = self.place[self.faces[moved]]
        after = np.where((self.faces[moved] == gone)[..., None], self.place[stays], before)
        old, new = (np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]) for p in (before, after))
        lengths = np.linalg.norm(old, axis=1) * np.linalg.norm(new, axis=1)
        edges = np.linalg.norm(after - np.roll(after, 1, axis=1), axis=2).max(1)
        slim = np.linalg.norm(new, axis=1) < 0.08 * edges**2
        return bool(((old * new).sum(1) > 0.5 * lengths).all() and not slim.any())

    def collapse(self, gone: int, stays: int) -> None:
        shared = self.faces_at[gone] & self.faces_at[stays]
        face = next(iter(shared))
        texture = self.uv_faces[face][self.faces[face] == stays][0]
        for face in self.faces_at.pop(gone) - shared:
            corner = self.faces[face] == gone
            self.faces[face, corner], self.uv_faces[face, corner] = stays, texture
            self.faces_at[stays].add(face)
        for face in shared:
            for corner in self.faces[face]:
                self.faces_at.get(int(corner), set()).discard(face)
        self.quadric[stays] += self.quadric[gone]
        self.area[stays] += self.area[gone]
        self.weight[stays] = max(self.weight[stays], self.weight[gone])


def _restrict(head: HeadModel, mesh: _Mesh) -> HeadModel:
    """The head on the vertices that are left; landmarks are put on the nearest triangles again."""
    kept = np.array(sorted(mesh.faces_at))
    number = np.full(len(head.template), -1)
    number[kept] = np.arange(len(kept))
    alive = sorted(set().union(*mesh.faces_at.values()))
    used, uv_faces = np.unique(mesh.uv_faces[alive], return_inverse=True)

    def named(lists: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: number[part][number[part] >= 0].astype(np.int32) for name, part in lists.items()}

    low = replace(
        head,
        name=f"{head.name}-low",
        template=head.template[kept],
        faces=number[mesh.faces[alive]].astype(np.int32),
        identity_basis=head.identity_basis[:, kept],
        blendshapes=head.blendshapes[:, kept],
        uv=head.uv[used],
        uv_faces=uv_faces.reshape(-1, 3).astype(np.int32),
        regions=named(head.regions),
        joints=named(head.joints),
        mirror=number[head.mirror[kept]].astype(np.int32),
        head_weight=head.head_weight[kept],
        albedo=head.albedo[kept],
    )
    points = (head.template[head.landmark_vertices] * head.landmark_weights[..., None]).sum(1)
    parts = {"skin": range(468), "eyeball_right": range(468, 473), "eyeball_left": range(473, 478)}
    vertices, weights = np.zeros((478, 3), np.int32), np.zeros((478, 3), np.float32)
    for part, landmarks in parts.items():
        rows = np.array(landmarks)
        faces = embed.faces_of(low, low.regions[part])
        vertices[rows], weights[rows] = embed.nearest_on(low, faces, points[rows])
    # Landmarks on the lips and the edges of the lids have their line still: both its vertices are kept.
    same = (number[head.landmark_vertices] >= 0) | (head.landmark_weights == 0)
    faces = {frozenset(face): face for face in low.faces.tolist()}
    for row in np.flatnonzero(same.all(1)):
        line = number[head.landmark_vertices[row]][head.landmark_weights[row] > 0]
        face = next((face for key, face in faces.items() if set(line.tolist()) <= key), None)
        if face is not None:
            share = dict(zip(number[head.landmark_vertices[row]].tolist(), head.landmark_weights[row].tolist()))
            vertices[row], weights[row] = face, [share.get(v, 0) for v in face]
    return replace(low, landmark_vertices=vertices, landmark_weights=weights)
