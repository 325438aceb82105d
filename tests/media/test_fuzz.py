"""The decoders' door: of files mutated at random, only our exceptions come out, or a result."""

import io
import warnings

import av
import numpy as np
import soundfile
from PIL import Image, ImageCms

from vividlib.errors import AudioError, ImageError, MotionError, VideoError
from vividlib.export import livelink, npz
from vividlib.media.audio import load_speech, open_sound
from vividlib.media.image import load_image
from vividlib.media.video import VideoWriter, is_ai_generated, read_video
from vividlib.types import Motion

MUTANTS = 40  # of each file
NOISE = np.random.default_rng(1).integers(0, 255, (24, 32, 3), np.uint8)


def pictures():
    exif = Image.Exif()
    exif[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    extras = {"exif": exif.tobytes(), "icc_profile": profile}
    for kind, mode, options in [
        ("JPEG", "RGB", extras), ("JPEG", "CMYK", {}), ("PNG", "RGBA", extras), ("PNG", "P", {}), ("PNG", "I;16", {}),
        ("WEBP", "RGB", extras), ("TIFF", "RGB", {"compression": "tiff_lzw"}), ("GIF", "P", {}), ("BMP", "RGB", {}),
        ("JPEG2000", "RGB", {}), ("AVIF", "RGB", {}), ("PPM", "RGB", {}),
    ]:  # fmt: skip
        file = io.BytesIO()
        Image.fromarray(NOISE).convert(mode).save(file, kind, **options)
        yield f"{kind}-{mode}", file.getvalue()


def sounds():
    samples = np.random.default_rng(2).standard_normal((8000, 2)) * 0.1
    for kind, subtype in [
        ("WAV", "PCM_16"), ("WAV", "FLOAT"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"),
        ("AIFF", "PCM_16"), ("CAF", "PCM_16"),
    ]:  # fmt: skip
        file = io.BytesIO()
        soundfile.write(file, samples, 16_000, format=kind, subtype=subtype)
        yield f"{kind}-{subtype}", file.getvalue()


def videos(folder):
    wave = io.BytesIO()
    soundfile.write(wave, np.random.default_rng(3).standard_normal(8000) * 0.1, 16_000, format="WAV")
    path = folder / "a.mp4"
    with VideoWriter(path, 32, 24, 25, audio=wave) as writer:
        for _ in range(10):
            writer.write(NOISE)
    yield "MP4", path.read_bytes()
    for kind, codec, pixels in [("webm", "libvpx", "yuv420p"), ("avi", "mjpeg", "yuvj420p")]:
        file = io.BytesIO()
        with av.open(file, "w", format=kind) as container:
            stream = container.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = 32, 24, pixels
            for _ in range(5):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(NOISE, "rgb24")))
            container.mux(stream.encode())
        yield kind, file.getvalue()


def mutated(data, rng):
    """Bits flipped anywhere, garbage in the header or in a stretch, a stretch lost, the end lost."""
    data = bytearray(data)
    start, length = rng.integers(len(data)), rng.integers(1, 200)
    kind = rng.integers(5)
    if kind == 0:
        for place in rng.integers(0, len(data), rng.integers(1, 30)):
            data[place] ^= 1 << rng.integers(8)
    elif kind == 1:
        for place in rng.integers(0, min(len(data), 200), rng.integers(1, 10)):
            data[place] = rng.integers(256)
    elif kind == 2:
        data[start : start + length] = rng.bytes(length)
    elif kind == 3:
        del data[start : start + length]
    else:
        del data[start:]
    return bytes(data)


def outcomes(files, decode, error):
    """How many mutants were decoded, and how many refused; anything else that is raised fails the test."""
    rng = np.random.default_rng(0)
    fine = refused = 0
    for name, data in files:
        decode(data)
        for index in range(MUTANTS):
            print(f"mutant {index} of {name}")  # shown if it fails
            try:
                decode(mutated(data, rng))
                fine += 1
            except error as refusal:
                assert str(refusal).endswith("."), "a sentence that says what to do"
                refused += 1
    return fine, refused


def test_images():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of what it then reads or refuses
        fine, refused = outcomes(pictures(), load_image, ImageError)
    assert fine > 50 and refused > 50


def test_speech():
    fine, refused = outcomes(sounds(), load_speech, AudioError)
    assert fine > 50 and refused > 20


def test_sound_for_videos(tmp_path):
    fine, refused = outcomes(
        [*sounds(), *list(videos(tmp_path))[:1]], lambda data: list(open_sound(data).blocks), AudioError
    )
    assert fine > 50 and refused > 20


def test_videos(tmp_path):
    def decode(data):
        is_ai_generated(data)
        for time, frame in read_video(data):
            assert np.isfinite(time) and frame.dtype == np.uint8

    fine, refused = outcomes(videos(tmp_path), decode, VideoError)
    assert fine > 20 and refused > 20


def test_motions(tmp_path):
    motion = Motion(np.random.default_rng(4).uniform(0, 1, (10, 52)))
    for format, suffix in ((npz, ".npz"), (livelink, ".csv")):
        path = tmp_path / f"take{suffix}"
        format.write(motion, path)

        def decode(data, read=format.read, path=path):
            path.write_bytes(data)
            read(path)

        _, refused = outcomes([(suffix, path.read_bytes())] * 5, decode, MotionError)
        assert refused > 100
