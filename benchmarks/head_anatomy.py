"""Whether the head holds together in motion: ``python -m benchmarks.head_anatomy [SPEECH]``.

For every detail: each of the 52 shapes at four amounts, and 200 mixtures: half from what `vividlib.speak` makes
of SPEECH (default: the demo's voice), half of two random visemes with some emotion. Counts folded triangles,
how deep lips and lids enter themselves, and how far the lips gape or lap; with and without what `deform` does
about blinks. Writes benchmarks/results/head_anatomy.json.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import vividlib as vv
from benchmarks.common import ROOT, measure, write
from vividlib.conventions import ARKIT, ARKIT_INDEX
from vividlib.head import model, soundness
from vividlib.head.visemes import VISEMES, mixture

MIXTURES = 200
EMOTION = ("mouthSmile", "mouthFrown", "mouthPress", "mouthDimple", "cheekSquint", "eyeSquint", "browDown")


def mixtures(voice: Path) -> np.ndarray:
    """Blendshapes (MIXTURES, 52)."""
    random = np.random.default_rng(0)
    spoken = vv.speak(voice).blendshapes
    rows = list(spoken[random.choice(len(spoken), MIXTURES // 2, replace=False)])
    while len(rows) < MIXTURES:
        first, second = random.choice(list(VISEMES), 2, replace=False)
        share = random.uniform()
        row = mixture({first: share, second: 1 - share})
        amounts = {name: random.uniform(0, 0.4) for name in random.choice(EMOTION, 2, replace=False)}
        amounts["eyeBlink"] = random.uniform()
        for name, amount in amounts.items():
            for side in ("Left", "Right"):
                row[ARKIT_INDEX[name + side]] = max(row[ARKIT_INDEX[name + side]], amount)
        rows.append(row)
    return np.array(rows)


def singles() -> dict[str, np.ndarray]:
    """Each shape at four amounts; mouthClose with as much jawOpen, without which it means nothing."""
    amounts = np.array([0.25, 0.5, 0.75, 1.0], np.float32)
    rows = {name: amounts[:, None] * np.eye(len(ARKIT), dtype=np.float32)[index] for index, name in enumerate(ARKIT)}
    rows["mouthClose"] = rows["mouthClose"] + rows["jawOpen"]
    return rows


def judge(head, zones: dict, faces: np.ndarray) -> dict[str, float]:
    """The worst of some faces (T, V, 3); lengths in millimetres."""
    found = {}
    for name, zone in zones.items():
        folds = np.array([soundness.folds(zone, face) for face in faces])
        found[f"{name}_folded"] = int((folds > 0).sum())
        found[f"{name}_most_folds"] = int(folds.max())
        found[f"{name}_crossing_mm"] = round(1e3 * max(soundness.crossing(zone, face) for face in faces), 2)
    found["lips_lap_mm"] = round(1e3 * max(soundness.lip_gap(head, face)[1] for face in faces), 2)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("speech", type=Path, nargs="?", default=ROOT / "assets" / "speech.wav")
    rows = mixtures(parser.parse_args().speech)
    results = {}
    for detail in model.DETAILS:
        head = model.load(detail=detail)
        zones = {name: soundness.zone(head, name) for name in ("lips", "eyelids_left")}
        plain = head.template + np.tensordot(rows, head.blendshapes, 1)
        alone = {name: judge(head, zones, model.deform(head, head.template, some)) for name, some in singles().items()}
        results[detail] = {
            "vertices": len(head.template),
            "rest": judge(head, zones, head.template[None]),
            "mixtures": judge(head, zones, model.deform(head, head.template, rows)),
            "mixtures_on_a_rig_that_only_adds": judge(head, zones, plain),
            "shapes_with_folds": [
                name for name, found in alone.items() if found["lips_folded"] + found["eyelids_left_folded"]
            ],
            "worst_crossing_mm": max(
                max(found["lips_crossing_mm"], found["eyelids_left_crossing_mm"]) for found in alone.values()
            ),
            "deform": measure(lambda head=head: model.deform(head, head.template, rows[0], np.zeros((2, 2))), 100),
        }
    write("head_anatomy", results)


if __name__ == "__main__":
    main()
