"""How the heads of filmed people move while they speak, cleaned of what the tracker adds.

A tracker that fits pose and expression at once takes a part of an opening mouth for a nod: above 1 Hz the tracked
pitch goes with the jaw. What of the pose above 1 Hz follows linearly from the mouth is taken away, person by person,
and with it what trembles faster than 4 Hz: heads that speak move below 6 Hz (Munhall et al., "Visual prosody and speech
intelligibility", 2004), and nearly all of it is below 4.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.signal import butter, sosfiltfilt
from scipy.spatial.transform import Rotation

from vividlib.audio_to_mesh.network import SPOKEN_INDEX
from vividlib.conventions import MOTION_RATE
from vividlib.training import clips

LEAKING = butter(2, 1.0, "high", fs=MOTION_RATE, output="sos")
LIVING = butter(2, 4.0, fs=MOTION_RATE, output="sos")
RIDGE = 1.0  # of blendshapes, frame by frame: a person seen for a second has nearly nothing taken away
MIRROR = np.array([1, -1, -1, -1, 1, 1], np.float32)
"""What a mirror does to a pose."""


@dataclass(frozen=True, eq=False)
class PoseClip:
    """A voice and what the head did."""

    name: str
    speaker: str
    samples: np.ndarray  # N float32 at SAMPLE_RATE
    voiced: np.ndarray  # T float32: 1 where somebody speaks
    rest: np.ndarray  # 3 float32: rotation vector of the person's mean pose, radians from the camera
    poses: np.ndarray  # T 6 float32 at MOTION_RATE: rotation vector, radians, and translation, metres, from rest

    @property
    def mirrored(self) -> PoseClip:
        """The same as seen in a mirror."""
        return replace(self, rest=self.rest * MIRROR[:3], poses=self.poses * MIRROR)


def read(folders: Iterable[Path]) -> list[PoseClip]:
    """The head motion of all tracked clips of the folders.

    A person rests at the mean rotation over all clips; the camera is set up anew for each clip, so translations are
    from the mean of the clip.

    Raises
    ------
    InputError
        If there are no clips.
    """
    found = [(file.stem, clips.load(file)) for file in clips.files(folders)]
    people: dict[str, list[tuple[str, clips.Clip]]] = {}
    for name, clip in found:
        if clip.tracked:
            people.setdefault(clip.speaker, []).append((name, clip))
    return [pose_clip for own in people.values() for pose_clip in _person(own)]


def _person(own: list[tuple[str, clips.Clip]]) -> list[PoseClip]:
    rest = Rotation.from_quat(np.concatenate([clip.head_rotation for _, clip in own])).mean()
    turns = [(rest.inv() * Rotation.from_quat(clip.head_rotation)).as_rotvec() for _, clip in own]
    shifts = [clip.head_translation - clip.head_translation.mean(0) for _, clip in own]
    poses = [np.column_stack(pair) for pair in zip(turns, shifts)]
    cleaned = without_mouth(poses, [clip.blendshapes[:, SPOKEN_INDEX] for _, clip in own])
    towards = rest.as_rotvec().astype(np.float32)
    return [
        PoseClip(
            name, clip.speaker, clip.samples, clip.voiced, towards, sosfiltfilt(LIVING, row, axis=0).astype(np.float32)
        )
        for (name, clip), row in zip(own, cleaned)
    ]


def without_mouth(poses: list[np.ndarray], mouths: list[np.ndarray]) -> list[np.ndarray]:
    """Poses (T, 6) of one person's clips without what fast moves of the mouth (T, C) explain, by ridge regression."""
    fast, moves = ([sosfiltfilt(LEAKING, row, axis=0) for row in rows] for rows in (poses, mouths))
    said = np.concatenate(moves)
    leak = np.linalg.solve(said.T @ said + RIDGE * np.eye(said.shape[1]), said.T @ np.concatenate(fast))
    return [pose - move @ leak for pose, move in zip(poses, moves)]
