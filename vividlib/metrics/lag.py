"""By how much one set of curves runs behind another: the peak of their cross-correlation.

SyncNet's audio-video offset (Chung and Zisserman, "Out of time", 2016) asks the same of pixels; this asks
it of curves, so that it needs no network.
"""

from __future__ import annotations

import numpy as np


def best_lag(first: list[np.ndarray], second: list[np.ndarray], reach: int) -> tuple[float, float]:
    """Frames by which ``second`` runs behind ``first``, and the correlation there.

    Parameters
    ----------
    first, second : one curve (T,) for each clip; the lengths of a pair may differ by some frames
    reach : largest lag looked for, frames

    Returns
    -------
    lag : frames, with a fraction from a parabola through the peak; positive if ``second`` is late
    correlation : Pearson's, over all clips together, at the best whole lag
    """
    score = correlations(first, second, reach)
    return peak(score) - reach, float(score.max())


def correlations(first: list[np.ndarray], second: list[np.ndarray], reach: int) -> np.ndarray:
    """Pearson's correlation of all clips together at every lag from -reach to reach frames, as `best_lag` takes them."""
    return np.array([_correlation(first, second, lag) for lag in range(-reach, reach + 1)])


def peak(score: np.ndarray) -> float:
    """Where a curve is highest, in steps from its start, with a fraction from a parabola through the highest three."""
    best = int(np.argmax(score))
    if not 0 < best < len(score) - 1:
        return float(best)
    before, top, after = score[best - 1 : best + 2]
    bend = before - 2 * top + after
    return best + float(0.5 * (before - after) / bend if bend < 0 else 0.0)


def _correlation(first: list[np.ndarray], second: list[np.ndarray], lag: int) -> float:
    """Pearson's correlation of all clips, each about its own mean, with ``second`` moved ``lag`` earlier."""
    products = np.zeros(3)
    for a, b in zip(first, second):
        count = min(len(a), len(b))
        a, b = a[max(0, -lag) : count - max(0, lag)], b[max(0, lag) : count - max(0, -lag)]
        if len(a) > 1:
            a, b = a - a.mean(), b - b.mean()
            products += a @ b, a @ a, b @ b
    return products[0] / np.sqrt(products[1] * products[2] + 1e-20)
