"""Persons and plates, on pictures of which both are known."""

import numpy as np

from vividlib.mesh_to_video.layers import BAND, behind, dilated, of_larger, separate

SIZE = 60.0  # px, of the head
RED, BROWN, SKIN = (200, 20, 20), (90, 60, 30), (220, 180, 160)


def disc(x, y, radius, side=160):
    rows, columns = np.mgrid[:side, :side]
    return (columns - x) ** 2 + (rows - y) ** 2 < radius**2


def wall(side=160):
    """A background that gets brighter from left to right."""
    grey = np.repeat(np.linspace(40, 200, side)[None], side, 0)
    return np.repeat(grey[..., None], 3, 2).round().astype(np.uint8)


def scene():
    head = disc(80, 80, 30)
    photo = wall()
    photo[head] = RED
    return photo, head


def test_the_plate_is_the_photo_without_the_person():
    photo, head = scene()
    layers = separate(photo, head.astype(np.float32), head, SIZE)
    away = ~dilated(head, BAND * SIZE + 1)
    np.testing.assert_array_equal(layers.plate[away], photo[away])
    assert np.abs(layers.plate.astype(int) - wall()).max() < 30  # of 140 from red to grey
    assert (layers.matte[head] == 255).all() and (layers.matte[away] == 0).all()
    np.testing.assert_array_equal(layers.person[away], False)
    assert layers.person[head].all()


def test_other_people_stay_on_the_plate():
    photo, head = scene()
    other = disc(140, 80, 12)
    photo[other] = BROWN
    layers = separate(photo, (head | other).astype(np.float32), head, SIZE)
    np.testing.assert_array_equal(layers.plate[other], photo[other])
    assert (layers.matte[other] == 0).all()


def test_what_the_mask_hardly_sees_is_background():
    photo, head = scene()
    mask = np.where(head, 1, 0.25).astype(np.float32)
    assert (separate(photo, mask, head, SIZE).matte[~head] == 0).all()


def test_a_head_that_the_mask_misses_is_taken_out_all_the_same():
    photo, head = scene()
    layers = separate(photo, np.zeros(head.shape, np.float32), head, SIZE)
    assert (layers.matte[disc(80, 80, 20)] == 255).all()
    assert np.abs(layers.plate[head].astype(int) - wall()[head]).max() < 30


def test_a_photo_of_nothing_but_a_person_is_its_own_plate():
    photo, head = scene()
    layers = separate(photo, np.ones(head.shape, np.float32), head, SIZE)
    np.testing.assert_array_equal(layers.plate, photo)


def test_hair_goes_on_behind_the_head_and_so_does_nothing():
    """A face on the right half of which hair lies all around it, on the left half of which there is only wall."""
    photo, head = scene()
    hair = disc(80, 80, 50) & (np.arange(160) >= 80)
    photo[hair] = BROWN
    photo[head] = SKIN
    layers = separate(photo, (head | hair).astype(np.float32), head, SIZE)
    hidden = behind(layers, head, SIZE)
    np.testing.assert_allclose(hidden[80, 105, :3], BROWN, atol=12)
    assert hidden[80, 105, 3] > 240 and hidden[80, 55, 3] < 15
    away = ~dilated(head, 5)
    np.testing.assert_array_equal(hidden[away], np.dstack([photo, layers.matte])[away])


def test_layers_of_the_photo_in_twice_the_size():
    photo, head = scene()
    layers = separate(photo, head.astype(np.float32), head, SIZE)
    double = of_larger(layers, photo.repeat(2, 0).repeat(2, 1))
    assert double.matte.shape == (320, 320)
    inside, outside = (part.repeat(2, 0).repeat(2, 1) for part in (head, ~dilated(head, 6)))
    np.testing.assert_array_equal(double.plate[outside], double.photo[outside])
    assert np.abs(double.plate[inside].astype(int) - wall().repeat(2, 0).repeat(2, 1)[inside]).max() < 30
