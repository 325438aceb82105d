"""Take the jitter out of curves without lag, and without rounding off blinks and plosives.

A local Wiener filter (Lee, "Digital image enhancement and noise filtering by use of local statistics", 1980): where
curves vary no more than their noise they are replaced by a local fit, where they vary more they pass as they are. The
noise is known beforehand: a guess from the curves themselves takes steady talking for noise. Between the two the firm
threshold of Gao and Bruce ("WaveShrink with firm shrinkage", 1997) stands for Wiener's gain, which would take a tenth
from what is three times its noise. First moments are judged and parabolas fitted (Savitzky and Golay, 1964), then
seconds and means.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import savgol_coeffs, savgol_filter

STEPS = ((0.6, 0.4, 2), (4.0, 4.0, 0))  # seconds that are judged, seconds of the fit, degree of its polynomial
MARGIN = 1.5  # times its usual size that noise may have
QUIET = 0.6, 20  # noise is what moments of so many seconds show at this percentile, almost the quietest
TINY = 1e-9


def smooth(
    curves: np.ndarray, rate: float, noise: float | np.ndarray, evidence: np.ndarray | None = None
) -> np.ndarray:
    """Curves (T C) at ``rate`` Hz without their jitter (T C float64).

    Parameters
    ----------
    noise : standard deviation of the white noise on each curve (C, or one for all), or on the evidence (one for all)
    evidence : T E, what shows better than the single curves whether they move: all pass or are held at once, as its
        columns vary in the mean. None: each curve speaks for itself.
    """
    own = slice(0, curves.shape[1])
    judged = own if evidence is None else slice(curves.shape[1], None)
    result = np.array(curves if evidence is None else np.hstack([curves, evidence]), np.float64)
    noise = np.asarray(noise, np.float64)
    for moment, reach, degree in STEPS:
        window = _frames(moment, rate, len(result))
        spread = _mean((result - _mean(result, window))[:, judged] ** 2, window)
        if evidence is not None:
            spread = spread.mean(1, keepdims=True)
        passes = np.clip(spread / np.maximum(MARGIN * noise, TINY) ** 2 - 1, 0, 1)
        fit = {"window_length": _frames(reach, rate, len(result))}
        fit["polyorder"] = min(degree, fit["window_length"] - 1)
        steady = savgol_filter(result, **fit, axis=0, mode="mirror")
        result = steady + passes * (result - steady)
        noise = noise * np.linalg.norm(savgol_coeffs(**fit))
    return result[:, own]


def noise_level(astray: np.ndarray, rate: float) -> float:
    """Standard deviation of the noise of points (T N 2), from their quietest moments, one coordinate's, in their unit.

    From second differences, which know no motion (Gasser, Sroka and Jennen-Steinmetz, "Residual variance and residual
    pattern in nonlinear regression", 1986). ``astray`` is best what a fit leaves of the points: where they move, it
    hardly does.
    """
    if len(astray) < 3:
        return 0.0
    bends = np.median((np.diff(astray, 2, axis=0) ** 2).sum(2), axis=1) / 12  # 1 + 4 + 1 noises, along two axes
    seconds, share = QUIET
    return float(np.sqrt(np.percentile(_mean(bends, _frames(seconds, rate, len(bends))), share)))


def _frames(seconds: float, rate: float, available: int) -> int:
    """An odd number of frames, no more than there are."""
    return min(2 * round(seconds * rate / 2) + 1, available - 1 + available % 2)


def _mean(values: np.ndarray, window: int) -> np.ndarray:
    return uniform_filter1d(values, window, axis=0, mode="mirror")
