import numpy as np
import pytest

from vividlib.metrics.codes import usage


def test_all_entries_alike():
    assert usage(np.arange(64).repeat(3).reshape(8, -1), 64) == pytest.approx((1, 64))


def test_one_entry_of_many():
    assert usage(np.full(100, 5), 64) == pytest.approx((1 / 64, 1))


def test_a_rare_entry_is_used_but_hardly_counts():
    codes = np.array([0] * 9998 + [1, 2])
    assert usage(codes, 4).share == 0.75
    assert 1 < usage(codes, 4).perplexity < 1.01
