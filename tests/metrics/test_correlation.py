import numpy as np
import pytest

from vividlib.metrics.correlation import correlation


def test_known_correlations():
    curve = np.sin(np.arange(100) / 7)
    assert correlation(curve, 3 * curve + 5) == pytest.approx(1)
    assert correlation(-curve, curve) == pytest.approx(-1)
    random = np.random.default_rng(0)
    one, other = random.normal(size=(2, 20_000))
    assert correlation(one, 0.6 * one + 0.8 * other) == pytest.approx(0.6, abs=0.02)


def test_what_does_not_move_agrees_with_nothing():
    assert correlation(np.full(9, 2.0), np.arange(9.0)) == 0
