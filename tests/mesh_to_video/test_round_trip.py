"""The photo, put on the head that was found in it, is the photo again."""

from benchmarks.raster import round_trip


def test_the_head_in_the_photos_own_texture_is_the_photo(face):
    found = round_trip(face)
    assert found["projected"] > 45
    assert found["texture"] > 40  # the photo twice interpolated, which softens it
    assert found["share_of_pixels_at_seams"] < 0.02
