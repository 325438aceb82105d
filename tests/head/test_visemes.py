"""Visemes do with the face what their sounds need."""

import numpy as np
import pytest

from vividlib.conventions import ARKIT_INDEX
from vividlib.errors import HeadError
from vividlib.head import model, soundness
from vividlib.head.visemes import VISEMES, VOWELS, mixture


def gap(head, viseme: str, table=VISEMES) -> float:
    return soundness.lip_gap(head, model.deform(head, head.template, mixture({viseme: 1}, table)))[0]


def width(head, viseme: str) -> float:
    corners = head.regions["lips_inner"]
    return float(np.ptp(model.deform(head, head.template, mixture({viseme: 1}))[corners, 0]))


def test_the_sets_are_those_of_oculus_and_vrm():
    assert list(VISEMES) == ["sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "ih", "oh", "ou"]
    assert list(VOWELS) == ["aa", "ih", "ou", "ee", "oh"]
    for table in (VISEMES, VOWELS):
        for weights in table.values():
            assert weights.keys() <= ARKIT_INDEX.keys()
            assert all(0 < weight <= 1 for weight in weights.values())


def test_silence_is_the_face_at_rest():
    assert not mixture({"sil": 1}).any()


def test_bilabials_close_the_lips_and_other_sounds_do_not(head):
    assert gap(head, "PP") < 2e-4
    for viseme in VISEMES.keys() - {"sil", "PP", "FF"}:
        assert gap(head, viseme) > 1e-3, viseme


def test_labiodentals_bring_the_lower_lip_to_the_upper_teeth(head):
    face = model.deform(head, head.template, mixture({"FF": 1}))
    edge = face[head.regions["teeth_upper"], 1].min()
    lower = face[head.regions["lips_inner"][19]]
    assert abs(lower[1] - edge) < 0.006 and lower[2] < head.template[head.regions["lips_inner"][19], 2]


def test_vowels_open_by_height_and_narrow_by_rounding(head):
    assert gap(head, "aa") > gap(head, "E") > gap(head, "ih")
    assert gap(head, "oh") > gap(head, "ou")
    assert width(head, "ou") < width(head, "oh") < width(head, "aa") < width(head, "ih")
    assert gap(head, "aa", VOWELS) > gap(head, "ee", VOWELS) > gap(head, "ou", VOWELS)


def test_mixtures_add_up_and_stay_in_range():
    half = mixture({"aa": 0.5, "PP": 0.5})
    np.testing.assert_allclose(half, (mixture({"aa": 1}) + mixture({"PP": 1})) / 2, atol=1e-6)
    assert mixture({"aa": 5}).max() == 1


def test_an_unknown_viseme_is_refused():
    with pytest.raises(HeadError, match="zz.*PP"):
        mixture({"zz": 1})
