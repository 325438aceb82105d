import numpy as np
import pytest

from vividlib.reconstruction.smooth import smooth

RATE, COUNT = 25, 300
TIME = np.arange(COUNT) / RATE


def blinks():
    curve = np.zeros(COUNT)
    for start in (50, 150, 250):
        curve[start : start + 6] = [0.4, 0.9, 1, 1, 0.7, 0.3]
    return curve


def speech():
    return np.where(TIME > 4, 0.3 * np.clip(np.sin(2 * np.pi * 3 * TIME), 0, 1), 0)


def noisy(curve, noise):
    return curve + np.random.default_rng(0).normal(0, noise, COUNT)


def test_a_still_face_is_still():
    assert smooth(noisy(np.zeros(COUNT), 0.05)[:, None], RATE).std() < 0.05 / 4


@pytest.mark.parametrize("curve", [blinks(), speech()], ids=["blinks", "speech"])
def test_what_moves_is_neither_flattened_nor_late(curve):
    got = smooth(noisy(curve, 0.02)[:, None], RATE)[:, 0]
    assert np.sqrt(np.mean((got - curve) ** 2)) < 0.021
    assert got.max() == pytest.approx(curve.max(), abs=0.06)
    similar = [np.dot(curve - curve.mean(), np.roll(got, shift)) for shift in (-1, 0, 1)]
    assert np.argmax(similar) == 1


def test_clean_curves_pass_and_short_ones_too():
    np.testing.assert_allclose(smooth(speech()[:, None], RATE)[:, 0], speech(), atol=1e-6)
    np.testing.assert_array_equal(smooth(np.ones((3, 2)), RATE), np.ones((3, 2)))
