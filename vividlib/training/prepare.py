"""Videos of speaking people to training clips: track, put sound and lips in step, bring people to one scale.

Three things differ between people and recordings and are taken out here, so that the network need not
guess them: how the mouth rests, how widely it moves, and how far sound and picture are out of step.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import binary_closing, binary_dilation

from vividlib.audio_to_mesh.network import SPOKEN_INDEX, SpeechNetwork
from vividlib.audio_to_mesh.speak import listen, load_network
from vividlib.conventions import ARKIT_INDEX, MOTION_RATE, SAMPLE_RATE
from vividlib.errors import InputError, VividError
from vividlib.export import npz
from vividlib.head import model
from vividlib.media.audio import load_speech
from vividlib.metrics.lip_gap import lip_gap
from vividlib.metrics.lag import best_lag
from vividlib.reconstruct.track import track_video
from vividlib.training import clips
from vividlib.training.align import align, grid_words
from vividlib.training.visemes import closure
from vividlib.types import HeadModel, Motion, Speech

SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi")
SHORTEST = 0.4  # seconds
LARGEST_OFFSET = 0.24  # seconds between sound and picture that are believed
REST = 10  # percentile of a channel that counts as this person's rest
FULL = 98  # percentile that counts as this person's full movement
FACTOR = (0.6, 1.7)  # by which a person's movement may be scaled


@dataclass(frozen=True, eq=False)
class Take:
    """One tracked video."""

    name: str
    speaker: str
    video: Path
    motion: Motion
    speech: Speech


def prepare(folder: Path, out: Path, each: bool = False) -> dict:
    """Turn the videos under ``folder`` into clips under ``out``.

    Tracking is slow and kept in ``out/motions``, so that a run can be stopped and continued; the rest is
    done anew. ``out/report.json`` tells of each speaker how far sound and picture were apart and which
    videos were dropped, and why.

    Parameters
    ----------
    folder : with a folder for each person; videos directly in it show one person
    out : for the clips
    each : every video shows another person

    Returns
    -------
    What report.json holds.

    Raises
    ------
    InputError
        If there are no videos.
    """
    videos = sorted(file for file in Path(folder).rglob("*") if file.suffix.lower() in SUFFIXES)
    if not videos:
        raise InputError(f"No videos ({' '.join(SUFFIXES)}) in {folder}; hand in a folder of talking people.")
    takes, dropped = [], {}
    for video in videos:
        name = "__".join(video.relative_to(folder).with_suffix("").parts)
        speaker = video.stem if each else video.parent.name
        try:
            takes.append(_take(video, name, speaker, out / "motions" / f"{name}.npz"))
        except VividError as problem:
            dropped[name] = str(problem)
    head, network = model.load(), load_network()
    report = {"dropped": dropped, "speakers": {}}
    for speaker in sorted({take.speaker for take in takes}):
        own = [take for take in takes if take.speaker == speaker]
        report["speakers"][speaker] = _write_speaker(own, out / "clips", head, network)
    (out / "report.json").write_text(json.dumps(report, indent=1, ensure_ascii=False))
    return report


def _take(video: Path, name: str, speaker: str, cache: Path) -> Take:
    if not cache.exists():
        cache.parent.mkdir(parents=True, exist_ok=True)
        npz.write(track_video(video, model.load()), cache)
    motion, speech = npz.read(cache), load_speech(video)
    if min(motion.duration, speech.duration) < SHORTEST:
        raise InputError(f"shorter than {SHORTEST} s")
    return Take(name, speaker, video, motion.resample(MOTION_RATE), speech)


def _write_speaker(takes: list[Take], out: Path, head: HeadModel, network: SpeechNetwork) -> dict:
    """Write one person's clips; returns the part of the report."""
    offset, certainty = sound_offset(takes, head, network)
    curves = at_one_scale([take.motion.blendshapes for take in takes])
    for take, curve in zip(takes, curves):
        samples = _shift(take.speech.samples, round(offset * SAMPLE_RATE))
        frames = min(len(curve), len(samples) * MOTION_RATE // SAMPLE_RATE)
        samples = samples[: frames * SAMPLE_RATE // MOTION_RATE]
        phones = align(samples, grid_words(take.video))
        closed = closure(phones, frames) if phones else np.full(frames, np.nan)
        clips.save(out, take.name, clips.Clip(
            speaker=take.speaker, samples=samples, blendshapes=curve[:frames], closed=closed,
            voiced=heard_voice(samples, frames),
        ))  # fmt: skip
    seconds = sum(len(curve) for curve in curves) / MOTION_RATE
    return {"clips": len(takes), "seconds": round(seconds, 1), "sound_offset": round(offset, 3),
            "certainty": round(certainty, 3)}  # fmt: skip


def sound_offset(takes: list[Take], head: HeadModel, network: SpeechNetwork) -> tuple[float, float]:
    """By how many seconds the sound has to be delayed to be in step, and the correlation reached.

    The lips that the network moves to the sound are compared with the tracked ones over all takes of one
    person: single words are too short to tell.
    """
    heard = [lip_gap(listen(network, take.speech)[0], head) for take in takes]
    seen = [lip_gap(take.motion.blendshapes, head) for take in takes]
    lag, certainty = best_lag(heard, seen, round(LARGEST_OFFSET * MOTION_RATE))
    return lag / MOTION_RATE, certainty


def at_one_scale(curves: list[np.ndarray]) -> list[np.ndarray]:
    """One person's blendshapes [(T, 52), ...] with rest at 0 and the jaw's full opening as most people's."""
    everything = np.concatenate(curves)
    rest = np.percentile(everything, REST, axis=0)
    jaw = ARKIT_INDEX["jawOpen"]
    full = np.percentile(everything[:, jaw], FULL) - rest[jaw]
    factor = np.clip(FULL_JAW / max(full, 1e-3), *FACTOR)
    scaled = []
    for curve in curves:
        curve = curve - rest
        curve[:, SPOKEN_INDEX] *= factor
        scaled.append(np.clip(curve, 0, 1))
    return scaled


FULL_JAW = 0.35
"""jawOpen of a wide vowel in connected speech, as tracked on most people."""


def heard_voice(samples: np.ndarray, frames: int) -> np.ndarray:
    """1 where somebody speaks, from the energy of a clean recording, with 0.1 s before and 0.16 s after."""
    hop = SAMPLE_RATE // MOTION_RATE
    power = np.square(samples[: frames * hop].reshape(frames, hop)).mean(1)
    loud = 10 * np.log10(power + 1e-10)
    active = loud > max(np.percentile(loud, 95) - 30, -60)
    active = binary_closing(np.pad(active, 10), np.ones(13))[10:-10]  # pauses within words
    reach = np.zeros(17, bool)
    reach[8 - 5 : 8 + 8 + 1] = True
    return binary_dilation(active, reach).astype(np.float32)


def _shift(samples: np.ndarray, later: int) -> np.ndarray:
    """Samples delayed by ``later`` (or advanced), the same number of them."""
    if later >= 0:
        return np.concatenate([np.zeros(later, np.float32), samples])[: len(samples)]
    return np.concatenate([samples[-later:], np.zeros(-later, np.float32)])
