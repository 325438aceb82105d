import errno
import os
from fractions import Fraction
from xml.etree import ElementTree

import av
import numpy as np
import pytest

from vividlib.errors import AudioError, Cancelled, OutputError, VideoError
from vividlib.media.audio import load_speech
from vividlib.media.video import VideoWriter, frame_rate, is_ai_generated, read_video
from vividlib.types import Speech

RATES = [24, 25, 29.97, 30, 50, 60]
BLACK = np.zeros((64, 64, 3), np.uint8)


def noise(frames=10, side=64, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (frames, side, side, 3), np.uint8)


def hum(seconds):
    return Speech((0.3 * np.sin(np.arange(round(seconds * 16_000)) / 9)).astype(np.float32))


def written(path, frames, fps=25, **options):
    height, width = frames[0].shape[:2]
    with VideoWriter(path, width, height, fps, **options) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def ends(path):
    """Exact ends of video and audio as the file declares them, and as its packets have it (s)."""
    with av.open(str(path)) as container:
        streams = container.streams.video[0], container.streams.audio[0]
        declared = [(s.start_time + s.duration) * s.time_base for s in streams]
        packets = [0, 0]
        for packet in container.demux():
            if packet.pts is not None:
                index = packet.stream.index
                packets[index] = max(packets[index], (packet.pts + packet.duration) * packet.time_base)
    return declared, packets


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("seconds", [1, 600])
def test_audio_and_video_end_together(tmp_path, fps, seconds):
    rate = frame_rate(fps)
    count = round(seconds * rate)
    # Sound that is too long must be cut, and padded where it is too short. Silence encodes fastest.
    silence = np.zeros(round((seconds + (0.4 if fps < 30 else -0.4)) * 16_000), np.float32)
    path = written(tmp_path / "a.mp4", [BLACK] * count, fps, audio=Speech(silence))
    declared, packets = ends(path)
    for video, audio in (declared, packets):
        assert abs(video - count / rate) < Fraction(1, 10_000)
        assert abs(video - audio) < Fraction(1, 1000)


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_time_stamps_are_exact(tmp_path, fps, suffix):
    path = written(tmp_path / f"a{suffix}", [BLACK] * 50, fps)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == frame_rate(fps)
        times = [frame.pts * frame.time_base for frame in container.decode(stream)]
    assert times == [Fraction(index) / frame_rate(fps) for index in range(50)]


def test_frame_rates_by_name_are_the_ntsc_fractions():
    assert frame_rate(29.97) == frame_rate(30000 / 1001) == Fraction(30000, 1001)
    assert frame_rate(23.976) == frame_rate(23.98) == Fraction(24000, 1001)
    assert frame_rate(59.94) == Fraction(60000, 1001)
    assert [frame_rate(n) for n in (1, 2, 5, 24, 25.0, 30, 12.5)] == [1, 2, 5, 24, 25, 30, Fraction(25, 2)]
    for bad in (0, -25, float("nan"), float("inf"), 1000):
        with pytest.raises(OutputError):
            frame_rate(bad)


def test_a_few_damaged_packets_are_skipped_many_are_not(tmp_path):
    data = written(tmp_path / "a.mp4", [BLACK] * 100, audio=hum(4)).read_bytes()
    with av.open(str(tmp_path / "a.mp4")) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
    for share, damaged in [(0.02, False), (0.5, True)]:
        mutant = bytearray(data)
        for packet in packets[: round(share * len(packets))]:
            mutant[packet.pos : packet.pos + packet.size] = b"\xff" * packet.size
        if damaged:
            with pytest.raises(AudioError, match="damaged"):
                load_speech(bytes(mutant))
        else:
            assert load_speech(bytes(mutant)).duration > 3.8


def test_sound_is_heard_when_it_should_be(tmp_path):
    samples = np.zeros(32_000, np.float32)
    samples[24_000:24_160] = 0.8
    path = written(tmp_path / "a.mp4", [BLACK] * 50, audio=Speech(samples))
    heard = np.flatnonzero(np.abs(load_speech(path).samples) > 0.4)
    assert abs(heard[0] - 24_000) < 32 and abs(heard[-1] - 24_160) < 32  # 2 ms


def test_stereo_stays_stereo(tmp_path):
    wave = tmp_path / "a.wav"
    soundfile = pytest.importorskip("soundfile")
    left = 0.5 * np.sin(np.arange(44_100) / 15)
    soundfile.write(wave, np.stack([left, 0 * left], 1), 44_100)
    path = written(tmp_path / "a.mp4", [BLACK] * 25, audio=wave)
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        assert container.streams.audio[0].rate == 44_100
    level = np.concatenate(frames, 1).std(1)
    assert level[0] > 0.3 and level[1] < 0.01


def test_colours_survive(tmp_path):
    grid = np.stack(np.meshgrid([0, 90, 180, 255], [0, 128, 255], [0, 60, 255]), -1).reshape(6, 6, 3)
    image = np.repeat(np.repeat(grid, 32, 0), 32, 1).astype(np.uint8)
    path = written(tmp_path / "a.mp4", [image] * 5)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        assert frame.format.name == "yuv420p"
        # BT.709 matrix, primaries and curve, limited range: by the numbers of ITU-T H.273.
        assert (frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range) == (1, 1, 1, 1)
    for _, frame in read_video(path):
        assert np.abs(frame[16::32, 16::32].astype(int) - grid).max() <= 4


def test_odd_sizes_repeat_the_last_row_and_column(tmp_path):
    image = np.full((33, 51, 3), 90, np.uint8)
    image[:, -9:] = 200
    reader = read_video(written(tmp_path / "a.mp4", [image] * 3))
    assert (reader.width, reader.height) == (52, 34)
    _, frame = next(iter(reader))
    assert np.abs(frame[:33, :51].astype(int) - image).mean() < 3
    assert np.abs(frame[:, -1].astype(int) - 200).max() < 8


def test_the_same_frames_make_the_same_file(tmp_path):
    one, two = (written(tmp_path / name, noise(), audio=hum(0.4)) for name in ("a.mp4", "b.mp4"))
    assert one.read_bytes() == two.read_bytes()


def test_playing_can_start_before_the_end_is_there(tmp_path):
    data = written(tmp_path / "a.mp4", noise()).read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_videos_say_that_they_are_generated(tmp_path, suffix):
    path = written(tmp_path / f"a{suffix}", noise(), metadata={"title": "hello", "comment": "mine"})
    assert is_ai_generated(path)
    with av.open(str(path)) as container:
        assert container.metadata["title"] == "hello"
        assert "AI-generated" in container.metadata["comment"]
    other = tmp_path / f"other{suffix}"
    with av.open(str(other), "w") as container:
        video = container.add_stream("libx264", rate=25)
        container.mux(video.encode(av.VideoFrame(640, 480, "yuv420p")))
        container.mux(video.encode())
    assert not is_ai_generated(other)


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_the_digital_source_type_is_where_iptc_puts_it(tmp_path, suffix):
    data = written(tmp_path / f"a{suffix}", noise(), audio=hum(0.4)).read_bytes()
    boxes, place = {}, 0
    while place < len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        boxes[data[place + 4 : place + 8]] = data[place + 8 : place + size]
        place += size
    assert place == len(data)
    assert boxes[b"uuid"][:16].hex() == "be7acfcb97a942e89c71999491e3afac"
    described = ElementTree.fromstring(boxes[b"uuid"][16:]).find(".//{*}Description")
    assert described.get("{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType") == (
        "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
    )


def test_cancelling_keeps_what_was_there(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"before")
    with pytest.raises(Cancelled), VideoWriter(path, 64, 64, 25, audio=hum(1)) as writer:
        writer.write(BLACK)
        raise Cancelled
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]


def test_no_frames_are_no_video(tmp_path):
    with pytest.raises(OutputError, match="no frames"), VideoWriter(tmp_path / "a.mp4", 64, 64, 25):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.6, 0.9, 0.99, 0.999])
def test_running_out_of_space_leaves_nothing(tmp_path, share):
    resource = pytest.importorskip("resource")
    whole = written(tmp_path / "whole.mp4", noise(20), audio=hum(1))
    kept = tmp_path / "a.mp4"
    kept.write_bytes(b"before")
    # A limit on file size fails writes as a full disk does, at a place that can be chosen.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(share * os.path.getsize(whole)), limits[1]))
    try:
        with pytest.raises(OutputError, match="another disk"):
            written(kept, noise(20), audio=hum(1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert kept.read_bytes() == b"before"
    assert sorted(tmp_path.iterdir()) == [kept, whole]


def test_a_full_disk_is_told_as_one(tmp_path, monkeypatch):
    writer = VideoWriter(tmp_path / "a.mp4", 64, 64, 25)

    def full(_):
        raise av.error.OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OutputError, match="disk is full; free"), writer:
        monkeypatch.setattr(writer, "write", full)
        writer.write(BLACK)
    assert not list(tmp_path.iterdir())


def test_writers_refuse_early(tmp_path):
    for options, words in [
        (("a.avi", 64, 64, 25), r"\.mov, \.mp4"),
        (("b/a.mp4", 64, 64, 25), "does not exist"),
        (("a.mp4", 0, 64, 25), "0x64"),
        (("a.mp4", 64, 99_999, 25), "99999"),
        (("a.mp4", 64, 64, 0), "frames a second"),
    ]:
        with pytest.raises(OutputError, match=words):
            VideoWriter(tmp_path / options[0], *options[1:])
    with pytest.raises(AudioError), VideoWriter(tmp_path / "a.mp4", 64, 64, 25, audio=b"no sound"):
        pass
    with pytest.raises(OutputError, match="float64"), VideoWriter(tmp_path / "a.mp4", 64, 64, 25) as writer:
        writer.write(BLACK / 255)
    assert not list(tmp_path.iterdir())


def test_reading_gives_back_times_and_frames_every_time(tmp_path):
    frames = np.repeat(np.repeat(noise(30, 8), 8, 1), 8, 2)
    reader = read_video(written(tmp_path / "a.mp4", frames, 29.97))
    assert (reader.fps, reader.frames, reader.width, reader.height) == (Fraction(30000, 1001), 30, 64, 64)
    assert abs(reader.duration - 1.001) < 1e-3
    for _ in range(2):
        times, images = zip(*reader)
        assert np.allclose(times, np.arange(30) * 1001 / 30000)
        # Luma is what 4:2:0 keeps at full resolution.
        luma = np.array([0.2126, 0.7152, 0.0722])
        assert np.abs(np.stack(images) @ luma - frames @ luma).mean() < 6


def test_uneven_time_stamps_are_given_as_they_are(tmp_path):
    stamps = [3, 4, 9, 10, 30]
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width = video.height = 64
        for stamp in stamps:
            frame = av.VideoFrame.from_ndarray(BLACK, "rgb24")
            frame.pts, frame.time_base = stamp, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode())
    times = [time for time, _ in read_video(tmp_path / "a.mkv")]
    assert np.allclose(times, (np.array(stamps) - 3) / 25, atol=2e-3)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_rotation_is_applied(tmp_path, turns):
    image = np.zeros((32, 64, 3), np.uint8)
    image[:8, :8] = 255
    path = written(tmp_path / "a.mp4", [image] * 3)
    # The display matrix of a track header: identity, and counter-clockwise quarter turns.
    matrices = [(1, 0, 0, 1), (0, -1, 1, 0), (-1, 0, 0, -1), (0, 1, -1, 0)]

    def packed(a, b, c, d):
        values = [a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30]
        return b"".join((value % 2**32).to_bytes(4, "big") for value in values)

    data = path.read_bytes()
    track = data.index(b"tkhd")
    place = data.index(packed(*matrices[0]), track)
    path.write_bytes(data[:place] + packed(*matrices[turns]) + data[place + 36 :])
    reader = read_video(path)
    expected = np.rot90(image, turns)
    assert (reader.height, reader.width) == expected.shape[:2]
    for _, frame in reader:
        assert np.abs(frame.astype(int) - expected).mean() < 5


def test_bad_videos_say_what_is_wrong(tmp_path):
    whole = written(tmp_path / "a.mp4", noise(), audio=hum(0.4)).read_bytes()
    (tmp_path / "text.mp4").write_text("not a video")
    for source, words in [
        (tmp_path / "none.mp4", "not there"),
        (tmp_path / "text.mp4", "text.mp4 is no video"),
        (whole[:500], "no video"),
        (whole[500:], "no video"),
    ]:
        with pytest.raises(VideoError, match=words):
            read_video(source)
    with pytest.raises(VideoError):
        is_ai_generated(tmp_path / "text.mp4")
