import numpy as np

from vividlib.metrics.closures import brief_closures, closed_at, closed_elsewhere, closures_met


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


def test_a_sound_is_closed_if_the_lips_meet_within_two_frames_of_it():
    sounds = np.array([[0.4, 0.48], [0.6, 0.66], [1.2, 1.26]])
    assert closed_at(gap(slice(19, 20), slice(35, 36)), sounds, 50).tolist() == [True, True, False]
    assert closed_at(gap(slice(17, 18), slice(36, 37)), sounds, 50).tolist() == [False, False, False]
    assert closed_at(gap(), np.empty((0, 2)), 50).size == 0


def test_closed_frames_away_from_every_sound_that_closes_are_false():
    allowed = np.array([[0.4, 0.5]])
    assert closed_elsewhere(gap(slice(19, 25)), allowed, 50).tolist() == [False] * 6
    assert closed_elsewhere(gap(slice(19, 21), slice(60, 62)), allowed, 50).tolist() == [False, False, True, True]
    assert closed_elsewhere(gap(), allowed, 50).size == 0
