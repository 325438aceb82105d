import numpy as np
import pytest

from vividlib.metrics.peaks import peaks_kept
from vividlib.reconstruction.smooth import noise_level, smooth

RATE, COUNT, NOISE = 25, 300, 0.03
TIME = np.arange(COUNT) / RATE


def blinks():
    """Two are so near each other that there is a valley between."""
    curve = np.zeros(COUNT)
    for start in (50, 150, 160, 250):
        curve[start : start + 6] = [0.4, 0.9, 1, 1, 0.7, 0.3]
    return curve


def talk():
    """Lips that are never still, so that no moment shows what noise is."""
    return 0.25 * (1 + np.sin(2 * np.pi * 3.7 * TIME)) * (1.2 + np.sin(2 * np.pi * 0.6 * TIME)) / 2


def plosives():
    """Open lips that meet for two frames, and twice in a row."""
    curve = np.full(COUNT, 0.4)
    for start in (60, 70, 140, 220):
        curve[start : start + 2] = 0.05
    return curve


def nods(seconds):
    """Slow ones, of twice the height of what noise does from frame to frame, and a long rest."""
    away = np.abs(TIME[:, None] - [2, 4, 6])
    return (4 * NOISE * np.cos(np.pi * away / seconds) ** 2 * (away < seconds / 2)).sum(1)


def noisy(curve, noise=NOISE, seed=0):
    return curve + np.random.default_rng(seed).normal(0, noise, len(curve))


@pytest.mark.parametrize("rate", [10, 25, 30, 60, 120])
def test_a_still_face_is_still_from_the_first_frame_to_the_last(rate):
    got = smooth(noisy(np.zeros(12 * rate))[:, None], rate, NOISE)
    assert np.abs(got).max() < NOISE / 2
    assert got.std() < NOISE / 6


@pytest.mark.parametrize("curve", [blinks(), talk(), plosives()], ids=["blinks", "talk", "plosives"])
def test_heights_stay(curve):
    seen = noisy(curve)
    got = smooth(seen[:, None], RATE, NOISE)[:, 0]
    for sign in (1, -1):
        before, after = (peaks_kept(sign * one, sign * curve, 0.1, 12) for one in (seen, got))
        assert np.median(after) > 0.95 and np.quantile(after / before, 0.1) > 0.9
    assert np.sqrt(np.mean((got - curve) ** 2)) < 1.1 * NOISE


@pytest.mark.parametrize("seconds", [0.4, 0.8, 1.6])
def test_small_nods_stay(seconds):
    got = smooth(noisy(nods(seconds))[:, None], RATE, NOISE)[:, 0]
    assert peaks_kept(got, nods(seconds), 2 * NOISE, 25).min() > 0.8
    assert got[-75:].std() < NOISE / 3, "and the rest is a rest"


def test_nothing_lags():
    curve = np.column_stack([noisy(blinks()), noisy(talk(), seed=1), noisy(nods(0.8), seed=2)])
    np.testing.assert_allclose(smooth(curve[::-1], RATE, NOISE), smooth(curve, RATE, NOISE)[::-1], atol=1e-9)


def test_curves_that_tremble_against_each_other_move_where_the_evidence_does():
    moves = 0.06 * np.sin(2 * np.pi * 3 * TIME) * (TIME > 6)
    tremble = np.random.default_rng(0).normal(0, 0.1, COUNT)
    lips = np.random.default_rng(1).normal(0, 0.005, COUNT)
    curves = np.column_stack([moves / 2 + tremble, moves / 2 + lips - tremble])
    got = smooth(curves, RATE, 0.005, curves.sum(1, keepdims=True))
    gap = got.sum(1)
    assert peaks_kept(gap, moves, 0.05, 12).min() > 0.9
    assert got[:125].std() < 0.1 / 3, "and what trembles is no motion"
    alone = smooth(curves, RATE, 0.1).sum(1)
    assert np.median(peaks_kept(alone, moves, 0.05, 12)) < 0.9, "which the curves by themselves do not show"


@pytest.mark.parametrize("rate", [1, 5, 23.976, 25, 50, 240])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 31])
def test_any_length_and_rate(count, rate):
    ramp = np.column_stack([np.linspace(0, 1, count), np.full(count, 0.3)])
    np.testing.assert_allclose(smooth(ramp, rate, 0.0), ramp, atol=1e-9)
    held = smooth(ramp, rate, np.array([0.01, 5.0]))
    assert held.shape == ramp.shape and np.isfinite(held).all()
    np.testing.assert_allclose(held[:, 1], 0.3)
    assert np.isfinite(noise_level(np.repeat(ramp[:, None], 4, 1), rate))


def test_noise_is_told_from_motion():
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.02, (COUNT, 50, 2))
    drift = np.stack([np.sin(0.9 * TIME), np.cos(0.7 * TIME)], 1)[:, None]
    talking = np.zeros((COUNT, 50, 1))
    talking[:, :15] = talk()[:, None, None]
    for points in (noise, noise + drift, noise + talking):
        assert noise_level(points, RATE) == pytest.approx(0.02, rel=0.25)
    assert noise_level(3 * noise, RATE) == pytest.approx(3 * noise_level(noise, RATE))
    assert noise_level(noise[:2], RATE) == 0
