"""Clips as the training loop wants them: people at one scale, labels from phones, random batches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from vividlib.audio_to_mesh.features import MEL_HOP, MEL_WINDOW, MELS_PER_FRAME, mel_spectrogram, relative_log_mel
from vividlib.audio_to_mesh.network import IDENTITY, OFFSETS, SPOKEN_INDEX
from vividlib.conventions import LIP_LANDMARKS, MOTION_RATE
from vividlib.head.lips import LOWER, UPPER
from vividlib.head.model import landmarks_of
from vividlib.training import clips
from vividlib.training.augment import augment
from vividlib.training.visemes import CLASSES, closure, labiodental, segments
from vividlib.types import HeadModel

WINDOW = 200  # frames of one example
BATCH = 24
MET, PARTED = 0.6, 1.2  # mm of lip gap: surely closed, surely open
SAID = 4.0  # mm of lip gap up to which a p, b or m that was aligned there is believed to close
SEAM = 4  # frames at both ends of a clip that do not count: what was said before is cut off
WIDEST = 98  # percentile of the lip gap that counts as a person's full opening
FULL_GAP = 13.0  # mm, the lip gap of wide vowels in connected speech
FACTOR = (0.6, 1.7)  # by which a person's movement may be scaled
SYNTHETIC_SHARE = 0.4  # of examples
NEGATIVE_SHARE = 0.06  # of examples: clips of what is no voice
SILENT_SHARE = 0.04  # of examples: only the noise that is added
MIXED_SHARE = 0.3  # of examples with music or noise behind the voice
NEUTRAL_SHARE = 0.5  # of examples that train the neutral style
KNOWN_SHARE = 0.3  # of examples of which the network is told the identity
PACE = (0.88, 1.14)  # by which half of the examples are played slower or faster
NEGATIVE = ("noise", "music")
UNKNOWN = -100  # class of a sound that nobody has aligned


@dataclass(frozen=True, eq=False)
class Example:
    """A clip as the loop wants it."""

    name: str
    speaker: str
    tracked: bool
    identity: torch.Tensor  # IDENTITY
    mel: torch.Tensor  # MELS_PER_FRAME * T, MEL_BANDS float32 power
    curves: torch.Tensor  # T, len(SPOKEN)
    offsets: torch.Tensor  # T, 120 mm
    closed: torch.Tensor  # T, 1 where the lips are closed
    bitten: torch.Tensor  # T, 1 where the lower lip is at the upper teeth, NaN where nobody knows
    voiced: torch.Tensor  # T, 1 where somebody speaks
    sound: torch.Tensor  # T int64, index of CLASSES or UNKNOWN


@dataclass(frozen=True, eq=False)
class Batch:
    """Examples side by side; fields as of `Example`, cut to WINDOW frames."""

    mel: torch.Tensor  # B MELS_PER_FRAME * WINDOW MEL_BANDS, relative log-mel
    code: torch.Tensor  # B int64, of the style
    identity: torch.Tensor
    curves: torch.Tensor
    offsets: torch.Tensor
    closed: torch.Tensor
    bitten: torch.Tensor
    voiced: torch.Tensor
    sound: torch.Tensor
    counts: torch.Tensor  # B WINDOW, 0 where a clip begins or ends


def lip_moves(head: HeadModel) -> torch.Tensor:
    """What each spoken blendshape at 1 does to the lip landmarks, (len(SPOKEN), 120) mm."""
    moves = 1000 * landmarks_of(head, head.blendshapes[SPOKEN_INDEX])[:, LIP_LANDMARKS]
    return torch.from_numpy(moves).float().flatten(1)


def parting() -> torch.Tensor:
    """How far each coordinate of the lip landmarks parts the lips, (120,)."""
    weights = np.zeros((len(LIP_LANDMARKS), 3), np.float32)
    weights[[LIP_LANDMARKS.index(mark) for mark in UPPER], 1] = 1 / len(UPPER)
    weights[[LIP_LANDMARKS.index(mark) for mark in LOWER], 1] = -1 / len(LOWER)
    return torch.from_numpy(weights).flatten()


def clip_mel(samples: np.ndarray, frames: int) -> torch.Tensor:
    """Mel power of a clip's sound for so many frames of motion, (MELS_PER_FRAME * frames, MEL_BANDS)."""
    wanted = (frames * MELS_PER_FRAME - 1) * MEL_HOP + MEL_WINDOW
    return mel_spectrogram(torch.from_numpy(np.pad(samples, (MEL_WINDOW // 2, wanted))[:wanted]))


def read_examples(folders: list[Path], head: HeadModel) -> list[Example]:
    """All clips of the folders, every person's movement scaled to the same full opening.

    Raises
    ------
    InputError
        If there are none.
    """
    opening, found = lip_moves(head) @ parting(), [(file.stem, clips.load(file)) for file in clips.files(folders)]
    gaps: dict[str, list[np.ndarray]] = {}
    for _, clip in found:
        if clip.tracked:
            gaps.setdefault(clip.speaker, []).append(clip.blendshapes[:, SPOKEN_INDEX] @ opening.numpy())
    factors = {
        speaker: float(np.clip(FULL_GAP / max(np.percentile(np.concatenate(own), WIDEST), 1e-3), *FACTOR))
        for speaker, own in gaps.items()
    }
    return [_example(name, clip, factors.get(clip.speaker, 1.0), opening) for name, clip in found]


def _example(name: str, clip: clips.Clip, factor: float, opening: torch.Tensor) -> Example:
    frames = len(clip.blendshapes)
    curves = (factor * torch.from_numpy(clip.blendshapes[:, SPOKEN_INDEX])).clamp(max=1)
    offsets, identity = torch.zeros(frames, 3 * len(LIP_LANDMARKS)), torch.zeros(IDENTITY)
    if clip.tracked:
        identity[:] = torch.from_numpy(clip.identity)
        offsets = 1000 * factor * torch.from_numpy(clip.lip_offsets).flatten(1)
    gap = curves @ opening + offsets @ parting()
    closed = ((PARTED - gap) / (PARTED - MET)).clamp(0, 1)
    bitten, sound = torch.full((frames,), torch.nan), torch.full((frames,), UNKNOWN)
    if clip.phones:
        closed = torch.maximum(closed, torch.from_numpy(closure(clip.phones, frames)) * (gap < SAID))
        bitten = torch.from_numpy(labiodental(clip.phones, frames))
        sound = _sounds(clip.phones, frames)
    return Example(
        name, clip.speaker, clip.tracked, identity,
        clip_mel(clip.samples, frames), curves, offsets, closed, bitten, torch.from_numpy(clip.voiced), sound,
    )  # fmt: skip


def _sounds(phones: tuple, frames: int) -> torch.Tensor:
    """The class of sound heard at each frame, (frames,) int64."""
    parts = segments(phones)
    ends = np.array([part.end for part in parts])
    at = np.searchsorted(ends, np.arange(frames) / MOTION_RATE, side="right")
    names = [*(CLASSES.index(part.symbol) for part in parts), CLASSES.index("")]
    return torch.tensor(names)[torch.from_numpy(at)]


def offset_basis(examples: list[Example]) -> torch.Tensor:
    """The OFFSETS strongest independent ways in which lips stray from their blendshapes, each at one standard
    deviation: (OFFSETS, 120) mm."""
    rows = torch.cat([e.offsets for e in examples if e.tracked] or [torch.zeros(1, 3 * len(LIP_LANDMARKS))]).double()
    values, vectors = torch.linalg.eigh(rows.T @ rows / len(rows))
    return (vectors * values.clamp(min=0).sqrt()).T.flip(0)[:OFFSETS].float()


def split(examples: list[Example]) -> tuple[list[Example], list[Example], list[Example]]:
    """Training clips, about a tenth of the clips of the same people, and all clips of people held out."""
    known = [e for e in examples if e.speaker not in clips.HELD_OUT]
    learned = [e for e in known if not clips.is_check(e.name)]
    return learned, [e for e in known if clips.is_check(e.name)], [e for e in examples if e.speaker in clips.HELD_OUT]


TIMED = "mel", "curves", "offsets", "closed", "bitten", "voiced", "sound"


def _window(pool: list[Example], random: np.random.Generator) -> dict[str, torch.Tensor]:
    """One example of WINDOW frames: clips of one speaker end to end, entered at a random point."""
    length = WINDOW if random.random() < 0.5 else round(WINDOW * random.uniform(*PACE))
    clip, parts, total = _pick(pool, random), [], 0
    skip = int(random.integers(max(1, len(clip.closed) - WINDOW // 4)))
    while total < length:
        counts = torch.ones(len(clip.closed))
        counts[:SEAM] = counts[-SEAM:] = 0
        part = {name: getattr(clip, name)[skip * (MELS_PER_FRAME if name == "mel" else 1) :] for name in TIMED}
        parts.append(part | {"counts": counts[skip:]})
        total += len(counts) - skip
        clip, skip = _pick(pool, random), 0
    joined = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    return {
        name: _played(row[: length * (MELS_PER_FRAME if name == "mel" else 1)], name) for name, row in joined.items()
    }


def _played(row: torch.Tensor, name: str) -> torch.Tensor:
    """Curves at another pace, so that WINDOW frames come out."""
    frames = WINDOW * (MELS_PER_FRAME if name == "mel" else 1)
    if len(row) == frames:
        return row
    if row.ndim == 1:  # labels do not blend
        return row[(torch.arange(frames) * len(row)) // frames]
    return F.interpolate(row.T.unsqueeze(0), frames, mode="linear", align_corners=False)[0].T


def _pick(pool: list[Example], random: np.random.Generator) -> Example:
    return pool[random.integers(len(pool))]


class Batches:
    """Random batches, the same for the same seed and step, so that training can be resumed."""

    def __init__(self, examples: list[Example], seed: int):
        self.seed = seed
        self.negatives = [e for e in examples if e.speaker in NEGATIVE]
        voices = [e for e in examples if e.speaker not in NEGATIVE]
        people = sorted({e.speaker for e in voices if e.tracked})
        self.styles = ["neutral", "synthetic", *people]
        self.code = {e.speaker: self.styles.index(e.speaker if e.tracked else "synthetic") for e in voices}
        self.pools = {s: [e for e in voices if e.speaker == s] for s in sorted(self.code)}
        # A person counts by the root of how much there is of them, so that one voice does not drown the others.
        frames = {s: np.sqrt(sum(len(e.closed) for e in pool)) for s, pool in self.pools.items()}
        made = {s: f for s, f in frames.items() if s not in people}
        seen = {s: f for s, f in frames.items() if s in people}
        shares = {s: f / sum(group.values()) for group in (made, seen) for s, f in group.items()}
        if made and seen:
            shares = {s: x * (SYNTHETIC_SHARE if s in made else 1 - SYNTHETIC_SHARE) for s, x in shares.items()}
        self.names, self.shares = list(shares), np.array(list(shares.values()))

    def at(self, step: int) -> Batch:
        """The batch of one step."""
        random = np.random.default_rng([self.seed, step])
        chosen = random.choice(self.names, BATCH, p=self.shares)
        no_voice = random.random(BATCH) < (NEGATIVE_SHARE if self.negatives else 0)
        pools = [self.negatives if no else self.pools[name] for name, no in zip(chosen, no_voice)]
        windows = [_window(pool, random) for pool in pools]
        columns = {name: torch.stack([window[name] for window in windows]) for name in windows[0]}
        if self.negatives:
            columns["mel"] = columns["mel"] + self._behind(columns["mel"], random)
        silent = torch.from_numpy(random.random(BATCH) < SILENT_SHARE)
        mel = augment(columns.pop("mel"), silent, torch.Generator().manual_seed(int(random.integers(2**62))))
        for name in ("curves", "offsets", "voiced", "bitten"):
            columns[name] = columns[name].masked_fill(silent.view(-1, *[1] * (columns[name].ndim - 1)), 0)
        columns["closed"] = columns["closed"].masked_fill(silent[:, None], 1)
        columns["sound"] = columns["sound"].masked_fill(silent[:, None], CLASSES.index(""))
        neutral = (random.random(BATCH) < NEUTRAL_SHARE) | no_voice
        code = [0 if no else self.code[name] for name, no in zip(chosen, neutral)]
        known = torch.from_numpy(random.random((BATCH, 1)) < KNOWN_SHARE)
        identity = torch.stack([pool[0].identity for pool in pools]) * known
        return Batch(relative_log_mel(mel), torch.tensor(code), identity, **columns)

    def _behind(self, mel: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
        """Music or noise for some of the examples, 5 to 35 dB below the loudest of the voice."""
        behind = torch.zeros_like(mel)
        for row in np.flatnonzero(random.random(len(mel)) < MIXED_SHARE):
            sound = _window(self.negatives, random)["mel"]
            ratio = mel[row].sum(1).amax() / (sound.sum(1).amax() + 1e-12)
            behind[row] = sound * ratio * 10 ** random.uniform(-3.5, -0.5)
        return behind
