"""Two older ways to move a mouth by its voice, to know what is easy: loudness, and recognised phones as visemes.

Both are given what helps them: size, lag and smoothing are fitted to the tracked mouths of people that may be learned
from, and both hear the whole recording at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pocketsphinx
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import minimize_scalar

from vividlib.conventions import ARKIT, ARKIT_INDEX, MOTION_RATE, SAMPLE_RATE
from vividlib.head.visemes import VISEMES, mixture
from vividlib.metrics.lag import best_lag
from vividlib.metrics.mouth import lip_vertices, opening
from vividlib.types import HeadModel, Motion, Speech

HOP = SAMPLE_RATE // MOTION_RATE
RANGES = (20.0, 30.0, 40.0, 50.0)
"""dB below the loudest (95th percentile of frames) at which a frame may count as silent."""

SIZES = 0.05, 2.0
SMOOTHINGS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)  # frames, standard deviation
SHARP = SMOOTHINGS[:3]  # what leaves a closure of LEAST_CLOSED closed
REACH = 6  # frames of lag looked for

SEEN_AS = {
    "PP": "B M P", "FF": "F V", "TH": "DH TH", "DD": "D T", "kk": "G K", "CH": "CH JH SH ZH", "SS": "S Z",
    "nn": "L N NG", "RR": "ER R", "aa": "AA AE AH AY AW", "E": "EH EY", "ih": "IH IY Y HH", "oh": "AO OW OY",
    "ou": "UH UW W",
}  # fmt: skip
VISEME_OF = {phone: viseme for viseme, phones in SEEN_AS.items() for phone in phones.split()}
PLOSIVES = frozenset(["P", "B", "T", "D", "K", "G"])
OCCLUSION = (0.04, 0.12)
"""Seconds, least and most, that a plosive is closed before it is heard; between them half of the sound before."""
LEAST_CLOSED = 0.08
"""Seconds of closed lips that a viewer notices; what is shorter begins earlier."""


@dataclass(frozen=True)
class Baseline:
    """What moves the mouth at 50 Hz, and how much of it, how smooth and how late."""

    curves: Callable[[Speech], np.ndarray]  # to (T, 52), at size 1
    size: float = 1.0
    smoothing: float = 0.0  # frames, standard deviation
    lag: int = 0  # frames by which the curves are delayed
    correlation: float = 0.0  # of the opening with the true one, on what it was fitted to

    def __call__(self, speech: Speech) -> Motion:
        return Motion(self._fitted(self.curves(speech)))

    def _fitted(self, curves: np.ndarray) -> np.ndarray:
        if self.smoothing:
            curves = gaussian_filter1d(curves, self.smoothing, axis=0)
        source = np.clip(np.arange(len(curves)) - self.lag, 0, len(curves) - 1)
        return np.clip(self.size * curves[source], 0, 1)

    def timed(
        self, raw: list[np.ndarray], openings: list[np.ndarray], head: HeadModel, smoothings: tuple[float, ...]
    ) -> Baseline:
        """With the smoothing and the lag at which its raw curves fit true openings (T,) mm best, whatever their size."""
        found = []
        for smoothing in smoothings:
            made = _openings(raw, replace(self, smoothing=smoothing), head)
            found.append((*best_lag(made, openings, REACH), smoothing))
        lag, correlation, smoothing = max(found, key=lambda one: one[1])
        return replace(self, smoothing=smoothing, lag=round(lag), correlation=round(correlation, 3))

    def sized(self, raw: list[np.ndarray], openings: list[np.ndarray], head: HeadModel) -> Baseline:
        """With the size that leaves the least error of the openings."""

        def error(size: float) -> float:
            made = _openings(raw, replace(self, size=size), head)
            return sum(np.square(a[: len(b)] - b[: len(a)]).sum() for a, b in zip(made, openings))

        best = minimize_scalar(error, bounds=SIZES, method="bounded", options={"xatol": 0.02})
        return replace(self, size=round(float(best.x), 2))


def _openings(raw: list[np.ndarray], baseline: Baseline, head: HeadModel) -> list[np.ndarray]:
    return [opening(lip_vertices(baseline._fitted(curves), head), head) for curves in raw]


def loud_jaw(speech: Speech, span: float) -> np.ndarray:
    """The jaw opens with the level in dB: from shut at ``span`` below the loudest to half open, (T, 52)."""
    frames = math.ceil(len(speech.samples) / HOP)
    padded = np.pad(speech.samples, (0, frames * HOP - len(speech.samples))).reshape(frames, HOP)
    level = 10 * np.log10(np.square(padded).mean(1) + 1e-10)
    curves = np.zeros((frames, len(ARKIT)), np.float32)
    curves[:, ARKIT_INDEX["jawOpen"]] = 0.5 * np.clip(1 + (level - np.percentile(level, 95)) / span, 0, 1)
    return curves


def recognised_visemes(speech: Speech) -> np.ndarray:
    """`head.visemes.VISEMES` of the phones that are heard, timed as an animator would, (T, 52).

    As Rhubarb Lip Sync does without a text (its phonetic recogniser and animation rules): pocketsphinx's all-phone
    search, plosives closed before they are heard, closed lips held long enough to be noticed.
    """
    names = list(VISEMES)
    centiseconds = math.ceil(100 * speech.duration)
    shown = np.full(centiseconds, names.index("sil"))
    phones = [("SIL", 0.0, 0.0), *recognise(speech)]
    for before, (phone, start, end) in pairwise(phones):
        viseme = names.index(VISEME_OF.get(phone, "sil"))
        if phone in PLOSIVES:
            closed = np.clip((before[2] - before[1]) / 2, *OCCLUSION)
            shown[max(0, round(100 * (start - closed))) : round(100 * start)] = viseme
        shown[round(100 * start) : round(100 * end)] = viseme
    _hold(shown, names.index("PP"), round(100 * LEAST_CLOSED))
    rows = np.stack([mixture({name: 1.0}) for name in names])
    frames = math.ceil(len(speech.samples) / HOP)
    return rows[shown[np.minimum(np.arange(frames) * 100 // MOTION_RATE, centiseconds - 1)]]


def _hold(shown: np.ndarray, viseme: int, least: int) -> None:
    """Let a viseme that is shown for less than ``least`` steps begin earlier."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], shown == viseme, [False]]).astype(int)))
    for start, end in edges.reshape(-1, 2):
        shown[max(0, end - least) : start] = viseme


def recognise(speech: Speech) -> list[tuple[str, float, float]]:
    """Phones of the CMU dictionary (SIL for silence) with start and end in seconds, by sound alone."""
    decoder = _decoder()
    decoder.start_utt()
    decoder.process_raw((np.clip(speech.samples, -1, 1) * 32767).astype(np.int16).tobytes(), full_utt=True)
    decoder.end_utt()
    frame = 0.01  # seconds
    return [(part.word, part.start_frame * frame, (part.end_frame + 1) * frame) for part in decoder.seg() or ()]


@cache
def _decoder() -> pocketsphinx.Decoder:
    """All-phone search with the settings of Rhubarb Lip Sync 1.13 (phonetic-recognizer.cpp)."""
    model = Path(pocketsphinx.get_model_path()) / "en-us"
    return pocketsphinx.Decoder(
        hmm=str(model / "en-us"), allphone=str(model / "en-us-phone.lm.bin"), lm=None, dict=None, allphone_ci=True,
        lw=0.8, beam=1e-20, pbeam=1e-20, dither=True, cmn="batch", samprate=SAMPLE_RATE, loglevel="FATAL",
    )  # fmt: skip


def fitted(voices: list[Speech], openings: list[np.ndarray], head: HeadModel) -> dict[str, Baseline]:
    """Both baselines, fitted to voices and the openings (T,) mm of the mouths that they belong to."""
    jaws = []
    for span in RANGES:
        curves = partial(loud_jaw, span=span)
        raw = [curves(voice) for voice in voices]
        jaws.append((Baseline(curves).timed(raw, openings, head, SMOOTHINGS), raw))
    jaw, raw = max(jaws, key=lambda one: one[0].correlation)
    shown = [recognised_visemes(voice) for voice in voices]
    visemes = Baseline(recognised_visemes).timed(shown, openings, head, SHARP)
    return {"loudness": jaw.sized(raw, openings, head), "visemes": visemes.sized(shown, openings, head)}
