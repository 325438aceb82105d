"""What is seen of a person's upper face in clips: habits, events, and the frames that each have their likelihood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.interpolate import make_lsq_spline
from scipy.ndimage import maximum_filter1d

from vividlib.audio_to_mesh import eyes
from vividlib.audio_to_mesh.splines import KNOT
from vividlib.audio_to_mesh.upper import BLINK_INDEX, POLES, UPPER_INDEX, UpperFace
from vividlib.conventions import MOTION_RATE
from vividlib.metrics.blinks import Blinks, find_blinks
from vividlib.metrics.saccades import Saccades, find_saccades
from vividlib.training.clips import Clip

LIDS_HIDE = 0.25
"""How closed lids are when brows and gaze are no longer to be believed: trackers move them with the lids."""
ABOUT_BLINK = 0.06  # seconds before and after it that are not believed, either
AWAY = np.radians(2.0)
"""Angle from where a person mostly looks, beyond which the eyes are on something else."""
FARTHEST = np.radians(12.0)  # of a target that is believed
SLOWEST = 0.25, 0.3, 0.7
"""Seconds of closing, closed and opening beyond which it was something else than a blink."""
USUAL_DEPTH = 0.6  # quantile of a person's blinks that closes the eyes


@dataclass(frozen=True, eq=False)
class Habits:
    """What one person is like when nothing happens, and what happened."""

    rest: np.ndarray  # len(UPPER): median blendshapes
    viewer: np.ndarray  # 2: yaw, pitch in radians where the eyes mostly point
    blinks: np.ndarray  # N 4: seconds of closing, closed, opening, and depth; of whole blinks
    targets: np.ndarray  # N 2: yaw, pitch in radians from the viewer to where saccades led elsewhere

    @classmethod
    def of(cls, clips: list[Clip]) -> Habits:
        """The habits of the person of some clips."""
        seen = [see(clip) for clip in clips]
        rest = np.median(np.concatenate([c.blendshapes[~s.hidden] for c, s in zip(clips, seen)]), 0)[UPPER_INDEX]
        viewer = np.median(np.concatenate([s.direction[~s.hidden] for s in seen]), 0)
        blinks = np.concatenate([np.column_stack(s.blinks[1:5])[s.blinks.whole] for s in seen])
        blinks = blinks[(blinks[:, :3] < SLOWEST).all(1)]
        if len(blinks):
            blinks[:, 3] = np.minimum(blinks[:, 3] / np.quantile(blinks[:, 3], USUAL_DEPTH), 1)
        targets = np.concatenate([s.saccades.target for s in seen]) - viewer
        far = np.linalg.norm(targets, axis=1)
        return cls(rest, viewer, blinks, targets[(far > AWAY) & (far < FARTHEST)])


@dataclass(frozen=True, eq=False)
class Seen:
    """The events of one clip."""

    blinks: Blinks
    saccades: Saccades
    hidden: np.ndarray  # T bool: in a blink
    direction: np.ndarray  # T 2: yaw, pitch in radians of the gaze, as seen from the camera


def see(clip: Clip) -> Seen:
    """Find blinks and saccades."""
    lids = clip.blendshapes[:, BLINK_INDEX].mean(1)
    about = 2 * round(ABOUT_BLINK * MOTION_RATE) + 1
    hidden = maximum_filter1d(lids - np.median(lids), about) > LIDS_HIDE
    direction = eyes.seen_from_camera(clip.gaze, clip.head_rotation)
    saccades = find_saccades(direction, MOTION_RATE, hidden)
    return Seen(find_blinks(lids, MOTION_RATE), saccades, hidden, direction)


@dataclass(frozen=True, eq=False)
class Example:
    """A clip, as the likelihood wants it; everything by frame."""

    speaker: str
    trunk: torch.Tensor  # T width
    style: torch.Tensor  # T style
    blink: torch.Tensor  # T 3: whether one begins, whether one could, the row of its age
    saccade: torch.Tensor  # T 3: the same
    away: torch.Tensor  # T, 1 where the eyes are on something else than the viewer
    stray: torch.Tensor  # T 2: whether a saccade leads on to something else, whether that can be asked
    knots: np.ndarray  # T len(UPPER): in every KNOT-th frame the splines' coefficients, elsewhere 0
    known: np.ndarray  # T bool: frames whose coefficient is believed


def example(trunk: torch.Tensor, style: torch.Tensor, clip: Clip, habits: Habits) -> Example:
    """A clip, as the likelihood wants it."""
    seen, frames = see(clip), len(clip.blendshapes)
    starts = np.round(seen.blinks.start * MOTION_RATE).astype(int)
    lasting = np.round(sum(seen.blinks[1:4]) * MOTION_RATE).astype(int)
    busy = np.zeros(frames, bool)
    for start, length in zip(starts, lasting):
        busy[max(0, start + 1) : start + length] = True
    blink = _trials(starts, ~busy, frames)
    places, away = _places(seen, habits.viewer)
    led = np.round(seen.saccades.start * MOTION_RATE).astype(int)
    before, after = away[np.maximum(led - 1, 0)], np.linalg.norm(places[1:], axis=1) > AWAY
    counts = before | after  # one from the viewer to the viewer does not
    stray = np.zeros((frames, 2))
    stray[led[before]] = np.column_stack([after, np.ones(len(led))])[before]
    knots, known = _knots(clip.blendshapes[:, UPPER_INDEX] - habits.rest, seen.hidden)
    return Example(
        clip.speaker, trunk, style.expand(frames, -1), blink, _trials(led[counts], seen.saccades.judged, frames),
        torch.from_numpy(away), torch.from_numpy(stray).float(), knots, known,
    )  # fmt: skip


def _trials(starts: np.ndarray, could: np.ndarray, frames: int) -> torch.Tensor:
    """(T, 3): whether an event begins in a frame, whether it could, and the row of its age in `_by_row`."""
    starts = starts[(starts >= 0) & (starts < frames)]
    begins = np.zeros(frames)
    begins[starts] = 1
    latest = (
        np.searchsorted(starts, np.arange(frames), side="left") - 1
    )  # an event's own frame belongs to the one before
    since = np.arange(frames) - np.where(latest < 0, 0, np.append(starts, 0)[latest])
    row = np.minimum(since, eyes.OLDEST) + (latest < 0) * (eyes.OLDEST + 1)
    return torch.from_numpy(np.column_stack([begins, could, row])).float()


def _places(seen: Seen, viewer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the eyes rest before, between and after saccades, (N + 1, 2) radians from the viewer; by frame, whether
    that is elsewhere."""
    edges = np.round(seen.saccades.start * MOTION_RATE).astype(int)
    number = np.searchsorted(edges, np.arange(len(seen.direction)), side="right")
    places = np.zeros((len(edges) + 1, 2))
    for index in range(len(places)):
        own = seen.direction[(number == index) & ~seen.hidden]
        if len(own):
            places[index] = np.median(own, 0) - viewer
    return places, np.linalg.norm(places, axis=1)[number] > AWAY


def _knots(curves: np.ndarray, hidden: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The coefficients of the splines nearest to curves (T, C), each in the frame from which on it counts, (T, C); and
    by frame whether it is believed: it is not at the clip's ends and in blinks."""
    frames = len(curves)
    coefficients, known = np.zeros_like(curves), np.zeros(frames, bool)
    if frames < 8 * KNOT or hidden.mean() > 0.5:
        return coefficients, known
    shown = np.flatnonzero(~hidden)
    filled = np.column_stack([np.interp(np.arange(frames), shown, curve[shown]) for curve in curves.T])
    spans = -(-frames // KNOT)
    spline = make_lsq_spline((np.arange(frames) + 0.5) / KNOT, filled, np.arange(-2.0, spans + 3), k=2)
    coefficients[::KNOT] = spline.c[2:]
    # Two thirds of what a coefficient moves lie in the middle third of its frames.
    known[::KNOT] = [not hidden[first + KNOT : first + 2 * KNOT].any() for first in range(0, frames, KNOT)]
    known[: 2 * KNOT] = known[-3 * KNOT :] = False
    return coefficients, known


@dataclass(frozen=True, eq=False)
class Frames:
    """All frames of some clips, in any order: each has its own likelihood."""

    weight: torch.Tensor  # N
    heard: torch.Tensor  # N HEARD
    style: torch.Tensor  # N style
    blink: torch.Tensor  # N 3
    saccade: torch.Tensor  # N 3
    away: torch.Tensor  # N
    stray: torch.Tensor  # N 2
    lags: torch.Tensor  # N 1 + POLES COMPONENTS: a coefficient and those before it, latest first
    known: torch.Tensor  # N, 1 where all of them are believed

    @classmethod
    def of(cls, examples: list[Example], upper: UpperFace, weights: dict[str, float]) -> Frames:
        """Join examples; persons without a weight count by frames."""
        if not examples:
            return cls(*[torch.zeros(0)] * 9)
        back = torch.linalg.pinv(upper.shapes)
        columns = []
        for e in examples:
            scores = torch.from_numpy(e.knots).float() @ back
            late = [torch.roll(scores, lag * KNOT, 0) for lag in range(POLES + 1)]
            known = np.all([np.roll(e.known, lag * KNOT) for lag in range(POLES + 1)], 0)
            known[: POLES * KNOT] = False
            columns.append((
                torch.full((len(scores),), weights.get(e.speaker, 1.0)), upper.hear(e.trunk).detach(), e.style, e.blink, e.saccade,
                e.away.float(), e.stray, torch.stack(late, 1), torch.from_numpy(known).float(),
            ))  # fmt: skip
        weight, *rest = (torch.cat(column) for column in zip(*columns))
        return cls(weight / weight.mean(), *rest)
