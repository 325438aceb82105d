"""Where the head's pose comes from, and what is made of it: its strength, breath, distance, and the limits of the photo.

A pose is a row of six numbers, see `Limits`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial.transform import Rotation

from vividlib.audio_to_mesh import breath, sway
from vividlib.audio_to_mesh.controls import Controls
from vividlib.audio_to_mesh.limits import Limits
from vividlib.audio_to_mesh.reference import Take, take_of
from vividlib.conventions import MOTION_RATE

EASE = 1.2  # seconds from the pose in the photo to that of a take, and to another distance
CLOSER = 0.6  # share of the way to a limit that a distance may take; the rest is for motion


@dataclass(frozen=True, eq=False)
class State:
    """What head motion to come depends on, of what was before it."""

    seed: int
    frame: int
    sway: sway.Sway
    breath: breath.Breath


@dataclass(frozen=True, eq=False)
class Head:
    """Moves a head within limits."""

    controls: Controls
    limits: Limits

    @cached_property
    def _distance(self) -> np.ndarray:
        """The pose of a head as near or far as is asked, as far as the photo can show it."""
        low, high = CLOSER * self.limits.low[5], CLOSER * self.limits.high[5]
        return np.array([0, 0, 0, 0, 0, np.clip(-self.controls.distance, low, high)])

    @cached_property
    def _room(self) -> Limits:
        """What breath and distance leave to motion."""
        return self.limits.beside(breath.DEEPEST, self._distance)

    @cached_property
    def _take(self) -> Take:
        return take_of(self.controls.head, self.controls.head_strength, self._room)

    def begin(self, seed: int) -> State:
        """A head at rest."""
        return State(seed, 0, sway.begin(), breath.begin(seed))

    def step(self, state: State, loudness: np.ndarray, voice: np.ndarray) -> tuple[State, np.ndarray, np.ndarray]:
        """The head in the next frames; whatever the chunks, the same.

        Parameters
        ----------
        state : from `begin` or the step before
        loudness : (T,) dB
        voice : (T,) in [0, 1], one frame at least: whether a voice is heard

        Returns
        -------
        state : for the next step
        rotation : (T, 4) float32 quaternions
        translation : (T, 3) float32 metres
        """
        seconds = (state.frame + np.arange(len(voice))) / MOTION_RATE
        ease = np.clip(seconds / EASE, 0, 1)[:, None]
        ease = ease * ease * (3 - 2 * ease)
        swaying = state.sway
        if self.controls.head == "still":
            poses = np.zeros((len(voice), 6))
        elif self.controls.head == "codebook":
            swaying, rotation, translation = sway.step(state.sway, state.seed, loudness, voice)
            poses = np.column_stack([Rotation.from_quat(rotation).as_rotvec(), translation])
            poses = self._room.soften(poses * self.controls.head_strength)
        else:
            poses = self._room.soften(self._take.at(seconds)) * ease
        breathing, breaths = breath.step(state.breath, state.seed, voice)
        poses = poses + breaths + self._distance * ease
        after = State(state.seed, state.frame + len(voice), swaying, breathing)
        rotation = Rotation.from_rotvec(poses[:, :3]).as_quat(canonical=True)
        return after, rotation.astype(np.float32), poses[:, 3:].astype(np.float32)
