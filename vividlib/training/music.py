"""Instrumental music from random chords, tunes and drums, played by fluidsynth and its General MIDI soundfont.

Both are tools for making training data (Debian's fluidsynth and fluid-soundfont-gm, which is under the MIT
licence). Instruments that imitate voices, and sound effects, are not used.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import mido
import numpy as np
import soundfile
import soxr

from vividlib.conventions import SAMPLE_RATE
from vividlib.errors import BackendError

SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
CHORD_PLAYERS = (*range(8), *range(16, 32), 44, 45, 46, *range(48, 52), 88, 89, 90, 92, 94, 95, 104, 107)
TUNE_PLAYERS = (
    *range(8, 16),
    40,
    41,
    42,
    56,
    57,
    *range(59, 67),
    68,
    69,
    *range(71, 82),
    84,
    98,
    105,
    106,
    108,
    109,
    110,
)
BASSES = tuple(range(32, 40))
"""Programs of General MIDI, from 0; without those that are silent at the pitch of a tune, like the tuba."""
HELD_OUT_PLAYERS = frozenset([*range(4, 8), *range(16, 24), *range(36, 38), *range(40, 43), *range(64, 72)])
"""Electric pianos, organs, slapped basses, strings and reeds: only for measuring."""

SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 9, 10), (0, 1, 4, 5, 7, 8, 10))
"""Major, minor, dorian and hijaz, in semitones above the tonic."""
PROGRESSIONS = ((0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 4, 0), (5, 3, 0, 4), (0, 6, 5, 4), (1, 4, 0, 5))
"""Degrees of the scale on which the triads of four bars stand."""
KICK, SNARE, HAT, RIDE, TOM = 36, 38, 42, 51, 45
DRUM_CHANNEL = 9
TICKS = 480  # to a beat
BAR = 4  # beats

Note = tuple[int, int, int, float, float]
"""Channel, key, velocity, and when it begins and how long it lasts, in beats."""


def music(random: np.random.Generator, seconds: float, held_out: bool = False) -> np.ndarray:
    """A piece of music for several instruments: (N,) float32 at SAMPLE_RATE.

    Parameters
    ----------
    random : decides about key, tempo, chords, instruments and notes
    seconds : length
    held_out : whether it is played by HELD_OUT_PLAYERS only, or by none of them

    Raises
    ------
    BackendError
        If fluidsynth or its soundfont is not installed.
    """
    tempo = random.uniform(60, 160)  # beats a minute
    bars = int(np.ceil(seconds * tempo / 60 / BAR))
    players = [_choose(random, group, held_out) for group in (CHORD_PLAYERS, TUNE_PLAYERS, BASSES)]
    return _play(_compose(random, bars), players, tempo)[: round(seconds * SAMPLE_RATE)]


def _choose(random: np.random.Generator, group: tuple[int, ...], held_out: bool) -> int:
    return int(random.choice([program for program in group if (program in HELD_OUT_PLAYERS) == held_out]))


def _compose(random: np.random.Generator, bars: int) -> list[Note]:
    """Chords, a tune, a bass and drums, any of them but one now and then silent."""
    tonic, scale = int(random.integers(48, 60)), SCALES[random.integers(len(SCALES))]
    progression = PROGRESSIONS[random.integers(len(PROGRESSIONS))]
    parts = [_chords, _tune, _bass, _drums]
    playing = random.random(len(parts)) < (0.75, 0.7, 0.6, 0.5)
    playing[random.integers(3)] = True
    notes = []
    for bar in range(bars):
        root = progression[bar % len(progression)]
        for part in [part for part, plays in zip(parts, playing) if plays]:
            notes += [(c, k, v, bar * BAR + at, length) for c, k, v, at, length in part(random, tonic, scale, root)]
    return notes


def _key(tonic: int, scale: tuple[int, ...], degree: int) -> int:
    octave, step = divmod(degree, len(scale))
    return tonic + 12 * octave + scale[step]


def _chords(random: np.random.Generator, tonic: int, scale: tuple[int, ...], root: int) -> list[Note]:
    """A triad or a seventh chord, held, struck on the beats or broken."""
    keys = [_key(tonic, scale, root + step) for step in (0, 2, 4, 6)[: random.integers(3, 5)]]
    style = random.integers(3)
    if style == 0:
        return [(0, key, 70, 0.0, 3.9) for key in keys]
    if style == 1:
        return [(0, key, int(random.integers(55, 95)), float(beat), 0.8) for beat in range(BAR) for key in keys]
    return [(0, keys[half % len(keys)], 75, half / 2, 0.6) for half in range(2 * BAR)]


def _tune(random: np.random.Generator, tonic: int, scale: tuple[int, ...], root: int) -> list[Note]:
    """Steps and small leaps in a rhythm of halves, quarters, eighths and rests."""
    notes, at, degree = [], 0.0, root + 7 + int(random.integers(-2, 3))
    while at < BAR:
        length = float(random.choice([0.25, 0.5, 0.5, 1.0, 1.0, 2.0]))
        if random.random() > 0.15:
            notes.append((1, _key(tonic, scale, degree), int(random.integers(65, 110)), at, 0.92 * length))
        degree = int(np.clip(degree + random.choice([-2, -1, -1, 0, 1, 1, 2, 4]), 3, 16))
        at += length
    return notes


def _bass(random: np.random.Generator, tonic: int, scale: tuple[int, ...], root: int) -> list[Note]:
    step = int(random.choice([1, 2, 4]))
    return [
        (2, _key(tonic, scale, root - 7 * (1 + (tonic > 54))), 85, float(at), 0.9 * step) for at in range(0, BAR, step)
    ]


def _drums(random: np.random.Generator, *_: object) -> list[Note]:
    hits = [(KICK, 0.0), (KICK, 2.0), (SNARE, 1.0), (SNARE, 3.0)]
    hits += [(HAT if random.random() < 0.8 else RIDE, half / 2) for half in range(2 * BAR)]
    hits += [(TOM, 3 + quarter / 4) for quarter in range(4) if random.random() < 0.15]
    return [(DRUM_CHANNEL, drum, int(random.integers(50, 110)), at, 0.2) for drum, at in hits]


def _play(notes: list[Note], players: list[int], tempo: float) -> np.ndarray:
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo))])
    track += [mido.Message("program_change", channel=channel, program=player) for channel, player in enumerate(players)]
    events = []
    for channel, key, velocity, at, length in notes:
        events.append((round(at * TICKS), mido.Message("note_on", channel=channel, note=key, velocity=velocity)))
        events.append((round((at + length) * TICKS), mido.Message("note_off", channel=channel, note=key)))
    now = 0
    for at, message in sorted(events, key=lambda event: event[0]):
        track.append(message.copy(time=at - now))
        now = at
    with tempfile.TemporaryDirectory() as folder:
        score, sound = Path(folder) / "score.mid", Path(folder) / "sound.wav"
        mido.MidiFile(ticks_per_beat=TICKS, tracks=[track]).save(score)
        command = ["fluidsynth", "-ni", "-q", "-r", "44100", "-F", sound, SOUNDFONT, score]
        try:
            subprocess.run(command, capture_output=True, check=True)
            samples, rate = soundfile.read(sound, dtype="float32")
        except (FileNotFoundError, subprocess.CalledProcessError, soundfile.LibsndfileError) as problem:
            hint = "install them, for example: apt-get install fluidsynth fluid-soundfont-gm."
            raise BackendError(f"fluidsynth or its soundfont {SOUNDFONT} is missing; {hint}") from problem
    return soxr.resample(samples.mean(1), rate, SAMPLE_RATE).astype(np.float32)
