from dataclasses import replace

import numpy as np
import pytest
import torch

import vividlib as vv
from vividlib.audio_to_mesh.network import LOOK_AHEAD, SPOKEN_INDEX
from vividlib.audio_to_mesh.performance import speak
from vividlib.audio_to_mesh.stream import Performer
from vividlib.conventions import MOTION_RATE, SAMPLE_RATE
from vividlib.errors import AudioError, InputError
from vividlib.media.audio import load_speech
from vividlib.types import Motion, Speech
from vividlib.weights import asset_path

CURVES = ("blendshapes", "head_rotation", "head_translation", "gaze", "lip_offsets")
TAKE = Motion(np.zeros((50, 52)), [[0, np.sin(0.2 * number) / 9, 0, 1] for number in range(50)], rate=25)
BUSY = vv.Controls(
    mouth=1.4, upper_face=1.5, blink_rate=3, smoothing=0.06, gain={"jawOpen": 0.8}, style=2,
    head=TAKE, head_strength=1.5, gaze=(0.2, -0.1), distance=0.03,
)  # fmt: skip


@pytest.fixture(scope="module")
def speech() -> Speech:
    return load_speech(asset_path("speech.wav"))


def streamed(samples: np.ndarray, sizes, seed: int = 0, performer: Performer | None = None) -> list[Motion | None]:
    """The motions of every step over chunks of the given sizes, the rest in the last step."""
    performer, motions, begin = performer or Performer(), [], 0
    state = performer.begin(seed)
    for size in sizes:
        state, motion = performer.step(state, samples[begin : begin + size])
        motions.append(motion)
        begin += size
    motions.append(performer.step(state, samples[begin:], last=True)[1])
    return motions


def whole(motions) -> Motion:
    return Motion.joined([motion for motion in motions if motion is not None])


def furthest(one: Motion, other: Motion) -> float:
    assert len(one) == len(other)
    return max(float(np.abs(getattr(one, name) - getattr(other, name)).max()) for name in CURVES)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("controls", [vv.Controls(), BUSY], ids=["as learned", "all controls"])
def test_chunks_of_any_size_give_what_the_whole_gives(speech, seed, controls):
    random = np.random.default_rng(seed)
    samples = speech.samples[: len(speech.samples) - int(random.integers(0, 900))]
    sizes = random.choice([0, 1, 100, 160, 320, 333, 2_000, 30_000], 80)
    offline = speak(Speech(samples), seed, controls)
    assert furthest(whole(streamed(samples, sizes, seed, Performer(controls))), offline) < 1e-5
    assert offline.blendshapes[:, SPOKEN_INDEX].max() > 0.3


@pytest.mark.parametrize("count", [3_200, 3_201, 4_000, 5_119])
def test_short_sounds_end_as_they_do_offline(speech, count):
    samples = speech.samples[22_000 : 22_000 + count]
    made = whole(streamed(samples, [count // 3, count // 3]))
    assert len(made) == -(-count * MOTION_RATE // SAMPLE_RATE)
    assert furthest(made, speak(Speech(samples))) < 1e-5


@pytest.mark.parametrize("count", [1, 159, 320, 321])
def test_a_frame_for_every_sound_begun(count):
    assert len(whole(streamed(np.zeros(count, np.float32), []))) == -(-count // 320)


def test_voices_heard_long_ago_are_forgotten_as_offline(speech):
    """Past all memories, louder then than now: what a memory cut too short or kept too long would show."""
    long = np.concatenate([speech.samples, speech.samples * np.float32(0.05), speech.samples * np.float32(0.3)])
    assert furthest(whole(streamed(long, [1600] * (len(long) // 1600))), speak(Speech(long))) < 1e-5


def test_a_frame_comes_as_soon_as_its_look_ahead_is_heard(speech):
    performer, frames = Performer(), 0
    state = performer.begin()
    chunk = SAMPLE_RATE // MOTION_RATE
    for number in range(1, 60):
        state, motion = performer.step(state, speech.samples[(number - 1) * chunk : number * chunk])
        frames += 0 if motion is None else len(motion)
        heard = number / MOTION_RATE  # seconds
        assert frames == max(0, np.floor((heard - LOOK_AHEAD) * MOTION_RATE + 1e-6) + 1)


def test_the_state_stays_small(speech):
    def size(state) -> int:
        memory = [*state.memory.stem, *(part for block in state.memory.blocks for part in block)]
        return sum(part.numel() for part in (state.samples, state.levels, state.loud, state.voice, *memory))

    performer = Performer()
    state, _ = performer.step(performer.begin(), speech.samples)
    later, _ = performer.step(state, np.tile(speech.samples, 2))
    assert size(later) <= size(state) + 320


def test_a_state_can_be_used_twice(speech):
    performer = Performer()
    state, _ = performer.step(performer.begin(), speech.samples[:30_000])
    once, again = (performer.step(state, speech.samples[30_000:40_000])[1] for _ in range(2))
    assert furthest(once, again) == 0


def test_nothing_heard_is_nothing_made():
    performer = Performer()
    state, motion = performer.step(performer.begin(), np.zeros(0, np.float32))
    assert motion is None and state.heard == 0
    assert performer.step(state, np.zeros(0, np.float32), last=True)[1] is None


def test_long_silence_lives_by_the_seed_and_not_by_the_chunks():
    samples = np.zeros(70 * SAMPLE_RATE, np.float32)
    one, other = (whole(streamed(samples, sizes, seed=3)) for sizes in ([50_000] * 10, [777] * 90))
    assert furthest(one, other) < 1e-5
    assert furthest(one, whole(streamed(samples, [], seed=4))) > 0.1
    assert one["eyeBlinkLeft"].max() > 0.9
    turn = np.degrees(np.abs(np.diff(one.head_rotation, axis=0)).max(1) * 2)
    assert 0 < turn.max() < 2  # degrees from frame to frame: nothing jumps


def test_the_face_is_a_part_of_the_style(face):
    somebody, nobody = Performer(face=face), Performer()
    assert not torch.equal(somebody.style, nobody.style) and not nobody.style.any()
    stranger = replace(face, head=replace(face.head, name="ict"))  # whose coefficients mean something else
    assert not Performer(face=stranger).style.any()


@pytest.mark.filterwarnings("error")
def test_chunks_may_be_views_of_what_the_caller_keeps(speech):
    performer = Performer()
    locked = speech.samples[:16_000].copy()
    locked.flags.writeable = False
    backwards = np.ascontiguousarray(locked[::-1])[::-1]
    once, again = (performer.step(performer.begin(), samples)[1] for samples in (locked, backwards))
    assert furthest(once, again) == 0


def test_no_controls(speech):
    with pytest.raises(InputError, match="Controls"):
        vv.speak(speech, controls={"mouth": 1.2})


@pytest.mark.parametrize("seed", [-1, 1.5, "3", None])
def test_no_seed(seed):
    with pytest.raises(InputError, match="no seed"):
        Performer().begin(seed)


@pytest.mark.parametrize(
    "samples",
    [np.zeros(9), np.zeros((9, 1), np.float32), np.full(9, np.nan, np.float32), np.full(9, 1e30, np.float32)],
)
def test_something_else_than_samples(samples):
    performer = Performer()
    with pytest.raises(AudioError, match="16 kHz"):
        performer.step(performer.begin(), samples)
