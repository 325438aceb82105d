"""Compositing, on layers and flows of which the picture is known."""

import numpy as np
import pytest

from vividlib.mesh_to_video.composite import composite
from vividlib.mesh_to_video.dense_motion import Drawn
from vividlib.mesh_to_video.layers import Layers

SHAPE = (40, 50)


@pytest.fixture
def layers():
    """A person (a rectangle of noise) before a plate that has nothing to do with the photo's own background."""
    random = np.random.default_rng(0)
    photo, plate = random.integers(0, 256, (2, *SHAPE, 3), np.uint8)
    matte = np.zeros(SHAPE, np.uint8)
    matte[10:30, 15:35] = 255
    matte[10:30, 15] = 100
    plate[matte == 0] = photo[matte == 0]
    return Layers(photo, matte, plate)


def still(flow=(0, 0), occlusion=1.0, fill=(0, 0, 0, 0), seam=False):
    everywhere = (
        np.broadcast_to(np.float32(value), (*SHAPE, *np.shape(value))).copy() for value in (flow, occlusion, fill)
    )
    return Drawn(None, *everywhere, np.full(SHAPE, seam), None)


def test_what_does_not_move_is_the_photo_whatever_matte_and_plate_are(layers):
    np.testing.assert_array_equal(composite(layers, still()), layers.photo)


def test_who_moves_uncovers_the_plate(layers):
    """Backward flow: everything comes from four pixels to the left."""
    frame = composite(layers, still(flow=(-4, 0)))
    np.testing.assert_array_equal(frame[10:30, 20:39], layers.photo[10:30, 16:35])
    np.testing.assert_array_equal(frame[10:30, 15:19], layers.plate[10:30, 15:19])
    np.testing.assert_array_equal(frame[:10], layers.photo[:10])
    soft, share = frame[10:30, 19].astype(float), 100 / 255
    wanted = layers.photo[10:30, 15] - (1 - share) * layers.plate[10:30, 15] + (1 - share) * layers.plate[10:30, 19]
    np.testing.assert_allclose(soft, np.clip(wanted, 0, 255), atol=0.51)


def test_half_a_pixel_is_the_mean_of_two(layers):
    frame = composite(layers, still(flow=(0.5, 0)))
    mean = (layers.photo[12:28, 17:30].astype(float) + layers.photo[12:28, 18:31]) / 2
    np.testing.assert_allclose(frame[12:28, 17:30], mean, atol=0.51)


def test_what_the_photo_does_not_show_is_filled_in_over_the_plate(layers):
    frame = composite(layers, still(occlusion=0, fill=(50, 25, 100, 0.5)))
    np.testing.assert_allclose(frame, np.clip([50, 25, 100] + 0.5 * layers.plate, 0, 255), atol=0.51)


def test_seams_are_softened_and_nothing_else(layers):
    drawn = still()
    drawn.seam[20, 20:30] = True
    frame = composite(layers, drawn)
    np.testing.assert_array_equal(frame[~drawn.seam], layers.photo[~drawn.seam])
    for column in range(20, 30):
        around = layers.photo[19:22, column - 1 : column + 2].mean((0, 1))
        np.testing.assert_allclose(frame[20, column], around, atol=0.51)


def test_larger_layers_move_as_far(layers):
    times = 3
    large = Layers(*(layer.repeat(times, 0).repeat(times, 1) for layer in vars(layers).values()))
    frame = composite(large, still(flow=(-4, 2)))
    wanted = composite(layers, still(flow=(-4, 2))).repeat(times, 0).repeat(times, 1)
    np.testing.assert_array_equal(frame, wanted)


@pytest.mark.parametrize(
    "flow, place", [((-30, 0), np.s_[:, 30::-1]), ((30, 0), np.s_[:, :18:-1]), ((0, -25), np.s_[25::-1])]
)
def test_beyond_its_border_the_photo_goes_on_backwards(layers, flow, place):
    layers = Layers(layers.photo, np.full(SHAPE, 255, np.uint8), layers.plate)
    frame, mirrored = composite(layers, still(flow=flow)), layers.photo[place]
    height, width = mirrored.shape[:2]
    there = frame[:height, -width:] if flow[0] > 0 else frame[:height, :width]
    np.testing.assert_array_equal(there, mirrored)


def test_seams_of_larger_layers_are_softened_over_as_much_of_the_picture(layers):
    times = 3
    large = Layers(*(layer.repeat(times, 0).repeat(times, 1) for layer in vars(layers).values()))
    drawn = still()
    drawn.seam[20, 20] = True
    frame = composite(large, drawn)
    middle = 20 * times + 1
    around = large.photo[middle - times : middle + times + 1, middle - times : middle + times + 1].mean((0, 1))
    np.testing.assert_allclose(frame[middle, middle], around, atol=0.51)
