from itertools import pairwise

import pytest

from vividlib.media.audio import load_speech
from vividlib.weights import asset_path

WORDS = [
    "hello",
    "this",
    "voice",
    "is",
    "computer",
    "generated",
    "and",
    "so",
    "is",
    "the",
    "movement",
    "of",
    "this",
    "face",
    "both",
    "were",
    "made",
    "by",
    "a",
    "program",
    "on",
    "a",
    "laptop",
]
PROGRAM = (5.912, 6.709)  # seconds, from its p to its m, as the synthesiser placed them


@pytest.fixture(scope="module")
def align():
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is needed for training only")
    from vividlib.training import align

    return align


def test_sounds_are_found_where_the_synthesiser_put_them(align):
    phones = align.align(load_speech(asset_path("speech.wav")).samples, WORDS)
    symbols = [phone.symbol for phone in phones]
    spoken = "".join(symbols)
    assert "pɹoʊgɹæm" in spoken
    start = next(i for i in range(len(symbols)) if symbols[i : i + 4] == ["p", "ɹ", "oʊ", "g"])
    assert phones[start].start == pytest.approx(PROGRAM[0], abs=0.06)
    assert phones[start + 6].end == pytest.approx(PROGRAM[1], abs=0.08)
    assert all(one.end == pytest.approx(two.start) for one, two in pairwise(phones))


def test_words_without_a_pronunciation_give_nothing(align):
    assert align.align(load_speech(asset_path("speech.wav")).samples, ["xqzzt"]) == []
    assert align.align(load_speech(asset_path("speech.wav")).samples, []) == []


def test_grid_words_are_read_from_beside_the_video(align, tmp_path):
    (tmp_path / "a.align").write_text("0 100 sil\n100 200 bin\n200 300 a\n300 400 sp\n400 500 now\n")
    assert align.grid_words(tmp_path / "a.mp4") == ["bin", "a(2)", "now"]
    assert align.grid_words(tmp_path / "b.mp4") == []
