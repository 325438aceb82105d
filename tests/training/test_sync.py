"""Sound and lips that are out of step are found to be, by as much as they are."""

import numpy as np
import pytest

from vividlib.conventions import MOTION_RATE
from vividlib.training.sync import lags


def talk(seconds: float, random) -> np.ndarray:
    """Opening of lips that move at up to 4 Hz, mm."""
    frames = round(seconds * MOTION_RATE)
    return 5 * np.convolve(random.normal(size=frames + 12), np.hanning(13) / 3, "valid")


def pair(opening: np.ndarray, late: float, noise: float, random) -> tuple[np.ndarray, np.ndarray]:
    """What is heard of lips, and what is seen of them ``late`` seconds later."""
    times = np.arange(len(opening))
    seen = np.interp(times - late * MOTION_RATE, times, opening)
    return opening + noise * random.normal(size=len(opening)), seen + noise * random.normal(size=len(opening))


def person(late: list[float], seconds: float, noise: float = 1.0, seed: int = 0):
    random = np.random.default_rng(seed)
    pairs = [pair(talk(seconds, random), lag, noise, random) for lag in late]
    return lags(*map(list, zip(*pairs)))


@pytest.mark.parametrize("late", [-0.21, -0.05, 0.0, 0.07, 0.13])
def test_the_lag_of_a_long_video_is_found_to_a_fraction_of_a_frame(late):
    found, (own,), (evidence,) = person([late], 20)
    assert found == pytest.approx(late, abs=0.006) and own == pytest.approx(late, abs=0.006)
    assert evidence > 50


def test_words_are_believed_as_far_as_they_tell():
    """A third of the words are a frame of video later: that shows. Words that say nothing have their person's lag."""
    late = [-0.06] * 20 + [-0.02] * 10
    found, each, _ = person(late, 1.2, noise=0.3)
    assert -0.06 < found < -0.02
    assert np.mean(each[20:]) - np.mean(each[:20]) > 0.02
    random = np.random.default_rng(1)
    pairs = [pair(talk(1.2, random), -0.06, 0.3, random) for _ in range(30)] + [(talk(1.2, random), talk(1.2, random))]
    found, each, _ = lags(*map(list, zip(*pairs)))
    assert abs(each[-1] - found) < 0.06, "however well it fits somewhere else"


def test_lips_that_do_not_belong_to_the_sound_have_little_evidence():
    random = np.random.default_rng(2)
    strangers = [lags([talk(5, random)], [talk(5, random)])[2][0] for _ in range(50)]
    belong = [person([0.05], 5, noise=2.0, seed=seed)[2][0] for seed in range(50)]
    assert np.percentile(strangers, 60) < 3.5 < np.percentile(belong, 5)


def test_still_lips_are_no_error():
    found, each, evidence = lags([np.zeros(60)], [np.zeros(60)])
    assert found == 0 and each[0] == 0 and evidence[0] == 0
