import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from vividlib.errors import ImageError, OutputError
from vividlib.media.image import load_image, save_image

RAMP = np.stack(np.broadcast_arrays(np.arange(0, 240, 6)[:, None], np.arange(0, 250, 10), 77), 2).astype(np.uint8)


def encoded(picture, kind="PNG", **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_pictures_come_back_exactly(kind):
    assert np.array_equal(load_image(encoded(Image.fromarray(RAMP), kind)), RAMP)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_ends_upright(orientation):
    # What a camera stores so that a viewer who obeys the tag sees RAMP.
    undo = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_90",
            7: "TRANSVERSE", 8: "ROTATE_270"}  # fmt: skip
    picture = Image.fromarray(RAMP)
    if orientation in undo:
        picture = picture.transpose(Image.Transpose[undo[orientation]])
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(load_image(encoded(picture, exif=exif)), RAMP)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "YCbCr", "F"])
def test_every_mode_of_a_flat_grey_picture_is_that_grey(mode):
    if mode == "F":
        picture = Image.fromarray(np.full((20, 30), 1, np.float32))
    elif mode == "I;16":
        picture = Image.fromarray(np.full((20, 30), 65535, np.uint16))
    else:
        picture = Image.new("L", (30, 20), 255).convert(mode)
    image = load_image(encoded(picture, "TIFF" if mode in ("CMYK", "YCbCr", "F") else "PNG"))
    assert image.shape == (20, 30, 3) and image.dtype == np.uint8
    assert image.min() >= 254


def test_sixteen_bits_are_scaled_not_cut():
    grey = np.linspace(0, 65535, 20 * 30).reshape(20, 30).astype(np.uint16)
    expected = np.repeat((grey / 257).round().astype(np.uint8)[..., None], 3, 2)
    assert np.array_equal(load_image(encoded(Image.fromarray(grey))), expected)
    assert np.array_equal(load_image(grey), expected)


def test_transparent_parts_are_white():
    rgba = np.dstack([RAMP, np.zeros(RAMP.shape[:2], np.uint8)])
    rgba[:20, :, 3] = 255
    for source in (rgba, encoded(Image.fromarray(rgba))):
        image = load_image(source)
        assert np.array_equal(image[:20], RAMP[:20])
        assert (image[20:] == 255).all()


def test_transparency_of_a_palette_is_white():
    picture = Image.new("P", (20, 20), 1)
    picture.putpalette([0, 0, 0, 10, 200, 30])
    picture.paste(0, (0, 0, 20, 10))
    image = load_image(encoded(picture, transparency=0))
    assert (image[:10] == 255).all() and (image[10:] == (10, 200, 30)).all()


def test_profiles_are_converted_to_srgb():
    # A profile that differs from sRGB in its transfer curve alone, cut out of Pillow's own sRGB profile.
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    swapped = profile.replace(b"rXYZ", b"tmp_").replace(b"gXYZ", b"rXYZ").replace(b"tmp_", b"gXYZ")
    red = Image.new("RGB", (20, 20), (255, 0, 0))
    assert np.abs(load_image(encoded(red, icc_profile=bytes(profile))).astype(int) - (255, 0, 0)).max() <= 2
    # With red's and green's primaries exchanged, full "red" is green.
    assert np.abs(load_image(encoded(red, icc_profile=bytes(swapped))).astype(int) - (0, 255, 0)).max() <= 2


def test_a_broken_profile_counts_for_nothing():
    assert np.array_equal(load_image(encoded(Image.fromarray(RAMP), icc_profile=b"nonsense")), RAMP)


def test_arrays_of_every_kind_mean_the_same():
    for array in (RAMP, RAMP.astype(np.uint16) * 257, RAMP / 255, (RAMP / 255).astype(np.float32)):
        assert np.array_equal(load_image(array), RAMP)
    assert np.array_equal(load_image(RAMP[..., 0]), np.repeat(RAMP[..., :1], 3, 2))


@pytest.mark.parametrize(
    "array", [np.zeros((20, 20, 2), np.uint8), np.zeros(400), np.full((20, 20), 255.0), np.full((20, 20), np.nan),
              np.zeros((20, 20), int), np.zeros((0, 0, 3), np.uint8), np.zeros((15, 20, 3), np.uint8)]
)  # fmt: skip
def test_arrays_that_are_no_image_are_refused(array):
    with pytest.raises(ImageError):
        load_image(array)


def test_bad_files_say_what_is_wrong(tmp_path):
    whole = encoded(Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)), "JPEG")
    (tmp_path / "text.jpg").write_text("not a picture")
    for source, words in [
        (tmp_path / "none.jpg", "not there"),
        (tmp_path / "text.jpg", "text.jpg is no image"),
        (whole[: len(whole) // 2], "truncated"),
        (encoded(Image.new("RGB", (15, 40))), "15x40"),
        (_huge_png(), "too many pixels"),
    ]:
        with pytest.raises(ImageError, match=words):
            load_image(source)


def _huge_png():
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(100)))


@pytest.mark.parametrize(("suffix", "error"), [(".png", 0), (".jpg", 12), (".JPEG", 12), (".webp", 24)])
def test_saved_pictures_come_back(tmp_path, suffix, error):
    path = tmp_path / f"a{suffix}"
    save_image(path, RAMP)
    assert np.abs(load_image(path).astype(int) - RAMP).max() <= error
    assert list(tmp_path.iterdir()) == [path]


def test_saving_refuses_what_it_cannot_write(tmp_path):
    with pytest.raises(OutputError, match=r"\.png"):
        save_image(tmp_path / "a.gif", RAMP)
    with pytest.raises(OutputError, match="H W 3 uint8"):
        save_image(tmp_path / "a.png", RAMP / 255)
    with pytest.raises(OutputError, match="does not exist"):
        save_image(tmp_path / "b" / "a.png", RAMP)
