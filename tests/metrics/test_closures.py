import numpy as np

from vividlib.metrics.closures import brief_closures, closures_met


def gap(*closed: slice, frames: int = 100) -> np.ndarray:
    """8 mm apart but for some frames."""
    curve = np.full(frames, 8.0)
    for part in closed:
        curve[part] = 0.2
    return curve


def test_pauses_and_unfinished_closures_do_not_count():
    curve = gap(slice(0, 5), slice(20, 24), slice(40, 80), slice(95, 100))
    assert brief_closures(curve, 50) == [(20, 24)]
    assert brief_closures(gap(), 50) == []


def test_a_closure_may_be_two_frames_off_but_not_missing():
    reference = gap(slice(20, 24), slice(50, 53))
    assert closures_met(reference, reference, 50) == [True, True]
    assert closures_met(gap(slice(25, 27)), reference, 50) == [True, False]
    assert closures_met(gap(slice(27, 29)), reference, 50) == [False, False]
