import numpy as np

from vividlib.audio_to_mesh import noise


def test_a_frame_has_its_numbers_whatever_is_asked_with_it():
    whole = noise.normal(5, 1, 0, 3 * noise.BLOCK, 4)
    for start, count in ((0, 1), (noise.BLOCK - 1, 2), (100, 600), (noise.BLOCK, 0)):
        assert np.array_equal(noise.normal(5, 1, start, count, 4), whole[start : start + count])
    assert len(np.unique(whole)) == whole.size  # nothing comes again


def test_seeds_and_purposes_differ():
    one = noise.uniform(5, 1, 0, 50, 2)
    assert 0 <= one.min() and one.max() < 1
    assert not np.array_equal(one, noise.uniform(6, 1, 0, 50, 2))
    assert not np.array_equal(one, noise.uniform(5, 2, 0, 50, 2))
