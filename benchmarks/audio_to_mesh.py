"""How well and how fast a voice becomes mouth motion: held-out people, closures, speed, memory.

``python -m benchmarks.audio_to_mesh CLIPS --held-out NAMES`` with clips from `vividlib.training prepare`
(see docs/audio_to_mesh.md). A tenth of the other people's clips is the check of seen speakers, as in training. Truth is what the tracker saw, so its own noise bounds every correlation.
"""

from __future__ import annotations

import argparse
import resource
from pathlib import Path

import numpy as np

from benchmarks.common import measure, write
from vividlib.audio_to_mesh import speak
from vividlib.audio_to_mesh.performance import listen, load_network
from vividlib.conventions import MOTION_RATE, SAMPLE_RATE
from vividlib.head import model
from vividlib.media.audio import load_speech
from vividlib.metrics.closures import closures_met
from vividlib.metrics.lag import best_lag
from vividlib.metrics.lip_gap import lip_gap
from vividlib.metrics.lve import lve
from vividlib.training import clips
from vividlib.types import HeadModel, Speech
from vividlib.weights import asset_path

REACH = 10  # frames of lag looked for


def share(done: list[bool]) -> float | None:
    return round(float(np.mean(done)), 3) if done else None


def compare(group: list[clips.Clip], head: HeadModel) -> dict:
    """Agreement of spoken and tracked mouths over clips of one group of people."""
    network = load_network()
    made = [listen(network, Speech(clip.samples))[0][: len(clip.blendshapes)] for clip in group]
    gaps = [lip_gap(curves, head) for curves in made]
    truth = [lip_gap(clip.blendshapes, head) for clip in group]
    lag, correlation = best_lag(gaps, truth, REACH)
    here, there = np.concatenate(gaps), np.concatenate(truth)
    everything, tracked = np.concatenate(made), np.concatenate([clip.blendshapes for clip in group])
    met = [done for pair in zip(gaps, truth) for done in closures_met(*pair, MOTION_RATE)]
    true = [done for one, other in zip(gaps, truth) for done in closures_met(other, one, MOTION_RATE)]
    return {
        "people": len({clip.speaker for clip in group}),
        "seconds": round(len(here) / MOTION_RATE, 1),
        "lip_gap_correlation": round(best_lag(gaps, truth, 0)[1], 3),
        "lip_gap_correlation_at_best_lag": round(correlation, 3),
        "lag_ms": round(1000 * lag / MOTION_RATE, 1),
        "lip_gap_sd_ratio": round(float(here.std() / there.std()), 3),
        "lve_mm": round(lve(everything, tracked, head), 2),
        "lve_mm_of_a_still_mouth": round(lve(0 * everything, tracked, head), 2),
        "closures": len(met),
        "closures_made": share(met),
        "closures_made_that_are_true": share(true),
    }


def speed() -> dict:
    """Ten minutes of the sample sentence: time on this machine, and what memory grows by."""
    sentence = load_speech(asset_path("speech.wav")).samples
    long = Speech(np.resize(sentence, 600 * SAMPLE_RATE))
    speak(Speech(long.samples[: 10 * SAMPLE_RATE]))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    timing = measure(lambda: speak(long), repeats=5, warm_up=1)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return timing | {"times_real_time": round(600_000 / timing["median_ms"]), "peak_memory_grown_mb": round(grown, 1)}


def main() -> None:
    """Run and write benchmarks/results/audio_to_mesh.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--held-out", nargs="+", required=True)
    given = parser.parse_args()
    ten_minutes = speed()  # first: the peak of memory must be its own
    head = model.load()
    everyone = {file.stem: clips.load(file) for folder in given.clips for file in sorted(folder.rglob("*.npz"))}
    strangers = [clip for clip in everyone.values() if clip.speaker in given.held_out]
    known = [clip for name, clip in everyone.items() if clip not in strangers and clips.is_check(name)]
    groups = {"seen": known, "held out": strangers}
    groups |= {name: [clip for clip in strangers if clip.speaker == name] for name in given.held_out}
    groups["grid_s1"] = [clip for clip in known if clip.speaker == "grid_s1"]
    results = {name: compare(group, head) for name, group in groups.items() if group}
    write("audio_to_mesh", {"ten_minutes": ten_minutes, "agreement": results})


if __name__ == "__main__":
    main()
