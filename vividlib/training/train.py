"""Train the network of `audio_to_mesh` on prepared and synthetic clips: a plain loop that can be resumed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from vividlib.audio_to_mesh.features import (
    MEL_HOP,
    MEL_WINDOW,
    MELS_PER_FRAME,
    mel_spectrogram,
    relative_log_mel,
)  # fmt: skip
from vividlib.audio_to_mesh.network import SPOKEN_INDEX, Heard, SpeechNetwork
from vividlib.errors import InputError
from vividlib.head import model
from vividlib.metrics.lip_gap import gap_weights
from vividlib.metrics.lve import lip_basis
from vividlib.training import clips
from vividlib.training.augment import augment
from vividlib.types import HeadModel

NEUTRAL = "neutral"
SYNTHETIC = ("espeak", "flite")
WINDOW = 200  # frames of one example
BATCH = 48
MET, PARTED = 0.6, 1.2  # mm of lip gap: surely closed, surely open
SEAM = 4  # frames at both ends of a clip that do not count: what was said before is cut off
RATE = 1.5e-3
WARM_UP = 300  # steps
LIP_STEP = 6  # every sixth lip vertex is compared: they move together
SAVE_EVERY = 100  # steps
NEUTRAL_SHARE = 0.5  # of real examples that train the neutral style
SYNTHETIC_SHARE = 0.4  # of examples
SILENT_SHARE = 0.06  # of examples: noise without a voice


@dataclass(frozen=True, eq=False)
class Example:
    """A clip as the loop wants it."""

    name: str
    speaker: str
    mel: torch.Tensor  # MELS_PER_FRAME * T, MEL_BANDS float32 power
    curves: torch.Tensor  # T, len(SPOKEN)
    closed: torch.Tensor  # T, 1 where the lips are closed
    voiced: torch.Tensor  # T, 1 where somebody speaks


def read_examples(folders: list[Path]) -> list[Example]:
    """All clips of the folders.

    Raises
    ------
    InputError
        If there are none.
    """
    opening = torch.from_numpy(gap_weights(model.load())[SPOKEN_INDEX]).float()
    files = sorted(file for folder in folders for file in Path(folder).rglob("*.npz") if ".partial" not in file.name)
    if not files:
        raise InputError(
            f"No clips in {folders}; make some with `python -m vividlib.training prepare` or `synthesize`."
        )
    return [_example(file, opening) for file in files]


def _example(file: Path, opening: torch.Tensor) -> Example:
    clip = clips.load(file)
    frames = len(clip.blendshapes)
    wanted = (frames * MELS_PER_FRAME - 1) * MEL_HOP + MEL_WINDOW
    samples = np.pad(clip.samples, (MEL_WINDOW // 2, wanted))[:wanted]
    curves = torch.from_numpy(clip.blendshapes[:, SPOKEN_INDEX])
    closed = ((PARTED - curves @ opening) / (PARTED - MET)).clamp(0, 1)
    return Example(
        file.stem,
        clip.speaker,
        mel_spectrogram(torch.from_numpy(samples)),
        curves,
        closed,
        torch.from_numpy(clip.voiced),
    )


def split(examples: list[Example], held_out: list[str]) -> tuple[list[Example], list[Example], list[Example]]:
    """Training clips, about a tenth of the clips of the same people, and all clips of people held out."""
    known = [e for e in examples if e.speaker not in held_out]
    learned = [e for e in known if not clips.is_check(e.name)]
    return learned, [e for e in known if clips.is_check(e.name)], [e for e in examples if e.speaker in held_out]


def _window(pool: list[Example], random: np.random.Generator) -> tuple[torch.Tensor, ...]:
    """One example of WINDOW frames: clips of one person end to end, entered at a random point."""
    clip, parts, length = _pick(pool, random), [], 0
    skip = int(random.integers(max(1, len(clip.closed) - WINDOW // 4)))
    while length < WINDOW:
        counts = torch.ones(len(clip.closed))
        counts[:SEAM] = counts[-SEAM:] = 0
        part = (clip.mel[MELS_PER_FRAME * skip :], clip.curves[skip:], clip.closed[skip:], clip.voiced[skip:])
        parts.append((*part, counts[skip:]))
        length += len(counts) - skip
        clip, skip = _pick(pool, random), 0
    mel, curves, closed, voiced, counts = (torch.cat(column) for column in zip(*parts))
    counts = counts[:WINDOW]
    return mel[: MELS_PER_FRAME * WINDOW], curves[:WINDOW], closed[:WINDOW], voiced[:WINDOW], counts


def _pick(pool: list[Example], random: np.random.Generator) -> Example:
    return pool[random.integers(len(pool))]


class Batches:
    """Random batches, the same for the same seed and step, so that training can be resumed."""

    def __init__(self, examples: list[Example], seed: int):
        self.seed = seed
        self.speakers = [NEUTRAL, *sorted({e.speaker for e in examples})]
        self.pools = {s: [e for e in examples if e.speaker == s] for s in self.speakers[1:]}
        # A person counts by the root of how much there is of them, so that one voice does not drown the others.
        frames = {s: np.sqrt(sum(len(e.closed) for e in pool)) for s, pool in self.pools.items()}
        made = {s: f for s, f in frames.items() if s.startswith(SYNTHETIC)}
        seen = {s: f for s, f in frames.items() if s not in made}
        shares = {s: f / sum(group.values()) for group in (made, seen) for s, f in group.items()}
        if made and seen:
            shares = {s: x * (SYNTHETIC_SHARE if s in made else 1 - SYNTHETIC_SHARE) for s, x in shares.items()}
        self.names, self.shares = list(shares), np.array(list(shares.values()))

    def at(self, step: int) -> tuple[torch.Tensor, ...]:
        """mel, style code, curves, closed, voiced, counts of one batch."""
        random = np.random.default_rng([self.seed, step])
        chosen = random.choice(self.names, BATCH, p=self.shares)
        windows = [_window(self.pools[name], random) for name in chosen]
        mel, *rest = (torch.stack(column) for column in zip(*windows))
        silent = torch.from_numpy(random.random(BATCH) < SILENT_SHARE)
        mel = augment(mel, silent, torch.Generator().manual_seed(int(random.integers(2**62))))
        styles = [0 if random.random() < NEUTRAL_SHARE else self.speakers.index(name) for name in chosen]
        *targets, counts = rest
        targets = [target.masked_fill(silent.view(-1, *[1] * (target.ndim - 1)), 0) for target in targets]
        return relative_log_mel(mel), torch.tensor(styles), *targets, counts


class Losses:
    """What is asked of the curves: lips in the right place, moving right and enough, and closing.

    Tracked coefficients are ambiguous, since several shapes move the lips alike, but where they put the
    lips is not: most weight lies on the lip vertices (VividTalk's mesh loss), and coefficients follow.
    """

    def __init__(self, examples: list[Example], head: HeadModel):
        curves = torch.cat([e.curves for e in examples])
        self.scale = 1 / (curves.std(0) + 0.05)  # small channels are not forgotten
        lips = torch.from_numpy(lip_basis(head)[SPOKEN_INDEX, ::LIP_STEP]).flatten(1)
        self.lips = lips / (curves @ lips).std(0).mean()

    def __call__(self, heard: Heard, curves, closed, voiced, counts) -> dict[str, torch.Tensor]:
        """Each loss by name; their sum is minimised."""
        made = torch.sigmoid(heard.shapes)
        weight = (counts * (1 + 2 * closed)).unsqueeze(-1)
        moving = (counts[:, 1:] * counts[:, :-1]).unsqueeze(-1)
        error = made - curves
        lips = error @ self.lips
        spread = _spread(made @ self.lips, counts) - _spread(curves @ self.lips, counts)
        return {
            "curves": 0.3 * (error.abs() * weight * self.scale).mean(),
            "lips": (lips.abs() * weight).mean(),
            "velocity": 2 * (lips.diff(dim=1).abs() * moving).mean(),
            "spread": 0.3 * spread.abs().mean(),
            "voice": 0.3 * _cross_entropy(heard.voice, voiced, counts),
            "closed": _cross_entropy(heard.closed, closed, counts),
        }


def _cross_entropy(logits: torch.Tensor, truth: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    return (F.binary_cross_entropy_with_logits(logits, truth, reduction="none") * counts).mean()


def _spread(curves: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Standard deviation over the frames that count: (B, T, C) to (B, C)."""
    counts = counts.unsqueeze(-1)
    total = counts.sum(1)
    mean = (curves * counts).sum(1, keepdim=True) / total.unsqueeze(1)
    return (((curves - mean).square() * counts).sum(1) / total + 1e-6).sqrt()


def train(folders: list[Path], out: Path, held_out: list[str], steps: int, seed: int = 0) -> None:
    """Train and leave ``out/audio_to_mesh.safetensors``, ``losses.json`` and a checkpoint to resume from.

    Parameters
    ----------
    folders : of clips, as `prepare` and `synthesize` write them
    out : for checkpoints and results; training continues from a checkpoint that lies there
    held_out : speakers that are not learned from
    steps : of gradient descent, each on BATCH examples of WINDOW frames
    seed : of weights, batches and augmentation
    """
    torch.manual_seed(seed)
    known, check, strangers = split(read_examples(folders), held_out)
    head = model.load()
    batches, losses = Batches(known, seed), Losses(known, head)
    network = SpeechNetwork(len(batches.speakers))
    network.opening.copy_(torch.from_numpy(gap_weights(head)[SPOKEN_INDEX]))
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RATE, total_steps=steps, pct_start=min(0.5, WARM_UP / steps)
    )
    state = {"network": network, "optimizer": optimizer, "schedule": schedule}
    out.mkdir(parents=True, exist_ok=True)
    log = _resume(out, state)
    for step in range(log[-1]["step"] if log else 0, steps):
        mel, style, curves, closed, voiced, counts = batches.at(step)
        torch.manual_seed(seed * steps + step)  # of what drops out, so that a resumed run is the same
        with torch.autocast("cpu", torch.bfloat16):
            heard = network(mel, style)
        parts = losses(Heard(*(logits.float() for logits in heard)), curves, closed, voiced, counts)
        optimizer.zero_grad()
        sum(parts.values()).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == steps:
            row = {"step": step + 1, **{name: round(float(part.detach()), 5) for name, part in parts.items()}}
            network.eval()
            row |= {"known": score(network, check), "strangers": score(network, strangers)}
            network.train()
            log.append(row)
            print(json.dumps(row), flush=True)
            _save(out, state, log)
    calibrate(network.eval(), check)
    weights = {name: tensor.half() for name, tensor in network.state_dict().items()}  # half of the size, as good
    save_file(weights, out / "audio_to_mesh.safetensors")
    (out / "speakers.json").write_text(json.dumps(batches.speakers))


def _resume(out: Path, state: dict) -> list[dict]:
    if not (out / "checkpoint.pt").exists():
        return []
    saved = torch.load(out / "checkpoint.pt", weights_only=True)
    for name, part in state.items():
        part.load_state_dict(saved[name])
    return json.loads((out / "losses.json").read_text())


def _save(out: Path, state: dict, log: list[dict]) -> None:
    torch.save({name: part.state_dict() for name, part in state.items()}, out / "checkpoint.partial")
    (out / "losses.json").write_text(json.dumps(log, indent=0))
    (out / "checkpoint.partial").replace(out / "checkpoint.pt")


def predict(network: SpeechNetwork, example: Example) -> torch.Tensor:
    """Curves of the neutral style for a clip, (T, len(SPOKEN))."""
    with torch.inference_mode():
        heard = network(relative_log_mel(example.mel.unsqueeze(0)), torch.zeros(1, dtype=torch.int64))
        return network.mouth(heard)[0] * network.voice(heard)[0].unsqueeze(1)


def _inner(example: Example) -> slice:
    return slice(SEAM, len(example.closed) - SEAM)


def score(network: SpeechNetwork, examples: list[Example]) -> float | None:
    """Mean correlation of the lip gap with the truth on tracked clips of half a second or more."""
    found = []
    for example in examples:
        truth = (example.curves @ network.opening)[_inner(example)]
        if not example.speaker.startswith(SYNTHETIC) and len(truth) > 25:
            made = (predict(network, example) @ network.opening)[_inner(example)]
            if min(made.std(), truth.std()) > 0:
                found.append(float(torch.corrcoef(torch.stack([truth, made]))[0, 1]))
    return round(float(np.mean(found)), 4) if found else None


def calibrate(network: SpeechNetwork, examples: list[Example]) -> None:
    """Set the network's gain so that the lips part as far as they do in truth: regression mumbles."""
    tracked = [e for e in examples if not e.speaker.startswith(SYNTHETIC)] or examples
    network.gain.fill_(1)
    made = torch.cat([predict(network, e)[_inner(e)] @ network.opening for e in tracked])
    truth = torch.cat([e.curves[_inner(e)] @ network.opening for e in tracked])
    network.gain.fill_(float((truth.std() / made.std()).clamp(1, 1.5)))
