"""What a real mouth does on each sound: forced alignment of known words, and means over prepared clips.

The alignment is pocketsphinx's, for English; the means are what the sizes in `visemes.TARGETS` follow.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pocketsphinx

from vividlib.conventions import ARKIT, MOTION_RATE, SAMPLE_RATE
from vividlib.training import clips
from vividlib.training.synthesize import ARPABET
from vividlib.training.visemes import LEAD, Phone, segments

LETTER_A = "a(2)"  # as in the alphabet, not the article


@cache
def _decoder() -> pocketsphinx.Decoder:
    return pocketsphinx.Decoder(samprate=SAMPLE_RATE, bestpath=False, loglevel="FATAL")


def align(samples: np.ndarray, words: list[str]) -> list[Phone]:
    """When each sound of ``words`` is heard; an empty list where they do not fit the sound.

    Parameters
    ----------
    samples : (N,) float32 in [-1, 1] at SAMPLE_RATE
    words : in lower case; those without a pronunciation make the result empty
    """
    decoder = _decoder()
    if not words or any(decoder.lookup_word(word) is None for word in words):
        return []
    pcm = (np.clip(samples, -1, 1) * 32767).astype(np.int16).tobytes()
    decoder.set_align_text(" ".join(words))
    _decode(decoder, pcm)
    if decoder.hyp() is None:
        return []
    decoder.set_alignment()
    _decode(decoder, pcm)
    alignment = decoder.get_alignment()
    frame = 1 / 100  # seconds
    return [
        Phone(_ipa(phone.name), phone.start * frame, (phone.start + phone.duration) * frame)
        for word in alignment
        for phone in word
    ]


def _decode(decoder: pocketsphinx.Decoder, pcm: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()


def _ipa(name: str) -> str:
    return ARPABET.get(name.lower(), "")


def grid_words(video: Path) -> list[str]:
    """Words of the GRID sentence that a video shows, from the .align file beside it; else none."""
    file = video.with_suffix(".align")
    if not file.exists():
        return []
    words = [line.split()[2] for line in file.read_text().splitlines()]
    return [LETTER_A if word == "a" else word for word in words if word not in ("sil", "sp")]


def phone_means(videos: Path, prepared: Path) -> dict[str, np.ndarray]:
    """Mean blendshapes (52,) in the middle of each class of sounds, over prepared clips of GRID videos."""
    rows: dict[str, list[np.ndarray]] = {}
    for video in sorted(videos.glob("*.mp4")):
        if not clips.exists(prepared, video.stem):
            continue
        clip = clips.load(clips.path(prepared, video.stem))
        for part in segments(align(clip.samples, grid_words(video))):
            frame = round(((part.start + part.end) / 2 - LEAD) * MOTION_RATE)
            if 0 <= frame < len(clip.blendshapes):
                rows.setdefault(part.symbol, []).append(clip.blendshapes[frame])
    return {symbol: np.mean(found, axis=0) for symbol, found in rows.items()}


def print_means(videos: Path, prepared: Path, smallest: float = 0.03) -> None:
    """Print `phone_means` as one line for each class of sounds, without shapes that hardly move."""
    for symbol, mean in phone_means(videos, prepared).items():
        moved = [f"{name}={value:.2f}" for name, value in zip(ARKIT, mean) if value > smallest]
        print(repr(symbol), *moved)
