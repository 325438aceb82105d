"""Where the head's pose comes from, and what is made of it: its strength, breath, distance, and the limits of the photo.

A pose is a row of six numbers, see `Limits`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from vividlib.audio_to_mesh import breath, head_sampler, nods
from vividlib.audio_to_mesh.controls import Controls
from vividlib.audio_to_mesh.limits import Limits
from vividlib.audio_to_mesh.reference import Take, take_of
from vividlib.conventions import MOTION_RATE

EASE = 1.2  # seconds from the pose in the photo to that of a take, and to another distance
WEAKEST = 0.05  # strength below which motion does not grow to fill the limits
CLOSER = 0.6  # share of the way to a limit that a distance may take; the rest is for motion
BOWING = 0.5  # share of the way down that nods may take; the rest is for the codebook, which would else have no rest


@dataclass(frozen=True, eq=False)
class State:
    """What head motion to come depends on, of what was before it."""

    seed: int
    frame: int
    sampler: head_sampler.State
    nods: nods.State
    breath: breath.Breath


@dataclass(frozen=True, eq=False)
class Head:
    """Moves a head within limits."""

    controls: Controls
    limits: Limits
    rest: np.ndarray = field(default_factory=lambda: np.zeros(3))  # rotation vector of the head in the photo

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

    @cached_property
    def _condition(self) -> np.ndarray:
        """What the sampler is told of style and photo."""
        sampler, rest = head_sampler.load_sampler(), torch.from_numpy(self.rest).float().unsqueeze(0)
        with torch.inference_mode():
            style = torch.tensor([self.controls.style])
            return sampler.condition(style, rest, self.controls.style_strength)[0].numpy()

    def begin(self, seed: int) -> State:
        """A head at rest."""
        if self.controls.head == "codebook":
            head_sampler.load_windows()  # takes seconds once, which a voice that is coming has not
        return State(seed, 0, head_sampler.begin(), nods.begin(), breath.begin(seed))

    def step(
        self, state: State, mel: torch.Tensor, loudness: np.ndarray, voice: np.ndarray
    ) -> tuple[State, np.ndarray, np.ndarray]:
        """The head in the next frames; whatever the chunks, the same.

        Parameters
        ----------
        state : from `begin` or the step before
        mel : (MELS_PER_FRAME * T, MEL_BANDS) relative log-mel, `network.FRAMES_AHEAD` frames after each frame
        loudness : (T,) dB, as far ahead
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
        sampled, nodded = state.sampler, state.nods
        if self.controls.head == "still":
            poses = np.zeros((len(voice), 6))
        elif self.controls.head == "codebook":
            strength = max(self.controls.head_strength, WEAKEST)
            deepest = min(strength * nods.DEPTH, BOWING * self._room.high[0])
            room = self._room.beside(np.array([deepest, 0, 0, 0, 0, 0]))
            sampled, poses = head_sampler.step(
                state.sampler, state.seed, mel, voice, self.controls.head_speed - 1, self._condition,
                room.low / strength, room.high / strength,
            )  # fmt: skip
            nodded, poses = nods.step(state.nods, state.seed, loudness, voice, poses, deepest / strength)
            poses *= self.controls.head_strength
        else:
            poses = self._room.soften(self._take.at(seconds)) * ease
        breathing, breaths = breath.step(state.breath, state.seed, voice)
        poses = poses + breaths + self._distance * ease
        after = State(state.seed, state.frame + len(voice), sampled, nodded, breathing)
        rotation = Rotation.from_rotvec(poses[:, :3]).as_quat(canonical=True)
        return after, rotation.astype(np.float32), poses[:, 3:].astype(np.float32)
