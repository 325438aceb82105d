"""Train the networks of `mesh_to_video` on pairs of frames: a plain loop that can be resumed.

Losses: absolute difference, weighted where viewers look; differences of gradients on three scales, which ask for edges at
the right place and as sharp as they are; the same difference for the frame before the generator, so that motion is
learned as motion and not painted over; detail of what is added where the photo shows a pixel well, beside mouth and eyes,
since a network that cannot know how somebody's collar moved would blur it, and the photo is sharp; change from a frame to
its neighbour; and the divergence of the motion's code from a normal distribution (Kingma and Welling, ICLR 2014). Once
these have brought the networks near, a critic of mouths and eyes joins (`vividlib.training.video_critic`), whose features
stand where others use a pretrained network's: none can be had whose training pictures are ours to use.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from vividlib import backend
from vividlib.errors import InputError
from vividlib.mesh_to_video.network_sizes import SIZES
from vividlib.mesh_to_video.networks import VideoNetworks, frame_of
from vividlib.training.checkpoints import resume, save
from vividlib.training.video_batches import EYES, MOUTH, SINGLES, Batch, Batches, batch_of, find_pairs, on
from vividlib.training.video_critic import Critic, adversarial, verdict_loss

CHECK = frozenset({"id22", "id23", "presenter_3"})
"""People who only tell how training goes, and on whom CAUTION and `networks.KEPT` were chosen."""
RATE, ALONG_RATE, CRITIC_RATE = 5e-4, 1e-2, 4e-4
"""Of the networks; of their linear map, whose few weights are each moved by every pair; and of the critic."""
WARM_UP, SLOWING = 100, 2000  # steps
DETAIL_FROM = 3700  # steps: priced from the start, a generator that cannot tell places apart yet does nothing at all
CRITIC_FROM, ADVERSARY_FROM = 4500, 5000  # steps: when the critic begins to learn, and to be heard
CAUTION = 0.5
"""Share of what branches and generator make that ships. Learned from few people, what the branches correct of the motion is
about twice what strangers need: those of CHECK, reenacted as by `benchmarks.reenactment`, come nearer by it in pictures and
landmarks. Of what is added they lose little, and open mouths of dark pictures stay dark."""
AVERAGING = 0.998  # of the weights, from step to step
SAVE_EVERY = 100  # steps
COARSE = 8  # px: what is finer is detail
HIDDEN = 0.25  # share of the weight of what the photo does not show: nobody knows it pixel by pixel
WINDOW, STEP = 9, 3  # px in which the brightest and the darkest place are looked for, and from one to the next
EDGES, EXTREMES, DETAIL, MOTION, NEIGHBOURS, CODE, RESIDUAL_FLOW = 0.3, 6.0, 4.0, 0.5, 0.5, 1e-4, 1e-3
VERDICT, MATCHING = 1.5e-3, 0.015
"""Weights of losses beside the difference; at a mouth each pulls about as much."""


def edges(found: torch.Tensor, truth: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Difference of gradients on three scales."""
    total = 0.0
    for scale in range(3):
        if scale:
            found, truth, weight = (F.avg_pool2d(x, 2) for x in (found, truth, weight))
        difference = found - truth
        for axis in (2, 3):
            sides = (weight.narrow(axis, start, weight.shape[axis] - 1) for start in (0, 1))
            inside = torch.minimum(*sides)
            total = total + (difference.diff(dim=axis).abs() * inside).mean()
    return total


def extremes(found: torch.Tensor, truth: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Difference of the brightest and of the darkest place around each at mouth and eyes, wherever exactly they are.

    Teeth that may be here or there come out as flesh between them, as far as the difference of pixels is asked.
    """
    here = F.avg_pool2d((weight > 1).to(found), WINDOW, STEP)
    ends = (
        F.max_pool2d(torch.cat([x, -x], 1), WINDOW, STEP) for x in (y.mean(1, keepdim=True) for y in (found, truth))
    )
    return (torch.sub(*ends).abs() * here).mean()


def losses(networks: VideoNetworks, batch: Batch, step: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Frames (B 3 SIDE SIDE), and each loss by name but for the critic's; their sum is minimised."""
    photo, driven, truth, weight = batch
    correction, warped, residual = networks(networks.read(photo), photo, driven)
    frame = warped + residual
    mean, log_variance = correction.mean, correction.log_variance
    smooth = F.interpolate(F.avg_pool2d(residual, COARSE), scale_factor=COARSE, mode="bilinear")
    shown = (weight == 1) * driven.occlusion
    known = weight * (HIDDEN + (1 - HIDDEN) * driven.occlusion)
    parts = {
        "difference": ((frame - truth).abs() * known).mean(),
        "edges": EDGES * edges(frame, truth, known),
        "extremes": EXTREMES * extremes(frame, truth, weight),
        "detail": (DETAIL if step >= DETAIL_FROM else 0) * ((residual - smooth).abs() * shown).mean(),
        "motion": MOTION * ((warped - truth).abs() * weight).mean(),
        "code": CODE * (mean.square() + log_variance.exp() - 1 - log_variance).mean(),
        "residual_flow": RESIDUAL_FLOW
        * (correction.flow.diff(dim=2).abs().mean() + correction.flow.diff(dim=3).abs().mean()),
    }
    if len(frame) > SINGLES:
        error = (frame - truth)[SINGLES:]
        parts["neighbours"] = NEIGHBOURS * ((error[1::2] - error[::2]).abs() * weight[SINGLES::2]).mean()
    return frame, parts


def reenact(networks: VideoNetworks, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Frames in [0, 1], analytic and by the networks."""
    photo, driven = batch.photo, batch.driven
    _, warped, residual = networks(networks.read(photo), photo, driven)
    return frame_of(photo, driven), (warped + residual).clamp(0, 1)


def score(networks: VideoNetworks, batches: list[Batch]) -> dict[str, float]:
    """Of the networks against the analytic frame: dB of the patch, and mean differences at mouth and eyes, of 255."""
    rows = []
    networks.eval()
    with torch.inference_mode():
        for batch in batches:
            row = []
            with torch.autocast(batch.truth.device.type, torch.bfloat16):
                frames = reenact(networks, batch)
            for frame in frames:
                error = frame.float() - batch.truth
                counts = (batch.weight > 0).float().expand_as(error)
                row.append(-10 * ((error.square() * counts).sum((1, 2, 3)) / counts.sum((1, 2, 3))).log10())
                for part in (1 + MOUTH, 1 + EYES):
                    here = (batch.weight == part).float()
                    row.append(255 * (error.abs().mean(1, keepdim=True) * here).sum((1, 2, 3)) / here.sum((1, 2, 3)))
            rows.append(torch.stack(row))
    networks.train()
    means = torch.cat(rows, 1).nanmean(1).tolist()  # not every frame shows eyes
    names = [f"{kind}_{name}" for kind in ("analytic", "made") for name in ("db", "mouth", "eyes")]
    return {name: round(value, 3) for name, value in zip(names, means)}


def rate(step: int) -> float:
    """Share of the learning rate: a warm-up, and an inverse square root, which need not know when training ends."""
    return min((step + 1) / WARM_UP, 1, (SLOWING / (step + 1)) ** 0.5)


def rated(networks: VideoNetworks) -> list[dict]:
    """The weights in groups of their own rates, as optimizers take them."""
    along = networks.motion.along.weight
    rest = [weight for weight in networks.parameters() if weight is not along]
    return [{"params": rest}, {"params": [along], "lr": ALONG_RATE, "weight_decay": 0.0}]


def shipped(networks: VideoNetworks) -> dict[str, torch.Tensor]:
    """Weights in half precision, the last layers of branches and generator held back by CAUTION."""
    weights = {name: tensor.half().contiguous() for name, tensor in networks.state_dict().items()}
    last = [f"{part}.out.{kind}" for part in ("motion", "generator") for kind in ("weight", "bias")]
    return weights | {name: CAUTION * weights[name] for name in last}


def train(folder: Path, out: Path, steps: int, size: str = "fast", seed: int = 0, device: str = "auto") -> None:
    """Train and leave ``video_SIZE.safetensors``, ``losses.json`` and a checkpoint to resume from in ``out``.

    Parameters
    ----------
    folder : of pairs, as `video_pairs.prepare` writes them
    out : for checkpoints and results; training continues from a checkpoint that lies there
    steps : of gradient descent
    size : of the networks, a name in `SIZES`
    seed : of weights, batches and augmentation
    device : as for `vividlib.backend.device`

    Raises
    ------
    InputError
        If there is nobody to learn from.
    BackendError
        If the device cannot be used.
    """
    torch.manual_seed(seed)
    device = backend.device(device)
    pairs = find_pairs(folder)
    learned = [pair for pair in pairs if pair.person not in CHECK]
    if not learned:
        raise InputError(f"{folder} shows only people who check the training; add pairs of others.")
    batches = Batches(learned, seed)
    strangers = [pair for pair in pairs if pair.person in CHECK]
    checks = [on(device, batch_of(strangers[i::8][:8])) for i in range(min(8, len(strangers)))]
    networks = VideoNetworks(SIZES[size]).to(device, memory_format=torch.channels_last)
    critic = Critic().to(device, memory_format=torch.channels_last)
    average = AveragedModel(networks, multi_avg_fn=get_ema_multi_avg_fn(AVERAGING))
    optimizer = torch.optim.AdamW(rated(networks), lr=RATE, weight_decay=0.01)
    critics = torch.optim.Adam(critic.parameters(), lr=CRITIC_RATE, betas=(0.5, 0.99))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    state = {
        "networks": networks, "critic": critic, "average": average, "optimizer": optimizer, "critics": critics,
        "schedule": schedule,
    }  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    log = resume(out, state)
    since: list[dict[str, float]] = []
    for step in range(log[-1]["step"] if log else 0, steps):
        torch.manual_seed(seed << 32 | step)
        batch = on(device, batches.at(step))
        with torch.autocast(device.type, torch.bfloat16):
            frames, parts = losses(networks, batch, step)
            if step >= ADVERSARY_FROM:
                verdict, matching = adversarial(critic, frames, batch)
                parts |= {"verdict": VERDICT * verdict, "matching": MATCHING * matching}
        optimizer.zero_grad()
        sum(parts.values()).backward()
        torch.nn.utils.clip_grad_norm_(networks.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        average.update_parameters(networks)
        if step >= CRITIC_FROM:
            with torch.autocast(device.type, torch.bfloat16):
                parts["critic"] = verdict_loss(critic, frames, batch)
            critics.zero_grad()
            parts["critic"].backward()
            critics.step()
        since.append({name: float(part.detach()) for name, part in parts.items()})
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == steps:
            row = {name: round(float(np.mean([one[name] for one in since if name in one])), 5) for name in since[-1]}
            log.append({"step": step + 1} | row | (score(average.module, checks) if checks else {}))
            since.clear()
            print(json.dumps(log[-1]), flush=True)
            save(out, state, log)
            save_file(shipped(average.module), out / f"video_{size}.safetensors")
