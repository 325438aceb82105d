"""From a voice that is still coming to motion: explicit state in, explicit state out.

The mouth is that of `vividlib.speak`, whatever the chunks: the network looks LOOK_AHEAD seconds ahead and no
further, and all that it remembers is carried in the state. What `speak` makes from the whole recording cannot be
made so: here the head sways and the eyes wander and blink by the seed alone, without nods and brows on stressed
syllables.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch.nn import functional as F

from vividlib.audio_to_mesh import eyes
from vividlib.audio_to_mesh.features import (
    LEVEL_MEMORY,
    MEL_BANDS,
    MEL_HOP,
    MEL_WINDOW,
    MELS_PER_FRAME,
    level,
    mel_spectrogram,
    relative_log_mel,
)
from vividlib.audio_to_mesh.network import SPOKEN_INDEX, Heard, SpeechNetwork
from vividlib.audio_to_mesh.performance import EASE, HOLD, load_network, participation
from vividlib.audio_to_mesh.sway import sway
from vividlib.conventions import ARKIT, ARKIT_INDEX, MOTION_RATE
from vividlib.errors import AudioError
from vividlib.head.gaze import eye_shapes
from vividlib.types import Motion

_HOP = MEL_HOP * MELS_PER_FRAME  # samples in a frame of motion
_IDLE = 60 * MOTION_RATE  # frames of head and eyes made at once; they begin and end at rest
_LIVELINESS = 0.5  # of head motion: between that of a listener (0) and of a speaker (1)
_BACK = np.linspace(1, 0, 4)[1:, None]  # a saccade back to the viewer


@dataclass(frozen=True, eq=False)
class Hearing:
    """What frames to come depend on, of what was heard before them."""

    samples: torch.Tensor  # N, from the first that the next frame looks at
    mel: torch.Tensor  # up to LEVEL_MEMORY, MEL_BANDS
    inputs: tuple[torch.Tensor, ...]  # of the stem and of each block, 1 C N: its latest inputs
    voice: torch.Tensor  # up to HOLD + EASE - 1 frames
    loud: torch.Tensor  # the same frames and those that the network still waits with, dB


@dataclass(frozen=True, eq=False)
class State:
    """Where a streamed performance is."""

    hearing: Hearing
    frame: int  # how many have been made
    seed: int


def begin(seed: int = 0) -> State:
    """The state before the first sample; ``seed`` decides blinks, gaze and head motion."""
    return State(_deaf(load_network()), 0, seed)


def step(state: State, samples: np.ndarray, last: bool = False) -> tuple[State, Motion | None]:
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
        there is one for every 20 ms of sound begun, as `speak` makes them.

    Raises
    ------
    AudioError
        If the samples are something else.
    """
    samples = np.asarray(samples)
    if samples.ndim != 1 or samples.dtype != np.float32 or not np.isfinite(samples).all():
        raise AudioError("A stream takes one row of finite float32 samples at 16 kHz; convert the chunks before.")
    hearing, mouth, _ = hear(load_network(), state.hearing, samples, last)
    after = State(hearing, state.frame + len(mouth), state.seed)
    return after, _performed(mouth, state.frame, state.seed) if len(mouth) else None


def hear(
    network: SpeechNetwork, state: Hearing, samples: np.ndarray, last: bool
) -> tuple[Hearing, np.ndarray, np.ndarray]:
    """`performance.listen` for the next samples: state, mouth (T, 52), voice (T,)."""
    with torch.inference_mode():
        waiting = torch.cat([state.samples, torch.from_numpy(samples)])
        if last:
            frames = max(0, -(-(len(waiting) - MEL_WINDOW // 2) // _HOP))
            waiting = F.pad(waiting, (0, max(0, frames * _HOP - MEL_HOP + MEL_WINDOW - len(waiting))))
        else:
            frames = max(0, (len(waiting) - MEL_WINDOW + MEL_HOP) // _HOP)
        mel, new, relative = state.mel, state.mel[:0], state.mel[:0]
        if frames:
            new = mel_spectrogram(waiting[: frames * _HOP - MEL_HOP + MEL_WINDOW])
            mel = torch.cat([state.mel, new])
            relative = relative_log_mel(mel.unsqueeze(0))[0, len(state.mel) :]
        inputs, heard = _through(network, state.inputs, relative, last)
        count = heard.voice.shape[1]
        voice = torch.cat([state.voice, network.voice(heard)[0]])
        loud = torch.cat([state.loud, level(new).unflatten(0, (-1, MELS_PER_FRAME)).amax(1)])
        mouth = np.zeros((count, len(ARKIT)), np.float32)
        takes_part = participation(voice, loud)[len(state.voice) :] if count else voice[:0]
        mouth[:, SPOKEN_INDEX] = (network.mouth(heard)[0] * takes_part.unsqueeze(1)).numpy()
        forget = max(0, len(voice) - (HOLD + EASE - 1))
        after = Hearing(waiting[frames * _HOP :], mel[-LEVEL_MEMORY:], inputs, voice[forget:], loud[forget:])
    return after, mouth, takes_part.numpy()


def _deaf(network: SpeechNetwork) -> Hearing:
    """The state in which nothing has been heard: zeros where the network pads with zeros."""
    width = network.stem.out_channels
    inputs = [torch.zeros(1, MEL_BANDS, MELS_PER_FRAME)]
    inputs += [torch.zeros(1, width, block.pad[0]) for block in network.blocks]
    nothing = torch.zeros(0)
    return Hearing(torch.zeros(MEL_WINDOW // 2), torch.zeros(0, MEL_BANDS), tuple(inputs), nothing, nothing)


def _through(
    network: SpeechNetwork, inputs: tuple[torch.Tensor, ...], mel: torch.Tensor, last: bool
) -> tuple[tuple[torch.Tensor, ...], Heard]:
    """`SpeechNetwork.forward` for the next relative log-mel (T, MEL_BANDS); blocks that look ahead hold frames back."""
    x = torch.cat([inputs[0], mel.T.unsqueeze(0)], -1)
    kept = [x[..., -MELS_PER_FRAME:]]
    style = network.style(torch.zeros(1, dtype=torch.int64)).unsqueeze(-1)
    x = network.stem(x) + style if len(mel) else style[..., :0]
    for block, before in zip(network.blocks, inputs[1:]):
        x = torch.cat([before, x], -1)
        reach = sum(block.pad)
        kept.append(x[..., max(0, x.shape[-1] - reach) :])
        if last:
            x = F.pad(x, (0, block.pad[1]))
        count = max(0, x.shape[-1] - reach)
        own = x[..., block.pad[0] :][..., :count]
        x = own + block.out(F.gelu(block.mix(x))) if count else own
    x = network.head(F.gelu(x)).transpose(1, 2) if x.shape[-1] else x.new_zeros(1, 0, network.head.out_channels)
    return tuple(kept), Heard(x[..., :-2], x[..., -2], x[..., -1])


def _performed(mouth: np.ndarray, start: int, seed: int) -> Motion:
    """The mouth (T, 52) from frame ``start`` on, with head and eyes that live."""
    frames = np.arange(start, start + len(mouth))
    parts = [_idle(seed, number) for number in range(frames[0] // _IDLE, frames[-1] // _IDLE + 1)]
    offset = frames - frames[0] // _IDLE * _IDLE
    rotation, translation, gaze, lids = (np.concatenate(curves)[offset] for curves in zip(*parts))
    blendshapes = mouth + eye_shapes(gaze)
    blendshapes[:, [ARKIT_INDEX["eyeBlinkLeft"], ARKIT_INDEX["eyeBlinkRight"]]] = lids[:, None]
    return Motion(blendshapes, rotation, translation, gaze)


@lru_cache(maxsize=2)
def _idle(seed: int, number: int) -> tuple[np.ndarray, ...]:
    """The ``number``-th minute of rotation, translation, gaze and lids of one who is seen but not heard."""
    random = np.random.default_rng([seed, number])
    rotation, translation, _ = sway(np.zeros(_IDLE), np.full(_IDLE, _LIVELINESS), random)
    target = eyes.wander(_IDLE, random)
    target[-len(_BACK) :] *= _BACK
    return rotation, translation, eyes.stay_on_target(target, rotation), eyes.blinks(_IDLE, random)
