"""What the network hears: a log-mel spectrogram relative to how loud the voice has been lately.

The mel spectrogram is librosa's (Slaney's scale and area normalisation), computed in torch so that
the run-time path needs no librosa; a test holds the two together.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch.nn import functional as F

from vividlib.conventions import MOTION_RATE, SAMPLE_RATE

MEL_HOP = 160
"""Samples between mel frames: 100 a second."""
MEL_WINDOW = 512
"""Samples under one (Hann) window, centred on ``frame * MEL_HOP``."""
MEL_BANDS = 64
MELS_PER_FRAME = SAMPLE_RATE // MOTION_RATE // MEL_HOP
"""Mel frames in one frame of motion."""
LEVEL_MEMORY = 400
"""Mel frames (4 s) over which the loudest is remembered."""
QUIETEST_VOICE = -30.0
"""Level in dB below which nothing is taken for a voice: about -60 dB of full scale."""
DYNAMIC_RANGE = 60.0
"""dB below the voice's level at which a band counts as empty."""


def hz_to_mel(hz: np.ndarray) -> np.ndarray:
    """Slaney's mel scale: linear to 1 kHz, logarithmic above (Auditory Toolbox, 1998)."""
    hz = np.asarray(hz, np.float64)
    return np.where(hz < 1000, hz * 3 / 200, 15 + 27 * np.log(np.maximum(hz, 1000) / 1000) / np.log(6.4))


def mel_to_hz(mel: np.ndarray) -> np.ndarray:
    """The inverse of `hz_to_mel`."""
    mel = np.asarray(mel, np.float64)
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((np.maximum(mel, 15) - 15) * np.log(6.4) / 27))


@cache
def mel_filters() -> torch.Tensor:
    """Triangular filters of equal area, (MEL_WINDOW // 2 + 1, MEL_BANDS) float32."""
    edges = mel_to_hz(np.linspace(0, hz_to_mel(SAMPLE_RATE / 2), MEL_BANDS + 2))
    bins = np.arange(MEL_WINDOW // 2 + 1) * SAMPLE_RATE / MEL_WINDOW
    rising = (bins[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2])
    return torch.from_numpy(filters.astype(np.float32))


def mel_spectrogram(padded: torch.Tensor) -> torch.Tensor:
    """Mel power spectrogram of ``padded`` samples: frame k looks at ``padded[k * MEL_HOP:][:MEL_WINDOW]``.

    With ``MEL_WINDOW // 2`` zeros put before the audio, frame k is centred on sample ``k * MEL_HOP`` and
    the result equals ``librosa.feature.melspectrogram(pad_mode="constant")``.

    Parameters
    ----------
    padded : (..., N) float32 in [-1, 1]

    Returns
    -------
    (..., 1 + (N - MEL_WINDOW) // MEL_HOP, MEL_BANDS) float32
    """
    frames = padded.unfold(-1, MEL_WINDOW, MEL_HOP) * torch.hann_window(MEL_WINDOW)
    spectrum = torch.fft.rfft(frames)
    return (spectrum.real.square() + spectrum.imag.square()) @ mel_filters()


def level(mel: torch.Tensor) -> torch.Tensor:
    """Loudness of each mel frame in dB: (..., T, MEL_BANDS) to (..., T)."""
    return 10 * torch.log10(mel.sum(-1) + 1e-10)


def relative_log_mel(mel: torch.Tensor, before: torch.Tensor | None = None) -> torch.Tensor:
    """Log-mel in units of 20 dB, relative to the loudest frame of the last four seconds.

    So a voice recorded at another level gives the same features, and no frame depends on later ones.

    Parameters
    ----------
    mel : (B, T, MEL_BANDS) power
    before : (B, N) levels of the frames before, as `level` gives them; only the last LEVEL_MEMORY count

    Returns
    -------
    (B, T, MEL_BANDS) float32
    """
    levels = level(mel) if before is None else torch.cat([before, level(mel)], 1)
    pad = LEVEL_MEMORY + mel.shape[1] - levels.shape[1]
    levels = F.pad(levels, (pad, 0), value=QUIETEST_VOICE) if pad >= 0 else levels[:, -pad:]
    loudest = F.max_pool1d(levels, LEVEL_MEMORY + 1, 1).clamp(min=QUIETEST_VOICE).unsqueeze(-1)
    decibels = 10 * torch.log10(mel + 1e-10) - loudest
    return decibels.clamp(min=-DYNAMIC_RANGE) / 20 + 1
