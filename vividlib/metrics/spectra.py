"""How the power of motion is spread over frequencies, and how far two such spectra are apart.

Sway, nods and trembling of one size differ here. Welch's estimate ("The use of fast Fourier transform for the
estimation of power spectra", 1967), compared by the log-spectral distance that speech coding uses (Gray and Markel,
"Distance measures for speech processing", 1976).
"""

from __future__ import annotations

import numpy as np
from scipy.signal import welch

WINDOW = 4.0
"""Seconds: a spectrum has a value every quarter of a hertz."""
LOWEST, HIGHEST = 0.25, 6.0
"""Hz between which spectra are compared: above, tracked motion is noise."""


def spectrum(clips: list[np.ndarray], rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean power spectral density of clips of curves, (T, C) each, at ``rate`` Hz.

    A clip counts by how many windows it has, one shorter than WINDOW not at all; each window is taken about its mean.

    Returns
    -------
    frequency : (F,) Hz
    density : (F, C), squared unit of the curves / Hz

    Raises
    ------
    ValueError
        If no clip is as long as WINDOW.
    """
    size = round(WINDOW * rate)
    long = [clip for clip in clips if len(clip) >= size]
    if not long:
        raise ValueError(f"Spectra need a clip of {WINDOW:g} s at least; hand in longer ones.")
    found = [welch(clip, rate, nperseg=size, axis=0) for clip in long]
    weights = [1 + (len(clip) - size) // (size // 2) for clip in long]
    return found[0][0], np.average([density for _, density in found], axis=0, weights=weights)


def log_spectral_distance(first: list[np.ndarray], second: list[np.ndarray], rate: float) -> np.ndarray:
    """Root mean square difference in dB between the spectra of two sets of clips, curve by curve: (C,).

    The mean runs over the logarithm of frequency from LOWEST to HIGHEST, so that each octave counts the same. The sign
    is lost: 3 dB is twice or half the power all over.
    """
    (frequency, a), (_, b) = spectrum(first, rate), spectrum(second, rate)
    counted = (frequency >= LOWEST) & (frequency <= HIGHEST)
    apart = 10 * np.log10((a[counted] + 1e-30) / (b[counted] + 1e-30))
    return np.sqrt(np.average(apart**2, axis=0, weights=1 / frequency[counted]))
