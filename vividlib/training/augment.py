"""Other rooms, microphones and throats: random changes of mel power spectrograms.

Everything is done on mel power, where it is cheap: noise adds, a microphone multiplies, a room smears, a
shorter vocal tract shifts the bands (Jaitly and Hinton, "Vocal tract length perturbation", 2013).
"""

from __future__ import annotations

from functools import cache

import torch
from torch.nn import functional as F

from vividlib.audio_to_mesh.features import mel_spectrogram
from vividlib.conventions import SAMPLE_RATE


def augment(mel: torch.Tensor, silent: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """A batch as other microphones would have heard it: (B, T, bands) power to the same.

    Of examples that are ``silent`` (B, bool) only the noise is kept.
    """
    mel = _stretch_bands(mel, random)
    mel = _room(mel, random)
    mel = mel * _microphone(mel.shape, random)
    mel = mel * ~silent.view(-1, 1, 1) + _noise(mel, random)
    gain = 10 ** (_uniform((len(mel), 1, 1), -2.5, 0.6, random))  # -25 to +6 dB
    return mel * gain


def _uniform(shape: tuple[int, ...], low: float, high: float, random: torch.Generator) -> torch.Tensor:
    return low + (high - low) * torch.rand(shape, generator=random)


def _smooth(shape: tuple[int, int, int], knots: int, random: torch.Generator) -> torch.Tensor:
    """Smooth random curves over bands, standard normal at the knots: (B, 1, bands)."""
    return F.interpolate(torch.randn((shape[0], 1, knots), generator=random), shape[2], mode="linear")


def _stretch_bands(mel: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Move every band up or down by up to 8 percent, for each example."""
    batch, _, bands = mel.shape
    position = torch.arange(bands) * _uniform((batch, 1), 0.92, 1.08, random)
    low = position.floor().long().clamp(max=bands - 1)
    share = (position - low).unsqueeze(1)
    mel_low = torch.gather(mel, 2, low.unsqueeze(1).expand_as(mel))
    mel_high = torch.gather(mel, 2, (low + 1).clamp(max=bands - 1).unsqueeze(1).expand_as(mel))
    return mel_low * (1 - share) + mel_high * share


def _room(mel: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Reverberation for a third of the examples: power that decays by 60 dB in 0.1 to 0.6 s."""
    length = 30
    decay = 10 ** (-6 * torch.arange(length) / 100 / _uniform((len(mel), 1), 0.1, 0.6, random))
    wet = _uniform((len(mel), 1), 0, 0.15, random) * (torch.rand((len(mel), 1), generator=random) < 0.33)
    kernel = decay * wet
    kernel[:, 0] = 1
    spread = F.pad(mel.permute(2, 0, 1), (length - 1, 0))  # bands, B, T: one kernel for each example
    return F.conv1d(spread, kernel.flip(1).unsqueeze(1), groups=len(mel)).permute(1, 2, 0)


def _microphone(shape: tuple[int, int, int], random: torch.Generator) -> torch.Tensor:
    """A frequency response of a few dB, and for one in five a telephone's upper end: (B, 1, bands)."""
    response = 10 ** (0.4 * _smooth(shape, 6, random))
    cut = torch.where(torch.rand((shape[0], 1), generator=random) < 0.2, _uniform((shape[0], 1), 0.65, 1, random), 1.0)
    heard = torch.arange(shape[2]) < cut * shape[2]
    return response * torch.where(heard, 1.0, 1e-4).unsqueeze(1)


def _noise(mel: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Stationary coloured noise 10 to 50 dB below the loudest part of the voice, and none for a quarter."""
    batch = len(mel)
    loudest = mel.sum(2).amax(1).view(batch, 1, 1)
    colour = 10 ** (0.6 * _smooth(mel.shape, 5, random) + _uniform((batch, 1, 1), -1.5, 1.5, random)
                    * torch.linspace(1, -1, mel.shape[2]))  # fmt: skip
    colour = colour / colour.sum(2, keepdim=True)
    ratio = 10 ** _uniform((batch, 1, 1), -5, -1, random) * (torch.rand((batch, 1, 1), generator=random) > 0.25)
    hiss = _hiss()
    starts = torch.randint(len(hiss) - mel.shape[1], (batch,), generator=random).tolist()
    return loudest * colour * ratio * torch.stack([hiss[start : start + mel.shape[1]] for start in starts])


@cache
def _hiss() -> torch.Tensor:
    """A minute of white noise as `features` hears it, every band about 1: its flicker tells it from a voice."""
    noise = mel_spectrogram(torch.randn(60 * SAMPLE_RATE, generator=torch.Generator().manual_seed(0)))
    return noise / noise.mean(0)
