"""How fast a voice becomes motion, and what memory it takes: at once, and chunk by chunk as from a microphone."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.common import ROOT, measure
from vividlib.audio_to_mesh.performance import speak
from vividlib.audio_to_mesh.stream import Performer
from vividlib.conventions import MOTION_RATE, SAMPLE_RATE
from vividlib.media.audio import load_speech
from vividlib.types import Speech
from vividlib.weights import asset_path

CHUNK = SAMPLE_RATE // 50  # samples: 20 ms
STREAMED = 60.0  # seconds
PERFORMER = Performer()
MINUTE, HOUR = 60, 3600


def spoken(seconds: float) -> Speech:
    """The sample sentence over and over."""
    return Speech(np.resize(load_speech(asset_path("speech.wav")).samples, int(seconds * SAMPLE_RATE)))


def offline() -> dict:
    """Ten minutes at once: milliseconds, and how many times faster than real time."""
    speech = spoken(600)
    timing = measure(lambda: speak(speech), repeats=5, warm_up=1)
    return timing | {"times_real_time": round(600_000 / timing["median_ms"])}


def streaming() -> dict:
    """20 ms at a time: milliseconds a chunk, and how far behind the sound the motion is.

    ``look_ahead_ms``: from the time that a frame is for to the last sample that must be there before it comes, found
    by handing in the sound a millisecond at a time. ``latency_ms``: of sound in 20 ms chunks, the longest such wait
    plus the 95th percentile of computing.
    """
    samples = spoken(STREAMED).samples
    _, took = _stream(samples, CHUNK)
    wait, _ = _stream(samples[: 3 * SAMPLE_RATE], SAMPLE_RATE // 1000)
    chunked, _ = _stream(samples[: 10 * SAMPLE_RATE], CHUNK)
    median, p95, p99 = np.quantile(took, [0.5, 0.95, 0.99]).round(3).tolist()
    return {
        "chunks": len(took), "median_ms": median, "p95_ms": p95, "p99_ms": p99, "worst_ms": round(max(took), 3),
        "look_ahead_ms": round(1000 * wait, 1), "latency_ms": round(1000 * chunked + p95, 1),
    }  # fmt: skip


def _stream(samples: np.ndarray, chunk: int) -> tuple[float, list[float]]:
    """Longest wait, in seconds of sound, for a frame after its time, and the milliseconds of each chunk."""
    state, made, wait, took = PERFORMER.begin(), 0, 0.0, []
    for start in range(0, len(samples) - chunk + 1, chunk):
        began = time.perf_counter()
        state, motion = PERFORMER.step(state, samples[start : start + chunk])
        took.append(1000 * (time.perf_counter() - began))
        if motion is not None:
            wait = max(wait, (start + chunk) / SAMPLE_RATE - made / MOTION_RATE)
            made += len(motion)
    return wait, took[10:]  # the first ones load and compile


def memory() -> dict:
    """Peak of memory (MB) of a process that speaks a minute or an hour, in all and besides sound and motion held."""
    found = {}
    for way in ("at_once", "streamed"):
        peaks = {name: peak(way, seconds) for name, seconds in (("minute", MINUTE), ("hour", HOUR))}
        found[way] = {f"{name}_{part}_mb": value for name, peak in peaks.items() for part, value in peak.items()}
    return found


def peak(way: str, seconds: int) -> dict[str, float]:
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.speech_speed", way, str(seconds)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    peak, held = map(float, run.stdout.split())
    return {"peak": round(peak, 1), "beyond_what_is_held": round(peak - held, 1)}


def main() -> None:
    """In a process of its own: speak so long, and print the peak of memory and what it must hold of it, in MB."""
    way, seconds = sys.argv[1], int(sys.argv[2])
    if way == "at_once":
        speech = spoken(seconds)
        motion = speak(speech)
        curves = (motion.blendshapes, motion.head_rotation, motion.head_translation, motion.gaze, motion.lip_offsets)
        held = speech.samples.nbytes + sum(curve.nbytes for curve in curves)
    else:
        minute, state, held = spoken(MINUTE).samples, PERFORMER.begin(), 0
        for start in range(0, seconds * SAMPLE_RATE, SAMPLE_RATE):
            state, _ = PERFORMER.step(state, minute[start % len(minute) :][:SAMPLE_RATE])
    print(_own_peak(), held / 2**20)


def _own_peak() -> float:
    """Peak of memory of this process, MB. Linux's ru_maxrss begins with that of the process that started this one."""
    status = Path("/proc/self/status").read_text("utf-8")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


if __name__ == "__main__":
    main()
