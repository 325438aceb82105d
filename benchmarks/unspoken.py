"""Sounds that are no speech: what a mouth should not chatter to, none of them heard in training."""

from __future__ import annotations

import numpy as np

from vividlib.conventions import SAMPLE_RATE
from vividlib.training import negatives
from vividlib.types import Speech

SEED = 1  # training uses 0
TAKES = 2  # of each kind of noise
STEADY = (-60, -40, -20)  # dB of full scale


def sounds() -> dict[str, Speech]:
    """Music by instruments and noises of kinds that are held out, other takes of the other kinds, and steady noise."""
    pieces = [f"music_{number:02}" for number in range(negatives.HELD_OUT_PIECES)]
    made = {"music, instruments held out": joined(pieces, held_out=True)}
    for kinds, held_out in ((negatives.HELD_OUT_NOISES, True), (negatives.NOISES, False)):
        for kind in kinds:
            takes = [f"noise_{kind}_{take}" for take in range(TAKES)]
            made[f"{kind}, {'a kind held out' if held_out else 'other takes'}"] = joined(takes, held_out)
    pink = negatives.coloured(np.random.default_rng(SEED), round(negatives.TAKE * SAMPLE_RATE), 1)
    made |= {f"pink noise at {level} dB": (pink * 10 ** (level / 20)).astype(np.float32) for level in STEADY}
    return {name: Speech(samples) for name, samples in made.items()}


def joined(names: list[str], held_out: bool) -> np.ndarray:
    """One after the other, (N,) float32."""
    return np.concatenate([negatives.sound(name, SEED, held_out) for name in names])
