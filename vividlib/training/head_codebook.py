"""Phase one of the head: learn the codebook of windows of relative pose.

A VQ-VAE with a codebook that follows its latents by moving averages, and whose unused entries begin anew where latents
are (van den Oord et al., arXiv 1711.00937, appendix A.1; Dhariwal et al., "Jukebox", arXiv 2005.00341, section 3).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from vividlib.audio_to_mesh.head_codebook import AHEAD, CODES, LATENT, PART, SHIFTS, TURNS, PoseCodebook
from vividlib.training.clips import HELD_OUT
from vividlib.training.head_curves import coefficients, shares
from vividlib.training.head_poses import PoseClip, read

BOOKS = "head_codebooks.safetensors"
PHASES = 0, 2  # frames by which windows begin before a clip: codes are the same in between
STEPS, BATCH, RATE = 2000, 512, 2e-3
SPAN = 16  # windows of one example
LARGER = 0.8, 1.5
"""By which poses are scaled: nobody filmed shows all that heads can do."""
FREE = 300  # steps before anything is quantised, so that the codebook begins among latents that mean something
DECAY, REVIVE, COMMIT = 0.99, 0.1, 0.25  # a code begins anew that names fewer latents of a window of a batch


def learn(clips: list[PoseClip], part: slice, codes: int, steps: int = STEPS, seed: int = 0) -> PoseCodebook:
    """Learn the codebook of a part of the pose (TURNS or SHIFTS) from clips and their mirror images."""
    from vector_quantize_pytorch import VectorQuantize  # here, because only training needs it

    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    both = [pose for clip in clips for pose in (clip, clip.mirrored)]
    curves = [[torch.from_numpy(coefficients(clip.poses, phase)[:, part]) for phase in PHASES] for clip in both]
    chance = shares([one.speaker for one in both], [len(one.poses) for one in both])
    codebook = PoseCodebook(codes)
    quantise = VectorQuantize(
        dim=LATENT, codebook_size=codes, decay=DECAY, kmeans_init=True, threshold_ema_dead_code=REVIVE,
        commitment_weight=COMMIT,
    )  # fmt: skip
    optimizer = torch.optim.AdamW(codebook.parameters(), lr=RATE, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.1)
    for step in range(steps):
        picked = [curves[i][random.integers(len(PHASES))] for i in random.choice(len(curves), BATCH, p=chance)]
        truth, counts = _examples(picked, random)
        loss = _loss(codebook, quantise if step >= min(FREE, steps // 4) else None, truth, counts)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(codebook.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if (step + 1) % 500 == 0:
            print(f"codebook of {codes}, step {step + 1} of {steps}: {loss.item():.4f}", flush=True)
    codebook.codes.copy_(quantise.codebook.view(codes, LATENT))
    return codebook.eval()


def _examples(curves: list[torch.Tensor], random: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Stretches of curves from random points, (B, 1 + SPAN + AHEAD, PART), and which windows count (B, SPAN)."""
    length = 1 + SPAN + AHEAD
    truth, counts = torch.empty(len(curves), length, PART), torch.zeros(len(curves), SPAN)
    for row, curve in enumerate(curves):
        start = random.integers(max(1, len(curve) - length + 1))
        part = curve[start : start + length] * np.exp(random.uniform(*np.log(LARGER)))
        truth[row, : len(part)], truth[row, len(part) :] = part, part[-1]
        counts[row, : len(part) - 1 - AHEAD] = 1
    return truth, counts


def _loss(
    codebook: PoseCodebook, quantise: nn.Module | None, truth: torch.Tensor, counts: torch.Tensor
) -> torch.Tensor:
    """How far poses and velocities are from the truth when each window goes on from the decoded one before."""
    last, total = truth[:, :2], 0
    counts = counts / counts.sum() / PART
    for window in range(SPAN):
        following = truth[:, 2 + window :][:, :AHEAD]
        latent = codebook.encode(last, following)
        if quantise is not None:
            latent, _, stray = quantise(latent.unsqueeze(1))
            latent, total = latent.squeeze(1), total + stray / SPAN
        last = torch.stack([last[:, 1], codebook.decode(last, latent)], 1)
        before = truth[:, 1 + window :][:, :2]
        error = (last[:, 1] - before[:, 1]).square() + (last.diff(dim=1) - before.diff(dim=1)).square().squeeze(1)
        total = total + (error * counts[:, window, None]).sum()
    return total


def train(folders: list[Path], out: Path, steps: int = STEPS, seed: int = 0) -> None:
    """Learn from prepared clips, without people held out, and leave ``out/head_codebooks.safetensors``."""
    known = [clip for clip in read(folders) if clip.speaker not in HELD_OUT]
    books = nn.ModuleList(learn(known, part, codes, steps, seed) for part, codes in zip((TURNS, SHIFTS), CODES))
    out.mkdir(parents=True, exist_ok=True)
    save_file(books.state_dict(), out / BOOKS)


def load_books(out: Path) -> nn.ModuleList:
    """The codebooks of turns and shifts that `train` has left."""
    books = nn.ModuleList(PoseCodebook(codes) for codes in CODES)
    books.load_state_dict(load_file(out / BOOKS))
    return books.eval()
