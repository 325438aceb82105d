"""Sheets to judge speech in any language by eye: the mouth at its widest and its narrowest, over the spectrogram.

``python -m benchmarks.draw_languages OUT VOICE ... [--photo PHOTO]`` writes OUT/NAME.png for each sound file; with a
photo also OUT/NAME.mp4, as `vividlib animate` makes it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes
from PIL import Image

import vividlib as vv
from benchmarks.draw_head import MOUTH, sheet, tile
from vividlib.audio_to_mesh.performance import speak
from vividlib.conventions import MOTION_RATE, SAMPLE_RATE
from vividlib.head import model
from vividlib.media.audio import load_speech
from vividlib.metrics.mouth import lip_vertices, opening
from vividlib.types import HeadModel, Motion, Speech

MOMENTS = 8  # stretches of equal length, each with its widest and its narrowest mouth
TILE = 170  # px
VIEW = MOUTH | {"yaw": 0.0}
WINDOW = 320  # samples of a spectrum


def main() -> None:
    """Draw every voice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("voices", type=Path, nargs="+")
    parser.add_argument("--photo", type=Path, help="whom the videos show; without it there are none")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    head = model.load()
    for voice in given.voices:
        draw(voice, given.out / f"{voice.stem}.png", head)
        if given.photo:
            vv.animate(given.photo, voice, given.out / f"{voice.stem}.mp4")


def draw(voice: Path, out: Path, head: HeadModel) -> None:
    """One sheet: the mouths, and where they are in the sound."""
    speech = load_speech(voice)
    motion = speak(speech)
    parted = opening(lip_vertices(motion.blendshapes, head, motion.lip_offsets), head)
    widest, narrowest = moments(parted)
    mouths = [*mouths_at(motion, widest, head), *mouths_at(motion, narrowest, head)]
    figure, (strip, sound) = pyplot.subplots(
        2,
        1,
        figsize=(MOMENTS * TILE / 80, 2 * TILE / 80 + 3.2),
        height_ratios=[2 * TILE / 80, 3.2],
        layout="constrained",
    )
    strip.imshow(sheet(mouths, MOMENTS))
    strip.set_axis_off()
    strip.set_title(f"{voice.stem}: widest (above) and narrowest mouth (below) of each eighth")
    spectrogram(sound, speech)
    times = np.arange(len(motion)) / MOTION_RATE
    lips = sound.twinx()
    lips.plot(times, parted, "w", lw=1.5)
    lips.plot(times[widest], parted[widest], "^", color="tab:orange")
    lips.plot(times[narrowest], parted[narrowest], "v", color="tab:cyan")
    lips.set(ylabel="between the lips, mm", ylim=(-0.5, 25), xlim=(0, speech.duration))
    figure.savefig(out, dpi=80)
    pyplot.close(figure)


def moments(parted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frames of the widest and of the narrowest mouth of each stretch."""
    stretches = np.array_split(np.arange(len(parted)), MOMENTS)
    return tuple(np.array([frames[best(parted[frames])] for frames in stretches]) for best in (np.argmax, np.argmin))


def mouths_at(motion: Motion, frames: np.ndarray, head: HeadModel) -> list[Image.Image]:
    """The rendered mouth of the default head at these frames."""
    tiles = []
    for frame in frames:
        offsets = motion.lip_offsets[frame] if motion.lip_offsets.size else None
        vertices = model.deform(head, head.template, motion.blendshapes[frame], lip_offsets=offsets)
        tiles.append(tile(head, vertices, f"{frame / MOTION_RATE:.2f} s", TILE, **VIEW))
    return tiles


def spectrogram(axes: Axes, speech: Speech) -> None:
    """What is heard, 0 to 8 kHz, over seconds."""
    samples = speech.samples + 1e-6 * np.random.default_rng(0).normal(size=len(speech.samples))
    axes.specgram(samples, NFFT=WINDOW, Fs=SAMPLE_RATE, noverlap=WINDOW // 2, cmap="magma", vmin=-120)
    axes.set(xlabel="s", ylabel="Hz", xlim=(0, speech.duration))


if __name__ == "__main__":
    main()
