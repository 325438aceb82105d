import pytest

from vividlib.conventions import MOTION_RATE
from vividlib.metrics.labiodental import slit
from vividlib.metrics.mouth import gap_weights, lip_gap, lip_vertices
from vividlib.training.visemes import (
    CLASS,
    CLASSES,
    LEAD,
    PRIOR,
    TARGETS,
    Phone,
    articulate,
    closure,
    labiodental,
    segments,
    shares,
    voiced,
)


def say(symbols: str, each: float = 0.12) -> list[Phone]:
    """Every letter for ``each`` seconds, between half seconds of silence."""
    phones = [Phone("", 0, 0.5)]
    for symbol in symbols:
        phones.append(Phone(symbol, phones[-1].end, phones[-1].end + each))
    return [*phones, Phone("", phones[-1].end, phones[-1].end + 0.5)]


def curves(phones, head):
    frames = int(phones[-1].end * MOTION_RATE)
    return articulate(phones, frames, gap_weights(head))


def test_every_class_has_a_target_and_every_target_sounds():
    assert set(CLASS.values()) | {""} == set(CLASSES) == set(PRIOR) == set(TARGETS)
    assert all((0 <= row).all() and (row <= 1).all() for row in TARGETS.values())
    assert not TARGETS[""].any()


@pytest.mark.parametrize("word", ["apa", "ɔbɔ", "umu", "ɑmpɑ", "ʃpʃ"])
@pytest.mark.parametrize("each", [0.05, 0.12])
def test_lips_close_fully_between_any_neighbours(word, each, head):
    phones = say(word, each)
    made = curves(phones, head)
    centre = [round(((p.start + p.end) / 2 - LEAD) * MOTION_RATE) for p in phones if p.symbol in tuple("pbm")]
    assert (lip_gap(made, head)[centre] < 0.3).all()
    assert lip_gap(made, head).max() > 2


def test_silence_rests_and_the_mouth_returns(head):
    made = curves(say("ata"), head)
    assert made[:10].max() < 0.01 and made[-10:].max() < 0.01


def test_rounding_begins_before_the_rounded_vowel(head):
    phones = say("tu")
    pucker = curves(phones, head)[:, 20]
    start = round(phones[2].start * MOTION_RATE)
    assert pucker[start - 2] > 0.15 * pucker.max()


def test_diphthongs_have_two_parts_and_unknown_signs_are_silent():
    assert [p.symbol for p in segments([Phone("aɪ", 0, 1), Phone("?", 1, 2)])] == ["a", "ɪ", ""]


def test_closure_and_voice_follow_the_phones():
    phones = say("apa")
    assert closure(phones, 60)[round((0.68 - LEAD) * MOTION_RATE)] == 1
    assert closure(say("ata"), 60).max() == 0
    active = voiced(phones, 68)
    assert active[30] == 1 and active[0] == 0 and active[-1] == 0


@pytest.mark.parametrize("word", ["afa", "ɔvɔ", "ufu", "ɑfɑ", "ʃvʃ"])
@pytest.mark.parametrize("each", [0.06, 0.12])
def test_the_lower_lip_meets_the_upper_teeth_between_any_neighbours(word, each, head):
    phones = say(word, each)
    made = curves(phones, head)
    centre = [round(((p.start + p.end) / 2 - LEAD) * MOTION_RATE) for p in phones if p.symbol in tuple("fv")]
    gap = slit(lip_vertices(made, head), head)
    assert gap[centre].max() < -1 < gap.max()
    assert (lip_gap(made, head)[centre] > 1).all()  # teeth are seen, the lips do not close


def test_lips_do_not_close_on_w_or_between_bilabial_fricatives(head):
    for word in ("awa", "iβi"):
        phones = say(word)
        frames = int(phones[-1].end * MOTION_RATE)
        assert closure(phones, frames).max() == 0 and labiodental(phones, frames).max() == 0
        assert lip_gap(curves(phones, head), head)[30:40].min() > 1


def test_the_lower_lip_is_held_at_the_teeth_while_f_or_v_lasts():
    phones = say("ava")
    held = labiodental(phones, 60)
    assert held[round((0.68 - LEAD) * MOTION_RATE)] == 1 and held[:20].max() == 0
    assert closure(phones, 60).max() == 0 and labiodental(say("apa"), 60).max() == 0


def test_sounds_share_all_of_the_lips():
    for share in shares(say("apfta"), 60):
        assert share.shape == (60, len(CLASSES))
        assert share.sum(1) == pytest.approx(1) and share.min() >= 0
