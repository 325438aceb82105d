"""Where the time of a talking head goes, at 512 px: ``python -m benchmarks.video [PHOTO]``.

Writes benchmarks/results/video.json: what is done once a photo (ms), what each frame costs, stage by
stage (ms), frames a second of the whole including H.264, and the peak memory of a long take against a
short one. The photo is the astronaut of scikit-image unless another is named.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.common import ROOT, measure, write
from vividlib.conventions import MOTION_RATE
from vividlib.head.model import deform, load
from vividlib.media.image import load_image
from vividlib.media.video import VideoWriter
from vividlib.mesh_to_video.composite import composite
from vividlib.mesh_to_video.dense_motion import draw
from vividlib.mesh_to_video.render import Renderer
from vividlib.pipeline import load_speech, speak
from vividlib.reconstruction.fit import fit_portrait
from vividlib.reconstruction.landmarks import find_portrait
from vividlib.weights import asset_path

FPS, SIZE = 25, 512
FRAMES = 250
SHORT, LONG = 10, 600  # seconds of speech


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", nargs="?", type=Path)
    parser.add_argument("--memory-of", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_of:
        print(peak_memory(options.memory_of))
        return
    if options.photo:
        image = load_image(options.photo)
    else:
        from skimage.data import astronaut

        image = astronaut()
    head = load()
    portrait = find_portrait(image)
    face = fit_portrait(portrait, head)
    speech = load_speech(asset_path("speech.wav"))
    motion = speak(speech, seed=0)
    frames = motion.resample(FPS)
    renderer = Renderer(face, SIZE)
    turn = iter(range(10**9))

    def curves():
        i = next(turn) % len(frames)
        return frames.blendshapes[i], frames.head_rotation[i], frames.head_translation[i], frames.gaze[i]

    once = {
        "landmarks and mask": measure(lambda: find_portrait(image), 10),
        "fit": measure(lambda: fit_portrait(portrait, head), 10),
        "prepare the renderer": measure(lambda: Renderer(face, SIZE), 10),
    }
    spoken = measure(lambda: speak(speech, seed=0), 10)
    drawn = draw(renderer.scene, *curves())
    per_frame = {
        "audio to motion": {"median_ms": spoken["median_ms"] / (speech.duration * FPS)},
        "deform": measure(lambda: deform(head, face.neutral, *curves()[:1]), 100),
        "dense motion": measure(lambda: draw(renderer.scene, *curves()), 100),
        "composite": measure(lambda: composite(renderer.scene.layers, drawn), 100),
        "whole frame": measure(lambda: renderer.frame(*curves()), 100),
        "H.264": encode(renderer.frame(*curves())),
    }
    results = {
        "size_px": SIZE,
        "once_a_photo": once,
        "per_frame": per_frame,
        "frames_per_second": whole(renderer, frames),
        "audio_to_motion_times_real_time": round(speech.duration * 1e3 / spoken["median_ms"], 1),
        "peak_memory_MB": {f"{seconds} s": in_own_process(seconds) for seconds in (SHORT, LONG)},
    }
    write("video", results)


def encode(frame: np.ndarray) -> dict[str, float]:
    """Encoding alone, of frames that differ a little."""
    noise = np.random.default_rng(0).integers(0, 3, frame.shape, np.uint8)
    with tempfile.TemporaryDirectory() as folder, VideoWriter(Path(folder, "a.mp4"), *frame.shape[1::-1], FPS) as out:
        shift = iter(range(10**9))
        return measure(lambda: out.write(np.roll(frame, next(shift) % 3, 1) // 2 + noise), 100)


def whole(renderer: Renderer, frames) -> dict[str, float]:
    """Frames a second from curves to file, over five takes."""
    speeds = []
    for _ in range(5):
        start = time.perf_counter()
        with (
            tempfile.TemporaryDirectory() as folder,
            VideoWriter(Path(folder, "a.mp4"), renderer.width, renderer.height, FPS) as out,
        ):
            for frame in renderer.frames(frames.at(np.arange(FRAMES) % len(frames) / FPS)):
                out.write(frame)
        speeds.append(FRAMES / (time.perf_counter() - start))
    low, middle, high = np.quantile(speeds, [0.25, 0.5, 0.75])
    return {"median": round(middle, 1), "quartiles": [round(low, 1), round(high, 1)]}


def in_own_process(seconds: int) -> float:
    """Peak memory of a fresh process that animates so many seconds of speech, MB."""
    command = [sys.executable, "-m", "benchmarks.video", "--memory-of", str(seconds)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def peak_memory(seconds: int) -> float:
    """Animate the sample sentence, repeated, and report the peak resident size of this process in MB."""
    import soundfile
    from skimage.data import astronaut

    from vividlib.pipeline import animate

    samples, rate = soundfile.read(asset_path("speech.wav"), dtype="float32")
    with tempfile.TemporaryDirectory() as folder:
        long = np.resize(samples, seconds * rate)
        soundfile.write(Path(folder, "long.wav"), long, rate)
        del long
        animate(astronaut(), Path(folder, "long.wav"), Path(folder, "out.mp4"), size=256, fps=FPS)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


if __name__ == "__main__":
    assert MOTION_RATE % FPS == 0
    main()
