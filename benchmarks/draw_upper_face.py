"""Draws docs/upper_face.png and writes results/upper_face.json: brows, eyes and blinks as tracked and as sampled.

python -m benchmarks.draw_upper_face CLIPS docs/upper_face.png

CLIPS is what ``python -m vividlib.training prepare`` wrote. Faces are sampled in the neutral style to the voices of the
people who are held out of training.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from scipy.signal import welch

from benchmarks.common import write
from vividlib.audio_to_mesh.eyes import seen_from_camera
from vividlib.audio_to_mesh.performance import speak
from vividlib.audio_to_mesh.upper import BLINK_INDEX, UPPER, UPPER_INDEX
from vividlib.conventions import ARKIT_INDEX, MOTION_RATE
from vividlib.metrics.blinks import find_blinks
from vividlib.metrics.dynamics import dynamics, sides_together
from vividlib.metrics.saccades import Saccades, find_saccades
from vividlib.training import clips
from vividlib.training.clips import Clip
from vividlib.training.habits import Habits, see
from vividlib.types import Motion, Speech

SEEDS = 5
SHOWN = 20.0  # seconds
LONG = 8.0  # seconds of a clip whose gaps between blinks and spectra are counted: a short one has none
PAIRS = [(name, name.replace("Left", "Right")) for name in UPPER if name.endswith("Left")]
ROWS = {
    "browInnerUp": ARKIT_INDEX["browInnerUp"],
    "browDownLeft": ARKIT_INDEX["browDownLeft"],
    "eyeSquintLeft": ARKIT_INDEX["eyeSquintLeft"],
    "eyeBlinkLeft": ARKIT_INDEX["eyeBlinkLeft"],
}


def real(people: dict[str, list[Clip]]) -> dict:
    """Figures of tracked people, in the mean over people, each counting by the root of how much there is of them."""
    rows, weights = [], []
    for own in people.values():
        habits = Habits.of(own)
        seen = [see(clip) for clip in own]
        curves = np.concatenate([clip.blendshapes[:, UPPER_INDEX] for clip in own]) - habits.rest
        hidden = np.concatenate([one.hidden for one in seen])
        joints = np.cumsum([len(clip.blendshapes) for clip in own])[:-1]
        hidden[joints] = True  # where one clip ends and the next begins, nothing moves
        minutes = len(hidden) / MOTION_RATE / 60
        judged = sum(one.saccades.judged.sum() for one in seen) / MOTION_RATE / 60
        rows.append(_figures(np.clip(curves, 0, 1), ~hidden) | {
            "blinks_per_minute": sum(len(one.blinks.start) for one in seen) / minutes,
            "saccades_per_minute": sum(len(one.saccades.start) for one in seen) / max(judged, 1e-6),
        })  # fmt: skip
        weights.append(np.sqrt(minutes))
    result = {name: np.average([row[name] for row in rows], 0, weights) for name in rows[0]}
    blinks = [Habits.of(own).blinks for own in people.values()]
    return result | _blinks_in_words(np.concatenate(blinks))


def sampled(motion: Motion) -> dict:
    """The same figures of a sampled face."""
    blinks = find_blinks(motion.blendshapes[:, BLINK_INDEX[0]], MOTION_RATE)
    saccades = find_saccades(seen_from_camera(motion.gaze[:, 0], motion.head_rotation), MOTION_RATE)
    hidden = motion.blendshapes[:, BLINK_INDEX[0]] > 0.25
    return _figures(motion.blendshapes[:, UPPER_INDEX], ~hidden) | {
        "blinks_per_minute": len(blinks.start) / (motion.duration / 60),
        "saccades_per_minute": len(saccades.start) / (motion.duration / 60),
    } | _blinks_in_words(np.column_stack(blinks[1:5]))  # fmt: skip


def _figures(curves: np.ndarray, known: np.ndarray) -> dict:
    found = dynamics(curves, MOTION_RATE, known)
    sides = [(curves[known, UPPER.index(left)], curves[known, UPPER.index(right)]) for left, right in PAIRS]
    together = [sides_together(*pair) if min(pair[0].std(), pair[1].std()) > 0 else 0.0 for pair in sides]
    return {"deviation": found.deviation, "speed": found.speed, "left_with_right": together}


def _blinks_in_words(blinks: np.ndarray) -> dict:
    closing, closed, opening, _ = np.median(blinks, 0).tolist()
    return {"closing_s": closing, "closed_s": closed, "opening_s": opening}


def by_person(all_clips: Iterable[Clip]) -> dict[str, list[Clip]]:
    """The clips of each tracked person."""
    people: dict[str, list[Clip]] = {}
    for clip in all_clips:
        if clip.tracked:
            people.setdefault(clip.speaker, []).append(clip)
    return people


def tidy(figures: dict) -> dict:
    """Figures by name, three digits each."""
    names = {"deviation": UPPER, "speed": UPPER, "left_with_right": [left.removesuffix("Left") for left, _ in PAIRS]}
    return {
        name: dict(zip(names[name], np.round(np.float64(value), 3).tolist()))
        if name in names
        else round(float(value), 3)
        for name, value in figures.items()
    }


def tracks(panel: SubFigure, example: Clip, motions: list[Motion]) -> None:
    """A real person's curves in black, and under them what five seeds make of the same voice."""
    own = example.blendshapes.copy()
    own[:, UPPER_INDEX] = _open_eyed([example])[0]
    panel.suptitle(f"{example.speaker}, tracked (black), and five seeds to the same voice; 0 to 0.6, eyeBlink to 1")
    grid = panel.subplots(len(ROWS), 1 + len(motions), sharex=True)
    for row, (name, index) in zip(grid, ROWS.items()):
        for axes, curves in zip(row, [own, *(motion.blendshapes for motion in motions)]):
            count = min(len(curves), int(SHOWN * MOTION_RATE))
            axes.plot(
                np.arange(count) / MOTION_RATE, curves[:count, index], lw=0.7, color="k" if curves is own else None
            )
            axes.set(ylim=(-0.02, 1.02 if "Blink" in name else 0.6), yticks=[])
        row[0].set_ylabel(name, fontsize=8)


def distributions(panel: SubFigure, people: dict[str, list[Clip]], motion: Motion) -> None:
    """Gaps between blinks, how far eyes jump, and spectra; every tracked person counts the same."""
    gaps, jumps, spectra = panel.subplots(1, 3)
    long = {name: [c for c in own if len(c.voiced) > LONG * MOTION_RATE] for name, own in people.items()}
    long = {name: own for name, own in long.items() if own}
    lids = [[clip.blendshapes[:, BLINK_INDEX].mean(1) for clip in own] for own in long.values()]
    waits = [[np.diff(find_blinks(lid, MOTION_RATE).start) for lid in own] for own in lids]
    made = np.diff(find_blinks(motion.blendshapes[:, BLINK_INDEX[0]], MOTION_RATE).start)
    _histogram(gaps, waits, made, np.arange(0, 10, 0.5))
    gaps.set(xlabel="seconds from one blink to the next (tracked: people in long clips)")
    found = [[_sizes(see(clip).saccades) for clip in own] for own in people.values()]
    ours = _sizes(find_saccades(seen_from_camera(motion.gaze[:, 0], motion.head_rotation), MOTION_RATE))
    _histogram(jumps, found, ours, np.arange(0, 15, 0.75))
    jumps.set(xlabel="degrees of a saccade")
    frequency, made = _spectrum([motion.blendshapes[:, UPPER_INDEX]])
    _, truth = _spectrum([curves for own in long.values() for curves in _open_eyed(own)])
    for curve, name in enumerate(UPPER):
        if name in ("browInnerUp", "browDownLeft", "eyeSquintLeft"):
            spectra.loglog(frequency, truth[:, curve], "--", label=f"{name}, tracked", color=f"C{curve}")
            spectra.loglog(frequency, made[:, curve], label=f"{name}, sampled", color=f"C{curve}")
    spectra.set(xlabel="Hz (tracked: people in long clips)", xlim=(0.2, 12), ylim=(1e-7, 1e-1))
    for axes in (gaps, jumps, spectra):
        axes.legend(fontsize=7)
        axes.grid(alpha=0.3)


def _histogram(axes: Axes, truth: list[list[np.ndarray]], made: np.ndarray, edges: np.ndarray) -> None:
    joined = [values for own in truth if len(values := np.concatenate(own))]
    weights = np.concatenate([np.full(len(own), 1 / len(own)) for own in joined])
    style = {"density": True, "histtype": "step"}
    axes.hist(np.concatenate(joined), edges, weights=weights, label="tracked", color="k", **style)
    axes.hist(made, edges, label="sampled", color="C0", **style)


def _sizes(saccades: Saccades) -> np.ndarray:
    return np.degrees(np.linalg.norm(saccades.target - saccades.origin, axis=1))


def _open_eyed(own: list[Clip]) -> list[np.ndarray]:
    """Curves from a person's rest on, as if there were no blinks: trackers move brows and squints in them."""
    habits, result = Habits.of(own), []
    for clip in own:
        frames = np.arange(len(clip.blendshapes))
        shown = frames[~see(clip).hidden]
        curves = np.clip(clip.blendshapes[:, UPPER_INDEX] - habits.rest, 0, 1)
        result.append(np.column_stack([np.interp(frames, shown, curve[shown]) for curve in curves.T]))
    return result


def _spectrum(curves: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean power spectral density of curves (T, C): frequencies in Hz, (F, C)."""
    found = [welch(own, MOTION_RATE, nperseg=int(LONG * MOTION_RATE) - 8, axis=0) for own in curves]
    return found[0][0], np.mean([density for _, density in found], 0)


def main() -> None:
    """Sample, count and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    people = by_person(clips.load(file) for file in sorted(given.clips.glob("*.npz")))
    strange = {name: own for name, own in people.items() if name in clips.HELD_OUT}
    known = {name: own for name, own in people.items() if name not in clips.HELD_OUT}
    voices = np.concatenate([clip.samples for own in strange.values() for clip in own])
    motion = speak(Speech(voices))
    example = max((clip for own in people.values() for clip in own), key=lambda clip: len(clip.voiced))
    excerpt = Speech(example.samples[: int(SHOWN * 16_000)])
    motions = [speak(excerpt, seed) for seed in range(SEEDS)]
    brows = [one["browInnerUp"] for one in motions]
    write("upper_face", {
        "tracked, learned from": tidy(real(known)) | {"people": len(known)},
        "tracked, held out": tidy(real(strange)) | {"people": len(strange)},
        "sampled to the voices held out": tidy(sampled(motion)) | {"minutes": round(motion.duration / 60, 1)},
        "correlation of browInnerUp between seeds": np.round(np.corrcoef(brows)[np.triu_indices(SEEDS, 1)], 2).tolist(),
    })  # fmt: skip
    figure = pyplot.figure(figsize=(16, 10), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=[1.5, 1])
    tracks(upper, example, motions)
    distributions(lower, people, motion)
    figure.savefig(given.out, dpi=80)


if __name__ == "__main__":
    main()
