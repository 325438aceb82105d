"""Where the time of a talking head goes, at 512 px: ``python -m benchmarks.video [PHOTO]``.

Writes benchmarks/results/video.json: what is done once a photo (ms), what each frame costs, stage by
stage (ms on one core), frames a second of the whole including H.264, and the peak memory of a long take
against a short one. Frames are drawn by photo and mesh alone, and by the best networks among the assets if there are any.
The photo is the astronaut of scikit-image unless another is named.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np

from benchmarks.common import ROOT, measure, spread, write
from vividlib.backend import one_core
from vividlib.conventions import MOTION_RATE
from vividlib.head.model import deform, load
from vividlib.media.image import load_image
from vividlib.media.video import VideoWriter
from vividlib.mesh_to_video import refine, render, trained
from vividlib.mesh_to_video.networks import VideoNetworks
from vividlib.mesh_to_video.render import Renderer
from vividlib.pipeline import load_speech, speak
from vividlib.reconstruction.fit import fit_portrait
from vividlib.reconstruction.landmarks import find_portrait
from vividlib.types import Motion
from vividlib.weights import asset_path

FPS, SIZE = 25, 512
FRAMES = 250
WARM_UP = 5  # frames
SHORT, LONG = 10, 600  # seconds of speech
ALONE = "photo and mesh alone"
STAGES = {
    "draw": [(render, "draw")],
    "textures and cut": [(refine, "driven_patch"), (refine, "driven_tensors"), (refine, "cut")],
    "motion network": [(VideoNetworks, "gate"), (VideoNetworks, "correct")],
    "composite": [(render, "composite"), (refine, "composite")],
    "generator": [(refine, "corrected"), (VideoNetworks, "add")],
    "paste": [(refine, "paste"), (Renderer, "_shown")],
}
"""What of the code belongs to which part of a frame."""


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
    ways = {name or ALONE: trained.load_networks(name) for name in (None, trained.chosen("auto"))}
    renderers = {way: Renderer(face, SIZE, networks) for way, networks in ways.items()}

    once = {
        "landmarks and mask": measure(lambda: find_portrait(image), 10),
        "fit": measure(lambda: fit_portrait(portrait, head), 10),
    } | {
        f"prepare the renderer, {way}": measure(partial(Renderer, face, SIZE, networks), 10)
        for way, networks in ways.items()
    }
    spoken = measure(lambda: speak(speech, seed=0), 10)
    per_frame = {
        "audio to motion": {"median_ms": spoken["median_ms"] / (speech.duration * FPS)},
        "deform": measure(lambda: deform(head, face.neutral, frames.blendshapes[20]), 100),
        "H.264": encode(next(renderers[ALONE].frames(frames))),
    } | {way: stages(renderer, frames) for way, renderer in renderers.items()}
    results = {
        "size_px": SIZE,
        "once_a_photo": once,
        "per_frame": per_frame,
        "frames_per_second": {way: whole(renderer, frames) for way, renderer in renderers.items()},
        "audio_to_motion_times_real_time": round(speech.duration * 1e3 / spoken["median_ms"], 1),
        "peak_memory_MB": {f"{seconds} s": in_own_process(seconds) for seconds in (SHORT, LONG)},
    }
    write("video", results)


def stages(renderer: Renderer, motion: Motion) -> dict[str, dict[str, float]]:
    """What the parts of a frame take, and the whole frame, on one core, as one of the threads of `Renderer.frames` draws."""
    spent = defaultdict(list)

    def timed(name: str, function: Callable) -> Callable:
        def run(*arguments):
            start = time.perf_counter()
            made = function(*arguments)
            spent[name][-1] += 1e3 * (time.perf_counter() - start)
            return made

        return run

    def draw_all() -> None:
        for now in motion.frames():
            for name in (*STAGES, "whole frame"):
                spent[name].append(0.0)
            frame(*now)

    frame = timed("whole frame", renderer.frame)
    with ExitStack() as patches, ThreadPoolExecutor(1, initializer=one_core) as pool:
        for name, functions in STAGES.items():
            for place, function in functions:
                patches.enter_context(patch.object(place, function, timed(name, getattr(place, function))))
        pool.submit(draw_all).result()
    return {name: spread(np.array(each[WARM_UP:])) for name, each in spent.items() if any(each)}


def encode(frame: np.ndarray) -> dict[str, float]:
    """Encoding alone, of frames that differ a little."""
    noise = np.random.default_rng(0).integers(0, 3, frame.shape, np.uint8)
    with tempfile.TemporaryDirectory() as folder, VideoWriter(Path(folder, "a.mp4"), *frame.shape[1::-1], FPS) as out:
        shift = iter(range(10**9))
        return measure(lambda: out.write(np.roll(frame, next(shift) % 3, 1) // 2 + noise), 100)


def whole(renderer: Renderer, frames: Motion) -> dict[str, float]:
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
