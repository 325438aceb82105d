import numpy as np
import pytest

from vividlib.metrics.blinks import blink_rate, find_blinks


def curve(rate: float, starts=(1.0, 3.0, 3.6), closing=0.1, closed=0.05, opening=0.2, depth=0.9, seconds=6.0):
    """Half sines down and up from the given times on, over a rest of 0.05."""
    times = np.arange(round(seconds * rate)) / rate
    lids = np.zeros(len(times))
    for start in starts:
        down = np.clip((times - start) / closing, 0, 1)
        up = np.clip((times - start - closing - closed) / opening, 0, 1)
        lids = np.maximum(lids, (0.5 - 0.5 * np.cos(np.pi * down)) * (0.5 + 0.5 * np.cos(np.pi * up)))
    return 0.05 + (depth - 0.05) * lids


@pytest.mark.parametrize("rate, near", [(200, 0.01), (50, 0.04), (25, 0.06)])
def test_blinks_are_found_when_and_as_they_are(rate, near):
    found = find_blinks(curve(rate), rate)
    np.testing.assert_allclose(found.start, [1.0, 3.0, 3.6], atol=near)
    np.testing.assert_allclose(found.closing, 0.1, atol=near)
    np.testing.assert_allclose(found.opening, 0.2, atol=1.5 * near)
    np.testing.assert_allclose(found.closed, 0.05, atol=near)
    np.testing.assert_allclose(found.depth, 0.9, atol=0.1)
    assert found.whole.all()


def test_lids_that_stay_down_or_tremble_are_no_blinks():
    assert len(find_blinks(curve(50, starts=[1.0], closed=2.0), 50).start) == 0
    assert len(find_blinks(0.1 * np.random.default_rng(0).random(500), 50).start) == 0
    assert len(find_blinks(np.zeros(0), 50).start) == 0


def test_a_blink_cut_off_by_the_end_counts_but_is_not_whole():
    found = find_blinks(curve(50)[: round(3.72 * 50)], 50)
    assert found.whole.tolist() == [True, True, False]


def test_rate_is_by_the_minute():
    assert blink_rate(curve(50), 50) == pytest.approx(30)
