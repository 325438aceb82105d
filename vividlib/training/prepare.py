"""Videos of speaking people to training clips: landmarks, mouths at one scale, sound and lips in step.

Three things differ between people and recordings and are taken out here, so that the network need not
guess them: how the mouth rests, how widely it moves, and how far sound and picture are out of step.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import binary_closing, binary_dilation

from vividlib.audio_to_mesh.network import SpeechNetwork
from vividlib.audio_to_mesh.performance import listen, load_network
from vividlib.conventions import MOTION_RATE, SAMPLE_RATE
from vividlib.errors import InputError, VividError
from vividlib.head import model
from vividlib.media.audio import load_speech
from vividlib.media.video import read_video
from vividlib.metrics.lag import best_lag
from vividlib.metrics.lip_gap import lip_gap
from vividlib.reconstruction.landmarks import track_faces
from vividlib.training import clips
from vividlib.training.mouth import fit_mouths
from vividlib.types import HeadModel, Speech

SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi")
SHORTEST = 0.4  # seconds
LOST = 0.1  # share of frames without a face above which a video is dropped
TURNED = 35.0  # degrees away from the camera, in the median, above which lips are seen too flat
LEAST = 4.0  # seconds of a person, to know how this mouth closes
LARGEST_OFFSET = 0.3  # seconds between sound and picture that are believed
CERTAIN = 0.25  # correlation of lips and sound below which no offset is corrected
LONG_ENOUGH = 2.0  # seconds of lips that tell whether they belong to the sound at all
RELATED = 0.25  # correlation below which they do not


@dataclass(frozen=True, eq=False)
class Take:
    """One video."""

    name: str
    speaker: str
    video: Path
    landmarks: np.ndarray  # T 478 3 px
    rate: float  # frames a second
    speech: Speech


def prepare(folder: Path, out: Path, each: bool = False) -> dict:
    """Turn the videos under ``folder`` into clips under ``out``.

    Finding landmarks is slow and kept in ``out/landmarks``, so that a run can be stopped and continued; the
    rest is done anew. ``out/report.json`` tells of each speaker how far sound and picture were apart, and
    which videos were dropped, and why.

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
    takes, report = [], {"dropped": {}, "speakers": {}}
    for video in videos:
        name = "__".join(video.relative_to(folder).with_suffix("").parts)
        speaker = video.stem if each else video.parent.name
        try:
            takes.append(_take(video, name, speaker, out / "landmarks" / f"{name}.npz"))
        except VividError as problem:
            report["dropped"][name] = str(problem)
    head, network = model.load(), load_network()
    for speaker in sorted({take.speaker for take in takes}):
        own = [take for take in takes if take.speaker == speaker]
        if sum(len(take.landmarks) / take.rate for take in own) < LEAST:
            report["dropped"] |= {take.name: "too little of this person" for take in own}
            continue
        report["speakers"][speaker] = _write_speaker(own, out / "clips", head, network, report["dropped"])
    (out / "report.json").write_text(json.dumps(report, indent=1, ensure_ascii=False))
    return report


def _take(video: Path, name: str, speaker: str, cache: Path) -> Take:
    if not cache.exists():
        _cache_landmarks(video, cache)
    with np.load(cache, allow_pickle=False) as arrays:
        landmarks, seen, rate = arrays["landmarks"], arrays["seen"], float(arrays["fps"])
    if np.mean(~seen) > LOST:
        raise InputError("the face is lost too often")
    speech = load_speech(video)
    if min(len(landmarks) / rate, speech.duration) < SHORTEST:
        raise InputError(f"shorter than {SHORTEST} s")
    found = np.flatnonzero(seen)
    nearest = found[np.abs(np.arange(len(seen))[:, None] - found).argmin(1)]
    return Take(name, speaker, video, landmarks[nearest], rate, speech)


def _cache_landmarks(video: Path, cache: Path) -> None:
    reader = read_video(video)
    found = list(track_faces(frame for _, frame in reader))
    lost = np.full((478, 3), np.nan)
    cache.parent.mkdir(parents=True, exist_ok=True)
    partial = cache.with_suffix(".partial.npz")
    np.savez(
        partial, landmarks=np.array([lost if points is None else points for points in found], np.float32),
        seen=np.array([points is not None for points in found], bool), fps=float(reader.fps),
    )  # fmt: skip
    partial.replace(cache)


def _write_speaker(takes: list[Take], out: Path, head: HeadModel, network: SpeechNetwork, dropped: dict) -> dict:
    """Write one person's clips; returns the part of the report."""
    curves, turned = fit_mouths([take.landmarks for take in takes], head)
    curves = [_resample(curve, take.rate) for curve, take in zip(curves, takes)]
    heard = [lip_gap(listen(network, take.speech)[0], head) for take in takes]
    seen = [lip_gap(curve, head) for curve in curves]
    # The lips that the network moves to the sound tell, over all takes of a person: words alone are too short.
    lag, certainty = best_lag(heard, seen, round(LARGEST_OFFSET * MOTION_RATE))
    offset = lag / MOTION_RATE if certainty > CERTAIN else 0.0
    kept = []
    for take, curve, own_turned, pair in zip(takes, curves, turned, zip(heard, seen)):
        if np.median(own_turned) > TURNED:
            dropped[take.name] = "turned too far away"
        elif len(curve) > LONG_ENOUGH * MOTION_RATE and best_lag(*([gap] for gap in pair), 12)[1] < RELATED:
            dropped[take.name] = "lips and sound do not belong together"
        else:
            kept.append(_save(take, curve, offset, out))
    return {"clips": len(kept), "seconds": round(sum(kept), 1), "sound_delayed_by": round(offset, 3),
            "certainty": round(certainty, 3)}  # fmt: skip


def _save(take: Take, curve: np.ndarray, offset: float, out: Path) -> float:
    """Write one clip with its sound ``offset`` seconds later; returns its length in seconds."""
    samples = _shift(take.speech.samples, round(offset * SAMPLE_RATE))
    frames = min(len(curve), len(samples) * MOTION_RATE // SAMPLE_RATE)
    samples = samples[: frames * SAMPLE_RATE // MOTION_RATE]
    clips.save(out, take.name, clips.Clip(
        speaker=take.speaker, samples=samples, blendshapes=curve[:frames],
        voiced=heard_voice(samples, frames),
    ))  # fmt: skip
    return frames / MOTION_RATE


def _resample(curve: np.ndarray, rate: float) -> np.ndarray:
    """(T, 52) at ``rate`` to MOTION_RATE without overshoot, so that a closed mouth stays closed."""
    times = np.arange(len(curve)) / rate
    wanted = np.arange(int(len(curve) / rate * MOTION_RATE)) / MOTION_RATE
    return PchipInterpolator(times, curve)(np.minimum(wanted, times[-1])).astype(np.float32)


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
