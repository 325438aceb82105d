import numpy as np
import pytest

from vividlib.audio_to_mesh import stream
from vividlib.audio_to_mesh.network import LOOK_AHEAD, SPOKEN_INDEX
from vividlib.audio_to_mesh.performance import listen, load_network, speak
from vividlib.conventions import MOTION_RATE, SAMPLE_RATE
from vividlib.errors import AudioError
from vividlib.head.gaze import eye_shapes
from vividlib.media.audio import load_speech
from vividlib.types import Speech
from vividlib.weights import asset_path


@pytest.fixture(scope="module")
def speech() -> Speech:
    return load_speech(asset_path("speech.wav"))


def streamed(samples: np.ndarray, sizes, seed: int = 0):
    """The motions of every step over chunks of the given sizes, the rest in the last step."""
    state, motions, begin = stream.begin(seed), [], 0
    for size in sizes:
        state, motion = stream.step(state, samples[begin : begin + size])
        motions.append(motion)
        begin += size
    motions.append(stream.step(state, samples[begin:], last=True)[1])
    return motions


def whole(motions, name: str = "blendshapes") -> np.ndarray:
    return np.concatenate([getattr(motion, name) for motion in motions if motion is not None])


@pytest.mark.parametrize("seed", range(3))
def test_chunks_of_any_size_give_the_mouth_of_the_whole(speech, seed):
    random = np.random.default_rng(seed)
    samples = speech.samples[: len(speech.samples) - int(random.integers(0, 900))]
    sizes = random.choice([0, 1, 100, 160, 320, 333, 2_000, 30_000], 80)
    mouth, _, _ = listen(load_network(), Speech(samples))
    assert np.abs(whole(streamed(samples, sizes))[:, SPOKEN_INDEX] - mouth[:, SPOKEN_INDEX]).max() < 1e-5
    assert mouth.max() > 0.3


@pytest.mark.parametrize("count", [1, 159, 320, 321, 640, 1_700, 4_000])
def test_short_sounds_end_as_they_do_offline(speech, count):
    samples = speech.samples[22_000 : 22_000 + count]
    mouth, _, _ = listen(load_network(), Speech(samples))
    made = whole(streamed(samples, [count // 3, count // 3]))
    assert len(made) == len(mouth) == -(-count * MOTION_RATE // SAMPLE_RATE)
    assert np.abs(made - mouth)[:, SPOKEN_INDEX].max() < 1e-5


def test_voices_heard_long_ago_are_forgotten_as_offline(speech):
    """Past LEVEL_MEMORY, louder then than now: what a memory cut too short or kept too long would show."""
    long = np.concatenate([speech.samples, speech.samples * np.float32(0.05), speech.samples * np.float32(0.3)])
    mouth, _, _ = listen(load_network(), Speech(long))
    made = whole(streamed(long, [1600] * (len(long) // 1600)))
    assert np.abs(made - mouth)[:, SPOKEN_INDEX].max() < 1e-5


def test_a_frame_comes_as_soon_as_its_look_ahead_is_heard(speech):
    state, frames = stream.begin(), 0
    chunk = SAMPLE_RATE // MOTION_RATE
    for number in range(1, 60):
        state, motion = stream.step(state, speech.samples[(number - 1) * chunk : number * chunk])
        frames += 0 if motion is None else len(motion)
        heard = number / MOTION_RATE  # seconds
        assert frames == max(0, np.floor((heard - LOOK_AHEAD) * MOTION_RATE + 1e-6) + 1)


def test_the_state_stays_small(speech):
    def size(hearing):
        return sum(
            part.numel() for part in (hearing.samples, hearing.mel, *hearing.inputs, hearing.voice, hearing.loud)
        )

    state, _ = stream.step(stream.begin(), np.tile(speech.samples, 1))
    later, _ = stream.step(state, np.tile(speech.samples, 2))
    assert size(later.hearing) <= size(state.hearing) + 320


def test_a_state_can_be_used_twice(speech):
    state, _ = stream.step(stream.begin(), speech.samples[:30_000])
    once, again = (stream.step(state, speech.samples[30_000:40_000])[1] for _ in range(2))
    assert np.array_equal(once.blendshapes, again.blendshapes)


def test_nothing_heard_is_nothing_made():
    state, motion = stream.step(stream.begin(), np.zeros(0, np.float32))
    assert motion is None and state.frame == 0
    assert stream.step(state, np.zeros(0, np.float32), last=True)[1] is None


def test_head_and_eyes_live_by_the_seed_and_not_by_the_chunks(speech):
    samples = np.zeros(70 * SAMPLE_RATE, np.float32)
    one, other = streamed(samples, [50_000] * 10, seed=3), streamed(samples, [777] * 90, seed=3)
    for name in ("head_rotation", "head_translation", "gaze", "blendshapes"):
        assert np.array_equal(whole(one, name), whole(other, name))
    assert not np.array_equal(whole(one, "gaze"), whole(streamed(samples, [], seed=4), "gaze"))
    gaze, shapes = whole(one, "gaze"), whole(one)
    assert np.allclose(eye_shapes(gaze)[:, :7].max(0)[1:5], shapes[:, 1:5].max(0))
    assert shapes[:, 0].max() > 0.9  # blinks
    minute = 60 * MOTION_RATE  # where one stretch of head and eyes meets the next
    turn = np.degrees(np.abs(np.diff(whole(one, "head_rotation"), axis=0)).max(1) * 2)
    assert turn[minute - 50 : minute + 50].max() < 0.5
    assert np.degrees(np.abs(np.diff(gaze, axis=0))[minute - 5 : minute + 2]).max() < 4


def test_the_mouth_of_speak(speech):
    made, offline = whole(streamed(speech.samples, [5_000] * 5)), speak(speech).blendshapes
    assert np.abs(made - offline)[:, SPOKEN_INDEX].max() < 1e-5


@pytest.mark.parametrize("samples", [np.zeros(9), np.zeros((9, 1), np.float32), np.full(9, np.nan, np.float32)])
def test_something_else_than_samples(samples):
    with pytest.raises(AudioError, match="16 kHz"):
        stream.step(stream.begin(), samples)
