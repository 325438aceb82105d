"""Train the networks of `mesh_to_video` on pairs of frames: a plain loop that can be resumed.

Losses: absolute difference, weighted where viewers look; differences of gradients on three scales, which ask for edges at
the right place and as sharp as they are (a perceptual loss needs a feature network, and none can be had whose training
pictures are ours to use); the same difference for the frame before the generator, so that motion is learned as motion and
not painted over; detail of what is added where the photo shows a pixel well, beside mouth and eyes, since a network that
cannot know how somebody's collar moved would blur it, and the photo is sharp; and the divergence of the motion's code from a normal distribution (Kingma and Welling, ICLR 2014).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from vividlib.conventions import LIP_LANDMARKS
from vividlib.errors import InputError
from vividlib.head.model import landmarks_of, load, twins
from vividlib.mesh_to_video.motion_network import Correction
from vividlib.mesh_to_video.network_sizes import FAST, NetworkSizes
from vividlib.mesh_to_video.networks import Driven, Photo, VideoNetworks, corrected, driven_tensors, photo_tensors
from vividlib.mesh_to_video.patch import SIDE, DrivenPatch, PhotoPatch
from vividlib.mesh_to_video.warp import lay
from vividlib.training.checkpoints import resume, save
from vividlib.training.video_pairs import BEYOND

CHECK = frozenset({"id22", "id23", "presenter_3"})
"""People who only tell how training goes."""
BATCH = 12
RATE = 5e-4
WARM_UP, SLOWING = 100, 1000  # steps
AVERAGING = 0.998  # of the weights, from step to step
SAVE_EVERY = 100  # steps
MOUTH, EYES = 5.0, 3.0  # weight of what viewers look at, beside 1 elsewhere
COARSE = 9  # px: what is finer is detail
EDGES, DETAIL, MOTION, CODE, RESIDUAL_FLOW = 0.3, 4.0, 0.5, 1e-4, 1e-3  # weights of losses beside the difference
WEIGHTS = "video_fast.safetensors"


class Batch(NamedTuple):
    """Pairs as tensors."""

    photo: Photo
    driven: Driven
    truth: torch.Tensor  # B 3 SIDE SIDE in [0, 1]
    weight: torch.Tensor  # B 1 SIDE SIDE


@dataclass(frozen=True)
class Pair:
    """Where one lies."""

    person: str
    photo: Path
    driven: Path


def find_pairs(folder: Path) -> list[Pair]:
    """All pairs that `video_pairs.prepare` has written to a folder.

    Raises
    ------
    InputError
        If there are none.
    """
    stems = {file: file.stem.split("_") for file in sorted(folder.glob("*/*.npz")) if ".partial" not in file.name}
    found = [
        Pair(file.parent.name, photo, file)
        for file in stems
        if (photo := file.with_name(file.stem.rpartition("_")[0] + ".npz")) in stems
    ]
    if not found:
        raise InputError(f"No pairs in {folder}; make some with `python -m vividlib.training video-pairs`.")
    return found


def read_pair(pair: Pair) -> tuple[PhotoPatch, DrivenPatch, np.ndarray, np.ndarray]:
    """Photo, driven patch, truth and what is looked at."""
    with np.load(pair.photo, allow_pickle=False) as arrays:
        photo = PhotoPatch(**arrays)
    with np.load(pair.driven, allow_pickle=False) as stored:
        arrays = dict(stored)
    truth, looked_at = arrays.pop("truth"), arrays.pop("looked_at")
    arrays["flow"] = arrays["flow"].astype(np.float32)
    arrays["occlusion"] = arrays["occlusion"].astype(np.float32) / 255
    arrays["fill"] = arrays["fill"].astype(np.float32) / [1, 1, 1, 255]
    return photo, DrivenPatch(**arrays), truth, looked_at


def batch_of(pairs: list[Pair]) -> Batch:
    """Read pairs."""
    photos, driven, truths, looked_at = zip(*map(read_pair, pairs))
    truth = torch.from_numpy(np.stack(truths)).permute(0, 3, 1, 2).float() / 255
    looked_at = torch.from_numpy(np.stack(looked_at))[:, None]
    weight = (1 + MOUTH * (looked_at == 1) + EYES * (looked_at == 2)) * (looked_at != BEYOND)
    return Batch(photo_tensors(list(photos)), driven_tensors(list(driven)), truth, weight.float())


class Batches:
    """Random pairs, each person as often as the others, in other light and colours, mirrored and blurred."""

    def __init__(self, pairs: list[Pair], seed: int):
        self.people = {person: [p for p in pairs if p.person == person] for person in {p.person for p in pairs}}
        self.names, self.seed = sorted(self.people), seed
        head = load()
        twin = twins(landmarks_of(head, head.template))
        self.mirror = torch.tensor([LIP_LANDMARKS.index(twin[i]) for i in LIP_LANDMARKS])
        many = np.sqrt([len(self.people[name]) for name in self.names])
        self.chance = many / many.sum()

    def at(self, step: int) -> Batch:
        """The batch of a step."""
        random = np.random.default_rng([self.seed, step])
        people = random.choice(self.names, BATCH, p=self.chance)
        batch = batch_of([self.people[p][random.integers(len(self.people[p]))] for p in people])
        if random.random() < 0.5:
            batch = mirrored(batch, self.mirror)
        batch = recoloured(batch, random)
        return blurred(batch, random.uniform(1.2, 2.5)) if random.random() < 0.15 else batch


def mirrored(batch: Batch, lips: torch.Tensor) -> Batch:
    """Left for right; ``lips`` (40) says which landmark is on the other side of each."""

    def turned(images: torch.Tensor) -> torch.Tensor:
        return images.flip(-1)

    def points(found: torch.Tensor) -> torch.Tensor:
        return found[:, lips] * torch.tensor([-1.0, 1.0]) + torch.tensor([SIDE - 1.0, 0.0])

    def texture(found: torch.Tensor) -> torch.Tensor:
        found = turned(found).clone()
        found[:, :1] = (1 - found[:, :1]) * found[:, 3:]
        return found

    photo, driven = batch.photo, batch.driven
    flow = turned(driven.flow) * torch.tensor([-1.0, 1.0])[None, :, None, None]
    return Batch(
        Photo(turned(photo.layers), texture(photo.texture), points(photo.lips)),
        Driven(flow, turned(driven.occlusion), turned(driven.fill), texture(driven.texture), points(driven.lips)),
        turned(batch.truth), turned(batch.weight),
    )  # fmt: skip


def recoloured(batch: Batch, random: np.random.Generator) -> Batch:
    """Other colours and light for each pair: linear in colour, so what is premultiplied stays so."""
    count = len(batch.truth)
    grey = np.full((3, 3), 1 / 3)
    turns = np.stack([_hue(angle) for angle in random.normal(0, 0.12, count)])
    saturation = random.uniform(0.3, 1.4, (count, 1, 1))
    mixing = (saturation * turns + (1 - saturation) * grey) * random.uniform(0.85, 1.15, (count, 3, 1))
    mixing *= random.uniform(0.6, 1.15, (count, 1, 1))
    mix = torch.from_numpy(mixing).float()

    def coloured(images: torch.Tensor) -> torch.Tensor:
        return torch.einsum("bij,bjhw->bihw", mix, images)

    layers, fill = batch.photo.layers, batch.driven.fill
    return batch._replace(
        photo=batch.photo._replace(
            layers=torch.cat([coloured(layers[:, :3]), layers[:, 3:4], coloured(layers[:, 4:])], 1)
        ),
        driven=batch.driven._replace(fill=torch.cat([coloured(fill[:, :3]), fill[:, 3:]], 1)),
        truth=coloured(batch.truth),
    )


def _hue(angle: float) -> np.ndarray:
    """Rotation (3 3) of colours about grey."""
    axis = np.ones(3) / np.sqrt(3)
    cross = np.cross(np.eye(3), axis)
    return np.cos(angle) * np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * np.outer(axis, axis)


def blurred(batch: Batch, times: float) -> Batch:
    """As if the camera had so many times fewer pixels."""

    def coarse(images: torch.Tensor) -> torch.Tensor:
        small = F.interpolate(images, round(SIDE / times), mode="bilinear", antialias=True)
        return F.interpolate(small, SIDE, mode="bilinear")

    return batch._replace(
        photo=batch.photo._replace(layers=coarse(batch.photo.layers)),
        driven=batch.driven._replace(fill=coarse(batch.driven.fill)),
        truth=coarse(batch.truth),
    )


def edges(found: torch.Tensor, truth: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Difference of gradients on three scales."""
    total = 0.0
    for scale in range(3):
        if scale:
            found, truth, weight = (F.avg_pool2d(x, 2) for x in (found, truth, weight))
        difference = found - truth
        for axis in (2, 3):
            inside = weight.narrow(axis, 1, weight.shape[axis] - 1)
            total = total + (difference.diff(dim=axis).abs() * inside).mean()
    return total


def made(networks: VideoNetworks, photo: Photo, driven: Driven) -> tuple[Correction, torch.Tensor, torch.Tensor]:
    """What the networks correct, the frame that this gives, and what they add to it."""
    gate = networks.gate(driven)
    correction = networks.correct(photo, driven, gate)
    better = corrected(driven, correction)
    warped = lay(photo.layers, better.flow, better.occlusion, better.fill)
    return correction, warped, networks.add(networks.read(photo), warped, better, gate)


def losses(networks: VideoNetworks, batch: Batch) -> dict[str, torch.Tensor]:
    """Each loss by name; their sum is minimised."""
    photo, driven, truth, weight = batch
    correction, warped, residual = made(networks, photo, driven)
    frame = warped + residual
    mean, log_variance = correction.mean, correction.log_variance
    fine = residual - F.avg_pool2d(residual, COARSE, 1, COARSE // 2, count_include_pad=False)
    shown = (weight == 1) * driven.occlusion
    return {
        "difference": ((frame - truth).abs() * weight).mean(),
        "edges": EDGES * edges(frame, truth, weight),
        "detail": DETAIL * (fine.abs() * shown).mean(),
        "motion": MOTION * ((warped - truth).abs() * weight).mean(),
        "code": CODE * (mean.square() + log_variance.exp() - 1 - log_variance).mean(),
        "residual_flow": RESIDUAL_FLOW
        * (correction.flow.diff(dim=2).abs().mean() + correction.flow.diff(dim=3).abs().mean()),
    }


def reenact(networks: VideoNetworks, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Frames in [0, 1], analytic and by the networks."""
    photo, driven = batch.photo, batch.driven
    analytic = lay(photo.layers, driven.flow, driven.occlusion, driven.fill)
    _, warped, residual = made(networks, photo, driven)
    return analytic, (warped + residual).clamp(0, 1)


def score(networks: VideoNetworks, batches: list[Batch]) -> dict[str, float]:
    """Of the networks against the analytic frame: dB of the patch, and mean differences at mouth and eyes, of 255."""
    rows = []
    networks.eval()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for batch in batches:
            row = []
            for frame in reenact(networks, batch):
                error = frame.float() - batch.truth
                counts = (batch.weight > 0).float().expand_as(error)
                row.append(-10 * ((error.square() * counts).sum((1, 2, 3)) / counts.sum((1, 2, 3))).log10())
                for part in (1 + MOUTH, 1 + EYES):
                    here = (batch.weight == part).float()
                    row.append(255 * (error.abs().mean(1, keepdim=True) * here).sum((1, 2, 3)) / here.sum((1, 2, 3)))
            rows.append(torch.stack(row))
    networks.train()
    means = torch.cat(rows, 1).mean(1).tolist()
    names = [f"{kind}_{name}" for kind in ("analytic", "made") for name in ("db", "mouth", "eyes")]
    return {name: round(value, 3) for name, value in zip(names, means)}


def rate(step: int) -> float:
    """Share of the learning rate: a warm-up, and an inverse square root, which need not know when training ends."""
    return min((step + 1) / WARM_UP, 1, (SLOWING / (step + 1)) ** 0.5)


def train(folder: Path, out: Path, steps: int, sizes: NetworkSizes = FAST, seed: int = 0) -> None:
    """Train and leave the weights, ``losses.json`` and a checkpoint to resume from in ``out``.

    Parameters
    ----------
    folder : of pairs, as `video_pairs.prepare` writes them
    out : for checkpoints and results; training continues from a checkpoint that lies there
    steps : of gradient descent
    seed : of weights, batches and augmentation
    """
    torch.manual_seed(seed)
    pairs = find_pairs(folder)
    batches = Batches([pair for pair in pairs if pair.person not in CHECK], seed)
    strangers = [pair for pair in pairs if pair.person in CHECK]
    checks = [batch_of(strangers[i::8][:8]) for i in range(min(8, len(strangers)))]
    networks = VideoNetworks(sizes).to(memory_format=torch.channels_last)
    average = AveragedModel(networks, multi_avg_fn=get_ema_multi_avg_fn(AVERAGING))
    optimizer = torch.optim.AdamW(networks.parameters(), lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    state = {"networks": networks, "average": average, "optimizer": optimizer, "schedule": schedule}
    out.mkdir(parents=True, exist_ok=True)
    log = resume(out, state)
    since: list[dict[str, float]] = []
    for step in range(log[-1]["step"] if log else 0, steps):
        torch.manual_seed(seed * steps + step)
        batch = batches.at(step)
        with torch.autocast("cpu", torch.bfloat16):
            parts = losses(networks, batch)
        optimizer.zero_grad()
        sum(parts.values()).backward()
        torch.nn.utils.clip_grad_norm_(networks.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        average.update_parameters(networks)
        since.append({name: float(part.detach()) for name, part in parts.items()})
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == steps:
            row = {name: round(float(np.mean([one[name] for one in since])), 5) for name in parts}
            log.append({"step": step + 1} | row | score(average.module, checks))
            since.clear()
            print(json.dumps(log[-1]), flush=True)
            save(out, state, log)
            weights = {name: tensor.half().contiguous() for name, tensor in average.module.state_dict().items()}
            save_file(weights, out / WEIGHTS)
