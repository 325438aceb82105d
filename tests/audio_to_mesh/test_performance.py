import numpy as np
import pytest
import torch

from vividlib.audio_to_mesh.network import FRAMES_AHEAD, LOOK_AHEAD, SPOKEN_INDEX
from vividlib.audio_to_mesh.performance import speak
from vividlib.conventions import MOTION_RATE, SAMPLE_RATE
from vividlib.errors import AudioError, Cancelled
from vividlib.head.gaze import eye_shapes
from vividlib.media.audio import load_speech
from vividlib.metrics.mouth import lip_gap
from vividlib.types import Speech
from vividlib.weights import asset_path

# When assets/speech.wav says p, b and m, in seconds, as `python -m vividlib.training sentence` prints it.
CLOSED_LIPS = [
    (1.882, 2.038), (3.684, 3.768), (3.933, 3.996), (4.903, 4.926), (5.301, 5.391), (5.638, 5.680), (5.912, 6.029),
    (6.560, 6.709), (7.454, 7.558), (7.873, 8.008),
]  # fmt: skip
OPEN_VOWELS = [(1.321, 1.487), (4.536, 4.692), (5.391, 5.582), (6.343, 6.560), (6.823, 6.967), (7.291, 7.454), (7.659, 7.873)]  # fmt: skip
ROUNDED = [(2.129, 2.212), (3.768, 3.869), (4.926, 5.052)]


@pytest.fixture(scope="module")
def speech() -> Speech:
    return load_speech(asset_path("speech.wav"))


@pytest.fixture(scope="module")
def motion(speech):
    return speak(speech)


def frames(interval: tuple[float, float], margin: float = 0.0) -> slice:
    start, end = interval
    return slice(round((start - margin) * MOTION_RATE), round((end + margin) * MOTION_RATE) + 1)


def noise(seconds: float, amplitude: float) -> np.ndarray:
    return np.random.default_rng(5).normal(0, amplitude, int(seconds * SAMPLE_RATE)).astype(np.float32)


def test_one_frame_for_every_fiftieth_of_a_second():
    for count in (3200, 3201, 16_000, 16_319, 16_321):
        made = speak(Speech(noise(2, 0.1)[:count]))
        assert len(made) == -(-count * MOTION_RATE // SAMPLE_RATE) and made.rate == MOTION_RATE


def test_same_seed_gives_the_same_bits_and_another_seed_another_head(speech, motion):
    again, other = speak(speech, seed=0), speak(speech, seed=1)
    for name in ("blendshapes", "head_rotation", "head_translation", "gaze"):
        assert np.array_equal(getattr(again, name), getattr(motion, name))
    assert not np.array_equal(other.head_rotation, motion.head_rotation)
    assert np.array_equal(other.blendshapes[:, SPOKEN_INDEX], motion.blendshapes[:, SPOKEN_INDEX])


def test_lips_meet_on_p_b_and_m(motion, head):
    gap = lip_gap(motion.blendshapes, head)
    for start, end in CLOSED_LIPS:
        assert gap[frames((start - 0.09, end))].min() < 1.0, start  # mm; lips are ahead of the sound


def test_mouth_opens_on_open_vowels(motion, head):
    gap = lip_gap(motion.blendshapes, head)
    for interval in OPEN_VOWELS:
        assert gap[frames(interval)].max() > 4.0, interval  # mm


def test_lips_round_on_rounded_vowels(motion):
    rounding = motion["mouthPucker"] + motion["mouthFunnel"]
    elsewhere = np.mean([rounding[frames(interval)].mean() for interval in OPEN_VOWELS[1:3]])
    for interval in ROUNDED:
        assert rounding[frames(interval)].max() > elsewhere + 0.1, interval


@pytest.mark.parametrize("amplitude", [0, 1e-4, 1e-3, 1e-2, 1e-1])
def test_silence_and_hiss_rest_the_mouth(amplitude):
    motion = speak(Speech(noise(6, 1.0) * np.float32(amplitude)))
    made = motion.blendshapes[:, SPOKEN_INDEX]
    assert made.max() < 0.02  # the very start of a noise may be that of a voice
    assert made[MOTION_RATE:].max() == 0
    assert not motion.lip_offsets[MOTION_RATE:].any()


def test_a_pause_rests_the_mouth_even_in_noise(speech):
    pause = np.zeros(3 * SAMPLE_RATE, np.float32)
    samples = np.concatenate([speech.samples, pause, speech.samples])
    samples = samples + noise(len(samples) / SAMPLE_RATE + 1, 1e-3)[: len(samples)]
    made = speak(Speech(samples)).blendshapes[:, SPOKEN_INDEX]
    start = len(speech.samples) * MOTION_RATE // SAMPLE_RATE
    assert made[start + 25 : start + 125].max() < 0.01
    assert made[:start].max() > 0.3 and made[start + 150 :].max() > 0.3


@pytest.mark.parametrize("gain", [0.03, 0.3, 1.4])
def test_louder_or_quieter_speech_moves_the_same_mouth(speech, motion, gain):
    made = speak(Speech(speech.samples * np.float32(gain)))
    error = np.abs(made.blendshapes - motion.blendshapes)[:, SPOKEN_INDEX]
    assert error.mean() < 0.003 and (error > 0.05).mean() < 0.005  # what is too quiet to be a voice may differ


def test_nothing_depends_on_sound_after_the_look_ahead(speech):
    cut = 4 * MOTION_RATE
    changed = speech.samples.copy()
    changed[round((cut / MOTION_RATE + LOOK_AHEAD) * SAMPLE_RATE) :] = noise(10, 0.3)[0]
    before, after = speak(speech), speak(Speech(changed))
    for name in ("blendshapes", "head_rotation", "head_translation", "gaze", "lip_offsets"):
        first, second = getattr(before, name), getattr(after, name)
        np.testing.assert_allclose(first[: cut + 1], second[: cut + 1], atol=1e-5)
    reached = np.abs(before.blendshapes - after.blendshapes)[cut + 1 : cut + 2 + FRAMES_AHEAD].max()
    assert reached > 1e-4 and LOOK_AHEAD <= 0.12  # the stated look-ahead is the real one


def test_eye_shapes_show_the_gaze(motion):
    looking = eye_shapes(motion.gaze)
    columns = looking.max(0) > 0
    assert columns.sum() == 8
    np.testing.assert_allclose(motion.blendshapes[:, columns], looking[:, columns], atol=1e-6)


def test_progress_can_cancel(speech):
    def stop(stage, done, total):
        raise Cancelled

    with pytest.raises(Cancelled):
        speak(speech, progress=stop)


def test_too_short_speech_is_refused():
    with pytest.raises(AudioError, match="0.2 s"):
        speak(Speech(noise(0.1, 0.1)))


def test_threads_do_not_change_the_mouth_visibly(speech, motion):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        alone = speak(speech)
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_allclose(alone.blendshapes, motion.blendshapes, atol=1e-4)
