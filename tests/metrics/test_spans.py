import numpy as np

from vividlib.metrics.spans import inside, lowest


def test_frames_inside_follow_the_clock():
    spans = np.array([[0.1, 0.2], [0.5, 0.54]])
    assert np.flatnonzero(inside(spans, 50, 50)).tolist() == [5, 6, 7, 8, 9, 25, 26]
    assert np.flatnonzero(inside(spans[1:], 50, 50, (0.04, 0.02))).tolist() == [23, 24, 25, 26, 27]
    assert np.flatnonzero(inside(spans[:1], 50, 50, (-0.03, -0.05))).tolist() == [7]
    assert not inside(np.empty((0, 2)), 50, 50).any()


def test_the_lowest_value_may_be_two_frames_early_or_late():
    curve = np.full(50, 9.0)
    curve[8], curve[20] = 1, 2
    assert lowest(curve, np.array([[0.2, 0.22], [0.22, 0.3], [0.38, 0.39], [0.3, 0.35]]), 50).tolist() == [1, 9, 2, 9]
    assert lowest(curve, np.array([[0.99, 1.5]]), 50).tolist() == [9]
