"""Train the network of `audio_to_mesh` on prepared and synthetic clips: a plain loop that can be resumed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from vividlib.audio_to_mesh.features import MELS_PER_FRAME, relative_log_mel
from vividlib.audio_to_mesh.network import FRAMES_AHEAD, IDENTITY, WIDTH, Heard, SpeechNetwork
from vividlib.head import model
from vividlib.training import clips, upper
from vividlib.training.checkpoints import resume, save
from vividlib.training.examples import (
    SEAM,
    UNKNOWN,
    Batch,
    Batches,
    Example,
    clip_mel,
    lip_moves,
    offset_basis,
    parting,
    read_examples,
    split,
)
from vividlib.training.visemes import CLASSES

RATE = 8e-4
WARM_UP = 300  # steps
SAVE_EVERY = 100  # steps


class Losses:
    """What is asked of the curves: lips in the right place, moving right and enough, and closing.

    Tracked coefficients are ambiguous, since several shapes move the lips alike, but where they put the
    lips is not: most weight lies on the lips (VividTalk's mesh loss), and coefficients follow.
    """

    def __init__(self, network: SpeechNetwork, examples: list[Example], moves: torch.Tensor):
        curves = torch.cat([e.curves for e in examples])
        self.scale = 1 / (curves.std(0) + 0.05)  # small channels are not forgotten
        self.moves, self.basis = moves, 1000 * network.basis.flatten(1)
        self.opening, self.parting = network.opening, network.parting
        self.spread = (curves @ moves).std(0).mean()

    def __call__(self, heard: Heard, sounds: torch.Tensor, truth: Batch) -> dict[str, torch.Tensor]:
        """Each loss by name; their sum is minimised."""
        heard = Heard(*(part[:, FRAMES_AHEAD:].float() for part in heard))
        curves, offsets, closed, bitten, voiced, sound, counts = (
            getattr(truth, name)[:, :-FRAMES_AHEAD]
            for name in ("curves", "offsets", "closed", "bitten", "voiced", "sound", "counts")
        )
        made = torch.sigmoid(heard.shapes)
        weight = (counts * (1 + 2 * closed)).unsqueeze(-1)
        moving = (counts[:, 1:] * counts[:, :-1]).unsqueeze(-1)
        lips = (made @ self.moves + heard.offsets @ self.basis) / self.spread
        wanted = (curves @ self.moves + offsets) / self.spread
        gap = made @ self.opening + heard.offsets @ self.parting
        known = counts * ~bitten.isnan()
        return {
            "curves": 0.3 * ((made - curves).abs() * weight * self.scale).mean(),
            "lips": ((lips - wanted).abs() * weight).mean(),
            "velocity": 2 * ((lips - wanted).diff(dim=1).abs() * moving).mean(),
            "spread": 0.3 * (_spread(lips, counts) - _spread(wanted, counts)).abs().mean(),
            "closure": 0.3 * (gap.clamp(min=0) * closed * counts).mean() / self.spread,
            "voice": 0.3 * _cross_entropy(heard.voice, voiced, counts),
            "closed": _cross_entropy(heard.closed, closed, counts),
            "bitten": _cross_entropy(heard.bitten, bitten.nan_to_num(), known),
            "sounds": 0.3 * _of_known(sounds[:, FRAMES_AHEAD:].float(), sound),
        }


def _cross_entropy(logits: torch.Tensor, truth: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    return (F.binary_cross_entropy_with_logits(logits, truth, reduction="none") * counts).mean()


def _of_known(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of the classes (B, T) that are known: 0 where none is."""
    return F.cross_entropy(logits.transpose(1, 2), truth, reduction="sum") / (truth != UNKNOWN).sum().clamp(min=1)


def _spread(curves: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Standard deviation over the frames that count: (B, T, C) to (B, C)."""
    counts = counts.unsqueeze(-1)
    total = counts.sum(1)
    mean = (curves * counts).sum(1, keepdim=True) / total.unsqueeze(1)
    return (((curves - mean).square() * counts).sum(1) / total + 1e-6).sqrt()


def build(examples: list[Example], styles: int, moves: torch.Tensor, opening: torch.Tensor) -> SpeechNetwork:
    """An untrained network that knows how lips stray and what parts them."""
    network = SpeechNetwork(styles)
    basis = offset_basis(examples)
    network.basis.copy_(basis.unflatten(1, network.basis.shape[1:]) / 1000)
    network.opening.copy_(moves @ opening)
    network.parting.copy_(basis @ opening)
    return network


def train(folders: list[Path], out: Path, steps: int, seed: int = 0) -> None:
    """Train and leave ``out/audio_to_mesh.safetensors``, ``losses.json`` and a checkpoint to resume from.

    Parameters
    ----------
    folders : of clips, as `prepare` and `synthesize` write them; `clips.HELD_OUT` are not learned from
    out : for checkpoints and results; training continues from a checkpoint that lies there
    steps : of gradient descent, each on BATCH examples of WINDOW frames
    seed : of weights, batches and augmentation
    """
    torch.manual_seed(seed)
    head = model.load()
    moves = lip_moves(head)
    known, check, strangers = split(read_examples(folders, head))
    batches = Batches(known, seed)
    network = build(known, len(batches.styles), moves, parting())
    losses = Losses(network, known, moves)
    # Tells classes of sounds apart, so that the trunk hears what moves lips; of the training only.
    listener = nn.Linear(WIDTH, len(CLASSES))
    learned = [*network.parameters(), *listener.parameters()]
    optimizer = torch.optim.AdamW(learned, lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RATE, total_steps=steps, pct_start=min(0.5, WARM_UP / steps)
    )
    state = {"network": network, "listener": listener, "optimizer": optimizer, "schedule": schedule}
    out.mkdir(parents=True, exist_ok=True)
    log = resume(out, state)
    for step in range(log[-1]["step"] if log else 0, steps):
        batch = batches.at(step)
        torch.manual_seed(seed * steps + step)  # of what drops out, so that a resumed run is the same
        with torch.autocast("cpu", torch.bfloat16):
            heard, _ = network(batch.mel, network.style(batch.code, batch.identity), network.nothing(len(batch.mel)))
            sounds = listener(heard.trunk)
        parts = losses(heard, sounds, batch)
        optimizer.zero_grad()
        sum(parts.values()).backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        schedule.step()
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == steps:
            row = {"step": step + 1, **{name: round(float(part.detach()), 5) for name, part in parts.items()}}
            network.eval()
            row |= {"known": score(network, check), "strangers": score(network, strangers)}
            network.train()
            log.append(row)
            print(json.dumps(row), flush=True)
            save(out, state, log)
    calibrate(network.eval(), check)
    report = learn_upper_face(network, folders, batches.code, seed)
    (out / "upper_face.json").write_text(json.dumps(report, indent=1))
    weights = {name: tensor.half() for name, tensor in network.state_dict().items()}  # half of the size, as good
    save_file(weights, out / "audio_to_mesh.safetensors")
    (out / "styles.json").write_text(json.dumps(batches.styles))


def hear(network: SpeechNetwork, mel: torch.Tensor) -> Heard:
    """What the network hears of a whole clip in the neutral style, in step with its frames.

    Parameters
    ----------
    mel : (MELS_PER_FRAME * T, MEL_BANDS) power
    """
    mel = F.pad(mel, (0, 0, 0, FRAMES_AHEAD * MELS_PER_FRAME))
    with torch.inference_mode():
        neutral = network.style(torch.zeros(1, dtype=torch.int64), torch.zeros(1, IDENTITY))
        heard, _ = network(relative_log_mel(mel.unsqueeze(0)), neutral, network.nothing())
        return Heard(*(part[:, FRAMES_AHEAD:] for part in heard))


def predict(network: SpeechNetwork, example: Example) -> torch.Tensor:
    """Lip gap of the neutral style for a clip, (T,) mm."""
    heard = hear(network, example.mel)
    shapes, _ = network.mouth(heard)
    return (shapes[0] @ network.opening + heard.offsets[0] @ network.parting) * network.voice(heard)[0]


def _true_gap(network: SpeechNetwork, example: Example) -> torch.Tensor:
    return example.curves @ network.opening + example.offsets @ parting()


def _inner(example: Example) -> slice:
    return slice(SEAM, len(example.closed) - SEAM)


def score(network: SpeechNetwork, examples: list[Example]) -> float | None:
    """Mean correlation of the lip gap with the truth on tracked clips of half a second or more."""
    found = []
    for example in examples:
        if example.tracked and len(example.closed) > 25 + 2 * SEAM:
            truth, made = _true_gap(network, example)[_inner(example)], predict(network, example)[_inner(example)]
            if min(made.std(), truth.std()) > 0:
                found.append(float(torch.corrcoef(torch.stack([truth, made]))[0, 1]))
    return round(float(np.mean(found)), 4) if found else None


def calibrate(network: SpeechNetwork, examples: list[Example]) -> None:
    """Set the network's gain so that the lips part as far as they do in truth: regression mumbles."""
    tracked = [e for e in examples if e.tracked] or examples
    network.gain.fill_(1)
    made = torch.cat([predict(network, e)[_inner(e)] for e in tracked])
    truth = torch.cat([_true_gap(network, e)[_inner(e)] for e in tracked])
    network.gain.fill_(float((truth.std() / made.std()).clamp(1, 1.5)))


def learn_upper_face(network: SpeechNetwork, folders: list[Path], code: dict[str, int], seed: int) -> dict:
    """Fit the distribution of the upper face to what the trained trunk hears; what `upper.fit` reports."""
    tracked = [clip for clip in map(clips.load, clips.files(folders)) if clip.tracked]
    features = [hear(network, clip_mel(clip.samples, len(clip.blendshapes))).trunk[0].clone() for clip in tracked]
    with torch.no_grad():
        styles = network.styles(torch.tensor([code.get(clip.speaker, 0) for clip in tracked]))
    return upper.fit(network.upper, features, list(styles), tracked, clips.HELD_OUT, seed)
