import numpy as np
import pytest

from vividlib.metrics.saccades import find_saccades


def looking(
    rate: float, noise: float, steps=((1.0, (0, 0)), (2.2, (5, -2)), (3.1, (0, 0)), (5.0, (0, 0)))
) -> np.ndarray:
    """Degrees to radians: rests until the given times, then quickly on to the next, with noise."""
    times = np.arange(round(5 * rate)) / rate
    knots = np.array([t for until, _ in steps[:-1] for t in (until, until + 0.04)])
    places = np.repeat([place for _, place in steps[:-1]], 2, axis=0)[1:]
    places = np.vstack([places, [steps[-1][1]]])
    direction = np.column_stack([np.interp(times, knots, places[:, axis]) for axis in range(2)])
    return np.radians(direction + noise * np.random.default_rng(0).normal(size=direction.shape))


@pytest.mark.parametrize("rate, noise", [(50, 0.0), (50, 0.3), (25, 0.3)])
def test_steps_are_found_when_and_as_large_as_they_are(rate, noise):
    found = find_saccades(looking(rate, noise), rate)
    np.testing.assert_allclose(found.start, [1.0, 2.2], atol=0.06)
    np.testing.assert_allclose(np.degrees(found.target), [[5, -2], [0, 0]], atol=0.5)
    np.testing.assert_allclose(np.degrees(found.origin), [[0, 0], [5, -2]], atol=0.5)


def test_noise_and_drift_are_no_saccades():
    assert len(find_saccades(looking(50, 1.5, steps=((5, (0, 0)), (5, (0, 0)))), 50).start) == 0
    drift = np.radians(np.column_stack([np.linspace(0, 40, 250), np.zeros(250)]))
    assert len(find_saccades(drift, 50).start) == 0


def test_what_is_unknown_is_not_judged():
    unknown = np.zeros(250, bool)
    unknown[48:53] = True
    found = find_saccades(looking(50, 0.1), 50, unknown)
    np.testing.assert_allclose(found.start, [2.2], atol=0.06)
    assert not found.judged[[0, 45, 55, 249]].any() and found.judged[[20, 100]].all()


def test_a_curve_too_short_for_two_rests():
    found = find_saccades(np.zeros((5, 2)), 50)
    assert len(found.start) == 0 and found.judged.shape == (5,)
