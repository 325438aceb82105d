"""Draws the mouth of a held-out person: as tracked, as vividlib makes it from the voice alone, and as baselines do.

``python -m benchmarks.draw_held_out CLIPS NAME OUT.png`` with the clips of `vividlib.training prepare`, to which the
baselines are fitted, and the name of one of them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib import pyplot

from benchmarks.audio_to_mesh import Mouth, fit_baselines
from benchmarks.draw_head import sheet
from benchmarks.draw_languages import MOMENTS, TILE, moments, mouths_at, spectrogram
from vividlib.audio_to_mesh.performance import speak
from vividlib.conventions import MOTION_RATE
from vividlib.head import model
from vividlib.metrics.correlation import correlation
from vividlib.training import clips
from vividlib.types import Motion, Speech

COLOURS = {"tracked": "k", "vividlib": "tab:red", "visemes": "tab:blue", "loudness": "tab:green"}


def main() -> None:
    """Fit the baselines, perform the clip, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("name")
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    head = model.load()
    everyone = {file.stem: clips.load(file) for file in sorted(given.clips.rglob("*.npz"))}
    clip, baselines = everyone[given.name], fit_baselines(everyone, head)
    speech = Speech(clip.samples)
    motions = {
        "tracked": Motion(clip.blendshapes, lip_offsets=clip.lip_offsets),
        "vividlib": speak(speech),
    }
    motions |= {name: baselines[name](speech) for name in ("visemes", "loudness")}
    mouths = {
        name: Mouth.of(motion.blendshapes[: len(clip.blendshapes)], motion.lip_offsets[: len(clip.blendshapes)], head)
        for name, motion in motions.items()
    }
    widest, narrowest = moments(mouths["tracked"].opening)
    frames = np.sort(np.concatenate([widest, narrowest]))[::2]
    strips = [picture for name in motions for picture in mouths_at(motions[name], frames, head)]

    height = len(motions) * TILE / 80
    figure, (strip, sound, *plots) = pyplot.subplots(
        4, 1, figsize=(MOMENTS * TILE / 80, height + 8), height_ratios=[height, 2, 3, 3], layout="constrained"
    )
    strip.imshow(sheet(strips, MOMENTS))
    strip.set(title=f"{given.name}: from above {', '.join(motions)}", xticks=[], yticks=[])
    spectrogram(sound, speech)
    for phone in clip.phones:
        sound.text((phone.start + phone.end) / 2, 7200, phone.symbol, color="w", ha="center", fontsize=8)
    for axes, what in zip(plots, ("opening", "width")):
        truth = getattr(mouths["tracked"], what)
        for name, mouth in mouths.items():
            curve = getattr(mouth, what)
            label = name if name == "tracked" else f"{name}, correlation {correlation(curve, truth[: len(curve)]):.2f}"
            axes.plot(np.arange(len(curve)) / MOTION_RATE, curve, color=COLOURS[name], label=label, lw=1.3)
        axes.set(ylabel=f"{what} of the mouth, mm", xlim=(0, speech.duration), xlabel="s")
        axes.legend(loc="upper right", fontsize=8)
        axes.grid(alpha=0.3)
    figure.savefig(given.out, dpi=80)


if __name__ == "__main__":
    main()
