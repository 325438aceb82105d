"""What is easy: a plain temporal convolution that learns the opening of the lips alone, from the very same clips.

``python -m benchmarks.plain_network CLIPS`` with the clips that `vividlib.training prepare` wrote. Writes
benchmarks/results/plain_network.json: correlations of the opening by clip, as in `benchmarks.audio_to_mesh`, of

- ``plain_network``: six layers, each of which sees as far ahead as back; learned in STEPS steps, six or seven minutes of
  one thread, from the people and sentences that `vividlib.training train` learns from;
- ``plain_network_in_time``: the same, but as far ahead as `speak` and no further;
- ``vividlib``: `speak`;
- ``plain_network_in_time_at_rest``: that, with its mouth at rest where Silero hears nobody, as `speak` rests it;
- ``truth_at_rest_without_voice``: the truth, put to rest likewise.

``vividlib_minus_...`` are differences of these correlations: means over the clips of each speaker, then mean and standard
error over speakers (over clips where there is one speaker alone). Another seed of the plain network is not in that error.
"""

from __future__ import annotations

import argparse
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.audio_to_mesh import groups_of, long_enough, over_clips, performed, rounded, tracked
from benchmarks.common import mean_and_error, write
from vividlib.audio_to_mesh.features import MEL_BANDS, MELS_PER_FRAME, relative_log_mel
from vividlib.audio_to_mesh.network import FRAMES_AHEAD
from vividlib.audio_to_mesh.performance import speak
from vividlib.conventions import MOTION_RATE
from vividlib.head import model
from vividlib.metrics.correlation import correlation
from vividlib.training import clips
from vividlib.training.examples import BATCH, SEAM, WINDOW, clip_mel
from vividlib.types import HeadModel, Speech

STEPS = 6000  # of BATCH examples of WINDOW frames
LAYERS, CHANNELS, TAPS = 6, 128, 5
REACH = LAYERS * (TAPS // 2)  # frames that it sees either side: a quarter of a second
RATE = 1e-3
SCALE = 5.0  # mm that the network calls 1


def network() -> nn.Module:
    """Features (B, MELS_PER_FRAME * MEL_BANDS, T) to openings (B, 1, T)."""
    widths = [MELS_PER_FRAME * MEL_BANDS, *[CHANNELS] * (LAYERS - 1), 1]
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.GELU(), nn.Conv1d(before, after, TAPS, padding="same")]
    return nn.Sequential(*layers[1:])


def heard(clip: clips.Clip, ahead: int) -> torch.Tensor:
    """What the network hears of a clip, (MELS_PER_FRAME * MEL_BANDS, T): late enough to see only so many frames ahead."""
    mel = clip_mel(clip.samples, len(clip.blendshapes)).unsqueeze(0)
    features = relative_log_mel(mel)[0].unflatten(0, (-1, MELS_PER_FRAME)).flatten(1).T
    return F.pad(features, (REACH - ahead, ahead - REACH))


def learned(known: list[clips.Clip], ahead: int, head: HeadModel) -> nn.Module:
    """The network after STEPS of least squares on the clips, end to end in random order; seams do not count."""
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    shuffled = [known[index] for index in random.permutation(len(known))]
    mel = torch.cat([heard(clip, ahead) for clip in shuffled], 1)
    truth = torch.from_numpy(np.concatenate([tracked(clip, head).opening for clip in shuffled])).float() / SCALE
    counts = torch.cat([F.pad(torch.ones(len(clip.voiced) - 2 * SEAM), (SEAM, SEAM)) for clip in shuffled])
    plain = network()
    optimizer = torch.optim.AdamW(plain.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS)
    for _ in range(STEPS):
        windows = [slice(start, start + WINDOW) for start in random.integers(len(truth) - WINDOW, size=BATCH)]
        x, y, weight = (torch.stack([part[..., window] for window in windows]) for part in (mel, truth, counts))
        loss = ((plain(x)[:, 0] - y).square() * weight).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return plain.eval()


def opening_heard(plain: nn.Module, ahead: int, clip: clips.Clip) -> np.ndarray:
    """The opening that the network makes of a clip's voice, (T,) mm."""
    with torch.inference_mode():
        return SCALE * plain(heard(clip, ahead).unsqueeze(0))[0, 0].numpy()


def advantage(
    group: list[clips.Clip], one: list[np.ndarray], other: list[np.ndarray], truth: list[np.ndarray]
) -> dict[str, float]:
    """By how much openings of one correlate more with the truth than those of another, and its standard error."""
    more: dict[str, list[float]] = {}
    for clip, a, b, seen in zip(group, one, other, truth):
        if long_enough(seen):
            more.setdefault(clip.speaker, []).append(correlation(a, seen) - correlation(b, seen))
    each = [np.mean(own) for own in more.values()] if len(more) > 1 else next(iter(more.values()))
    return rounded(mean_and_error(each))


def main() -> None:
    """Run and write benchmarks/results/plain_network.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    given = parser.parse_args()
    head = model.load()
    everyone = {file.stem: clips.load(file) for folder in given.clips for file in sorted(folder.rglob("*.npz"))}
    known = [
        clip for name, clip in everyone.items()
        if clip.tracked and clip.speaker not in clips.HELD_OUT and not clips.is_check(name)
    ]  # fmt: skip
    begun = time.process_time()
    networks = {
        name: (learned(known, ahead, head), ahead)
        for name, ahead in (("plain_network", REACH), ("plain_network_in_time", FRAMES_AHEAD))
    }
    results: dict = {
        "steps": STEPS,
        "parameters_each": sum(part.numel() for part in network().parameters()),
        "processor_minutes_each": round((time.process_time() - begun) / 60 / len(networks), 1),
        "learned_from_seconds": round(sum(clip.voiced.size for clip in known) / MOTION_RATE),
    }
    for name, group in groups_of(everyone).items():
        truth = [tracked(clip, head).opening for clip in group]
        voiced = [clip.voiced[: len(seen)] > 0.5 for clip, seen in zip(group, truth)]
        made = {
            who: [opening_heard(plain, ahead, clip) for clip in group] for who, (plain, ahead) in networks.items()
        }  # fmt: skip
        made["plain_network_in_time_at_rest"] = [
            opening * voice[: len(opening)] for opening, voice in zip(made["plain_network_in_time"], voiced)
        ]
        made |= {
            "vividlib": [performed(speak, Speech(clip.samples), head, len(clip.blendshapes)).opening for clip in group],
            "truth_at_rest_without_voice": [seen * voice for seen, voice in zip(truth, voiced)],
        }
        results[name] = {who: over_clips(list(zip(openings, truth))) for who, openings in made.items()}
        for who in ("plain_network_in_time", "plain_network_in_time_at_rest"):
            results[name][f"vividlib_minus_{who}"] = advantage(group, made["vividlib"], made[who], truth)
    write("plain_network", results)


if __name__ == "__main__":
    main()
