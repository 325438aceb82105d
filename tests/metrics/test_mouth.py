import numpy as np
import pytest

from vividlib.conventions import ARKIT_INDEX
from vividlib.head import model
from vividlib.head.lips import LOWER, UPPER
from vividlib.head.visemes import mixture
from vividlib.metrics.mouth import CORNERS, lip_gap, lip_vertices, opening, width


def shown(**shapes: float) -> np.ndarray:
    row = np.zeros((1, 52), np.float32)
    for name, value in shapes.items():
        row[0, ARKIT_INDEX[name]] = value
    return row


def test_the_lips_are_where_the_deformed_head_has_them(head):
    random = np.random.default_rng(0)
    curves, offsets = random.uniform(0, 1, (4, 52)), random.normal(0, 1e-3, (4, 40, 3)).astype(np.float32)
    whole = model.deform(head, head.template, curves, lip_offsets=offsets)
    np.testing.assert_allclose(lip_vertices(curves, head, offsets), 1000 * whole[:, head.lips], atol=1e-3)
    assert np.array_equal(lip_vertices(curves, head, np.zeros((4, 0, 3))), lip_vertices(curves, head))
    np.testing.assert_allclose(
        width(lip_vertices(curves, head, offsets), head),
        1000 * np.linalg.norm(np.diff(model.landmarks_of(head, whole)[:, CORNERS], axis=1)[:, 0], axis=1),
        atol=1e-3,
    )


def test_opening_is_a_distance_in_space_and_zero_where_lips_touch_or_lap(head):
    lips = lip_vertices(shown(jawOpen=0.5), head)
    points = 1000 * model.landmarks_of(head, model.deform(head, head.template, shown(jawOpen=0.5)[0]))
    assert opening(lips, head)[0] == pytest.approx(
        np.linalg.norm(points[UPPER] - points[LOWER], axis=1).mean(), abs=1e-3
    )
    assert opening(lips, head)[0] > 10
    for closed in (shown(), shown(mouthPressLeft=1, mouthPressRight=1), shown(jawOpen=0.3, mouthClose=0.4)):
        assert opening(lip_vertices(closed, head), head)[0] == 0


def test_offsets_part_the_lips_by_what_they_say(head):
    apart = lip_vertices(shown(jawOpen=0.5), head)
    offsets = np.zeros((1, 40, 3), np.float32)
    offsets[:, [*range(1, 10), *range(21, 30)], 1] = -0.005  # the lower lip
    more = opening(lip_vertices(shown(jawOpen=0.5), head, offsets), head) - opening(apart, head)
    assert 4 < more[0] < 5.1


def test_the_gap_of_blendshapes_is_the_opening_with_a_sign(head):
    assert lip_gap(shown(), head) == 0
    for shapes in (shown(jawOpen=1), shown(mouthUpperUpLeft=0.8), shown(jawOpen=0.4, mouthFunnel=0.5)):
        # The opening leans a little where lips part forward, too.
        assert lip_gap(shapes, head)[0] == pytest.approx(opening(lip_vertices(shapes, head), head)[0], rel=0.1, abs=0.3)
    assert lip_gap(shown(jawOpen=0.6, mouthClose=0.6), head) == pytest.approx(0, abs=2)
    assert lip_gap(shown(mouthClose=0.5), head)[0] < -1


def test_rounding_narrows_and_spreading_widens(head):
    ou, rest, ih = (width(lip_vertices(mixture({name: 1})[None], head), head)[0] for name in ("ou", "sil", "ih"))
    assert ou < rest < ih and rest == pytest.approx(46, abs=1)
