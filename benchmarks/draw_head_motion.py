"""Draws docs/head_codebook.png and docs/head_motion.png: the codebook of head motion, and heads made with it.

python -m benchmarks.draw_head_motion CLIPS docs

CLIPS is what ``python -m vividlib.training prepare`` wrote. Nothing was learned from the people who are shown.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib import pyplot
from matplotlib.figure import SubFigure

from benchmarks.head_baselines import regression
from benchmarks.head_motion import ANGLES, angles, codebooks, performed, performers, through
from benchmarks.head_voices import TOLD, Performer, Voice, filmed
from vividlib.audio_to_mesh.head_codebook import PoseCodebook
from vividlib.audio_to_mesh.splines import KNOT
from vividlib.conventions import MOTION_RATE, SAMPLE_RATE
from vividlib.metrics.codes import usage
from vividlib.metrics.spectra import HIGHEST, LOWEST, WINDOW, spectrum
from vividlib.training import head_poses
from vividlib.training.clips import HELD_OUT
from vividlib.training.head_poses import PoseClip
from vividlib.training.head_sampler import STRANGERS

SHOWN = 3  # people whose heads go through the codebook
SEEDS = 5
OCTAVES = 0.25, 0.5, 1, 2, 4  # Hz
COLOURS = dict(zip(ANGLES, ("C0", "C1", "C2")))
STYLES = {
    "tracked": {"color": "k", "lw": 2}, "vividlib": {"color": "C0", "lw": 1}, "regression": {"color": "r", "lw": 1.2},
    "smoothed noise": {"color": "0.5", "ls": ":"},
}  # fmt: skip


def through_the_codebook(panel: SubFigure, books: dict[str, PoseCodebook], clips: list[PoseClip]) -> None:
    """Heads as they were and as decoded."""
    for axes, clip in zip(np.atleast_1d(panel.subplots(len(clips), 1)), clips):
        (truth,), (found,), _ = through(books, [clip])
        seconds = (2 * KNOT + np.arange(len(truth))) / MOTION_RATE
        for name, was, is_ in zip(ANGLES, angles(truth).T, angles(found).T):
            axes.plot(seconds, was, color="k", lw=2.2, alpha=0.35)
            axes.plot(seconds, is_, color=COLOURS[name], lw=1, label=name)
        axes.set(ylabel=f"{clip.speaker}\ndegrees", xlim=(seconds[0], seconds[-1]))
        axes.grid(alpha=0.3)
    axes.legend(loc="upper right", fontsize=8, ncols=3)
    axes.set_xlabel("seconds; grey: tracked, colour: decoded from codes")


def entries(panel: SubFigure, books: dict[str, PoseCodebook], groups: dict[str, list[PoseClip]]) -> None:
    """How often each entry is used, the commonest first."""
    codes = {name: through(books, clips)[2] for name, clips in groups.items()}
    for axes, (book, own) in zip(panel.subplots(1, len(books)), books.items()):
        size = len(own.codes)
        for name in groups:
            share, perplexity = usage(codes[name][book], size)
            counts = np.sort(np.bincount(codes[name][book], minlength=size))[::-1] / len(codes[name][book])
            label = f"{name}: {100 * share:.0f} % used, perplexity {perplexity:.0f}"
            axes.semilogy(np.arange(1, size + 1), np.where(counts > 0, counts, np.nan), label=label)
        axes.axhline(1 / size, color="k", lw=0.7, ls=":", label="all alike")
        axes.set(xlabel=f"entry of the codebook of {book}, commonest first", ylabel="share of windows", xlim=(0, size))
        axes.legend(fontsize=8)
        axes.grid(alpha=0.3)


def trajectories(panel: SubFigure, voice: Voice, made: dict[str, list[np.ndarray]]) -> None:
    """A voice, the head of who spoke, five seeds to the same voice, and the baselines, one row for each angle."""
    rows = panel.subplots(1 + len(ANGLES), 1, sharex=True, height_ratios=[0.6, 1, 1, 1])
    rows[0].plot(np.arange(len(voice.samples)) / SAMPLE_RATE, voice.samples, lw=0.3, color="0.3")
    rows[0].set(yticks=[], ylabel=voice.name, xlim=(0, len(voice.samples) / SAMPLE_RATE))
    for index, (axes, name) in enumerate(zip(rows[1:], ANGLES)):
        (truth,) = voice.seen
        axes.plot(np.arange(len(truth)) / MOTION_RATE, angles(truth)[:, index], label="tracked", **STYLES["tracked"])
        for who, performances in made.items():
            for seed, poses in enumerate(performances if who == "vividlib" else performances[:1]):
                label = who if seed == 0 else None
                axes.plot(np.arange(len(poses)) / MOTION_RATE, angles(poses)[:, index], label=label, **STYLES[who])
        axes.set(ylabel=f"{name}, degrees")
        axes.grid(alpha=0.3)
    panel.legend(*rows[1].get_legend_handles_labels(), fontsize=8, ncols=4, loc="outside upper right")
    rows[-1].set_xlabel("seconds")


def spectra(panel: SubFigure, truth: list[np.ndarray], made: dict[str, list[np.ndarray]]) -> None:
    """Power spectral densities of heads."""
    for axes, index, name in zip(panel.subplots(1, len(ANGLES), sharey=True), range(len(ANGLES)), ANGLES):
        for who, stretches in ({"tracked": truth} | made).items():
            frequency, density = spectrum([angles(poses) for poses in stretches], MOTION_RATE)
            axes.loglog(frequency[1:], density[1:, index], label=who, **STYLES[who])
        axes.set(xlabel=f"Hz, {name}", xlim=(LOWEST, HIGHEST), ylim=(1e-6, None))
        axes.set_xticks(OCTAVES, [f"{hertz:g}" for hertz in OCTAVES])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    panel.supylabel("degrees² / Hz", fontsize=9)


def main() -> None:
    """Read, perform and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("out", type=Path, help="folder of the pictures")
    given = parser.parse_args()
    tracked = head_poses.read([given.clips])
    books = codebooks()
    held_out = [clip for clip in tracked if clip.speaker in HELD_OUT]
    longest = sorted(held_out, key=lambda clip: len(clip.poses))[-SHOWN:]
    figure = pyplot.figure(figsize=(12, 10), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=[2, 1])
    through_the_codebook(upper, books, longest)
    learned = [clip for clip in tracked if clip.speaker not in HELD_OUT]
    entries(lower, books, {"people held out": held_out, "people learned from": learned})
    figure.savefig(given.out / "head_codebook.png", dpi=70)

    voices = [
        v for v in filmed(tracked) if v.name in STRANGERS and len(v.seen) == 1 and v.frames >= WINDOW * MOTION_RATE
    ]
    compete: dict[str, Performer] = performers(voices, regression(tracked))
    compete["vividlib"] = compete.pop(TOLD)
    made = {
        who: {v.name: [performed(does, v, seed) for seed in range(SEEDS)] for v in voices}
        for who, does in compete.items()
    }
    example = max(voices, key=lambda voice: voice.frames)
    figure = pyplot.figure(figsize=(12, 11), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=[2, 1])
    trajectories(upper, example, {who: own[example.name] for who, own in made.items()})
    spectra(
        lower,
        [voice.seen[0] for voice in voices],
        {who: [poses for performances in own.values() for poses in performances] for who, own in made.items()},
    )
    figure.savefig(given.out / "head_motion.png", dpi=70)


if __name__ == "__main__":
    main()
