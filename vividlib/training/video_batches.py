"""Pairs of frames from disk to batches, augmented: mirrored, in other colours and light, blurred."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from vividlib.conventions import LIP_LANDMARKS
from vividlib.errors import InputError
from vividlib.head.model import landmarks_of, load, twins
from vividlib.mesh_to_video.networks import Driven, Photo, driven_tensors, photo_tensors
from vividlib.mesh_to_video.patch import SIDE, DrivenPatch, PhotoPatch
from vividlib.training.video_pairs import BEYOND

SINGLES, COUPLES = 8, 2  # pairs of a batch by themselves, and two by two: neighbouring frames of one photo
DARKEST = 0.4  # light of a recoloured pair, by that of the video
MOUTH, EYES = 3.0, 2.0  # weight of what viewers look at, beside 1 elsewhere


class Batch(NamedTuple):
    """Pairs as tensors."""

    photo: Photo
    driven: Driven
    truth: torch.Tensor  # B 3 SIDE SIDE in [0, 1]
    weight: torch.Tensor  # B 1 SIDE SIDE


def on(device: torch.device, batch: Batch) -> Batch:
    """The batch on a device."""
    photo, driven = (type(part)(*(tensor.to(device) for tensor in part)) for part in batch[:2])
    return Batch(photo, driven, batch.truth.to(device), batch.weight.to(device))


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
    stored = [file for file in sorted(folder.glob("*/*.npz")) if ".partial" not in file.name]
    known = set(stored)
    found = [
        Pair(file.parent.name, photo, file)
        for file in stored
        if (photo := file.with_name(file.stem.rpartition("_")[0] + ".npz")) in known
    ]
    if not found:
        raise InputError(f"No pairs in {folder}; make some with `python -m vividlib.training video-pairs`.")
    return found


def couples(pairs: list[Pair]) -> list[tuple[Pair, Pair]]:
    """Pairs of the same photo whose frames follow each other."""
    by_frame = {(pair.photo, int(pair.driven.stem.rpartition("_")[2])): pair for pair in pairs}
    return [(pair, by_frame[photo, n + 1]) for (photo, n), pair in by_frame.items() if (photo, n + 1) in by_frame]


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
    """Random pairs in other light and colours, mirrored and blurred; people as often as the root of what there is of them."""

    def __init__(self, pairs: list[Pair], seed: int):
        self.people = {person: [p for p in pairs if p.person == person] for person in {p.person for p in pairs}}
        self.couples = couples(pairs)
        self.names, self.seed = sorted(self.people), seed
        head = load()
        twin = twins(landmarks_of(head, head.template))
        self.mirror = torch.tensor([LIP_LANDMARKS.index(twin[i]) for i in LIP_LANDMARKS])
        many = np.sqrt([len(self.people[name]) for name in self.names])
        self.chance = many / many.sum()

    def at(self, step: int) -> Batch:
        """The batch of a step: its last pairs are couples, one after the other."""
        random = np.random.default_rng([self.seed, step])
        people = random.choice(self.names, SINGLES, p=self.chance)
        some = [self.people[p][random.integers(len(self.people[p]))] for p in people]
        for couple in random.choice(len(self.couples), COUPLES) if self.couples else ():
            some += self.couples[couple]
        batch = batch_of(some)
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
    saturation = random.uniform(0.0, 1.4, (count, 1, 1))
    mixing = (saturation * turns + (1 - saturation) * grey) * random.uniform(0.85, 1.15, (count, 3, 1))
    mixing *= np.exp(random.uniform(np.log(DARKEST), np.log(1.15), (count, 1, 1)))
    mixing[SINGLES + 1 :: 2] = mixing[SINGLES::2]  # neighbours are filmed in the same light
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
