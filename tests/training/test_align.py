import ctypes.util
import json
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from vividlib.conventions import SAMPLE_RATE
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


@pytest.fixture
def espeak():
    if ctypes.util.find_library("espeak-ng") is None:
        pytest.skip("espeak-ng is needed for training only")


def test_words_are_found_in_a_text(align):
    assert align.words_of("Hello, \u201cMr. O\u2019Neill\u201d: don't\u2014stop!") == [
        "hello",
        "mr",
        "o'neill",
        "don't",
        "stop",
    ]


def test_no_words_give_no_sounds(align):
    assert align.align(load_speech(asset_path("speech.wav")).samples, []) == []


def test_words_that_the_dictionary_lacks_are_spelt_and_found(align, espeak):
    odd = {"computer": "komputer", "program": "prohgramm"}
    phones = align.align(load_speech(asset_path("speech.wav")).samples, [odd.get(word, word) for word in WORDS])
    assert any(phone.symbol == "p" and phone.start == pytest.approx(PROGRAM[0], abs=0.06) for phone in phones)


def test_arabic_is_spelt_with_and_without_short_vowels(align, espeak):
    plain, vowelled = align._spellings("\u0628\u0634\u0623\u0646", "ar")  # bsh'n
    assert plain == ["B", "SH", "N"] and vowelled == ["B", "AH", "SH", "AH", "N"]


def write_grid(folder: Path, edges: list[tuple[float, float]], words: list[str]) -> Path:
    """An .align file as GRID has it, of words that are heard at these times."""
    units = [[round((edge - 0.04) * 25000) for edge in pair] for pair in edges]
    rows = [f"{start} {end} {word}" for (start, end), word in zip(units, words)]
    (folder / "a.align").write_text("\n".join(["0 1 sil", *rows, "70000 70001 sp"]))
    return folder / "a.mp4"


def test_grid_words_are_read_from_beside_the_video(align, tmp_path):
    words = align.grid_words(write_grid(tmp_path, [(0.5, 0.7), (0.7, 0.8)], ["bin", "a"]))
    assert [word.name for word in words] == ["bin", "a(2)"]
    assert words[0].start == pytest.approx(0.5) and words[1].end == pytest.approx(0.8)
    assert align.grid_words(tmp_path / "b.mp4") == []


@pytest.mark.parametrize("shift, known", [(0.0, True), (0.1, True), (0.6, False)])
def test_an_alignment_must_meet_the_known_times_but_for_a_shift(align, tmp_path, shift, known):
    samples = load_speech(asset_path("speech.wav")).samples
    found = [word for word, _ in align._align(samples, WORDS) if word.name not in align.FILLERS]
    edges = [(word.start + shift, word.end + shift) for word in found]
    video = write_grid(tmp_path, edges, WORDS)
    assert bool(align.phones_of(video, samples)) == known
    edges[8] = (edges[8][0] + 0.4, edges[8][1] + 0.4)
    assert align.phones_of(write_grid(tmp_path, edges, WORDS), samples) == []


def test_anchors_words_are_read_from_above_their_folder(align, tmp_path):
    rows = [
        {"path": "anchors/id00/000.mp4", "words": [{"word": "\u0639\u0644\u064a", "start": 0.1, "end": 0.4}]},
        {"path": "anchors/id00/001.mp4", "words": None},
    ]
    (tmp_path / "words.json").write_text(json.dumps(rows))
    assert align.anchor_words(tmp_path / "id00" / "000.mp4") == [align.Word("\u0639\u0644\u064a", 0.1, 0.4)]
    assert align.anchor_words(tmp_path / "id00" / "001.mp4") == []
    assert align.anchor_words(tmp_path / "id00" / "002.mp4") == []
    assert align.phones_of(tmp_path / "id00" / "002.mp4", np.zeros(SAMPLE_RATE, np.float32)) == []


@pytest.mark.parametrize("sound", ["P", "G"])
def test_a_first_stop_gives_back_the_pause_it_has_swallowed(align, sound):
    word = [SimpleNamespace(name=sound, start=10, duration=60), SimpleNamespace(name="L", start=70, duration=30)]
    pause, stop, other = align._sounds(word)
    assert pause.symbol == "" and (pause.start, pause.end) == pytest.approx((0.1, stop.start))
    assert stop.symbol == sound.lower() and stop.end - stop.start == pytest.approx(align.LONGEST_STOP)
    assert other.symbol == "l" and (other.start, stop.end) == pytest.approx((0.7, 0.7))
    assert [phone.symbol for phone in align._sounds(word[1:])] == ["l"]
