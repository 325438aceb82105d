"""What the renderer and the fitter ask of a triangle mesh, and its way to PyTorch3D and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from vividlib.errors import BackendError, InputError
from vividlib.types import Camera

if TYPE_CHECKING:
    from pytorch3d.renderer import PerspectiveCameras
    from pytorch3d.structures import Meshes


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


def to_pytorch3d(
    vertices: np.ndarray, faces: np.ndarray, camera: Camera, size: tuple[int, int]
) -> tuple[Meshes, PerspectiveCameras]:
    """The mesh and the camera as PyTorch3D has them, so that both show the same picture.

    PyTorch3D's cameras look along +Z with +X to the left of the image, and its pixels have their corners at
    integers; ours look along -Z with +X to the right, and pixel centres are at integers. The mesh keeps our
    camera space, which is PyTorch3D's world; ``R`` and ``T`` hold the difference.

    Parameters
    ----------
    vertices
        (V, 3) or (N, V, 3) metres, camera space.
    faces
        (F, 3).
    camera
        As `project` takes it.
    size
        Width and height of the image, px.

    Returns
    -------
    meshes
        pytorch3d.structures.Meshes, one for each N.
    cameras
        pytorch3d.renderer.PerspectiveCameras in screen space, one for each N.

    Raises
    ------
    BackendError
        If pytorch3d is not installed.
    """
    cameras, structures = _pytorch3d()
    import torch

    points = torch.as_tensor(np.array(vertices, np.float32)).reshape(-1, *np.shape(vertices)[-2:])
    count = len(points)
    x, y = camera.centre
    seen = cameras.PerspectiveCameras(
        focal_length=torch.full((count, 2), float(camera.scale * camera.distance)),
        principal_point=torch.tensor([[x + 0.5, y + 0.5]]).expand(count, 2),
        R=torch.diag(torch.tensor([-1.0, 1.0, -1.0])).expand(count, 3, 3),
        T=torch.tensor([[0.0, 0.0, camera.distance]]).expand(count, 3),
        image_size=torch.tensor([[size[1], size[0]]]).expand(count, 2),
        in_ndc=False,
    )
    triangles = torch.as_tensor(np.array(faces, np.int64)).expand(count, *np.shape(faces))
    return structures.Meshes(points, triangles), seen


def from_pytorch3d(meshes: Meshes, cameras: PerspectiveCameras) -> tuple[np.ndarray, np.ndarray, Camera]:
    """The first mesh and camera of a batch as this library has them; undoes `to_pytorch3d`.

    Returns
    -------
    vertices
        (V, 3) float32 metres, camera space.
    faces
        (F, 3) int32.
    camera
        With ``T``'s depth as its distance.

    Raises
    ------
    BackendError
        If pytorch3d is not installed.
    InputError
        If the camera is not one of screen space with square pixels.
    """
    _pytorch3d()
    focal = cameras.focal_length[0].cpu().numpy()
    if cameras.in_ndc() or not np.isclose(focal[0], focal[1]):
        raise InputError("vividlib's cameras have square pixels; give PerspectiveCameras with in_ndc=False.")
    view = cameras.get_world_to_view_transform().transform_points(meshes.verts_padded()[:1])[0].cpu().numpy()
    x, y = cameras.principal_point[0].cpu().numpy() - 0.5
    distance = float(cameras.T[0, 2].cpu())
    vertices = view * [-1, 1, -1] + [0, 0, distance]
    camera = Camera(float(focal[0]) / distance, (float(x), float(y)), distance)
    return vertices.astype(np.float32), meshes.faces_padded()[0].cpu().numpy().astype(np.int32), camera


def _pytorch3d():
    """PyTorch3D's modules for cameras and meshes."""
    try:
        from pytorch3d import structures
        from pytorch3d.renderer import cameras
    except ImportError as error:
        raise BackendError(f"pytorch3d cannot be imported ({error}); install it from its sources.") from error
    return cameras, structures
