import ctypes.util
import shutil

import numpy as np
import pytest

from vividlib.conventions import SAMPLE_RATE
from vividlib.training.sentence import TEXT
from vividlib.training.sentences import SENTENCES
from vividlib.training.synthesize import Espeak, babble, flite
from vividlib.training.visemes import segments


def loudness(samples: np.ndarray, start: float, end: float) -> float:
    return float(np.sqrt(np.square(samples[int(start * SAMPLE_RATE) : int(end * SAMPLE_RATE)]).mean()))


@pytest.fixture(scope="module")
def espeak():
    if ctypes.util.find_library("espeak-ng") is None:
        pytest.skip("espeak-ng is needed for training only")
    return Espeak()


def test_espeak_says_when_each_sound_is_heard(espeak):
    samples, phones = espeak.say("Papa, sí.", "es", pitch=50, words_a_minute=120)
    assert "".join(phone.symbol[:1] for phone in phones if phone.symbol).startswith("papasi")
    vowel = next(phone for phone in phones if phone.symbol.startswith("a"))
    closed = next(phone for phone in phones[2:] if phone.symbol == "p")
    assert loudness(samples, vowel.start, vowel.end) > 5 * loudness(samples, closed.start, closed.start + 0.03)
    assert phones[-1].end == pytest.approx(len(samples) / SAMPLE_RATE, abs=0.01)


def test_every_language_is_spoken_with_sounds_the_lips_know(espeak):
    for language, texts in SENTENCES.items():
        _, phones = espeak.say(texts.strip().splitlines()[0].strip(), language, pitch=50, words_a_minute=150)
        known = [part.symbol for part in segments(phones)]
        assert len(known) > 15, language
        assert np.mean([symbol == "" for symbol in known]) < 0.25, language


def test_flite_says_when_each_sound_is_heard():
    if shutil.which("flite") is None:
        pytest.skip("flite is needed for training only")
    samples, phones = flite(TEXT, "slt")
    assert [phone.symbol for phone in phones][1:5] == ["h", "ə", "l", "oʊ"]
    assert phones[-1].end == pytest.approx(len(samples) / SAMPLE_RATE, abs=0.02)


def test_babble_is_the_same_for_the_same_seed():
    assert babble(np.random.default_rng(1)) == babble(np.random.default_rng(1)) != babble(np.random.default_rng(2))
