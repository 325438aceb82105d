import numpy as np
import pytest

from vividlib.metrics.lag import best_lag


def curves(seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [np.convolve(random.normal(size=n), np.hanning(9), "same") for n in (80, 33, 150)]


@pytest.mark.parametrize("late", [-4, 0, 3])
def test_a_known_delay_is_found(late):
    first = curves(0)
    second = [np.roll(curve, late) + 5 for curve in first]
    lag, correlation = best_lag(first, second, 8)
    assert abs(lag - late) < 0.2 and correlation > 0.95


def test_a_delay_of_half_a_frame_is_seen():
    times = np.arange(200)
    lag, _ = best_lag([np.sin(times / 5)], [np.sin((times - 1.5) / 5)], 8)
    assert lag == pytest.approx(1.5, abs=0.05)


def test_unrelated_curves_correlate_little():
    assert best_lag(curves(0), curves(1), 8)[1] < 0.5
