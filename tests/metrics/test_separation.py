import numpy as np
import pytest

from vividlib.metrics.separation import separation


def test_ratio_of_mean_distances():
    at = np.array([0.0, 1.0, 10.0, 12.0])
    result = separation(np.abs(at[:, None] - at), ["a", "a", "b", "b"])
    assert result["within"] == pytest.approx((1 + 2) / 2)
    assert result["across"] == pytest.approx((10 + 12 + 9 + 11) / 4)
    assert result["ratio"] == pytest.approx(result["across"] / result["within"])


def test_names_without_meaning_give_one():
    points = np.random.default_rng(0).normal(size=(120, 5))
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    assert separation(distances, list("abcdef") * 20)["ratio"] == pytest.approx(1, abs=0.05)
