import numpy as np
import pytest

from vividlib.metrics.repetition import drift, repetition

NOISE = np.random.default_rng(0).normal(size=(30_000, 3))


def test_drift_is_seen_part_by_part():
    times = np.arange(3000) / 50
    means = drift(np.column_stack([times, 0 * times + 7]), 50, 20)
    np.testing.assert_allclose(means, [[9.99, 7], [29.99, 7], [49.99, 7]])


def test_what_comes_around_is_found_with_its_period():
    around = np.tile(NOISE[:1500], (20, 1)) + 0.2 * NOISE
    found = repetition(around, 50, 10)
    assert found.correlation == pytest.approx(1 / 1.04, abs=0.02) and found.lag % 30 == 0


def test_noise_does_not_come_around():
    assert repetition(NOISE, 50, 10).correlation < 0.05


def test_one_still_curve_counts_for_nothing():
    still = np.column_stack([NOISE, np.full(len(NOISE), 3.0)])
    assert repetition(still, 50, 10).correlation < 0.05
