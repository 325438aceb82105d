"""Train what looks at the pixels about MediaPipe's landmarks, on rendered heads whose landmarks are known.

Heads are those of `vividlib.training.landmarks`, with two skins mixed now and then, in worse pictures: small, blurred,
noisy, compressed, tinted, partly covered. What is learned is what the linear map leaves over; skins are unwrapped with
the shipped network, so a change of its layers needs weights that fit them first (an untrained one's do).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import save_file
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from vividlib.head.model import landmarks_of, load, twins
from vividlib.reconstruction.correction import SKIN, habit, scores_of
from vividlib.reconstruction.landmark_network import WAYS, LandmarkNetwork, crop, mirrored
from vividlib.reconstruction.landmarks import detect
from vividlib.training.checkpoints import resume, save
from vividlib.training.clips import HELD_OUT
from vividlib.training.landmarks import astray_by, draw, looseness, wardrobe
from vividlib.training.workers import workers
from vividlib.types import HeadModel

HEADS = 40_000
CHECKED = 600  # of them, the last, nothing is learned from
VIDEOS, FRAMES = 3, (5, 60)  # of each person at most, and the frames of each that give a skin
BARE, TINTED = 0.25, 0.1  # shares of heads in the model's own colours, and in other plain ones; the others wear skin
MIXED = 0.35  # share of skins that are of two people
STRAY = 60.0  # px of a picture: a face found further from the head than that is no face
IRISES = 0.75  # share of their way that irises ship with: that renders are right about people's could not be shown
STEPS, BATCH, RATE, WARM = 8_000, 96, 1e-3, 200
TURNED = 10.0  # weight of the turn (radians) that errors add up to, which is what a fit makes of them
AVERAGING = 0.998  # of the weights, from step to step
EVERY = 200  # steps between checkpoints


def worsen(image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """A picture (H W 3 uint8) as cameras and networks leave them, and how much smaller it is."""
    if rng.random() < 0.4:
        gain = rng.uniform(0.6, 1.3, 3) ** rng.uniform(0, 1)
        image = np.clip((image / 255.0) ** rng.uniform(0.7, 1.4) * gain * 255, 0, 255).astype(np.uint8)
    if rng.random() < 0.12:
        height, width = image.shape[:2]
        middle, colour = rng.uniform(0.15, 0.85, 2) * (width, height), image[rng.integers(height), rng.integers(width)]
        axes = rng.uniform(0.03, 0.25, 2) * width
        image = cv2.ellipse(image.copy(), (middle, axes, rng.uniform(0, 180)), colour.tolist(), -1)
    zoom = rng.choice([1, 1, rng.uniform(0.25, 1)])
    if zoom < 1:
        image = cv2.resize(image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    if rng.random() < 0.2:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.5))
    if rng.random() < 0.4:
        image = np.clip(image + rng.normal(0, rng.uniform(1, 8), image.shape), 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 95))])[1]
        image = cv2.imdecode(packed, cv2.IMREAD_COLOR)
    return image, zoom


def seen(
    head: HeadModel, clothes: Sequence[tuple[np.ndarray, np.ndarray]], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Crop, landmarks as detected and as they are (478 3 px each) of somebody; None where no face was found."""
    kind, skin = rng.random(), None
    if kind >= BARE + TINTED:
        skin, (_, around) = (clothes[rng.integers(len(clothes))] for _ in range(2))
        other, share = clothes[rng.integers(len(clothes))][0], rng.uniform(0.2, 0.8) * (rng.random() < MIXED)
        skin = (cv2.addWeighted(skin[0], 1 - share, other, share, 0), around)
    elif kind >= BARE:
        tint = rng.uniform(0.5, 1.3, 3) * rng.uniform(0.4, 1.2)
        head = replace(head, albedo=np.clip(head.albedo * tint, 0, 1).astype(np.float32))
    image, true = draw(head, skin, rng)
    zoom = 1.0
    if kind >= BARE or rng.random() < 0.2:
        image, zoom = worsen(image, rng)
        true = zoom * (true + [0.5, 0.5, 0]) - [0.5, 0.5, 0]
    found = detect(image)
    if not found or np.abs((found[0] - true)[:SKIN, :2].mean(0)).max() > STRAY * zoom:
        return None
    return crop(image, found[0]), found[0], true


def draw_heads(videos: Path, out: Path, count: int = HEADS, seed: int = 1) -> None:
    """Write crops and landmarks of rendered heads to ``out`` (npz).

    The skins are of people in ``videos`` (as for `vividlib.training.clips.videos_of`) who are not held out.

    Raises
    ------
    NoFaceError
        If no skin of anybody can be had from the videos.
    """
    with workers() as pool:
        drawn = pool.map(partial(_somebody, videos, seed), range(count), chunksize=50)
        crops, detected, true = (np.array(part) for part in zip(*tqdm(drawn, total=count)))
    unfinished = out.with_suffix(".partial.npz")
    np.savez(unfinished, crops=crops, detected=detected.astype(np.float32), true=true.astype(np.float32))
    unfinished.replace(out)


def _somebody(videos: Path, seed: int, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What `seen` gives of the first head whose face is found."""
    rng = np.random.default_rng([seed, number])
    while (one := seen(load(), _clothes(videos), rng)) is None:
        pass
    return one


@cache  # once a process
def _clothes(videos: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    return wardrobe(videos, VIDEOS, FRAMES, without=HELD_OUT)


class Heads:
    """Rendered heads, ready to be learned from: crops, faces, scores, and what the linear map leaves over."""

    def __init__(self, crops: np.ndarray, detected: np.ndarray, true: np.ndarray, loose: np.ndarray) -> None:
        faces, astray = astray_by(detected.astype(np.float64), true.astype(np.float64))
        astray[:, :SKIN, :2] *= loose[:SKIN, None]
        scores = scores_of(faces)
        self.crops = torch.from_numpy(crops)
        self.faces, self.scores, self.left = (
            torch.tensor(array, dtype=torch.float32) for array in (faces, scores, astray - habit(scores))
        )

    def __getitem__(self, which) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        return self.crops[which].float(), self.faces[which], self.scores[which], self.left[which]

    def __len__(self) -> int:
        return len(self.crops)


def weights() -> torch.Tensor:
    """How much an error of each coordinate of each landmark counts (478 3)."""
    weight = torch.ones(478, 3)
    weight[:, 2] = 0.5
    weight[SKIN:] = torch.tensor([2, 2, 0.05])
    return weight


def ways(left: torch.Tensor) -> torch.Tensor:
    """Principal ways (WAYS 1434) in which landmarks stray, by their weights, from samples (N 478 3)."""
    weight = weights().flatten()
    weighed = left.flatten(1) * weight
    values, vectors = torch.linalg.eigh(weighed.T @ weighed / len(weighed))
    spread = values[-WAYS:].clamp(min=0).sqrt()
    return (vectors[:, -WAYS:] * spread).T.flip(0) / weight


def turn(error: torch.Tensor, faces: torch.Tensor) -> torch.Tensor:
    """The rotation vector (B 3 radians) of which errors of landmarks (B 478 3) make the head believe."""
    trust = weights()[:SKIN]
    x, y, z = faces[:, :SKIN].unbind(-1)
    none = torch.zeros_like(x)
    rows = [torch.stack(row, -1) for row in ((none, z, -y), (-z, none, x), (y, -x, none))]
    moves = (torch.stack(rows, -2) * trust[..., None]).flatten(1, 2)
    wanted = (error[:, :SKIN] * trust).flatten(1)[..., None]
    across = moves.transpose(1, 2)
    return torch.linalg.solve(across @ moves, across @ wanted)[..., 0]


def loss_of(network: LandmarkNetwork, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """Absolute error of the landmarks, in hundredths of a face's size, and of the turn that they add up to."""
    crops, faces, scores, left = batch
    with torch.autocast("cpu", torch.bfloat16, enabled=network.training):
        found = network(crops, faces, scores)
    error = found - left
    return 100 * (error * weights()).abs().mean() + TURNED * turn(error, faces).norm(dim=1).mean()


def disturbed(batch: tuple[torch.Tensor, ...], twin: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Half of the batches mirrored, at random, and noise of each picture's own strength."""
    crops, faces, scores, left = batch
    if torch.rand(()) < 0.5:
        crops, faces, left = crops.flip(-1), mirrored(faces, twin), mirrored(left, twin)
        scores = torch.tensor(scores_of(faces.double().numpy()), dtype=torch.float32)
    strength = 8 * torch.rand(len(crops), 1, 1)
    return (crops + strength * torch.randn_like(crops)).clamp(0, 255), faces, scores, left


def train(heads: Path, out: Path, steps: int = STEPS, seed: int = 0) -> None:
    """Learn from what `draw_heads` wrote; checkpoints and ``landmark_network.safetensors`` in the folder ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    head = load()
    marks = landmarks_of(head, head.template)
    with np.load(heads) as kept:
        data = Heads(kept["crops"], kept["detected"], kept["true"], looseness(head))
    fresh = len(data) - min(CHECKED, len(data) // 4)
    torch.manual_seed(seed)
    network = LandmarkNetwork()
    network.basis.copy_(ways(data.left[:fresh]))
    network.twin.copy_(torch.tensor(twins(marks)))
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(AVERAGING))
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=1e-3)
    state = {"network": network, "average": average, "optimizer": optimizer}
    log = resume(out, state)
    start = log[-1]["step"] if log else 0
    for step in tqdm(range(start, steps), initial=start, total=steps):
        torch.manual_seed(seed << 32 | step)  # of batches and what drops out, so that a resumed run is the same
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1, (step + 1) / WARM) * (0.5 + 0.5 * math.cos(math.pi * step / steps))
        network.train()
        loss = loss_of(network, disturbed(data[torch.randperm(fresh)[:BATCH]], network.twin))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        average.update_parameters(network)  # statistics of normalisation are the network's; at the last rate, they fit
        if not (step + 1) % EVERY or step + 1 == steps:
            log.append({"step": step + 1, "learned": loss.item(), "checked": check(average.module, data, fresh)})
            save(out, state, log)
    save_file(shipped(average.module), out / "landmark_network.safetensors")


def check(network: LandmarkNetwork, data: Heads, first: int) -> float:
    """The loss on the heads from the first on."""
    network.eval()
    with torch.no_grad():
        parts = [loss_of(network, data[i : i + BATCH]) for i in range(first, len(data), BATCH)]
    return torch.stack(parts).mean().item()


def shipped(network: LandmarkNetwork) -> dict[str, torch.Tensor]:
    """The weights in half precision, irises held back."""
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state["basis"].view(WAYS, 478, 3)[:, SKIN:] *= IRISES
    return {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
