"""Learn what the lips do for each sound from filmed people whose words are known: `visemes.TARGETS`.

The curves of a clip are nearly its sounds' shares of the lips (`visemes.shares`) times the targets, so the targets are
found by least squares, not below 0, drawn towards those written by hand where little was said (ridge regression).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from vividlib.conventions import ARKIT, ARKIT_INDEX
from vividlib.errors import InputError
from vividlib.head import model
from vividlib.training import clips
from vividlib.training.visemes import CLASSES, LIP_ROUNDING, PRIOR, TARGETS_FILE, shares

UNSEEN = ("mouthRoll", "mouthPress")
"""Lips turned in or pressed are hardly seen by the tracker: they stay as written by hand, which checks no worse."""
SHAPES = [
    name
    for name in ARKIT
    if name.startswith(("jaw", "mouth"))
    and not name.startswith(UNSEEN)
    and name not in ("jawLeft", "jawRight", "mouthLeft", "mouthRight")
]
PRIOR_FRAMES = 1000.0  # how many frames of a sound the target written by hand counts for
SIZE = 0.3, 2.0  # by which the shapes of all targets written by hand may be scaled


@dataclass(frozen=True, eq=False)
class _Said:
    """A clip and its sounds."""

    curves: np.ndarray  # T 52
    phones: list


def learn(folders: Iterable[Path], out: Path = TARGETS_FILE) -> tuple[float, float]:
    """Write the targets that fit filmed clips best.

    Parameters
    ----------
    folders : of clips that `prepare` wrote; used are those with known sounds, and not of people held out
    out : a table, a row for each class of sounds

    Returns
    -------
    learned, by_hand : `distance` (mm) on clips not learned from, with these targets and with those written by hand

    Raises
    ------
    InputError
        If sounds are known of no clip.
    """
    learned, checked = _read(folders)
    if not learned or not checked:
        names = ", ".join(map(str, folders))
        raise InputError(f"No filmed clips with known sounds in {names}; run `prepare` on videos with words.")
    targets, by_hand = fit(learned), np.stack([PRIOR[name] for name in CLASSES])
    write_targets(targets, out)
    return distance(checked, targets), distance(checked, by_hand)


def fit(said: list[_Said]) -> np.ndarray:
    """The targets (classes, 52) that explain clips best; silence stays at rest, and left and right alike."""
    prior = np.stack([PRIOR[name] for name in CLASSES]).astype(float)
    sums = {rounding: [np.zeros((len(CLASSES),) * 2), np.zeros((len(CLASSES), len(ARKIT)))] for rounding in (0, 1)}
    for clip in said:
        for (gram, moment), weights in zip(sums.values(), shares(clip.phones, len(clip.curves))):
            gram += weights.T @ weights
            moment += weights.T @ clip.curves
    targets, sounding = prior.copy(), [row for row, name in enumerate(CLASSES) if name]
    for column in [ARKIT_INDEX[name] for name in SHAPES]:
        gram, moment = (part[sounding] for part in sums[column in LIP_ROUNDING])
        gram, moment, own = gram[:, sounding], moment[:, column], prior[sounding, column]
        power = own @ gram @ own
        size = np.clip(own @ moment / power, *SIZE) if power > 0 else 1.0
        root = np.linalg.cholesky(gram + PRIOR_FRAMES * np.eye(len(sounding)))
        targets[sounding, column], _ = nnls(root.T, np.linalg.solve(root, moment + PRIOR_FRAMES * size * own))
    return np.clip(targets, 0, 1)


def write_targets(targets: np.ndarray, out: Path) -> None:
    """Write a table with a row for each class of sounds and a column for each shape that moves, both sides as one."""
    names = {name: name.removesuffix("Left") for name in ARKIT if not name.endswith("Right")}
    moving = [name for name in names if targets[:, ARKIT_INDEX[name]].max() > 0.005]
    with open(out, "w", encoding="utf8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["sound", *(names[name] for name in moving)])
        for symbol, row in zip(CLASSES, targets):
            table.writerow([symbol, *(f"{row[ARKIT_INDEX[name]]:.3f}".rstrip("0").rstrip(".") for name in moving)])


def _read(folders: Iterable[Path]) -> tuple[list[_Said], list[_Said]]:
    """Clips with known sounds: those to learn from, and those to check with."""
    found: tuple[list[_Said], list[_Said]] = [], []
    for file in clips.files(folders):
        clip = clips.load(file)
        if clip.tracked and clip.phones and clip.speaker not in clips.HELD_OUT:
            found[clips.is_check(file.stem)].append(_Said(_symmetric(clip.blendshapes), list(clip.phones)))
    return found


def _symmetric(curves: np.ndarray) -> np.ndarray:
    """Curves (T 52) with the mean of left and right on both sides."""
    other = [ARKIT_INDEX.get(_mirrored(name), column) for column, name in enumerate(ARKIT)]
    return (curves + curves[:, other]) / 2


def _mirrored(name: str) -> str:
    return name.replace("Left", "Right") if "Left" in name else name.replace("Right", "Left")


def distance(said: list[_Said], targets: np.ndarray) -> float:
    """Mean distance of lip vertices from those filmed, mm."""
    head = model.load()
    moves = np.reshape(1000 * head.blendshapes[:, head.lips], (len(ARKIT), -1))
    moves[[column for column, name in enumerate(ARKIT) if name not in SHAPES]] = 0
    errors = []
    for clip in said:
        others, rounding = shares(clip.phones, len(clip.curves))
        made = others @ targets
        made[:, LIP_ROUNDING] = rounding @ targets[:, LIP_ROUNDING]
        off = ((made - clip.curves) @ moves).reshape(len(made), -1, 3)
        errors.append(np.linalg.norm(off, axis=2).mean(1))
    return float(np.concatenate(errors).mean())
