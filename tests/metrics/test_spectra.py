import numpy as np
import pytest

from vividlib.metrics.spectra import log_spectral_distance, spectrum

NOISE = [np.random.default_rng(seed).normal(size=(count, 2)) for seed, count in enumerate((3000, 5000))]


def test_all_power_is_there_and_a_wave_is_where_it_belongs():
    times = np.arange(3000) / 50
    wave = np.column_stack([np.sin(2 * np.pi * 2 * times), 3 * np.sin(2 * np.pi * 4.5 * times)])
    frequency, density = spectrum([wave], 50)
    np.testing.assert_allclose(frequency[density.argmax(0)], [2, 4.5])
    np.testing.assert_allclose(density.sum(0) * frequency[1], [0.5, 4.5], rtol=0.02)


def test_twice_as_large_is_six_decibels_and_the_same_is_none():
    np.testing.assert_allclose(log_spectral_distance([2 * one for one in NOISE], NOISE, 50), 20 * np.log10(2))
    np.testing.assert_allclose(log_spectral_distance(NOISE, NOISE, 50), 0, atol=1e-9)


def test_of_one_deviation_and_another_speed_is_far():
    slow = [np.cumsum(one, 0) for one in NOISE]
    slow = [one / one.std(0) for one in slow]
    assert log_spectral_distance(slow, NOISE, 50).min() > 5
    assert log_spectral_distance(NOISE[:1], NOISE[1:], 50).max() < 2


def test_short_clips_do_not_count_and_nothing_else_is_refused():
    np.testing.assert_array_equal(spectrum([*NOISE, np.ones((150, 2))], 50)[1], spectrum(NOISE, 50)[1])
    with pytest.raises(ValueError, match="longer"):
        spectrum([np.ones((150, 2))], 50)
