"""From a voice to a performance: the mouth from the network, the rest of the face from a seeded process."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
from torch.nn import functional as F

from vividlib.audio_to_mesh import eyes
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
from vividlib.audio_to_mesh.network import FRAMES_AHEAD, FRAMES_BEHIND, SPOKEN_INDEX, SpeechNetwork
from vividlib.audio_to_mesh.sway import sway
from vividlib.conventions import ARKIT, ARKIT_INDEX, MOTION_RATE, SAMPLE_RATE
from vividlib.errors import AudioError
from vividlib.head.gaze import eye_shapes
from vividlib.media.audio import SHORTEST
from vividlib.types import Motion, Progress, Speech
from vividlib.weights import load_weights

WEIGHTS = "audio_to_mesh.safetensors"
BLOCK = 60 * MOTION_RATE  # frames the network sees at once
EASE = 5  # frames in which a mouth begins or stops to take part
HOLD = 10  # frames that a mouth goes on after the last sound
BEHIND = EASE + HOLD + FRAMES_BEHIND + LEVEL_MEMORY // MELS_PER_FRAME  # frames before a block that it depends on


@cache
def load_network() -> SpeechNetwork:
    """The trained network of assets/."""
    return SpeechNetwork.from_weights(load_weights(WEIGHTS))


def speak(speech: Speech, seed: int = 0, progress: Progress | None = None) -> Motion:
    """Turn a voice into face motion.

    Parameters
    ----------
    speech
        At least 0.2 s.
    seed
        Of blinks, gaze and head motion. The same speech and seed give the same motion, bit for bit.
    progress
        Called as ``progress("speak", frames done, frames)``.

    Returns
    -------
    Motion
        ``ceil(duration * MOTION_RATE)`` frames at MOTION_RATE. In silence the mouth is at rest.

    Raises
    ------
    AudioError
        If the speech is too short.
    """
    if speech.duration < SHORTEST:
        raise AudioError(f"The audio lasts {speech.duration:.2f} s; hand in at least {SHORTEST} s of speech.")
    mouth, voice, loudness = listen(load_network(), speech, progress)
    random = np.random.default_rng(seed)
    rotation, translation, brows = sway(loudness, voice, random)
    gaze = eyes.stay_on_target(eyes.wander(len(voice), random), rotation)
    lids = eyes.blinks(len(voice), random)
    blendshapes = mouth + brows + eye_shapes(gaze)
    blendshapes[:, [ARKIT_INDEX["eyeBlinkLeft"], ARKIT_INDEX["eyeBlinkRight"]]] = lids[:, None]
    return Motion(blendshapes, rotation, translation, gaze)


def listen(
    network: SpeechNetwork, speech: Speech, progress: Progress | None = None, block: int = BLOCK
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Run the network over speech of any length, block by block, as if in one pass.

    Returns
    -------
    mouth : (T, 52) float32, at rest where no voice is heard
    voice : (T,) float32 in [0, 1], how far the mouth takes part
    loudness : (T,) float32 dB
    """
    frames = math.ceil(len(speech.samples) * MOTION_RATE / SAMPLE_RATE)
    mouth = np.zeros((frames, len(ARKIT)), np.float32)
    voice = np.zeros(frames, np.float32)
    loudness = np.zeros(frames, np.float32)
    neutral = torch.zeros(1, dtype=torch.int64)
    for start in range(0, frames, block):
        if progress:
            progress("speak", start, frames)
        first, stop = max(0, start - BEHIND), min(frames, start + block)
        with torch.inference_mode():
            mel = mel_spectrogram(_samples_under(speech.samples, first, min(frames, stop + FRAMES_AHEAD)))
            heard = network(relative_log_mel(mel.unsqueeze(0)), neutral)
            loud = level(mel).unflatten(0, (-1, MELS_PER_FRAME)).amax(1)
            takes_part = participation(network.voice(heard)[0], loud)
            own = slice(start - first, stop - first)
            voice[start:stop] = takes_part[own].numpy()
            mouth[start:stop, SPOKEN_INDEX] = (network.mouth(heard)[0] * takes_part.unsqueeze(1))[own].numpy()
            loudness[start:stop] = loud[own].numpy()
    if progress:
        progress("speak", frames, frames)
    return mouth, voice, loudness


def participation(voice: torch.Tensor, loud: torch.Tensor) -> torch.Tensor:
    """How far the mouth takes part, (T,) in [0, 1]: a mean over EASE frames, as a mouth does not jump.

    Parameters
    ----------
    voice : (T,) in [0, 1], from `SpeechNetwork.voice`
    loud : (T,) or up to FRAMES_AHEAD longer, dB; a frame depends on HOLD + EASE - 1 frames before it
    """
    heard = voice * (_loudest_near(loud)[: len(voice)] > QUIETEST_VOICE)
    return F.avg_pool1d(F.pad(heard.unsqueeze(0), (EASE - 1, 0)), EASE, 1)[0]


def _loudest_near(loud: torch.Tensor) -> torch.Tensor:
    """The loudest of the frames that a mouth still or already answers to, (T,) dB."""
    padded = F.pad(loud.unsqueeze(0), (HOLD, FRAMES_AHEAD), value=-100)
    return F.max_pool1d(padded, HOLD + 1 + FRAMES_AHEAD, 1)[0]


def _samples_under(samples: np.ndarray, first: int, stop: int) -> torch.Tensor:
    """The samples that motion frames ``first`` to ``stop`` look at, zeros where there are none."""
    hop = MELS_PER_FRAME * MEL_HOP
    begin = first * hop - MEL_WINDOW // 2
    end = stop * hop - MEL_HOP + MEL_WINDOW // 2
    inside = samples[max(0, begin) : min(len(samples), end)]
    padded = np.pad(inside, (max(0, -begin), end - max(0, begin) - len(inside)))
    return torch.from_numpy(padded)
