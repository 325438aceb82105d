"""Draws docs/audio_to_mesh.png: how training went, and the mouth of the sample sentence.

python -m benchmarks.draw_audio_to_mesh RUN/losses.json docs/audio_to_mesh.png
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from matplotlib import pyplot

from vividlib.audio_to_mesh.performance import speak
from vividlib.conventions import MOTION_RATE, SAMPLE_RATE
from vividlib.head import model
from vividlib.media.audio import load_speech
from vividlib.metrics.mouth import lip_vertices, opening
from vividlib.weights import asset_path

SHOWN = ["jawOpen", "mouthClose", "mouthPucker", "mouthFunnel", "mouthUpperUpLeft", "mouthLowerDownLeft",
         "mouthStretchLeft", "mouthRollLower"]  # fmt: skip
SCORES = ("known", "strangers")


def main() -> None:
    """Read a training log, speak the sample sentence, and draw both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("losses", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    log = json.loads(given.losses.read_text())
    figure, (training, scores, curves, gap) = pyplot.subplots(
        4, 1, figsize=(13, 12), height_ratios=[2, 1.2, 2, 1.2], layout="constrained"
    )
    steps = [row["step"] for row in log]
    for name in log[0]:
        if name != "step" and log[0][name] is not None:
            (scores if name in SCORES else training).plot(steps, [row[name] for row in log], label=name)
    training.set(ylabel="loss", yscale="log")
    scores.set(ylabel="correlation of lip gap", xlabel="step")

    speech = load_speech(asset_path("speech.wav"))
    motion = speak(speech)
    seconds = np.arange(len(motion)) / MOTION_RATE
    for name in SHOWN:
        curves.plot(seconds, motion[name], label=name)
    curves.set(ylabel="blendshape", xlim=(0, speech.duration))
    head = model.load()
    parted = opening(lip_vertices(motion.blendshapes, head, motion.lip_offsets), head)
    gap.plot(seconds, parted, label="between the lips, mm")
    gap.plot(np.arange(len(speech.samples)) / SAMPLE_RATE, 5 * speech.samples, lw=0.3, label="sound")
    gap.set(xlabel="seconds of assets/speech.wav", ylabel="mm", xlim=(0, speech.duration))
    for axes in (training, scores, curves, gap):
        axes.legend(loc="upper right", fontsize=8)
        axes.grid(alpha=0.3)
    figure.savefig(given.out, dpi=80)


if __name__ == "__main__":
    main()
