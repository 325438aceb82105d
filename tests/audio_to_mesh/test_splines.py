import numpy as np
import pytest

from vividlib.audio_to_mesh import splines

RANDOM = np.random.default_rng(0)
COEFFICIENTS = RANDOM.uniform(-1, 1, (50, 2))


def drawn(sizes) -> np.ndarray:
    state, parts, first, used = splines.begin(2), [], 0, 0
    for size in sizes:
        count = len(splines.knots(first, size))
        part, state = splines.draw(state, first, size, COEFFICIENTS[used : used + count])
        parts.append(part)
        first, used = first + size, used + count
    return np.concatenate(parts)


def test_chunks_of_any_size_draw_the_same_curve():
    np.testing.assert_allclose(drawn([1] * 60 + [7, 2, 31, 100]), drawn([200]), atol=1e-12)


def test_a_curve_stays_in_the_hull_of_its_coefficients_and_has_no_steps():
    curve = drawn([200])
    assert np.abs(curve).max() <= 1
    assert np.abs(np.diff(curve, axis=0)).max() < 0.5  # coefficients differ by up to 2
    assert np.abs(np.diff(curve, 2, axis=0)).max() < 0.3


@pytest.mark.parametrize(
    "spline, behind", [(splines.SPLINE, 5.5), (splines.QUINTIC, 10.0)], ids=["quadratic", "quintic"]
)
@pytest.mark.parametrize("slope", (0, 0.5))
def test_coefficients_on_a_line_draw_the_line(slope, spline, behind):
    line = slope * np.arange(50)[:, None]
    curve, _ = splines.draw(splines.begin(1, spline), 0, 200, line + 3, spline)
    middle = (np.arange(20, 200) - behind) / splines.KNOT  # a coefficient is strongest so many frames after it begins
    np.testing.assert_allclose(curve[20:, 0], 3 + slope * middle, atol=1e-9)


def test_the_quintic_spline_is_smoother():
    rough = [
        np.square(np.diff(splines.draw(splines.begin(2, one), 0, 200, COEFFICIENTS, one)[0], 3, axis=0)).mean() ** 0.5
        for one in (splines.SPLINE, splines.QUINTIC)
    ]
    assert rough[1] < 0.4 * rough[0]
