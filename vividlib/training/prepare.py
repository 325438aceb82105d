"""Videos of speaking people to training clips: what the tracker sees, with sound and lips in step.

The steps are those of `filmed` (landmarks, a head for each person, the motion in each video), which are slow and kept
on disk, and of `sync`, which is quick. What cannot be learned from is left out, and the report says why.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import silero_vad
import torch
from scipy.interpolate import PchipInterpolator
from scipy.spatial.transform import Rotation
from tqdm import tqdm

from vividlib.conventions import MOTION_RATE, SAMPLE_RATE
from vividlib.errors import InputError, VividError
from vividlib.head import model
from vividlib.media.audio import load_speech
from vividlib.metrics.mouth import lip_gap
from vividlib.training import clips
from vividlib.training.align import phones_of
from vividlib.training.filmed import Film, landmarks_of_film, meet, track, tracked, watch
from vividlib.training.sync import heard_opening, lags
from vividlib.training.visemes import Phone, voiced
from vividlib.training.workers import workers
from vividlib.types import Speech

SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi")
SHORTEST = 0.4  # seconds
TURNED = 35.0  # degrees away from the camera, in the median, above which lips are seen too flat
LONG_ENOUGH = 2.0  # seconds of lips that tell whether they belong to the sound at all
ROOM = 0.5  # seconds of silence before and after what a voice is looked for in
RELATED = 3.5  # log-likelihood that they do, against not, below which that is not believed


def prepare(folder: Path, out: Path, each: Sequence[str] = ()) -> dict:
    """Turn the videos under ``folder`` into clips under ``out/clips``.

    All cores work, one video each. Landmarks, heads of people and tracks are kept in ``out``, so that a run can be
    stopped and continued; take ``out/people`` and ``out/tracks`` away where a person's videos have changed. The rest is
    done anew. ``out/report.json`` tells of each speaker and clip how far sound and picture were apart, and which
    videos were dropped, and why.

    Parameters
    ----------
    folder : with a folder for each person, anywhere below it
    out : for the clips
    each : names of folders in which every video shows another person

    Returns
    -------
    What report.json holds.

    Raises
    ------
    InputError
        If there are no videos.
    """
    films = {film.name: film for film in find_films(Path(folder), each)}
    with workers() as pool:
        _, dropped = _run(pool, "landmarks", _see, {name: (film, out) for name, film in films.items()})
        seen = [film for name, film in films.items() if name not in dropped]
        people = _people(seen)
        _run(pool, "people", meet, {speaker: (own, out) for speaker, own in people.items()})
        _run(pool, "motion", track, {film.name: (film, out) for film in seen})
        speakers, _ = _run(pool, "clips", _write, {speaker: (own, out) for speaker, own in people.items()})
    for speaker in speakers.values():
        dropped |= speaker.pop("dropped")
    for name in dropped:  # of a run before
        clips.path(out / "clips", name).unlink(missing_ok=True)
    report = {"dropped": dict(sorted(dropped.items())), "speakers": dict(sorted(speakers.items()))}
    (out / "report.json").write_text(json.dumps(report, indent=1, ensure_ascii=False))
    return report


def find_films(folder: Path, each: Sequence[str] = ()) -> list[Film]:
    """All videos under a folder, and who speaks in them, as `prepare` has it.

    Raises
    ------
    InputError
        If there are none, or none in a folder of ``each``.
    """
    videos = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not videos:
        raise InputError(f"No videos ({' '.join(SUFFIXES)}) in {folder}; hand in a folder of talking people.")
    if missing := set(each) - {video.parent.name for video in videos}:
        raise InputError(f"No videos in a folder named {' or '.join(sorted(missing))}; see what `--each` is for.")
    return [
        Film(
            name="__".join(video.relative_to(folder).with_suffix("").parts),
            speaker=video.stem if video.parent.name in each else video.parent.name,
            video=video,
        )
        for video in videos
    ]


def _people(films: list[Film]) -> dict[str, list[Film]]:
    """The films of each speaker, those with most first, so that no core waits for them at the end."""
    people: dict[str, list[Film]] = {}
    for film in films:
        people.setdefault(film.speaker, []).append(film)
    return dict(sorted(people.items(), key=lambda item: -len(item[1])))


def _run(pool: Executor, stage: str, function: Callable, jobs: dict[str, tuple]) -> tuple[dict, dict[str, str]]:
    """What a function makes of each job, by name, and for those that cannot be done, why."""
    done, problems = {}, {}
    futures = {pool.submit(function, *arguments): name for name, arguments in jobs.items()}
    try:
        for future in tqdm(as_completed(futures), stage, len(futures)):
            try:
                done[futures[future]] = future.result()
            except VividError as problem:
                problems[futures[future]] = str(problem)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)  # else all the others would be waited for
        raise
    return done, problems


def _see(film: Film, out: Path) -> None:
    """Landmarks of a film; raises VividError where there is nothing to learn from it."""
    watch(film, out)
    landmarks, fps = landmarks_of_film(film, out)
    if min(len(landmarks) / fps, load_speech(film.video).duration) < SHORTEST:
        raise InputError(f"shorter than {SHORTEST} s")


def _write(films: list[Film], out: Path) -> dict:
    """Write one person's clips; returns the part of the report."""
    takes = [_take(film, out) for film in films]
    head = model.load()
    openings = [lip_gap(take.blendshapes, head) for take in takes]
    person, offsets, evidence = lags([heard_opening(Speech(take.samples)) for take in takes], openings)
    report = {"sound_delayed_by": round(person, 3), "seconds": 0.0, "clips": {}, "dropped": {}}
    for film, take, offset, sure in zip(films, takes, offsets.tolist(), evidence.tolist()):
        seconds = len(take.blendshapes) / MOTION_RATE
        if _turned(take.head_rotation) > TURNED:
            report["dropped"][film.name] = "turned too far away"
        elif seconds > LONG_ENOUGH and sure < RELATED:
            report["dropped"][film.name] = "lips and sound do not belong together"
        else:
            clips.save(out / "clips", film.name, _in_step(take, offset))
            report["clips"][film.name] = {"sound_delayed_by": round(offset, 3), "evidence": round(sure, 1)}
            report["seconds"] = round(report["seconds"] + seconds, 2)
    return report


def _take(film: Film, out: Path) -> clips.Clip:
    """A tracked film as a clip, sound and lips as they were recorded."""
    motion, leftover, identity = tracked(film, out)
    steps = motion.resample(MOTION_RATE)
    samples = load_speech(film.video).samples
    frames = min(len(steps), len(samples) * MOTION_RATE // SAMPLE_RATE)
    samples = samples[: frames * SAMPLE_RATE // MOTION_RATE]
    return clips.Clip(
        speaker=film.speaker,
        tracked=True,
        samples=samples,
        voiced=heard_voice(samples, frames),
        blendshapes=_at_motion_rate(motion.blendshapes, motion.rate)[:frames],
        lip_offsets=_at_motion_rate(leftover, motion.rate)[:frames],
        head_rotation=steps.head_rotation[:frames],
        head_translation=steps.head_translation[:frames],
        gaze=steps.gaze[:frames].mean(1),
        identity=identity,
        phones=tuple(phones_of(film.video, samples)),
    )


def _at_motion_rate(curves: np.ndarray, rate: float) -> np.ndarray:
    """Curves (T ...) at ``rate`` to MOTION_RATE without overshoot, so that a closed mouth stays closed."""
    times = np.arange(len(curves)) / rate
    wanted = np.arange(max(1, round(len(curves) / rate * MOTION_RATE))) / MOTION_RATE
    return PchipInterpolator(times, curves)(np.minimum(wanted, times[-1])).astype(np.float32)


def _turned(rotation: np.ndarray) -> float:
    """Degrees by which a head looks away from the camera, in the median of its rotations (T 4)."""
    ahead = Rotation.from_quat(rotation).as_matrix()[:, 2, 2]
    return float(np.degrees(np.median(np.arccos(np.clip(ahead, -1, 1)))))


def _in_step(take: clips.Clip, later: float) -> clips.Clip:
    """The clip with its sound, and all that tells of it, ``later`` seconds later."""
    frames = len(take.voiced)
    before = np.clip(np.arange(frames) - round(later * MOTION_RATE), 0, frames - 1)
    phones = tuple(Phone(phone.symbol, phone.start + later, phone.end + later) for phone in take.phones)
    samples = _shift(take.samples, round(later * SAMPLE_RATE))
    return replace(take, samples=samples, voiced=take.voiced[before], phones=phones)


def heard_voice(samples: np.ndarray, frames: int) -> np.ndarray:
    """1 where somebody speaks or is about to (frames,), as Silero's voice activity detector hears it."""
    around = round(ROOM * SAMPLE_RATE)  # it wants some silence to begin with
    spans = silero_vad.get_speech_timestamps(
        torch.from_numpy(np.pad(samples, around)), _detector(), min_speech_duration_ms=60, return_seconds=False
    )
    edges = [((span["start"] - around) / SAMPLE_RATE, (span["end"] - around) / SAMPLE_RATE) for span in spans]
    return voiced([Phone("speech", *edge) for edge in edges], frames)


@cache
def _detector() -> silero_vad.utils_vad.OnnxWrapper:
    return silero_vad.load_silero_vad(onnx=True)


def _shift(samples: np.ndarray, later: int) -> np.ndarray:
    """Samples delayed by ``later`` (or advanced), the same number of them."""
    if later >= 0:
        return np.concatenate([np.zeros(later, np.float32), samples])[: len(samples)]
    return np.concatenate([samples[-later:], np.zeros(-later, np.float32)])
