import numpy as np
import pytest

from vividlib.metrics.dynamics import dynamics, jerk, sides_together


def test_deviation_and_speed_of_a_wave_are_known():
    times = np.arange(5000) / 50
    wave = 0.3 * np.sin(2 * np.pi * times)
    found = dynamics(np.column_stack([wave, 2 * wave]), 50)
    np.testing.assert_allclose(found.deviation, [0.3 / np.sqrt(2), 0.6 / np.sqrt(2)], rtol=1e-3)
    np.testing.assert_allclose(found.speed, [4 * 0.3, 8 * 0.3], rtol=5e-3)


def test_what_is_not_known_does_not_count():
    curves = np.zeros((100, 1))
    curves[50:] = 1
    known = np.ones(100, bool)
    known[50:] = False
    assert dynamics(curves, 50, known).speed == 0 and dynamics(curves, 50, known).deviation == 0
    assert dynamics(curves, 50).speed > 0


def test_sides():
    left = np.random.default_rng(0).normal(size=100)
    assert sides_together(left, 3 * left + 1) == pytest.approx(1)
    assert sides_together(left, -left) == pytest.approx(-1)


def test_jerk_of_a_wave_is_known():
    times = np.arange(5000) / 50
    wave = 0.3 * np.sin(2 * np.pi * times)
    wanted = 0.3 * (2 * np.pi) ** 3 * 2 / np.pi
    np.testing.assert_allclose(jerk(np.column_stack([wave, -2 * wave]), 50), [wanted, 2 * wanted], rtol=0.03)


def test_noise_of_tracking_hardly_counts_as_jerk():
    times = np.arange(5000) / 50
    noise = np.sin(2 * np.pi * 15 * times)[:, None]
    assert jerk(noise, 50) < 0.02 * (2 * np.pi * 15) ** 3 * 2 / np.pi
