import numpy as np
import pytest

from vividlib.metrics.wobble import border_wobble

SIDE = 40
Y, X = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
PERSON = (abs(X - 20) <= 8) & (Y >= 10)
ALL = np.ones_like(PERSON)


def flow_of(x, y):
    return np.stack(np.broadcast_arrays(np.float32(x), np.float32(y), PERSON)[:2], -1)


def test_what_moves_as_one_piece_does_not_wobble():
    assert border_wobble([(flow_of(0, 0), PERSON, ALL), (flow_of(7, -3), PERSON, ALL)]) == (0, 0)


def test_a_person_who_leaves_the_surroundings_behind_jumps_by_the_way():
    moved = flow_of(np.where(PERSON, 3, 0), np.where(PERSON, -4, 0))
    assert border_wobble([(moved, PERSON, ALL)]) == pytest.approx((5, 5))


def test_a_stretch_has_its_gradient_and_a_roll_its_angle():
    wide = flow_of(0.1 * X, 0 * Y)
    assert border_wobble([(wide, PERSON, ALL)]) == pytest.approx((0.1, 0.1), rel=1e-3)
    angle = np.radians(10)
    x, y = X - 20, Y - 20
    rolled = flow_of(x * np.cos(angle) - y * np.sin(angle) - x, x * np.sin(angle) + y * np.cos(angle) - y)
    assert border_wobble([(rolled, PERSON, ALL)]) == pytest.approx([2 * np.sin(angle / 2)] * 2, rel=1e-3)


def test_only_the_edge_counts_and_what_the_flow_shows():
    inside = flow_of(np.where(PERSON & (abs(X - 20) < 6) & (Y > 14), 9, 0), 0 * Y)
    assert border_wobble([(inside, PERSON, ALL)]) == (0, 0)
    torn = flow_of(np.where((X > 28) & (Y > 30), 9, 0), 0 * Y)
    p95, most = border_wobble([(torn, PERSON, ALL)] + 19 * [(flow_of(0, 0), PERSON, ALL)])
    assert p95 == 0 and most == 9
    assert border_wobble([(torn, PERSON, (X <= 28) | (Y <= 30))]) == (0, 0)


def test_no_edge_is_refused():
    for person, shown in ((ALL, ALL), (PERSON, ~ALL)):
        with pytest.raises(ValueError, match="edge"):
            border_wobble([(flow_of(0, 0), person, shown)])
