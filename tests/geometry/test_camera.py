import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vividlib.errors import InputError
from vividlib.geometry.camera import head_to_camera, project, scaled
from vividlib.types import Camera

CAMERA = Camera(scale=1800.0, centre=(250.0, 310.0), distance=1.2)


def points(seed=0):
    return np.random.default_rng(seed).uniform(-0.12, 0.12, (50, 3))


def test_the_origin_is_seen_at_the_centre_and_one_metre_there_is_scale_pixels():
    pixels, depth = project(CAMERA, np.array([[0, 0, 0], [0.1, 0, 0], [0, 0.1, 0]]))
    np.testing.assert_allclose(pixels, [[250, 310], [430, 310], [250, 130]])
    assert (depth == 0).all()


def test_projection_is_a_pinhole():
    """A pixel, the camera's place and the point lie on one ray: the picture plane stands at the origin."""
    cloud = points()
    pixels, depth = project(CAMERA, cloud)
    plane = np.column_stack([(pixels - CAMERA.centre) * [1, -1] / CAMERA.scale, np.zeros(len(cloud))])
    eye = np.array([0, 0, CAMERA.distance])
    np.testing.assert_allclose(np.cross(plane - eye, cloud - eye), 0, atol=1e-12)
    np.testing.assert_array_equal(depth, cloud[:, 2])


def test_nearer_looks_larger():
    near, _ = project(CAMERA, np.array([0.1, 0.0, 0.3]))
    far, _ = project(CAMERA, np.array([0.1, 0.0, -0.3]))
    assert near[0] - 250 == pytest.approx(180 * 1.2 / 0.9)
    assert far[0] - 250 == pytest.approx(180 * 1.2 / 1.5)


def test_any_leading_shape_and_the_type_are_kept():
    cloud = points().astype(np.float32).reshape(5, 10, 3)
    pixels, depth = project(CAMERA, cloud)
    assert pixels.shape == (5, 10, 2) and depth.shape == (5, 10)
    assert pixels.dtype == depth.dtype == np.float32


@pytest.mark.parametrize("z", [1.19, 1.2, 3.0, np.nan])
def test_what_is_behind_the_camera_is_refused(z):
    with pytest.raises(InputError, match="camera"):
        project(CAMERA, np.array([[0, 0, 0], [0, 0, z]]))


@pytest.mark.parametrize("factor", [0.37, 1, 2, 3.5])
def test_scaling_the_camera_is_scaling_the_picture(factor):
    cloud = points()
    pixels, _ = project(CAMERA, cloud)
    resized, _ = project(scaled(CAMERA, factor), cloud)
    np.testing.assert_allclose(resized, (pixels + 0.5) * factor - 0.5)


def test_scaling_agrees_with_resizing_an_image():
    """Blocks of 3 by 3 pixels averaged into one: a block's mean position is the new pixel's centre."""
    camera = Camera(scale=900.0, centre=(4.0, 7.0))  # the centres of blocks 1 and 2
    small = scaled(camera, 1 / 3)
    np.testing.assert_allclose(small.centre, (1, 2))
    assert small.scale == pytest.approx(300)
    assert small.distance == camera.distance


def test_head_to_camera_turns_then_moves():
    quarter = Rotation.from_euler("y", 90, degrees=True).as_quat()
    moved = head_to_camera(np.array([[0, 0, 1.0], [1, 0, 0]]), quarter, np.array([0, 0, 0.5]))
    np.testing.assert_allclose(moved, [[1, 0, 0.5], [0, 0, -0.5]], atol=1e-12)


def test_head_to_camera_takes_many_frames_at_once():
    turns = Rotation.random(4, rng=np.random.default_rng(1))
    shifts = np.random.default_rng(2).normal(size=(4, 3))
    cloud = points().astype(np.float32)
    together = head_to_camera(cloud, turns.as_quat(), shifts)
    assert together.shape == (4, 50, 3) and together.dtype == np.float32
    for frame in range(4):
        np.testing.assert_allclose(together[frame], turns[frame].apply(cloud) + shifts[frame], atol=1e-6)
