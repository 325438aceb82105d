"""Projected textures belong to each other, to the flow and to the photo."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT_INDEX
from vividlib.errors import InputError
from vividlib.geometry.raster import interpolate, rasterize, warp
from vividlib.mesh_to_video.dense_motion import dense_motion, draw
from vividlib.mesh_to_video.scene import build_scene
from vividlib.mesh_to_video.textures import normalised_coordinates, projected_textures
from vividlib.types import Motion


@pytest.fixture(scope="module")
def scene(face):
    return build_scene(face, face.portrait.image, 1.0)


@pytest.fixture(scope="module")
def moves(face):
    """As in the photo; turned by 8 degrees; bowed and moved with the jaw open."""
    shapes = np.repeat(face.expression[None], 3, 0)
    shapes[2, ARKIT_INDEX["jawOpen"]] = 0.5
    turns = Rotation.from_euler("YX", [[0, 0], [8, 0], [0, 6]], degrees=True).as_quat()
    return Motion(shapes, turns, np.array([[0, 0, 0], [0, 0, 0], [0.01, 0, 0]]), np.repeat(face.gaze[None], 3, 0))


@pytest.fixture(scope="module")
def textures(scene, moves):
    return projected_textures(scene, moves)


def test_the_photos_own_motion_gives_the_reference(textures, scene):
    np.testing.assert_array_equal(textures.driven.image[0], textures.reference.image)
    np.testing.assert_array_equal(textures.driven.inner[0], textures.reference.inner)
    assert (textures.motion.flow[0] == 0).all()
    outside = ~textures.reference.inner
    np.testing.assert_array_equal(textures.reference.image[outside], scene.layers.photo[outside])


def test_flow_leads_from_the_driven_to_the_same_place_of_the_reference(textures):
    for index in (1, 2):
        seen = (textures.motion.occlusion[index] == 1) & textures.driven.inner[index]
        back = warp(textures.reference.image.astype(np.float32), textures.motion.flow[index])
        error = np.abs(back - textures.driven.image[index])[seen]
        assert seen.sum() > 5000 and np.abs(textures.motion.flow[index][seen]).mean() > 2
        assert np.quantile(error, 0.95) < 3  # levels of 255; 60 between the ears


def test_coordinates_grow_along_the_axes(head):
    colours = normalised_coordinates(head)
    assert (colours.min(0) == 0).all() and (colours.max(0) == 1).all()
    for axis in range(3):
        assert (np.diff(colours[np.argsort(head.template[:, axis]), axis]) >= 0).all()


def test_in_colours_of_the_photo_they_are_frames(scene, moves, face):
    from vividlib.mesh_to_video.render import Renderer

    renderer = Renderer(face, None)
    left, top, width, height = scene.window
    found = projected_textures(scene, moves, "photo").driven.image
    for frame, image in zip(renderer.frames(moves), found):
        np.testing.assert_array_equal(frame[top : top + height, left : left + width], image)


def test_batches_are_what_single_frames_are(scene, moves, textures):
    motion = dense_motion(scene, moves)
    for index, now in enumerate(moves.frames()):
        drawn = draw(scene, *now)
        np.testing.assert_array_equal(motion.flow[index], drawn.flow)
        np.testing.assert_array_equal(motion.occlusion[index], drawn.occlusion)
        np.testing.assert_array_equal(textures.motion.flow[index], drawn.flow)


def test_there_are_no_other_colours(scene, moves):
    with pytest.raises(InputError, match="ncc"):
        projected_textures(scene, moves, "uv")


def test_the_head_has_the_coordinates_of_what_is_seen(scene, textures):
    colours = np.zeros((len(scene.source), 3), np.float32)
    colours[: len(scene.face.neutral)] = 255 * normalised_coordinates(scene.face.head)
    _, _, width, height = scene.window
    wanted = interpolate(colours, scene.faces, rasterize(scene.source, scene.faces, width, height))
    inner = textures.reference.inner
    assert np.abs(textures.reference.image[inner] - wanted[inner]).max() < 0.501
