import cv2
import numpy as np
import pytest

from vividlib.metrics.akd import akd
from vividlib.metrics.csim import csim
from vividlib.metrics.sharpness import sharpness


def test_ssim_is_the_papers():
    pytest.importorskip("skimage")
    from vividlib.metrics.ssim import ssim

    truth = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
    assert ssim(truth, truth) == pytest.approx(1)
    assert ssim(255 - truth, truth) < -0.9  # structure, not only statistics
    flat, lighter = np.full((20, 20, 3), 100, np.uint8), np.full((20, 20, 3), 120, np.uint8)
    c1 = (0.01 * 255) ** 2  # of flat pictures only luminance is left
    assert ssim(lighter, flat) == pytest.approx((2 * 100 * 120 + c1) / (100**2 + 120**2 + c1))
    assert ssim(cv2.blur(truth, (3, 3)), truth) < 0.7


def test_akd_is_a_mean_distance_in_the_picture():
    truth = np.random.default_rng(0).normal(0, 50, (3, 478, 3))
    moved = truth + [3, 4, 100]  # depth does not count
    assert akd(moved, truth) == pytest.approx(5)
    moved[1] = truth[1]
    assert akd(moved, truth) == pytest.approx(10 / 3)


def test_sharpness_of_a_ramp_is_its_slope_squared_and_blur_lessens_it():
    ramp = np.repeat(np.arange(0, 200, 2, np.uint8)[None, :, None], 50, 0).repeat(3, 2)
    assert sharpness(ramp[:, 1:-1]) == pytest.approx(4, rel=0.1)
    noise = np.random.default_rng(0).integers(0, 256, (50, 50, 3), np.uint8)
    assert sharpness(cv2.GaussianBlur(noise, (0, 0), 1)) < 0.3 * sharpness(noise)


def test_csim_is_a_cosine_whatever_the_length():
    random = np.random.default_rng(0)
    one, other = random.normal(0, 1, (2, 5, 512)).astype(np.float32)
    assert csim(3 * one, one) == pytest.approx(1) and csim(-one, one) == pytest.approx(-1)
    assert abs(csim(other, one)) < 0.1
    assert csim(np.float32([3, 4]), np.float32([1, 0])) == pytest.approx(0.6)
    assert csim(np.stack([one[0], -one[0]]), np.stack([one[0], one[0]])) == pytest.approx(0, abs=1e-6)  # a mean
