import numpy as np
import pytest

from vividlib.head.visemes import both_sides, mixture, row
from vividlib.metrics.labiodental import MET, slit
from vividlib.metrics.mouth import lip_vertices


def shown(**shapes: float) -> np.ndarray:
    return row(both_sides(**shapes))[None]


def test_f_meets_the_teeth_and_vowels_do_not(head):
    assert slit(lip_vertices(mixture({"FF": 1})[None], head), head)[0] < MET
    for vowel in ("aa", "E", "ih", "oh"):
        assert slit(lip_vertices(mixture({vowel: 1})[None], head), head)[0] > MET, vowel


def test_a_lip_that_goes_up_with_offsets_closes_the_slit_by_as_much(head):
    low = slit(lip_vertices(shown(jawOpen=0.3), head), head)
    offsets = np.zeros((1, 40, 3), np.float32)
    offsets[..., 1] = 0.002
    assert low[0] > 5
    assert slit(lip_vertices(shown(jawOpen=0.3), head, offsets), head)[0] == pytest.approx(low[0] - 2, abs=0.3)


def test_the_upper_lip_has_no_part_in_it(head):
    raised, rest = shown(mouthUpperUp=1), shown()
    assert slit(lip_vertices(raised, head), head) == pytest.approx(slit(lip_vertices(rest, head), head), abs=0.3)
