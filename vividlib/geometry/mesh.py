"""What the renderer and the fitter ask of a triangle mesh."""

from __future__ import annotations

import numpy as np
from scipy import sparse


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals as the area-weighted mean of the triangles around each vertex.

    Parameters
    ----------
    vertices
        (V, 3).
    faces
        (F, 3), counter-clockwise seen from outside.

    Returns
    -------
    numpy.ndarray
        (V, 3) float32, pointing outside; zero where a vertex has no triangle with an area.
    """
    a, b, c = vertices[faces].transpose(1, 0, 2)
    areas = np.cross(b - a, c - a)
    sums = np.stack([np.bincount(faces.ravel(), np.repeat(areas[:, axis], 3), len(vertices)) for axis in range(3)], -1)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return (sums / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def edges(faces: np.ndarray) -> np.ndarray:
    """Every edge once: (E, 2), the lower vertex index first."""
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    return np.unique(np.sort(pairs, axis=1), axis=0)


def laplacian(faces: np.ndarray, count: int) -> sparse.csr_array:
    """Uniform Laplacian: each vertex minus the mean of its neighbours.

    Parameters
    ----------
    faces
        (F, 3).
    count
        Number of vertices V.

    Returns
    -------
    scipy.sparse.csr_array
        (V, V) float64; the row of a vertex without neighbours is zero.
    """
    first, second = edges(faces).T
    row, column = np.r_[first, second], np.r_[second, first]
    degree = np.bincount(row, minlength=count)
    neighbours = sparse.coo_array((1 / degree[row], (row, column)), (count, count))
    return (sparse.diags_array((degree > 0).astype(float)) - neighbours).tocsr()
