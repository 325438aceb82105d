"""Two ways to move a head that have no codebook: noise as slow and as large as people's, and regression."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from scipy.optimize import brentq
from scipy.signal import butter, sosfilt
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from vividlib.audio_to_mesh.features import MELS_PER_FRAME, relative_log_mel
from vividlib.audio_to_mesh.head_codebook import POSE
from vividlib.audio_to_mesh.head_sampler import BANDS, DILATIONS, DROPOUT, LEVELS, MEMORY, WIDTH, Memory, sound_of
from vividlib.audio_to_mesh.network import FRAMES_AHEAD, Block, through
from vividlib.audio_to_mesh.splines import KNOT
from vividlib.conventions import MOTION_RATE, SAMPLE_RATE
from vividlib.metrics.dynamics import dynamics
from vividlib.training.examples import clip_mel
from vividlib.training.head_curves import coefficients, poses_of, shares
from vividlib.training.head_poses import PoseClip
from vividlib.training.head_sampler import ELSEWHERE, STILL, STRANGERS, level_edges, speeds

HOP = SAMPLE_RATE // MOTION_RATE
CUTS = 0.02, 8.0  # Hz
MINUTE = 60 * MOTION_RATE  # frames; after so many the filters have forgotten how they began
STEPS, RATE, BATCH, SPAN = 600, 1e-3, 32, 48  # windows of one example
MOST = 500  # windows that the network hears at once


@dataclass(frozen=True, eq=False)
class Noise:
    """White noise, low-passed: of each part of a pose the size and the speed of somebody's. It hears nothing."""

    deviation: np.ndarray  # 6, in the units of poses
    cuts: np.ndarray  # 6, Hz

    @classmethod
    def like(cls, stretches: list[np.ndarray]) -> Noise:
        """With the deviation and the speed of poses (T, 6), stretch by stretch."""
        weights = [len(poses) for poses in stretches]
        deviation = np.sqrt(np.average([poses.var(0) for poses in stretches], axis=0, weights=weights))
        speed = np.average([dynamics(poses, MOTION_RATE).speed for poses in stretches], axis=0, weights=weights)
        return cls(deviation, np.array([_cut(round(wanted, 2)) for wanted in (speed / deviation).tolist()]))

    def __call__(self, samples: np.ndarray, seed: int) -> np.ndarray:
        """Poses (T, 6) to a voice (N,): only its length matters."""
        white = np.random.default_rng(seed).normal(size=(6, MINUTE + len(samples) // HOP))
        return np.column_stack([_smooth(cut, row)[MINUTE:] for cut, row in zip(self.cuts, white)]) * self.deviation


@cache
def _cut(speed: float) -> float:
    """Frequency, Hz, at which low-passed noise of deviation 1 has such a mean speed, a second."""
    white = np.random.default_rng(0).normal(size=10 * MINUTE)

    def excess(cut: float) -> float:
        return dynamics(_smooth(cut, white)[:, None], MOTION_RATE).speed[0] - speed

    return brentq(excess, *CUTS, xtol=1e-3)


def _smooth(cut: float, white: np.ndarray) -> np.ndarray:
    """White noise of deviation 1, low-passed, of deviation 1 again."""
    filters = butter(2, cut, fs=MOTION_RATE, output="sos")
    return sosfilt(filters, white) / np.linalg.norm(sosfilt(filters, np.eye(1, 4 * MINUTE)[0]))


class Regression(nn.Module):
    """A network like the sampler's, but what it says of a window is the pose itself, and the voice is all that it knows."""

    def __init__(self):
        super().__init__()
        self.hear = nn.Linear(KNOT * BANDS, WIDTH)
        self.levels = nn.Embedding(LEVELS, WIDTH)
        self.blocks = nn.ModuleList(Block(WIDTH, dilation, MEMORY) for dilation in DILATIONS)
        self.pose = nn.Sequential(nn.LayerNorm(WIDTH), nn.Dropout(DROPOUT), nn.Linear(WIDTH, POSE))

    def forward(self, sound: torch.Tensor, level: torch.Tensor, memory: Memory) -> tuple[torch.Tensor, Memory]:
        """Sound (B, N, ...) and levels of speed (B, N) to coefficients (B, N, POSE) in UNITs, and the memory."""
        x, memory = through(self.blocks, self.hear(sound) + self.levels(level), memory)
        return self.pose(x), memory

    def nothing(self, batch: int = 1) -> Memory:
        """The memory before the first window."""
        return tuple(block.nothing(batch) for block in self.blocks)

    def poses(self, samples: np.ndarray, level: int = LEVELS // 2) -> np.ndarray:
        """Poses (T, 6) to a voice (N,)."""
        frames = len(samples) // HOP
        windows = frames // KNOT + 1
        memory, made = self.nothing(), [torch.zeros(2, POSE)]
        with torch.inference_mode():
            for part in heard(samples, windows)[None].split(MOST, 1):
                coefficients, memory = self(part, torch.full(part.shape[:2], level), memory)
                made.append(coefficients[0])
        return poses_of(torch.cat(made).numpy(), windows * KNOT)[:frames]


def heard(samples: np.ndarray, windows: int) -> torch.Tensor:
    """What the sampler hears of so many windows from the beginning of a voice on, (N, KNOT * BANDS)."""
    mel = relative_log_mel(clip_mel(samples, 1 + FRAMES_AHEAD + (windows - 1) * KNOT)[None])
    return sound_of(mel[:, MELS_PER_FRAME * (1 + FRAMES_AHEAD - KNOT) :])[0]


def regression(clips: list[PoseClip], steps: int = STEPS, seed: int = 0) -> Regression:
    """A regression network that has learned from the people whom the sampler learns from, by mean squared error."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    moving = [c for c in clips if c.speaker not in (*STRANGERS, *STILL, *ELSEWHERE) and len(c.poses) >= MOTION_RATE]
    edges = level_edges(moving)
    chance = shares([clip.speaker for clip in moving], [len(clip.poses) for clip in moving])
    examples = []
    for clip in (one for own in moving for one in (own, own.mirrored)):
        curve = coefficients(clip.poses)
        level = np.digitize(speeds(curve), edges)[1:]
        examples.append((heard(clip.samples, len(level)), torch.from_numpy(level), torch.from_numpy(curve[2:])))
    network = Regression()
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.1)
    for _ in range(steps):
        rows = random.choice(len(examples), BATCH, p=np.repeat(chance, 2) / 2)
        starts = [random.integers(max(1, len(examples[row][1]) - SPAN)) for row in rows]
        cut = [[part[first : first + SPAN] for part in examples[row]] for row, first in zip(rows, starts)]
        sound, level, truth = (pad_sequence(parts, batch_first=True) for parts in zip(*cut))
        made, _ = network(sound, level, network.nothing(BATCH))
        there = pad_sequence([torch.ones(len(parts[1]), 1) for parts in cut], batch_first=True)
        loss = ((made - truth).square() * there).sum() / there.sum() / POSE
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return network.eval()
