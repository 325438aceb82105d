"""Phase two of the head: learn which code of head motion comes next, given a voice.

Cross-entropy on the codes of the frozen codebook. The people who are seen for a while, on the move as people are who talk
to somebody, teach more than half of it; news readers, seen for a word at a time, the rest.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from scipy.ndimage import uniform_filter1d
from torch import nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from vividlib.audio_to_mesh.features import MELS_PER_FRAME, relative_log_mel
from vividlib.audio_to_mesh.head_codebook import LATENT, POSE, SHIFTS, TURNS, UNIT, coded
from vividlib.audio_to_mesh.head_sampler import LEVELS, WEIGHTS, HeadSampler, sound_of
from vividlib.audio_to_mesh.network import FRAMES_AHEAD
from vividlib.audio_to_mesh.splines import KNOT
from vividlib.conventions import MOTION_RATE
from vividlib.training.augment import augment
from vividlib.training.clips import HEADS_LENT, HELD_OUT
from vividlib.training.examples import clip_mel
from vividlib.training.head_codebook import load_books
from vividlib.training.head_curves import coefficients, shares
from vividlib.training.head_poses import PoseClip, read

PHASES = range(KNOT)  # frames by which windows begin before a clip
SPEEDS = 4.0  # seconds over which the speed of a head is taken
LONG = 4 * MOTION_RATE  # frames from which a clip shows how a head goes on
LONG_SHARE = 0.6  # of examples
SPAN, WINDOWS = 96, 2048  # windows of one example at most; of one batch
STEPS, RATE, EVERY = 900, 1e-3, 100
AVERAGING = 0.99  # of the weights, a step
STRANGERS = HELD_OUT - HEADS_LENT
"""Of whom nothing is learned."""
CHECK = "presenter_3", "id21", "id22", "id23"  # people that only say when to stop
LARGER = 0.6, 1.8  # by which the poses of a copy are scaled: the slow teach what the fast do, too
UNLIKE = 0.2  # standard deviation of the logarithm by which each axis is scaled by itself
NOISE = 0.1  # UNITs of poses that are only nearly what the codes led to
DEAF_SHARE, NEUTRAL_SHARE = 0.15, 0.5  # of examples without the voice, and in the neutral style
ELSEWHERE = ("head_motion_only",)  # people whose sound belongs to somebody else
STILL = ("grid_s1",)  # people who sit so still that the tracked head is mostly noise


@dataclass(frozen=True, eq=False)
class Course:
    """A clip as the sampler learns it: N windows of each of C copies, mirrored or not, of other sizes and phases."""

    name: str
    speaker: str
    mel: torch.Tensor  # MELS_PER_FRAME * (KNOT + T), MEL_BANDS power, KNOT frames of silence first
    phase: torch.Tensor  # C int64
    rest: torch.Tensor  # C 3
    codes: torch.Tensor  # C N 2 int64, of turns and shifts
    last: torch.Tensor  # C N 2 POSE
    level: torch.Tensor  # C N int64

    @property
    def windows(self) -> int:
        """N, in each copy."""
        return self.codes.shape[1]


def speeds(curves: np.ndarray) -> np.ndarray:
    """How fast heads turn, degrees a second, about each coefficient of curves (..., N, POSE): (..., N - 1)."""
    steps = np.degrees(np.linalg.norm(np.diff(curves[..., :3], axis=-2), axis=-1) * UNIT[0]) * MOTION_RATE / KNOT
    return uniform_filter1d(steps, round(SPEEDS * MOTION_RATE / KNOT), axis=-1, mode="nearest")


def course(clip: PoseClip, books: nn.ModuleList, edges: np.ndarray, random: np.random.Generator) -> Course:
    """A clip through the codebook, eight times."""
    copies = [(phase, one) for one in (clip, clip.mirrored) for phase in PHASES]
    sizes = np.exp(random.uniform(*np.log(LARGER), (len(copies), 1)) + random.normal(0, UNLIKE, (len(copies), POSE)))
    curves = [coefficients(one.poses * size, phase) for (phase, one), size in zip(copies, sizes)]
    curves = np.stack([curve[: min(map(len, curves))] for curve in curves])
    both = [coded(book, torch.from_numpy(curves[..., part])) for book, part in zip(books, (TURNS, SHIFTS))]
    codes, decoded = torch.stack([one for one, _ in both], -1), torch.cat([one for _, one in both], -1)
    level = np.digitize(speeds(curves), edges)[:, 1 : 1 + codes.shape[1]]
    mel = F.pad(clip_mel(clip.samples, len(clip.poses)), (0, 0, KNOT * MELS_PER_FRAME, 0))
    return Course(
        clip.name, clip.speaker, mel, torch.tensor([phase for phase, _ in copies]),
        torch.from_numpy(np.stack([one.rest for _, one in copies])), codes,
        torch.stack([decoded[:, :-2], decoded[:, 1:-1]], 2), torch.from_numpy(level),
    )  # fmt: skip


class Batches:
    """Random batches of courses, the same for the same seed and step."""

    def __init__(self, courses: list[Course], styles: list[str], seed: int):
        self.courses, self.styles, self.seed = courses, styles, seed
        chance = shares([one.speaker for one in courses], [one.windows for one in courses])
        long = np.array([one.windows * KNOT >= LONG for one in courses])
        if long.any() and not long.all():
            for which, share in ((long, LONG_SHARE), (~long, 1 - LONG_SHARE)):
                chance[which] *= share / chance[which].sum()
        self.chance = chance / chance.sum()

    def at(self, step: int) -> dict[str, torch.Tensor]:
        """One batch: what `HeadSampler` takes, and the ``codes`` that it should expect."""
        random = np.random.default_rng([self.seed, step])
        first = self.courses[random.choice(len(self.courses), p=self.chance)]
        length = min(first.windows, SPAN)
        fitting = np.array([one.windows >= length for one in self.courses])
        chance = self.chance * fitting / (self.chance @ fitting)
        rows = [
            _row(self.courses[i], length, random) for i in random.choice(len(self.courses), WINDOWS // length, p=chance)
        ]
        batch = {
            name: torch.stack([torch.as_tensor(row[name]) for row in rows]) for name in rows[0] if name != "speaker"
        }
        mel = batch.pop("mel")
        silent = torch.zeros(len(mel), dtype=torch.bool)
        mel = augment(mel, silent, torch.Generator().manual_seed(int(random.integers(2**62))))
        own = [self.styles.index(row["speaker"]) if row["speaker"] in self.styles else 0 for row in rows]
        deaf = (random.random(len(rows)) < DEAF_SHARE) | np.isin([row["speaker"] for row in rows], ELSEWHERE)
        return batch | {
            "sound": sound_of(relative_log_mel(mel)),
            "known": torch.from_numpy(~deaf),
            "style": torch.tensor([0 if random.random() < NEUTRAL_SHARE else style for style in own]),
            "last": batch["last"] + NOISE * torch.from_numpy(random.normal(size=batch["last"].shape)).float(),
        }


def _row(one: Course, length: int, random: np.random.Generator) -> dict:
    """So many windows of a course from a random one on; what is heard ends FRAMES_AHEAD frames after each begins."""
    copy, start = random.integers(len(one.codes)), random.integers(one.windows - length + 1)
    part = slice(start, start + length)
    begin = KNOT * start + 1 - int(one.phase[copy]) + FRAMES_AHEAD
    mel = one.mel[MELS_PER_FRAME * begin :][: MELS_PER_FRAME * KNOT * length]
    before = one.codes[copy, start - 1 : start] if start else torch.tensor([[-1, -1]])
    return {
        "mel": F.pad(mel, (0, 0, 0, MELS_PER_FRAME * KNOT * length - len(mel))), "speaker": one.speaker, "rest": one.rest[copy],
        "codes": one.codes[copy, part], "before": torch.cat([before, one.codes[copy, part]])[:-1],
        "last": one.last[copy, part], "level": one.level[copy, part],
    }  # fmt: skip


def expectation(sampler: HeadSampler, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Cross-entropy of the turns and shifts of a batch in nats a window, (B, N, 2)."""
    turns, shifts = (
        torch.cat([book.codes, torch.zeros(1, LATENT)])[batch["before"][..., part]]
        for part, book in enumerate((sampler.turns, sampler.shifts))
    )
    features, _ = sampler(
        batch["sound"], batch["known"], batch["last"], torch.cat([turns, shifts], -1), batch["level"],
        sampler.condition(batch["style"], batch["rest"]), sampler.nothing(len(turns)),
    )  # fmt: skip
    turn = sampler.turn(features)
    shift = sampler.shift(torch.cat([features, sampler.turns.codes[batch["codes"][..., 0]]], -1))
    parts = [
        F.cross_entropy(logits.transpose(1, 2), batch["codes"][..., part], reduction="none")
        for part, logits in enumerate((turn, shift))
    ]
    return torch.stack(parts, -1)


def score(sampler: HeadSampler, batches: list[dict[str, torch.Tensor]]) -> dict[str, float]:
    """Mean cross-entropy of turns and shifts in the neutral style, with the voice and without it, nats a window."""
    found = {}
    with torch.inference_mode():
        for name, known in (("heard", True), ("deaf", False)):
            same = [one | {"known": torch.full_like(one["known"], known), "style": 0 * one["style"]} for one in batches]
            found[name] = torch.cat([expectation(sampler, one).sum(-1).flatten() for one in same]).mean()
    return {name: round(float(value), 4) for name, value in found.items()}


def learn(
    courses: list[Course], books: nn.ModuleList, styles: list[str], steps: int = STEPS, seed: int = 0
) -> tuple[HeadSampler, list[dict]]:
    """Learn to expect the codes of courses; the average of the weights over the last steps, and the losses by step."""
    torch.manual_seed(seed)
    people = (
        [one for one in courses if one.speaker not in (*CHECK, *STRANGERS)],
        [one for one in courses if one.speaker in CHECK],
        [one for one in courses if one.speaker in STRANGERS],
    )
    known, *others = (Batches(own, styles, seed) if own else None for own in people)
    checks = {name: [own.at(step) for step in range(8)] for name, own in zip(("check", "strangers"), others) if own}
    sampler = HeadSampler(len(styles))
    for own, book in zip((sampler.turns, sampler.shifts), books):
        own.load_state_dict(book.state_dict())
        own.requires_grad_(False)
    set_codes(sampler, known)
    met = {one.speaker for one in known.courses}
    with torch.no_grad():  # a style that nothing is learned of is the neutral one, and no random one
        sampler.styles.weight[[number for number, name in enumerate(styles) if name not in met]] = 0
    learned = [weight for weight in sampler.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.1)
    average = AveragedModel(sampler, multi_avg_fn=get_ema_multi_avg_fn(AVERAGING))
    log = []
    for step in range(steps):
        loss = expectation(sampler, known.at(step)).sum(-1).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        schedule.step()
        average.update_parameters(sampler)
        if (step + 1) % EVERY == 0 or step + 1 == steps:
            scores = {name: score(average.module.eval(), batches) for name, batches in checks.items()}
            log.append({"step": step + 1, "loss": round(float(loss.detach()), 4)} | scores)
            print(json.dumps(log[-1]), flush=True)
    return average.module.eval(), log


def level_edges(clips: list[PoseClip]) -> np.ndarray:
    """Speeds in degrees a second that part the LEVELS, each as common as the others, of clips of a second or more."""
    clips = [clip for clip in clips if len(clip.poses) >= MOTION_RATE]
    rows = [speeds(coefficients(clip.poses)) for clip in clips]
    lengths = np.array([len(row) for row in rows])
    weight = np.repeat(shares([clip.speaker for clip in clips], lengths) / lengths, lengths)
    values = np.concatenate(rows)
    order = np.argsort(values)
    return np.interp(np.arange(1, LEVELS) / LEVELS, np.cumsum(weight[order]), values[order])


def set_codes(sampler: HeadSampler, batches: Batches) -> None:
    """Let the sampler know what codes do and how common they are."""
    for part, (book, choice) in enumerate(((sampler.turns, sampler.turn), (sampler.shifts, sampler.shift))):
        count = torch.ones(len(book.codes))
        for one, chance in zip(batches.courses, batches.chance):
            codes = one.codes[..., part].flatten()
            count += 1e5 * chance * torch.bincount(codes, minlength=len(count)) / len(codes)
        with torch.no_grad():
            choice.common.copy_((count / count.sum()).log())
            choice.moves.copy_(book.moves() / book.moves().std(0))


def train(folders: list[Path], styles: Path, out: Path, steps: int = STEPS, seed: int = 0) -> None:
    """Leave ``out/head_pose.safetensors`` and ``head_losses.json``.

    Parameters
    ----------
    folders : of clips, as `prepare` writes them
    styles : ``styles.json`` that `training.train` has left, so that a style has one number everywhere
    out : for the results, where the codebooks of `training.head_codebook` lie
    steps : of gradient descent
    seed : of weights and batches
    """
    random, books = np.random.default_rng(seed), load_books(out)
    clips = [clip for clip in read(folders) if clip.speaker not in STILL and len(clip.poses) >= MOTION_RATE]
    edges = level_edges([clip for clip in clips if clip.speaker not in STRANGERS])
    courses = [course(clip, books, edges, random) for clip in clips]
    sampler, log = learn(courses, books, json.loads(styles.read_text()), steps, seed)
    (out / "head_losses.json").write_text(json.dumps(log, indent=0))
    save_file({name: weight.half() for name, weight in sampler.state_dict().items()}, out / WEIGHTS)
