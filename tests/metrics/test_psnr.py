import numpy as np
import pytest

from vividlib.metrics.psnr import psnr


def test_known_ratios():
    truth = np.random.default_rng(0).integers(10, 200, (6, 8, 3), np.uint8)
    assert psnr(truth, truth) == np.inf
    assert psnr(truth + np.uint8(1), truth) == pytest.approx(48.13, abs=0.01)  # the usual figure of one level in 255
    assert psnr(truth - np.uint8(1), truth) == pytest.approx(48.13, abs=0.01)  # bytes do not wrap around
    assert psnr(truth / 255 + 0.1, truth / 255, peak=1) == pytest.approx(20)


def test_only_pixels_in_the_mask_count():
    truth = np.zeros((4, 4, 3), np.uint8)
    found = truth.copy()
    found[0] = 255
    mask = np.ones((4, 4), bool)
    mask[0] = False
    assert psnr(found, truth, mask) == np.inf
    assert psnr(found, truth) == pytest.approx(10 * np.log10(4))
    assert psnr(found, truth, ~mask) == 0
