"""The sample sentence of assets/, spoken by flite's voice "slt", which says itself that it is not a person."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from vividlib.conventions import SAMPLE_RATE
from vividlib.training.visemes import Phone
from vividlib.training.voices import flite

TEXT = (
    "Hello. This voice is computer generated, and so is the movement of this face. "
    "Both were made by a program, on a laptop."
)
BEFORE, AFTER = 0.1, 0.3  # seconds of silence around what flite leaves itself
LOUDEST = 0.7


def write_sentence(path: Path) -> list[Phone]:
    """Write the sentence as 16-bit wave at SAMPLE_RATE; returns when each of its sounds is heard."""
    samples, phones = flite(TEXT, "slt", stretch=1.05)
    before, after = (np.zeros(int(seconds * SAMPLE_RATE), np.float32) for seconds in (BEFORE, AFTER))
    samples = np.concatenate([before, samples * LOUDEST / np.abs(samples).max(), after])
    soundfile.write(path, samples, SAMPLE_RATE, subtype="PCM_16")
    return [Phone(phone.symbol, phone.start + BEFORE, phone.end + BEFORE) for phone in phones]
