import numpy as np
import pytest

from vividlib.metrics.diversity import diversity


def test_the_same_again_is_no_diversity():
    curves = np.random.default_rng(0).normal(size=(200, 3))
    np.testing.assert_array_equal(diversity(np.stack([curves] * 4)), 0)


def test_independent_curves_are_root_two_deviations_apart():
    curves = np.random.default_rng(0).normal(size=(5, 20000, 2)) * [1, 3]
    np.testing.assert_allclose(diversity(curves), np.sqrt(2) * np.array([1, 3]), rtol=0.02)


def test_every_pair_counts_once():
    np.testing.assert_allclose(diversity(np.array([0.0, 0, 3])[:, None, None] * np.ones((3, 10, 1))), 2)


def test_one_is_not_diverse():
    with pytest.raises(ValueError, match="seeds"):
        diversity(np.zeros((1, 10, 3)))
