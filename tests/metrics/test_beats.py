import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vividlib.conventions import SAMPLE_RATE
from vividlib.metrics.beats import SIGMA, audio_beats, audio_onsets, beat_align, matched, motion_beats

CLICKS = np.arange(0.5, 10, 0.5)


@pytest.fixture(scope="module")
def clicks():
    pytest.importorskip("librosa")
    samples = np.zeros(10 * SAMPLE_RATE, np.float32)
    burst = np.random.default_rng(0).normal(0, 0.3, 400) * np.hanning(400)
    for second in CLICKS:
        start = int(second * SAMPLE_RATE)
        samples[start : start + 400] = burst
    return samples


@pytest.mark.parametrize("find", [audio_beats, audio_onsets])
def test_a_metronome_is_heard(clicks, find):
    found = find(clicks)
    assert len(found) >= len(CLICKS) - 3
    assert np.abs(found[:, None] - CLICKS).min(1).max() < 0.03


def test_a_nodding_head_beats_where_it_turns_back():
    times = np.arange(500) / 50
    nods = np.radians(5) * np.cos(2 * np.pi * times)  # turns back every half second
    found = motion_beats(Rotation.from_rotvec(nods[:, None] * [1, 0, 0]).as_quat(), 50)
    np.testing.assert_allclose(found, np.arange(1, len(found) + 1) * 0.5, atol=0.02)


def test_beats_of_motion_do_not_depend_on_the_frame_rate():
    def beats(rate):
        times = np.arange(10 * rate) / rate
        turn = np.radians(5) * (np.sin(4 * times) + np.sin(2.3 * times + 1))
        return motion_beats(Rotation.from_rotvec(turn[:, None] * [0, 1, 0]).as_quat(), rate)

    np.testing.assert_allclose(beats(50), beats(120), atol=0.015)


def test_what_meets_scores_one_and_what_is_a_deviation_off_scores_less():
    beats = np.arange(1.0, 9)
    assert beat_align(beats, beats) == 1
    assert beat_align(beats, beats + SIGMA) == pytest.approx(np.exp(-0.5))
    assert beat_align(beats, beats + 0.5) < 1e-9
    assert beat_align(beats, np.zeros(0)) == 0 and np.isnan(beat_align(np.zeros(0), beats))


def test_every_beat_of_the_audio_counts_and_more_beats_of_motion_cost_nothing():
    audio = np.array([1.0, 2.0])
    assert beat_align(audio, np.array([1.0])) == pytest.approx(0.5)
    assert beat_align(audio, np.arange(0, 3, 0.25)) == 1


def test_motion_that_follows_its_own_audio_is_told_from_chance():
    random = np.random.default_rng(1)
    audio = [np.sort(random.uniform(0, 4, 6)) for _ in range(30)]
    motion = [beats + random.normal(0, 0.03, 6) for beats in audio]
    others = [np.sort(random.uniform(0, 4, 6)) for _ in range(30)]

    def scores(rows):
        return np.array([[beat_align(one, row) for one in audio] for row in rows])

    assert matched(scores(motion), 999).p == 0.001
    assert matched(scores(motion), 999).own > 2 * matched(scores(motion), 999).shuffled
    assert matched(scores(others), 999).p > 0.05


def test_chance_is_below_five_in_a_hundred_five_times_in_a_hundred():
    random = np.random.default_rng(2)
    p = [matched(random.normal(size=(12, 12)), 99, seed).p for seed in range(400)]
    assert 0.02 < np.mean(np.array(p) <= 0.05) < 0.09


def test_audio_without_beats_tells_nothing():
    scores = np.eye(8)
    scores[:, 3] = np.nan
    assert matched(scores, 999).own == 1 and matched(scores, 999).p < 0.01
