"""The same mesh and camera show the same picture in PyTorch3D."""

import numpy as np
import pytest

from vividlib import backend
from vividlib.errors import BackendError
from vividlib.geometry.camera import project
from vividlib.geometry.mesh import from_pytorch3d, to_pytorch3d
from vividlib.types import Camera

CAMERA, SIZE = Camera(900.0, (210.3, 260.8), 1.3), (400, 520)
MISSING = backend.available()["pytorch3d"]
needs_pytorch3d = pytest.mark.skipif(MISSING != "yes", reason=f"pytorch3d: {MISSING}")


@pytest.fixture
def vertices():
    return np.random.default_rng(0).normal(0, 0.1, (50, 3)).astype(np.float32)


FACES = np.arange(48).reshape(16, 3)


@needs_pytorch3d
def test_points_are_seen_at_the_same_pixels(vertices):
    meshes, cameras = to_pytorch3d(vertices, FACES, CAMERA, SIZE)
    seen = cameras.transform_points_screen(meshes.verts_padded())[0, :, :2].numpy()
    pixels, _ = project(CAMERA, vertices)
    np.testing.assert_allclose(seen - 0.5, pixels, atol=1e-2)


@needs_pytorch3d
def test_nearer_points_have_a_smaller_depth_in_front_of_the_camera(vertices):
    meshes, cameras = to_pytorch3d(vertices, FACES, CAMERA, SIZE)
    depth = cameras.get_world_to_view_transform().transform_points(meshes.verts_padded())[0, :, 2].numpy()
    np.testing.assert_allclose(depth, CAMERA.distance - vertices[:, 2], atol=1e-5)


@needs_pytorch3d
def test_there_and_back(vertices):
    back, faces, camera = from_pytorch3d(*to_pytorch3d(vertices, FACES, CAMERA, SIZE))
    np.testing.assert_allclose(back, vertices, atol=1e-6)
    np.testing.assert_array_equal(faces, FACES)
    np.testing.assert_allclose([camera.scale, *camera.centre, camera.distance], [900, 210.3, 260.8, 1.3], rtol=1e-5)


@needs_pytorch3d
def test_a_sequence_is_a_batch(vertices):
    meshes, cameras = to_pytorch3d(np.stack([vertices] * 3), FACES, CAMERA, SIZE)
    assert len(meshes) == 3
    assert cameras.R.shape == (3, 3, 3)


@pytest.mark.skipif(MISSING == "yes", reason="pytorch3d is installed")
def test_without_pytorch3d_it_says_what_to_do(vertices):
    with pytest.raises(BackendError, match="install"):
        to_pytorch3d(vertices, FACES, CAMERA, SIZE)
