import numpy as np
import pytest
from scipy.ndimage import uniform_filter1d

from vividlib.metrics.peaks import peaks_kept

BLINKS = np.zeros(100)
BLINKS[[20, 21, 60, 61]] = 1
BLINKS += 0.2 * np.sin(np.arange(100) / 16)  # slower, and not a peak of its own


def test_a_curve_keeps_all_of_itself_wherever_it_rests():
    np.testing.assert_allclose(peaks_kept(BLINKS + 7, BLINKS, 0.5, 12), [1, 1])


def test_half_as_high_is_half_and_flat_is_nothing():
    np.testing.assert_allclose(peaks_kept(0.5 * BLINKS, BLINKS, 0.5, 12), [0.5, 0.5])
    np.testing.assert_allclose(peaks_kept(np.zeros(100), BLINKS, 0.5, 12), [0, 0])


def test_rounding_off_shows():
    kept = peaks_kept(uniform_filter1d(BLINKS, 5), BLINKS, 0.5, 12)
    assert kept == pytest.approx([0.4, 0.4], abs=0.1)


def test_one_frame_late_is_forgiven_and_four_are_not():
    assert peaks_kept(np.roll(BLINKS, 1), BLINKS, 0.5, 12).min() > 0.9
    assert peaks_kept(np.roll(BLINKS, 4), BLINKS, 0.5, 12).max() < 0.2


def test_small_rises_are_no_peaks():
    assert len(peaks_kept(BLINKS, 0.4 * BLINKS, 0.5, 12)) == 0
