import shutil

import numpy as np
import pytest

pytest.importorskip("mido", reason="a tool of the training: pip install vividlib[training]")

from vividlib.conventions import SAMPLE_RATE
from vividlib.training import clips, negatives
from vividlib.training.music import BASSES, CHORD_PLAYERS, HELD_OUT_PLAYERS, SOUNDFONT, TUNE_PLAYERS, music
from vividlib.training.negatives import HELD_OUT_NOISES, NOISES, coloured, sound

VOICES = {52, 53, 54, 85, 91}  # choirs and voices of General MIDI


@pytest.mark.parametrize("kind", [*NOISES, *HELD_OUT_NOISES])
def test_a_noise_is_finite_in_range_and_the_same_for_the_same_seed(kind):
    one, again, other = (
        sound(name, seed) for name, seed in ((f"noise_{kind}_0", 0), (f"noise_{kind}_0", 0), (f"noise_{kind}_1", 0))
    )
    assert one.dtype == np.float32 and len(one) == negatives.TAKE * SAMPLE_RATE
    assert np.isfinite(one).all() and np.abs(one).max() <= 1
    assert np.array_equal(one, again) and not np.array_equal(one, other)


def test_power_falls_with_frequency_by_the_slope():
    noise = coloured(np.random.default_rng(0), 2**18, slope=2.0)
    power = np.square(np.abs(np.fft.rfft(noise)))
    octave = [power[len(power) // n : 2 * len(power) // n].mean() for n in (32, 4)]
    assert octave[0] / octave[1] == pytest.approx(64, rel=0.1)


def test_what_is_held_out_is_not_learned_from():
    assert not set(NOISES) & set(HELD_OUT_NOISES)
    for group in (CHORD_PLAYERS, TUNE_PLAYERS, BASSES):
        assert set(group) & HELD_OUT_PLAYERS and set(group) - HELD_OUT_PLAYERS
        assert not set(group) & VOICES


def test_clips_rest(tmp_path, monkeypatch):
    monkeypatch.setattr(negatives, "HELD_OUT_PIECES", 0)
    assert negatives.negatives(tmp_path, held_out=True) == negatives.TAKES * len(HELD_OUT_NOISES)
    for file in tmp_path.glob("*.npz"):
        clip = clips.load(file)
        assert clip.speaker == "noise" and not clip.tracked
        assert clip.blendshapes.shape[1] == 52 and not clip.blendshapes.any() and not clip.voiced.any()
        assert [phone.symbol for phone in clip.phones] == [""]


@pytest.mark.parametrize("held_out", [False, True])
def test_music_is_played_by_instruments_held_out_or_by_none_of_them(held_out, monkeypatch):
    players = []
    monkeypatch.setattr("vividlib.training.music._play", lambda notes, own, tempo: players.extend(own) or np.zeros(9))
    for seed in range(20):
        music(np.random.default_rng(seed), 4.0, held_out)
    assert len(players) == 60 and {player in HELD_OUT_PLAYERS for player in players} == {held_out}


@pytest.mark.parametrize("held_out", [False, True])
def test_music_sounds_throughout_and_is_the_same_for_the_same_seed(held_out):
    if shutil.which("fluidsynth") is None or not SOUNDFONT.exists():
        pytest.skip("fluidsynth and its soundfont are needed for training only")
    one, again, other = (music(np.random.default_rng(seed), 6.0, held_out) for seed in (3, 3, 4))
    assert len(one) == 6 * SAMPLE_RATE and np.isfinite(one).all()
    assert np.array_equal(one, again) and not np.array_equal(one, other)
    loudness = one.reshape(3, -1).std(1)
    assert loudness.min() > 0.05 * loudness.max() > 0
