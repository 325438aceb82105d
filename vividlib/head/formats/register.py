"""Which place of the default head each place of another head is, found from the landmarks of both.

A smooth warp takes the landmarks of one to those of the other; then each vertex belongs to the nearest
point of the default head's surface. Names of regions, colours and motion come over that bridge.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import trimesh
from scipy.interpolate import RBFInterpolator
from scipy.spatial import cKDTree

from vividlib.conventions import ARKIT
from vividlib.geometry.mesh import vertex_normals
from vividlib.head import model
from vividlib.head.embed import faces_of
from vividlib.types import HeadModel

LOOKING, CANDIDATES = 0.004, 12
"""Metres that a unit of difference between normals counts as much as, and triangles that are looked at."""

SURFACE = ("skin", "mouth_cavity", "eye_sockets")
STRAY = 1e-4
"""Smoothing of the warp: landmarks are found to a tenth of a millimetre at best."""

NAMED = ("face", "scalp", "ears", "lips", "lips_upper", "lips_lower", "eyelids_left", "eyelids_right", *SURFACE[1:])
"""Regions that come over by the nearest place."""

LOOPS = ("lips_outer", "lips_inner", "eyelid_edge_left", "eyelid_edge_right")
"""Ordered loops, whose vertices each look for the nearest one."""

TRUST = {"face": 1.0, "lips": 3.0, "eyelids_left": 3.0, "eyelids_right": 3.0}
"""How much a region's motion counts in `fit_motions`; the rest of the skin counts `ELSEWHERE`."""

ELSEWHERE = 0.1
SIZE_PRICE = 1e-8
"""Price of a squared coefficient (square metres): one of 1 has to improve the mean place by 0.1 mm."""


def marks_of(head: HeadModel) -> np.ndarray:
    """The 478 landmarks on the template (478, 3)."""
    return model.landmarks_of(head, head.template)


@dataclass(frozen=True, eq=False)
class Bridge:
    """Skin vertices of another head, and their places on the default one."""

    own: HeadModel  # the default head
    vertices: np.ndarray  # V 3 metres, of the other head, in the default head's axes
    faces: np.ndarray  # F 3, of the other head
    skin: np.ndarray  # S, its vertices that are skin
    marks: np.ndarray  # 478 3, where its landmarks are

    @cached_property
    def place(self) -> np.ndarray:
        """Where the skin's vertices lie beside the default head (S, 3), after the warp."""
        marks, goal = self.marks[:468], marks_of(self.own)[:468]
        warp = RBFInterpolator(marks, goal - marks, kernel="linear", smoothing=STRAY)
        return self.vertices[self.skin] + warp(self.vertices[self.skin])

    @cached_property
    def anchors(self) -> tuple[np.ndarray, np.ndarray]:
        """Vertices (S, 3) of the default head and their weights (S, 3), nearest to the skin's vertices.

        Nearest in place and in the way that the surface looks, so that lips which touch are not taken for one another.
        """
        surface = np.concatenate([self.own.regions[name] for name in SURFACE])
        faces = self.own.faces[faces_of(self.own, surface)]
        corners = self.own.template[faces].astype(float)
        ways = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        ways /= np.linalg.norm(ways, axis=1, keepdims=True) + 1e-12
        normals = vertex_normals(self.vertices, self.faces)[self.skin]
        known = np.concatenate([corners.mean(1), LOOKING * ways], 1)
        wanted = np.concatenate([self.place, LOOKING * normals], 1)
        _, near = cKDTree(known).query(wanted, CANDIDATES)
        repeated = np.repeat(self.place, CANDIDATES, axis=0)
        points = trimesh.triangles.closest_point(corners[near.ravel()], repeated).reshape(*near.shape, 3)
        away = np.linalg.norm(points - self.place[:, None], axis=2)
        away += LOOKING * np.linalg.norm(ways[near] - normals[:, None], axis=2)
        best = np.arange(len(near)), away.argmin(1)
        weights = np.clip(trimesh.triangles.points_to_barycentric(corners[near[best]], points[best]), 0, 1)
        return faces[near[best]], weights / weights.sum(1, keepdims=True)

    def carry(self, field: np.ndarray) -> np.ndarray:
        """A field of the default head (..., V, C) on the skin (..., S, C)."""
        vertices, weights = self.anchors
        return np.einsum("...sjc,sj->...sc", field[..., vertices, :], weights.astype(np.float32))

    def regions(self) -> dict[str, np.ndarray]:
        """Vertices of the other head by the default head's names for skin."""
        found = {}
        for name in NAMED:
            inside = np.isin(np.arange(len(self.own.template)), self.own.regions[name]).astype(np.float32)
            found[name] = self.skin[self.carry(inside[:, None])[:, 0] > 0.5]
        return found | {name: self.nearest(self.own.regions[name]) for name in LOOPS}

    def nearest(self, vertices: np.ndarray) -> np.ndarray:
        """The skin vertices nearest to vertices of the default head, in their order, each once."""
        _, nearest = cKDTree(self.place).query(self.own.template[vertices])
        _, first = np.unique(nearest, return_index=True)
        return self.skin[nearest[np.sort(first)]]

    def fit_motions(self, motions: np.ndarray) -> np.ndarray:
        """The mixtures of the other head's motions (M, V, 3) that do what the default head's 52 do: (52, V, 3).

        Linear least squares over the skin, with a price on large coefficients. Blinks are the default head's own:
        no mixture of FLAME's motions closes the lids.
        """
        trust = np.full(len(self.skin), ELSEWHERE)
        regions = self.regions()
        for name, value in TRUST.items():
            trust[np.isin(self.skin, regions[name])] = value
        trust = np.repeat(np.sqrt(trust / trust.sum()), 3)[:, None]
        wanted = self.carry(self.own.blendshapes).reshape(len(ARKIT), -1).T * trust
        given = motions[:, self.skin].reshape(len(motions), -1).T * trust
        normal = given.T @ given + SIZE_PRICE * np.eye(len(motions))
        mixture = np.linalg.solve(normal, given.T @ wanted)  # M 52
        shapes = np.tensordot(mixture.T, motions, 1).astype(np.float32)
        shapes[np.ix_(model.BLINKS, self.skin)] = self.carry(self.own.blendshapes[model.BLINKS])
        return shapes
