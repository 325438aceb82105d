"""Voices for the benchmarks of head motion, and what moves a head to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from benchmarks.head_baselines import Noise, Regression
from vividlib.audio_to_mesh.controls import Controls
from vividlib.audio_to_mesh.performance import speak
from vividlib.conventions import MOTION_RATE, SAMPLE_RATE
from vividlib.media.audio import load_speech
from vividlib.metrics.beats import audio_beats, audio_onsets
from vividlib.training.head_curves import coefficients
from vividlib.training.head_poses import PoseClip
from vividlib.training.head_sampler import ELSEWHERE, STILL, STRANGERS, level_edges, speeds
from vividlib.types import Motion, Speech

HOP = SAMPLE_RATE // MOTION_RATE
SHORTEST = MOTION_RATE  # frames of a clip that counts
MOST = 40 * MOTION_RATE  # frames of one person
TWICE = "vox_10"  # vox_06 again
USUAL = Controls().head_speed
TOLD = "vividlib, told the speed"
LEAD = 6.0  # seconds
LOUDNESS = 0.06  # seconds, standard deviation, over which loudness is smoothed
RANGE = 40.0  # dB below the loudest at which a voice counts as silent


@dataclass(frozen=True, eq=False)
class Voice:
    """One recording, and the head of who speaks, where it was filmed."""

    name: str
    samples: np.ndarray  # N float32 at SAMPLE_RATE, whole frames
    seen: tuple[np.ndarray, ...] = ()  # poses (T, 6) of each clip in it, as `head_poses.PoseClip` has them
    speed: int = USUAL  # of this person, as `Controls.head_speed` counts

    @property
    def frames(self) -> int:
        return len(self.samples) // HOP

    @cached_property
    def beats(self) -> dict[str, np.ndarray]:
        return {"Beat Align": audio_beats(self.samples), "Beat Align, onsets": audio_onsets(self.samples)}

    @cached_property
    def loudness(self) -> np.ndarray:
        """(T,) dB, smooth."""
        power = np.square(self.samples[: self.frames * HOP]).reshape(-1, HOP).mean(1)
        decibels = 10 * np.log10(power + 1e-10)
        return gaussian_filter1d(np.maximum(decibels, decibels.max() - RANGE), LOUDNESS * MOTION_RATE)


Performer = Callable[[Voice, np.ndarray, int], np.ndarray]
"""Who speaks, what is heard (N,), and a seed, to poses (T, 6)."""


def poses_of(motion: Motion) -> np.ndarray:
    """The head of a motion as poses (T, 6)."""
    return np.column_stack([Rotation.from_quat(motion.head_rotation).as_rotvec(), motion.head_translation])


def performers(everybody: list[Voice], regression: Regression) -> dict[str, Performer]:
    """All that is compared. The library is asked without any hint, and told how fast the person is; the baselines are
    told, too, and noise is made of each filmed person's own size and speed."""
    anyone = Noise.like([poses for voice in everybody for poses in voice.seen])
    noises = {voice.name: Noise.like(list(voice.seen)) for voice in everybody}

    def sampled(speed: int, samples: np.ndarray, seed: int) -> np.ndarray:
        return poses_of(speak(Speech(samples), seed, Controls(head_speed=speed)))

    return {
        "vividlib": lambda voice, samples, seed: sampled(USUAL, samples, seed),
        TOLD: lambda voice, samples, seed: sampled(voice.speed, samples, seed),
        "regression": lambda voice, samples, seed: regression.poses(samples, voice.speed - 1),
        "smoothed noise": lambda voice, samples, seed: noises.get(voice.name, anyone)(samples, seed),
    }


def performed(performer: Performer, voice: Voice, seed: int) -> np.ndarray:
    """What a performer makes of a voice after it has heard the same for LEAD seconds: a recording begins in mid-speech,
    a made head at rest."""
    lead = np.resize(voice.samples[::-1], round(LEAD * MOTION_RATE) * HOP)[::-1]
    poses = performer(voice, np.concatenate([lead, voice.samples]), seed)
    return poses[len(lead) // HOP :][: voice.frames]


def filmed(clips: list[PoseClip]) -> list[Voice]:
    """All people whose voice is their own, one voice each: clips of one person one after the other."""
    edges = level_edges([clip for clip in clips if clip.speaker not in (*STRANGERS, *STILL)])
    people: dict[str, list[PoseClip]] = {}
    for clip in clips:
        if len(clip.poses) >= SHORTEST and clip.speaker not in (TWICE, *ELSEWHERE, *STILL):
            people.setdefault(clip.speaker, []).append(clip)
    return [_voice(name, own, edges) for name, own in people.items()]


def _voice(name: str, clips: list[PoseClip], edges: np.ndarray) -> Voice:
    total = np.cumsum([len(clip.poses) for clip in clips])
    clips = clips[: max(1, np.count_nonzero(total <= MOST))]
    counts = [min(len(clip.poses), len(clip.samples) // HOP) for clip in clips]
    samples = np.concatenate([clip.samples[: count * HOP] for clip, count in zip(clips, counts)])
    speed = np.concatenate([speeds(coefficients(clip.poses)) for clip in clips]).mean()
    seen = tuple(clip.poses[:count] for clip, count in zip(clips, counts))
    return Voice(name, samples, seen, 1 + int(np.digitize(speed, edges)))


def unseen(folder: Path) -> list[Voice]:
    """Voices without faces: all .flac files of a folder and of folders in it."""
    found = [(file.stem, load_speech(file).samples) for file in sorted(folder.rglob("*.flac"))]
    return [Voice(name, samples[: len(samples) // HOP * HOP]) for name, samples in found]


def one_after_the_other(voices: list[Voice], seconds: float) -> np.ndarray:
    """Voices in ever another order, with pauses: whatever is periodic in the head is not so in the voice."""
    random = np.random.default_rng(0)
    parts: list[np.ndarray] = []
    while sum(map(len, parts)) < seconds * SAMPLE_RATE:
        for index in random.permutation(len(voices)):
            pause = random.normal(0, 1e-4, round(random.uniform(0.2, 2.0) * SAMPLE_RATE)).astype(np.float32)
            parts += [voices[index].samples, pause]
    return np.concatenate(parts)[: round(seconds * SAMPLE_RATE)]
