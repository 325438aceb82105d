import io
import tracemalloc
from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile

from vividlib.errors import AudioError
from vividlib.media.audio import load_speech, open_sound
from vividlib.types import Speech


def tone(rate, seconds=1.0, hertz=440, level=0.5):
    return level * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


def encoded(samples, rate, kind="WAV", subtype="FLOAT"):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=kind, subtype=subtype)
    return buffer.getvalue()


def assert_is_tone(speech, seconds=1.0, tolerance=2e-3):
    assert speech.samples.dtype == np.float32
    assert abs(speech.duration - seconds) <= 1 / 16_000
    middle = slice(1600, 14_400)
    assert np.abs(speech.samples[middle] - tone(16_000)[middle]).max() < tolerance


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2, 6, 9])
def test_any_rate_and_channel_count_becomes_the_same_16_khz_mono(rate, channels):
    samples = np.repeat(tone(rate)[:, None], channels, 1)
    assert_is_tone(load_speech(encoded(samples, rate)))


def test_eight_planar_channels():
    """PyAV 18 sees a ninth plane there; reading it ends the process."""
    file = io.BytesIO()
    with av.open(file, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=48_000)
        stream.layout = "7.1"
        samples = np.repeat(tone(48_000).astype(np.float32)[:, None], 8, 1)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), "flt", "7.1")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert_is_tone(load_speech(file.getvalue()), tolerance=0.1)


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("WAV", "PCM_U8"), ("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "PCM_32"), ("WAV", "DOUBLE"), ("WAV", "ULAW"),
     ("FLAC", "PCM_16"), ("FLAC", "PCM_24"), ("AIFF", "PCM_16"), ("CAF", "PCM_16"), ("AU", "PCM_16"), ("W64", "PCM_16"),
     ("RF64", "PCM_16")],
)  # fmt: skip
def test_formats_agree(kind, subtype):
    speech = load_speech(encoded(tone(16_000), 16_000, kind, subtype))
    assert_is_tone(speech, tolerance=0.02 if subtype in ("PCM_U8", "ULAW") else 1e-3)


@pytest.mark.parametrize(("kind", "subtype"), [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")])
def test_lossy_formats_keep_length_and_place(kind, subtype):
    speech = load_speech(encoded(tone(48_000), 48_000, kind, subtype))
    assert abs(speech.duration - 1) < 0.07
    assert np.corrcoef(speech.samples[1600:14_400], tone(16_000)[1600:14_400])[0, 1] > 0.98


def test_channels_are_averaged():
    left_only = np.stack([tone(16_000), np.zeros(16_000)], 1)
    assert np.abs(load_speech(left_only, 16_000).samples * 2 - tone(16_000)).max() < 1e-6


def test_arrays_are_scaled_by_their_type():
    for samples in (
        tone(16_000).astype(np.float32),
        (tone(16_000) * 32_767).astype(np.int16),
        (tone(16_000) * (2**31 - 1)).astype(np.int32),
        (tone(16_000) * 32_767 + 32_768).astype(np.uint16),
    ):
        assert_is_tone(load_speech(samples, 16_000))


def test_sound_above_full_scale_is_turned_down_not_cut():
    speech = load_speech(tone(16_000) * 6, 16_000)
    assert np.abs(speech.samples).max() == 1
    assert np.abs(speech.samples / 2 - tone(16_000)).max() < 1e-3


def test_speech_is_returned_as_it_is():
    speech = Speech(np.zeros(10, np.float32))
    assert load_speech(speech) is speech


def test_sound_of_a_video_starts_with_its_first_frame(tmp_path):
    for late in (-0.3, 0.3):
        path = tmp_path / "a.mkv"
        _video_with_click(path, late)
        samples = np.abs(load_speech(path).samples)
        # The click is half a second into the sound, which starts `late` after the pictures.
        assert abs(samples.argmax() / 16_000 - (0.5 + late)) < 0.002


def _video_with_click(path, late):
    shift = max(0, -late)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width = video.height = 64
        audio = container.add_stream("pcm_s16le", rate=16_000)
        audio.layout = "mono"
        for index in range(25):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
            frame.pts, frame.time_base = index + round(shift * 25), Fraction(1, 25)
            container.mux(video.encode(frame))
        sound = np.zeros((1, 16_000), np.int16)
        sound[0, 8_000] = 30_000
        frame = av.AudioFrame.from_ndarray(sound, "s16", "mono")
        frame.sample_rate, frame.time_base = 16_000, Fraction(1, 16_000)
        frame.pts = round((late + shift) * 16_000) + (round(shift * 25) * 640 - round(shift * 16_000))
        container.mux(audio.encode(frame))
        container.mux(video.encode())
        container.mux(audio.encode())


def test_long_files_take_the_memory_of_the_result(tmp_path):
    path = tmp_path / "long.wav"
    seconds = 300
    with soundfile.SoundFile(path, "w", 48_000, 2, "PCM_16") as file:
        for _ in range(seconds):
            file.write(np.repeat(tone(48_000)[:, None], 2, 1))
    tracemalloc.start()
    speech = load_speech(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert speech.duration == seconds
    assert peak < 2.5 * speech.samples.nbytes  # the file as float32 stereo would be 6 times the result


@pytest.mark.parametrize(
    ("samples", "words"),
    [(np.zeros(16_000), "silent"), (np.full(16_000, 0.3), "silent"), (tone(16_000, level=5e-4), "silent"),
     (tone(16_000, 0.19), "0.19 s"), (np.where(np.arange(16_000) == 70, np.nan, tone(16_000)), "NaN"),
     (np.zeros((2, 2, 2)), "reshape"), (np.zeros(0), "reshape"), (np.zeros(16_000, complex), "complex")],
)  # fmt: skip
def test_arrays_that_hold_no_voice_are_refused(samples, words):
    with pytest.raises(AudioError, match=words):
        load_speech(samples, 16_000)


def test_arrays_need_a_rate_that_can_be_true():
    with pytest.raises(AudioError, match="needs its rate"):
        load_speech(tone(16_000))
    for rate in (0, 16, -16_000, 10**9):
        with pytest.raises(AudioError, match="sample rate"):
            load_speech(tone(16_000), rate)


def test_bad_files_say_what_is_wrong(tmp_path):
    (tmp_path / "text.wav").write_text("not a sound")
    nan = tone(16_000)
    nan[5_000] = np.nan
    mute = io.BytesIO()
    with av.open(mute, "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=25)
        container.mux(video.encode(av.VideoFrame(640, 480, "yuv420p")))
        container.mux(video.encode())
    for source, words in [
        (tmp_path / "none.wav", "not there"),
        (tmp_path / "text.wav", "text.wav is no sound"),
        (encoded(nan, 16_000), "NaN"),
        (encoded(np.zeros(0), 16_000), "0.00 s"),
        (mute.getvalue(), "holds no sound"),
    ]:
        with pytest.raises(AudioError, match=words):
            load_speech(source)


def test_sound_for_a_video_keeps_stereo_and_rate():
    stereo = np.stack([tone(44_100), tone(44_100, hertz=660)], 1)
    sound = open_sound(encoded(stereo, 44_100))
    assert (sound.rate, sound.channels) == (44_100, 2)
    assert np.abs(np.concatenate(list(sound.blocks)) - stereo).max() < 1e-6
    low = open_sound(encoded(np.repeat(tone(16_000)[:, None], 6, 1), 16_000))
    assert (low.rate, low.channels) == (48_000, 1)
    assert sum(map(len, low.blocks)) == 48_000
    with pytest.raises(AudioError, match="no sound"):
        open_sound(encoded(np.zeros(0), 16_000))
