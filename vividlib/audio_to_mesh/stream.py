"""From a voice to a performance, as it comes: explicit state in, explicit state out.

There is no other way through the network: `vividlib.speak` steps through a recording by the same function, so that
chunks of any sizes give what the whole gives.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np
import torch
from scipy.signal import lfilter
from scipy.spatial.transform import Rotation
from torch.nn import functional as F

from vividlib.audio_to_mesh import head, upper
from vividlib.audio_to_mesh.controls import DEFAULTS, Controls, check_controls
from vividlib.audio_to_mesh.features import (
    LEVEL_MEMORY,
    MEL_HOP,
    MEL_WINDOW,
    MELS_PER_FRAME,
    QUIETEST_VOICE,
    level,
    mel_spectrogram,
    relative_log_mel,
)
from vividlib.audio_to_mesh.limits import limits_of
from vividlib.audio_to_mesh.network import (
    FRAMES_AHEAD,
    IDENTITY,
    SPOKEN_INDEX,
    Heard,
    Memory,
    SpeechNetwork,
)
from vividlib.conventions import ARKIT, MOTION_RATE
from vividlib.errors import AudioError, InputError
from vividlib.head.model import knows_our_people
from vividlib.types import Face, Motion, check_seed
from vividlib.weights import load_weights

WEIGHTS = "audio_to_mesh.safetensors"
EASE = 5  # frames in which a mouth begins or stops to take part
HOLD = 10  # frames that a mouth goes on after the last sound
_HOP = MEL_HOP * MELS_PER_FRAME  # samples in a frame of motion
_ABSURD = 2.0**16  # beyond what 16-bit samples reach that nobody has scaled; powers of more would overflow
_MOST = 250  # frames the network hears at once, so that memory stays flat


@cache
def load_network() -> SpeechNetwork:
    """The trained network of assets/."""
    weights = load_weights(WEIGHTS)
    return SpeechNetwork.from_weights({name: tensor.float() for name, tensor in weights.items()})


@dataclass(frozen=True, eq=False)
class State:
    """What frames to come depend on, of what was heard before them."""

    samples: torch.Tensor  # N, from the first that the next frame looks at
    levels: torch.Tensor  # 1, up to LEVEL_MEMORY, dB of mel frames
    memory: Memory  # of the network
    loud: torch.Tensor  # up to HOLD + FRAMES_AHEAD, dB of motion frames
    voice: torch.Tensor  # EASE - 1, of frames before
    mouth: np.ndarray | None  # the last one, of which smoothing keeps a part
    head: head.State
    upper: upper.State
    heard: int  # frames that the network has heard; as many but FRAMES_AHEAD have been made


@dataclass(frozen=True, eq=False)
class Performer:
    """Turns a voice into motion as it comes.

    >>> performer = Performer(Controls(mouth=1.2))
    >>> state = performer.begin(seed=0)
    >>> state, motion = performer.step(state, np.zeros(3200, np.float32))
    >>> len(motion)
    5

    Raises
    ------
    InputError
        If the controls are none, or their head is a file that has not been read.
    """

    controls: Controls = DEFAULTS
    face: Face | None = None  # its coefficients of the default head are a part of the style, its photo limits the head

    def __post_init__(self):
        check_controls(self.controls)
        if self.controls.head_file:
            raise InputError(
                f"{self.controls.head_file} is not read here; hand in what vividlib.load_motion or track made of it."
            )

    @cached_property
    def style(self) -> torch.Tensor:
        """The style that conditions every branch, (1, STYLE)."""
        coefficients = torch.zeros(1, IDENTITY)
        if self.face is not None and knows_our_people(self.face.head):
            coefficients[0] = torch.from_numpy(self.face.identity)
        with torch.inference_mode():
            style = load_network().style(torch.tensor([self.controls.style]), coefficients)
            return style * self.controls.style_strength

    @cached_property
    def head(self) -> head.Head:
        """What moves the head."""
        rest = np.zeros(3) if self.face is None else Rotation.from_quat(self.face.rotation).as_rotvec()
        return head.Head(self.controls, limits_of(self.face), rest)

    def begin(self, seed: int = 0) -> State:
        """The state before the first sample; ``seed``, a whole number from 0, decides all that the voice does not tell.

        Raises
        ------
        InputError
            If it is no seed.
        """
        check_seed(seed)
        nothing = torch.zeros(0)
        return State(
            torch.zeros(MEL_WINDOW // 2), torch.zeros(1, 0), load_network().nothing(), nothing,
            torch.zeros(EASE - 1), None, self.head.begin(seed), upper.begin(seed), 0,
        )  # fmt: skip

    def step(self, state: State, samples: np.ndarray, last: bool = False) -> tuple[State, Motion | None]:
        """Hear the next samples.

        Parameters
        ----------
        state
            From `begin` or the step before.
        samples
            (N,) float32 in [-1, 1] at 16 kHz, any number of them, none included.
        last
            Whether nothing follows; then the frames held back for the look-ahead come, too.

        Returns
        -------
        state
            For the next step.
        motion
            The frames that the samples complete, at MOTION_RATE; None if they complete none. After the last step
            there is one for every 20 ms of sound begun.

        Raises
        ------
        AudioError
            If the samples are something else.
        """
        samples = np.asarray(samples)
        if samples.ndim != 1 or samples.dtype != np.float32 or not (np.abs(samples) < _ABSURD).all():
            raise AudioError(
                "A stream takes one row of float32 samples in [-1, 1] at 16 kHz; convert the chunks before."
            )
        waiting = torch.from_numpy(np.concatenate([state.samples.numpy(), samples]))  # the caller's may be read-only
        if last:
            frames = -(-(state.heard * _HOP + len(waiting) - MEL_WINDOW // 2) // _HOP)
            count = frames + FRAMES_AHEAD - state.heard if frames else 0
            waiting = F.pad(waiting, (0, max(0, count * _HOP - MEL_HOP + MEL_WINDOW - len(waiting))))
        else:
            count = max(0, (len(waiting) - MEL_WINDOW + MEL_HOP) // _HOP)
        motions = []
        for start in range(0, count, _MOST):
            stop = min(start + _MOST, count)
            with torch.inference_mode():
                state, motion = self._hear(state, waiting[start * _HOP : stop * _HOP - MEL_HOP + MEL_WINDOW])
            motions += [motion] if motion else []
        return replace(state, samples=waiting[count * _HOP :]), Motion.joined(motions) if motions else None

    def _hear(self, state: State, samples: torch.Tensor) -> tuple[State, Motion | None]:
        """Hear samples that complete whole frames."""
        network = load_network()
        mel = mel_spectrogram(samples).unsqueeze(0)
        relative = relative_log_mel(mel, state.levels)
        heard, memory = network(relative, self.style, state.memory)
        levels = level(mel)
        loud = torch.cat([state.loud, levels[0].unflatten(0, (-1, MELS_PER_FRAME)).amax(1)])
        count = heard.voice.shape[1]
        after = State(
            samples[:0], torch.cat([state.levels, levels], 1)[:, -LEVEL_MEMORY:], memory, loud[-HOLD - FRAMES_AHEAD :],
            state.voice, state.mouth, state.head, state.upper, state.heard + count,
        )  # fmt: skip
        # What the network says of the FRAMES_AHEAD frames before the first sample concerns nobody.
        own = max(0, FRAMES_AHEAD - state.heard)
        if own >= count:
            return after, None
        heard = Heard(*(part[:, own:] for part in heard))
        voice = network.voice(heard)[0] * (_loudest_near(loud, count - own) > QUIETEST_VOICE)
        voice = torch.cat([state.voice, voice])
        part = F.avg_pool1d(voice.unsqueeze(0), EASE, 1)[0]  # as a mouth does not jump
        mouth = self._mouth(heard, part, state.mouth)
        moving, rotation, translation = self.head.step(
            state.head, relative[0, MELS_PER_FRAME * own :], loud[-len(part) :].numpy(), part.numpy()
        )
        living, shapes, gaze = upper.step(
            network.upper, state.upper, heard.trunk[0], self.style[0], rotation, self.controls
        )
        after = replace(after, voice=voice[1 - EASE :], mouth=mouth[-1], head=moving, upper=living)
        blendshapes = self.controls.shaped(shapes + mouth[:, : len(ARKIT)])
        offsets = mouth[:, len(ARKIT) :].reshape(len(mouth), -1, 3)
        return after, Motion(blendshapes, rotation, translation, gaze, offsets)

    def _mouth(self, heard: Heard, part: torch.Tensor, before: np.ndarray | None) -> np.ndarray:
        """The mouth of each frame as one row: 52 blendshapes and the lip offsets."""
        network, controls = load_network(), self.controls
        shapes, offsets = network.mouth(heard)
        share = controls.mouth * (part if controls.close_in_silence else torch.ones_like(part)).unsqueeze(1)
        rows = np.zeros((len(part), len(ARKIT) + offsets[0, 0].numel()), np.float32)
        rows[:, SPOKEN_INDEX] = (shapes[0] * share).numpy()
        rows[:, len(ARKIT) :] = (offsets[0].flatten(1) * share).numpy()
        if controls.smoothing:
            keep = np.exp(-1 / (controls.smoothing * MOTION_RATE))
            before = np.zeros_like(rows[0]) if before is None else before
            rows = lfilter([1 - keep], [1, -keep], rows, axis=0, zi=keep * before[None])[0].astype(np.float32)
        return rows


def _loudest_near(loud: torch.Tensor, count: int) -> torch.Tensor:
    """The loudest of the frames that a mouth still or already answers to, (count,) dB; ``loud`` ends FRAMES_AHEAD
    frames after the last of them."""
    padded = F.pad(loud, (HOLD + FRAMES_AHEAD + count - len(loud), 0), value=-100)
    return F.max_pool1d(padded.unsqueeze(0), HOLD + 1 + FRAMES_AHEAD, 1)[0]
