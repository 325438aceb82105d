"""Persons and plates, on pictures of which both are known."""

import numpy as np

from vividlib.mesh_to_video.layers import BAND, Layers, behind, dilated, liveliness, of_larger, separate

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
    assert (layers.matte[head] == 255).all()
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


def test_soft_hair_beside_the_person_counts_and_fog_farther_off_does_not():
    photo, head = scene()
    mask = np.where(disc(80, 80, 32), 0.4, 0).astype(np.float32)
    mask[head] = 1
    fog = disc(130, 80, 10)
    mask[fog] = 0.4
    matte = separate(photo, mask, head, SIZE).matte
    assert 20 < matte[80, 111] < 200 and (matte[fog] == 0).all()


def test_the_larger_part_of_a_head_that_the_mask_tears_apart_is_hers():
    """A bow on top is torn off; below the head is the body."""
    photo, head = scene()
    bow, body = disc(80, 50, 3), np.zeros_like(head)
    body[105:160, 60:100] = True
    mask = (head & (np.arange(160)[:, None] > 60) | bow | body).astype(np.float32)
    assert (separate(photo, mask, head, SIZE).matte[115:, 65:95] == 255).all()


def test_who_is_seen_beside_a_head_that_the_mask_misses_is_another():
    photo, head = scene()
    other = disc(140, 80, 12)
    assert (separate(photo, other.astype(np.float32), head, SIZE).matte[other] == 0).all()


def test_a_large_photo_of_nothing_but_a_person_keeps_its_pixels():
    photo = np.random.default_rng(0).integers(0, 256, (700, 700, 3), np.uint8)
    everywhere = np.ones((700, 700), bool)
    layers = separate(photo, everywhere.astype(np.float32), everywhere, 500)
    np.testing.assert_array_equal(layers.plate, photo)
    np.testing.assert_array_equal(behind(layers, everywhere, 500).shape, (700, 700, 4))


def test_hairs_beyond_the_mask_are_not_left_on_a_quiet_wall():
    photo, head = scene()
    fringe = disc(80, 80, 31) & ~head
    photo[fringe] = RED
    plate = separate(photo, head.astype(np.float32), head, SIZE).plate
    assert np.abs(plate[fringe].astype(int) - wall()[fringe]).max() < 30


def test_a_lively_wall_is_painted_over_only_right_beside_the_person():
    head, size = disc(80, 80, 30), 300.0
    photo = np.random.default_rng(0).integers(0, 256, (160, 160, 3), np.uint8)
    layers = separate(photo, head.astype(np.float32), head, size)
    matte = layers.matte > 0
    near, far = dilated(matte, BAND * size / 2), ~dilated(matte, BAND * size / 2 + 1)
    np.testing.assert_array_equal(layers.plate[far], photo[far])
    assert (layers.plate[near] != photo[near]).mean() > 0.9


def test_liveliness_is_the_deviation_of_the_background_alone():
    photo = np.random.default_rng(0).choice(np.uint8([90, 110]), (160, 160))[..., None].repeat(3, 2)
    background = ~disc(80, 80, 40)
    photo[~background] = 255
    found = liveliness(photo, background, 10)
    assert np.abs(found[background] - 10).max() < 3
    assert (liveliness(photo, np.zeros_like(background), 10) == 0).all()


def test_a_rim_of_skin_beside_the_mesh_does_not_go_on_behind_it():
    photo, head = scene()
    hair, skin = disc(80, 80, 60), disc(80, 80, 31)
    photo[hair] = BROWN
    photo[skin] = SKIN
    hidden = behind(Layers(photo, hair.astype(np.uint8) * 255, wall()), head, SIZE)
    assert np.abs(hidden[head][:, :3].astype(int) - BROWN).max() < 40


def test_dilation_reaches_a_pixel_at_least():
    assert dilated(disc(80, 80, 0.5), 0.1).sum() == 5
