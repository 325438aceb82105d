import ctypes.util

import numpy as np
import pytest

from vividlib.conventions import MOTION_RATE, SAMPLE_RATE
from vividlib.training import clips, synthesize
from vividlib.training.synthesize import babble, lines
from vividlib.training.visemes import Phone
from vividlib.training.voices import ESPEAK_VARIANTS


def test_babble_is_the_same_for_the_same_seed():
    assert babble(np.random.default_rng(1)) == babble(np.random.default_rng(1)) != babble(np.random.default_rng(2))


def test_lines_are_sentences_without_blanks():
    assert all(line == line.strip() and line for line in lines("ar"))


def test_a_voice_played_faster_keeps_its_sounds_in_step():
    samples = np.zeros(SAMPLE_RATE, np.float32)
    samples[SAMPLE_RATE // 2] = 1
    for seed in range(4):
        played, (phone,) = synthesize._played(samples, [Phone("p", 0.5, 1.0)], np.random.default_rng(seed))
        assert np.argmax(played) / SAMPLE_RATE == pytest.approx(phone.start, abs=0.001)
        assert len(played) / SAMPLE_RATE == pytest.approx(phone.end, abs=0.001)


def test_clips_are_whole_in_step_and_made_again_alike(tmp_path, monkeypatch):
    if ctypes.util.find_library("espeak-ng") is None:
        pytest.skip("espeak-ng is needed for training only")
    for name, value in {"ESPEAK_LANGUAGES": ("tr", "ar"), "ESPEAK_REPEATS": {}, "OTHER_REPEATS": 1, "ESPEAK_BABBLE": 2,
                        "FLITE_VOICES": (), "FESTIVAL_VOICES": ()}.items():  # fmt: skip
        monkeypatch.setattr(synthesize, name, value)
    count = synthesize.synthesize(tmp_path)
    files = sorted(tmp_path.glob("*.npz"))
    assert len(files) == count == len(lines("tr")) + len(lines("ar")) + 2
    for file in files:
        clip = clips.load(file)
        frames = len(clip.blendshapes)
        assert not clip.tracked and clip.speaker == "espeak"
        assert len(clip.samples) * MOTION_RATE == frames * SAMPLE_RATE and len(clip.voiced) == frames
        assert clip.lip_offsets.shape == (frames, 0, 3) and clip.gaze.shape == (frames, 0)
        assert clip.phones[0].symbol == clip.phones[-1].symbol == ""
        assert clip.phones[-1].end == pytest.approx(len(clip.samples) / SAMPLE_RATE, abs=1 / MOTION_RATE)
        assert clip.blendshapes[:10].max() < 1e-3 and clip.voiced[:10].max() == 0
        assert clip.blendshapes.max() > 0.1
    first = clips.load(files[0])
    files[0].unlink()
    synthesize.synthesize(tmp_path)  # only what is missing, with the same voice, pitch and tempo
    again = clips.load(files[0])
    assert [phone.symbol for phone in again.phones] == [phone.symbol for phone in first.phones]
    assert len(again.samples) == pytest.approx(len(first.samples), abs=2 * SAMPLE_RATE // MOTION_RATE)


def test_no_variant_whispers_or_croaks():
    assert not any(word in variant for variant in ESPEAK_VARIANTS for word in ("whisper", "croak", "robo"))
