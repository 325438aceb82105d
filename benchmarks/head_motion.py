"""Do heads made from a voice move like those of people? Beside a regression network and noise in the same run.

``python -m benchmarks.head_motion CLIPS --speech FOLDER`` with the clips that `vividlib.training prepare` wrote and a
folder of voices without faces. Whom the figures are about, nothing was learned from, voices and heads. Writes
benchmarks/results/head_motion.json:

- ``codebook``: what is lost when the heads of people go through the codebook, and how much of it is used.
- ``motion``: deviation, speed, jerk and spectrum of pitch, yaw and roll, beside those of people to the same voices.
  Ratios are to the tracked person, in the geometric mean over people.
- ``timing``: Beat Align, and whether a head is faster where the voice is louder; each beside shuffled voices.
- ``seeds``: how far apart performances of one voice are. ``hour``: what an hour of speech does. ``memory``: MB.
"""

from __future__ import annotations

import argparse
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from benchmarks import speech_speed
from benchmarks.common import write
from benchmarks.head_baselines import regression
from benchmarks.head_voices import LOUDNESS, TOLD, Voice, filmed, one_after_the_other, performed, performers, unseen
from vividlib.audio_to_mesh.head_codebook import SHIFTS, TURNS, PoseCodebook, coded
from vividlib.audio_to_mesh.head_sampler import load_sampler
from vividlib.audio_to_mesh.splines import KNOT
from vividlib.conventions import MOTION_RATE
from vividlib.metrics.beats import beat_align, matched, motion_beats
from vividlib.metrics.codes import usage
from vividlib.metrics.diversity import diversity
from vividlib.metrics.dynamics import dynamics, jerk
from vividlib.metrics.repetition import drift, repetition
from vividlib.metrics.rotation_error import rotation_error
from vividlib.metrics.spectra import WINDOW, log_spectral_distance
from vividlib.training import head_poses
from vividlib.training.clips import HELD_OUT
from vividlib.training.head_curves import coefficients, poses_of
from vividlib.training.head_poses import PoseClip
from vividlib.training.head_sampler import STRANGERS

ANGLES, XYZ = ("pitch", "yaw", "roll"), ("x", "y", "z")
SEEDS = 20  # of each voice: what a head has to do with a voice is little beside what is drawn
EXCERPT = 4 * MOTION_RATE  # frames of a voice that are shuffled
HOUR, PART, REPEATS_FROM = 3600.0, 300.0, 10.0  # seconds

Made = dict[str, list[np.ndarray]]
"""By the name of a voice, its performances (T, 6), one a seed."""


def angles(poses: np.ndarray) -> np.ndarray:
    """Pitch, yaw and roll of poses (T, 6) in degrees, (T, 3): positive down, to the person's left, and to the right."""
    return Rotation.from_rotvec(poses[:, :3]).as_euler("YXZ", degrees=True)[:, [1, 0, 2]]


def quaternions(poses: np.ndarray) -> np.ndarray:
    return Rotation.from_rotvec(poses[:, :3]).as_quat()


def named(values: np.ndarray, names: tuple[str, ...] = ANGLES, digits: int = 2) -> dict[str, float]:
    return dict(zip(names, np.round(np.float64(values), digits).tolist()))


def codebooks() -> dict[str, PoseCodebook]:
    """Those of assets/."""
    sampler = load_sampler()
    return {"turns": sampler.turns, "shifts": sampler.shifts}


def through(books: dict[str, PoseCodebook], clips: list[PoseClip]) -> tuple[list, list, dict[str, np.ndarray]]:
    """Clips through the codebooks of turns and shifts: poses as they were and as decoded, where only codes decide them,
    and the codes."""
    truth, found, codes = [], [], {name: [] for name in books}
    for frames, group in groupby(sorted(clips, key=lambda clip: len(clip.poses)), lambda clip: len(clip.poses)):
        own = [clip.poses for clip in group]
        curves, decoded = torch.from_numpy(np.stack([coefficients(poses) for poses in own])), []
        for (name, book), part in zip(books.items(), (TURNS, SHIFTS)):
            chosen, part_decoded = coded(book, curves[..., part])
            decoded.append(part_decoded)
            codes[name].append(chosen.numpy().ravel())
        rows = torch.cat(decoded, -1).numpy()
        decided = slice(2 * KNOT, KNOT * (rows.shape[1] - 2))  # the first two coefficients are given
        truth += [poses[decided] for poses in own]
        found += [poses_of(row, KNOT * (len(row) - 2))[decided] for row in rows]
    return truth, found, {name: np.concatenate(own) for name, own in codes.items()}


def reconstruction(books: dict[str, PoseCodebook], clips: list[PoseClip]) -> dict:
    """``codebook`` of some people."""
    truth, found, codes = through(books, clips)
    a, b = np.concatenate(truth), np.concatenate(found)
    used = {name: usage(codes[name], len(book.codes)) for name, book in books.items()}
    return {
        "rotation_rms_degrees": round(rotation_error(quaternions(b), quaternions(a)), 3),
        "axes_rms_degrees": named(np.sqrt(np.mean((angles(b) - angles(a)) ** 2, 0)), digits=3),
        "translation_rms_mm": named(1000 * np.sqrt(np.mean((b - a)[:, 3:] ** 2, 0)), XYZ),
    } | {
        name: {
            "windows": len(codes[name]), "entries": len(book.codes), "used": round(used[name].share, 3),
            "perplexity": round(used[name].perplexity, 1),
        }
        for name, book in books.items()
    }  # fmt: skip


def described(stretches: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Deviation about its mean, speed and jerk of one person's poses in stretches: degrees, mm, and those a second."""

    def of(curves: list[np.ndarray]) -> dict[str, np.ndarray]:
        each = {
            "deviation": np.sqrt(mean([curve.var(0) for curve in curves])),
            "speed": mean([dynamics(curve, MOTION_RATE).speed for curve in curves]),
        }
        return each | {"jerk": mean([jerk(curve, MOTION_RATE) for curve in curves])}

    def mean(values: list[np.ndarray]) -> np.ndarray:
        return np.average(values, axis=0, weights=[len(poses) for poses in stretches])

    moves = of([1000 * poses[:, 3:] for poses in stretches])
    return of([angles(poses) for poses in stretches]) | {f"translation_{name}": moves[name] for name in moves}


def cut(poses: np.ndarray, voice: Voice) -> list[np.ndarray]:
    """A performance of a voice, in the stretches in which the person was seen."""
    return np.split(poses, np.cumsum([len(stretch) for stretch in voice.seen])[:-1])


def compared(voices: list[Voice], made: dict[str, Made]) -> dict:
    """``motion`` of a group of filmed people."""
    truth = [described(list(voice.seen)) for voice in voices]
    seen = [angles(poses) for voice in voices for poses in voice.seen]
    axes = {name: XYZ if name.startswith("translation") else ANGLES for name in truth[0]}
    found: dict = {
        "people": len(voices),
        "seconds": round(sum(map(len, seen)) / MOTION_RATE, 1),
        "tracked": {name: named(np.mean([one[name] for one in truth], 0), axes[name]) for name in axes},
    }
    for who, performances in made.items():
        each = [[described(cut(poses, voice)) for poses in performances[voice.name]] for voice in voices]
        figures = {}
        for name, of in axes.items():
            ratio = [np.mean([one[name] for one in own], 0) / real[name] for own, real in zip(each, truth)]
            figures[f"{name}_ratio"] = named(np.exp(np.mean(np.log(ratio), 0)), of)
        own = [angles(poses) for voice in voices for poses in performances[voice.name]]
        figures["largest_degrees"] = named(np.max([np.abs(turns).max(0) for turns in own], 0), digits=1)
        if any(len(turns) >= WINDOW * MOTION_RATE for turns in seen):
            figures["log_spectral_distance_db"] = named(log_spectral_distance(own, seen, MOTION_RATE))
        found[who] = figures
    return found


def timing(voices: list[Voice], made: Made) -> dict:
    """Permutation tests of whether heads belong to the voices that they were made for, EXCERPT by EXCERPT."""
    places = [(v, first) for v in voices for first in range(0, v.frames - EXCERPT + 1, EXCERPT)]
    seeds = range(len(made[voices[0].name]))
    beats = {v.name: [motion_beats(quaternions(poses), MOTION_RATE) for poses in made[v.name]] for v in voices}
    found: dict = {"excerpts": len(places), "seeds": len(seeds)}
    for kind in ("Beat Align", "Beat Align, onsets"):
        heard = [v.beats[kind] - first / MOTION_RATE for v, first in places]
        heard = [own[(own >= 0) & (own < EXCERPT / MOTION_RATE)] for own in heard]
        moved = [[beats[v.name][seed] - first / MOTION_RATE for v, first in places] for seed in seeds]
        scores = [[[beat_align(audio, motion) for audio in heard] for motion in own] for own in moved]
        found[kind] = _test(np.mean(scores, 0))
    loud = _excerpts({v.name: v.loudness for v in voices}, places)
    fast = [_excerpts({v.name: _speed(made[v.name][seed]) for v in voices}, places) for seed in seeds]
    found["correlation of speed with loudness"] = _test(np.mean(fast, 0) @ loud.T / EXCERPT)
    seconds = sum(v.frames for v in voices) * len(seeds) / MOTION_RATE
    found["beats of motion a second"] = round(sum(len(own) for v in voices for own in beats[v.name]) / seconds, 2)
    return found


def _speed(poses: np.ndarray) -> np.ndarray:
    """How fast a head turns, (T,), as smooth as loudness."""
    turns = Rotation.from_rotvec(poses[:, :3])
    speed = (turns[:-1].inv() * turns[1:]).magnitude()
    return gaussian_filter1d(np.append(speed, speed[-1]), LOUDNESS * MOTION_RATE)


def _excerpts(curves: dict[str, np.ndarray], places: list[tuple[Voice, int]]) -> np.ndarray:
    """Excerpts of curves (T,), each about its mean and in units of its deviation: (N, EXCERPT)."""
    rows = np.stack([curves[voice.name][first : first + EXCERPT] for voice, first in places])
    rows = rows - rows.mean(1, keepdims=True)
    return rows / np.maximum(rows.std(1, keepdims=True), 1e-12)


def _test(scores: np.ndarray) -> dict[str, float]:
    own, shuffled, p = matched(scores)
    return {"own": round(own, 4), "shuffled": round(shuffled, 4), "p": round(p, 4)}


def apart(made: Made) -> dict:
    """How different the seeds are: degrees between two of them, and as a share of what independent curves would be."""
    turns = [np.stack([angles(poses) for poses in own]) for own in made.values()]
    distance = np.mean([diversity(own) for own in turns], 0)
    independent = np.sqrt(2) * np.mean([own.std((0, 1)) for own in turns], 0)
    return {"degrees": named(distance), "of_independent": named(distance / np.maximum(independent, 1e-9))}


def through_an_hour(poses: np.ndarray) -> dict:
    """Where the head is on average in each PART, how much it moves there, and whether its motion comes around again."""
    turns = angles(poses)
    means = drift(turns, MOTION_RATE, PART)
    spread = turns[: len(means) * round(PART * MOTION_RATE)].reshape(len(means), -1, 3).std(1)
    again = repetition(turns, MOTION_RATE, REPEATS_FROM)
    return {
        "parts": len(means),
        "mean_of_a_part_furthest_from_rest": named(np.abs(means).max(0)),
        "last_part_less_first": named(means[-1] - means[0]),
        "deviation_in_a_part": {"least": named(spread.min(0)), "most": named(spread.max(0))},
        "largest_degrees": named(np.abs(turns).max(0), digits=1),
        "largest_translation_mm": named(1000 * np.abs(poses[:, 3:]).max(0), XYZ, 1),
        "largest_autocorrelation": {"is": round(again.correlation, 3), "at_s": round(again.lag, 1)},
    }


def main() -> None:
    """Run and write benchmarks/results/head_motion.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--speech", type=Path, required=True, help="folder of voices without faces (.flac)")
    given = parser.parse_args()
    tracked = head_poses.read(given.clips)
    people = filmed(tracked)
    long = [voice for voice in people if len(voice.seen) == 1 and voice.frames >= EXCERPT]
    strangers = {
        "a clip each": [voice for voice in long if voice.name in STRANGERS],
        "clips of a word": [voice for voice in people if voice.name in STRANGERS and voice not in long],
    }
    everybody = strangers["everybody"] = [voice for group in strangers.values() for voice in group]
    voices = unseen(given.speech)
    results: dict = {"codebook": {
        "people held out": reconstruction(codebooks(), [clip for clip in tracked if clip.speaker in HELD_OUT]),
        "people learned from": reconstruction(codebooks(), [clip for clip in tracked if clip.speaker not in HELD_OUT]),
    }}  # fmt: skip
    whole = strangers["a clip each"] + voices  # words cut out of sentences have no rhythm
    made: dict[str, Made] = {}
    compete = performers(everybody, regression(tracked))
    for who, performer in compete.items():
        to = everybody if who == TOLD else everybody + voices  # nobody knows how fast the others are
        made[who] = {voice.name: [performed(performer, voice, seed) for seed in range(SEEDS)] for voice in to}
    results["motion"] = {name: compared(group, made) for name, group in strangers.items()}
    del made[TOLD], compete[TOLD]
    results["timing"] = {
        f"tracked, {name}": timing(group, {voice.name: list(voice.seen) for voice in group})
        for name, group in (("held out", strangers["a clip each"]), ("everybody", long))
    } | {who: timing(whole, own) for who, own in made.items()}
    results["seeds"] = {who: apart({voice.name: own[voice.name] for voice in whole}) for who, own in made.items()}
    speech = one_after_the_other(voices, HOUR)
    # Regression comes around where a voice does; noise is what chance gives.
    lasting = {who: compete[who] for who in ("vividlib", "smoothed noise")}
    results["hour"] = {who: through_an_hour(does(voices[0], speech, 0)) for who, does in lasting.items()}
    results["memory"] = {
        f"{name}_beyond_what_is_held_mb": speech_speed.peak("streamed", seconds)["beyond_what_is_held"]
        for name, seconds in (("minute", speech_speed.MINUTE), ("hour", speech_speed.HOUR))
    }
    write("head_motion", results)


if __name__ == "__main__":
    main()
