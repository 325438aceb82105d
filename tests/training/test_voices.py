import ctypes.util
import shutil
from itertools import pairwise

import numpy as np
import pytest

from vividlib.conventions import SAMPLE_RATE
from vividlib.errors import BackendError
from vividlib.training.closures import end_at_burst
from vividlib.training.sentence import TEXT
from vividlib.training.sentences import SENTENCES
from vividlib.training.synthesize import ESPEAK_LANGUAGES, lines
from vividlib.training.visemes import CLASS, segments
from vividlib.training.voices import ESPEAK_VARIANTS, FESTIVAL_VOICES, Espeak, FestivalVoice, festival, flite


def loudness(samples: np.ndarray, start: float, end: float) -> float:
    return float(np.sqrt(np.square(samples[int(start * SAMPLE_RATE) : int(end * SAMPLE_RATE)]).mean()))


def assert_closed_lips_are_quiet(samples, phones):
    """In a p, not at its edges, there are 10 ms in which far less is heard than right after."""
    phones = end_at_burst(samples, phones)
    ratios = [
        min(loudness(samples, at, at + 0.01) for at in np.arange(stop.start + 0.01, stop.end - 0.02, 0.005))
        / loudness(samples, vowel.start, vowel.end)
        for before, stop, vowel in zip(phones, phones[1:], phones[2:])
        if before.symbol and stop.symbol == "p" and stop.end - stop.start > 0.035 and vowel.symbol
    ]
    assert ratios and np.median(ratios) < 0.2


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


@pytest.mark.parametrize("variant", ESPEAK_VARIANTS[::4])
def test_lips_are_closed_while_espeak_is_quiet(espeak, variant):
    assert_closed_lips_are_quiet(*espeak.say("Papa, la pipa y la sopa.", f"es{variant}", pitch=50, words_a_minute=150))


def test_every_language_is_spoken_with_sounds_the_lips_know(espeak):
    for language in ESPEAK_LANGUAGES:
        _, phones = espeak.say(lines(language)[0], language, pitch=50, words_a_minute=150)
        known = [part.symbol for part in segments(phones)]
        assert len(known) > 15, language
        assert np.mean([symbol == "" for symbol in known]) < 0.25, language


def test_flite_says_when_each_sound_is_heard():
    if shutil.which("flite") is None:
        pytest.skip("flite is needed for training only")
    samples, phones = flite(TEXT, "slt")
    assert [phone.symbol for phone in phones][1:5] == ["h", "ə", "l", "oʊ"]
    assert phones[-1].end == pytest.approx(len(samples) / SAMPLE_RATE, abs=0.02)
    assert_closed_lips_are_quiet(*flite("Papa, a pop up pepper, and a puppy.", "slt"))


def test_every_sound_of_every_voice_of_festival_is_known_to_the_lips():
    for voice in FESTIVAL_VOICES:
        assert voice.language in SENTENCES
        assert all(set(sound) <= set(CLASS) for sound in voice.sounds.values()), voice.name
        "".join(lines(voice.language)).encode(voice.encoding)


@pytest.mark.parametrize("voice", FESTIVAL_VOICES, ids=lambda voice: voice.name)
def test_festival_says_when_each_sound_is_heard(voice):
    if shutil.which("festival") is None:
        pytest.skip("festival is needed for training only")
    texts = {"te": ["పాప పాప పాప."], "mr": ["पापा पापा पापा."], "hi": ["पापा पापा पापा."], "ru": ["папа папа папа."]}
    try:
        (samples, phones), *others = festival(texts.get(voice.language, ["Papa, papa papa."]), voice)
    except BackendError:
        pytest.skip(f"the voice {voice.name} is needed for training only")
    assert not others
    assert sum(phone.symbol == "p" for phone in phones) == 6
    assert phones[-1].end == pytest.approx(len(samples) / SAMPLE_RATE, abs=0.06)
    assert all(one.end == two.start for one, two in pairwise(phones))
    assert_closed_lips_are_quiet(samples, phones)


def test_a_missing_voice_of_festival_is_named():
    if shutil.which("festival") is None:
        pytest.skip("festival is needed for training only")
    with pytest.raises(BackendError, match="nobody_diphone"):
        next(festival(["Hello."], FestivalVoice("nobody_diphone", "en", "latin1", {})))
