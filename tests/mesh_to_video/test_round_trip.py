"""The photo, put on the head that was found in it, is the photo again."""

from benchmarks.raster import round_trip


def test_the_head_in_the_photos_own_texture_is_the_photo(face):
    coarse, fine = (round_trip(face, size) for size in (1024, 2048))
    assert fine["projected"] > 45
    assert fine["texture"] > 40  # the photo is interpolated twice on the way, which softens it:
    assert fine["texture"] > coarse["texture"] + 5
    assert fine["share_of_pixels_at_seams"] < 0.01
