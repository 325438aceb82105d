"""Pictures in and out: whatever a camera, a scanner or an editor saved becomes H W 3 uint8 sRGB."""

from __future__ import annotations

import io
import os
import struct
import zlib

import numpy as np
from PIL import Image, ImageCms, ImageOps

from vividlib.errors import ImageError, OutputError
from vividlib.media.files import Source, atomic_output, check_suffix, open_input, source_name

READ_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
"""What is read. Pillow knows more, but some of it runs other programs (EPS) or holds no photos."""

SAVE_OPTIONS = {
    ".png": {},
    ".jpg": {"quality": 95, "subsampling": 0},
    ".jpeg": {"quality": 95, "subsampling": 0},
    ".webp": {"quality": 95},
}
"""Suffixes that `save_image` writes, and how."""

SMALLEST = 16
"""Shortest side (px) of a picture that is worth looking at."""

# What Pillow's decoders raise on damaged files.
_DAMAGE = (
    OSError, ValueError, SyntaxError, TypeError, LookupError, EOFError, OverflowError, AttributeError,
    RuntimeError, MemoryError, struct.error, zlib.error,
)  # fmt: skip


def load_image(source: Source | np.ndarray) -> np.ndarray:
    """Read a picture, upright and in sRGB.

    EXIF orientation is applied, colours with an embedded profile (Display P3, Adobe RGB, CMYK)
    are converted, and transparent parts are laid on white: that is the page cut-out portraits are
    made for, and their soft edges were blended towards.

    Parameters
    ----------
    source
        A path, the bytes of a file, a binary file object, or an array: H W, H W 3 or H W 4;
        uint8, uint16, or floating point in [0, 1].

    Returns
    -------
    H W 3 uint8 sRGB. The first picture, if the file holds several.

    Raises
    ------
    ImageError
        If the picture is missing, unreadable, truncated, far too large, or under 16 px.
    """
    if isinstance(source, np.ndarray):
        image = _from_array(source)
    else:
        with open_input(source, ImageError) as file:
            image = _decode(file, source_name(source))
    height, width = image.shape[:2]
    if min(height, width) < SMALLEST:
        raise ImageError(f"The image has {width}x{height} pixels; each side needs {SMALLEST} at least.")
    return image


def save_image(path: str | os.PathLike, image: np.ndarray) -> None:
    """Write H W 3 uint8 sRGB as .png, .jpg, .jpeg or .webp.

    Raises
    ------
    OutputError
        If the suffix is unknown, the place cannot be written, or ``image`` is something else.
    """
    options = SAVE_OPTIONS[check_suffix(path, SAVE_OPTIONS)]
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise OutputError(f"An image to save is H W 3 uint8, not {image.shape} {image.dtype}; convert it first.")
    with atomic_output(path) as partial:
        Image.fromarray(image).save(partial, **options)


def _decode(file, name: str) -> np.ndarray:
    try:
        with Image.open(file, formats=READ_FORMATS) as picture:
            picture.load()
            return _to_srgb(ImageOps.exif_transpose(picture))
    except Image.UnidentifiedImageError as error:
        known = ", ".join(READ_FORMATS)
        raise ImageError(f"{name} is no image that can be read; convert it to one of {known}.") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"{name} has far too many pixels; scale it down to 100 megapixels or fewer.") from error
    except _DAMAGE as error:
        raise ImageError(f"{name} is damaged or truncated ({error}); save or download it again.") from error


def _to_srgb(picture: Image.Image) -> np.ndarray:
    """Any Pillow mode to H W 3 uint8 sRGB."""
    if picture.mode.startswith(("I", "F")):
        return _from_array(_deep_grey(picture))
    alpha = picture.convert("RGBA").getchannel("A") if picture.has_transparency_data else None
    profile = picture.info.get("icc_profile")
    if picture.mode not in ("L", "RGB", "CMYK"):
        picture = picture.convert("L" if picture.mode in ("1", "LA", "La") else "RGB")
    colour = _apply_profile(picture, profile) if profile else picture.convert("RGB")
    if alpha is not None:
        colour = Image.composite(colour, Image.new("RGB", colour.size, "white"), alpha)
    return np.array(colour)


def _apply_profile(picture: Image.Image, profile: bytes) -> Image.Image:
    """Convert from the embedded profile to sRGB; a broken profile counts for nothing, as in any viewer."""
    try:
        return ImageCms.profileToProfile(
            picture,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError):
        return picture.convert("RGB")


def _deep_grey(picture: Image.Image) -> np.ndarray:
    """Grey of more than 8 bits: H W, uint16 or floating point."""
    grey = np.asarray(picture)
    if picture.mode == "F":
        return grey
    # Pillow has held 16-bit files in 32-bit integers ("I") as well as in "I;16" over the years.
    return np.clip(grey, 0, 65535).astype(np.uint16)


def _from_array(array: np.ndarray) -> np.ndarray:
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise ImageError(f"An image array is H W, H W 3 or H W 4, not {array.shape}; reshape it.")
    if array.dtype == np.uint16:
        array = (array / 257).round().astype(np.uint8)
    elif np.issubdtype(array.dtype, np.floating):
        # `not all` rather than `any outside`, so that NaN fails too.
        if not ((array >= 0) & (array <= 1)).all():
            raise ImageError("A floating-point image lies in [0, 1]; divide it by its largest possible value.")
        array = (array * 255).round().astype(np.uint8)
    elif array.dtype != np.uint8:
        raise ImageError(f"An image array is uint8, uint16 or floating point, not {array.dtype}; convert it.")
    if array.ndim == 2:
        return np.repeat(array[..., None], 3, axis=2)
    if array.shape[2] == 4:
        alpha = array[..., 3:] / 255
        return (array[..., :3] * alpha + 255 * (1 - alpha)).round().astype(np.uint8)
    return np.ascontiguousarray(array)
