"""Pose curves as the codebook and the sampler learn them: coefficients of splines, one every KNOT frames."""

from __future__ import annotations

import numpy as np

from vividlib.audio_to_mesh.head_codebook import POSE, UNIT
from vividlib.audio_to_mesh.splines import KNOT, SPLINE

FLAT = 1e-3  # weight of second differences, which bounds the coefficients at the ends


def basis(frames: int, phase: int = 0) -> np.ndarray:
    """What each coefficient adds to each frame, (frames, N): the first knot lies ``phase`` frames before the first
    frame, and two coefficients before it."""
    count = (frames - 1 + phase) // KNOT + 3
    age = np.arange(frames)[:, None] + phase - KNOT * (np.arange(count) - 2)
    inside = (age >= 0) & (age < len(SPLINE))
    return np.where(inside, SPLINE[age.clip(0, len(SPLINE) - 1)], 0)


def coefficients(poses: np.ndarray, phase: int = 0) -> np.ndarray:
    """The spline nearest to poses (T, POSE): its coefficients in UNITs, (N, POSE) float32."""
    along = basis(len(poses), phase)
    bend = FLAT * np.diff(np.eye(along.shape[1]), 2, axis=0)
    wanted = np.concatenate([poses / UNIT, np.zeros((len(bend), POSE))])
    return np.linalg.lstsq(np.concatenate([along, bend]), wanted, rcond=None)[0].astype(np.float32)


def poses_of(coefficients: np.ndarray, frames: int, phase: int = 0) -> np.ndarray:
    """What `coefficients` were taken from, (frames, POSE) radians and metres."""
    return basis(frames, phase) @ coefficients * UNIT


def shares(speakers: list[str], lengths: list[int]) -> np.ndarray:
    """Chance of each clip to be learned from: a person counts by the root of how much there is of them."""
    total: dict[str, int] = {}
    for speaker, length in zip(speakers, lengths):
        total[speaker] = total.get(speaker, 0) + length
    chance = np.array([length / np.sqrt(total[speaker]) for speaker, length in zip(speakers, lengths)])
    return chance / chance.sum()
