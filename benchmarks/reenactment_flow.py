"""What optical flow would add to reenactments, and what of it hangs on the head: ``python -m benchmarks.reenactment_flow FOLDER``.

FOLDER as for `benchmarks.reenactment`, the same people and frames, but for people of whom fewer than LEAST are left. Frames
of photo and mesh alone are moved on towards the real ones by dense optical flow (Kroeger et al., "Fast optical flow using
dense inverse search", ECCV 2016), which sees these: nothing that draws from a photo and a motion can know it. What of it
hangs on turn and shift of the head is estimated by ridge regression at each of GRID by GRID places of the square about the
head. Writes benchmarks/results/reenactment_flow.json, dB of the square and of what the mesh of the head covers:

- ``analytic``: photo and mesh alone
- ``told``: moved by all of the flow; ``told_on_the_head`` and ``told_beside``: by its part there
- ``as_others_move``: by what 6 numbers of the head's motion make of the flow in the other people
- ``as_the_clip_moves``: and in the other frames, at most seven, of this very clip
- ``gain``: of each over ``analytic``, mean and standard error over people
- ``beside``: share of the squared error that lies beside the mesh of the head
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from benchmarks.common import mean_and_error, write
from benchmarks.reenactment import known, people, posed, summary
from vividlib.geometry.raster import warp
from vividlib.head.model import load
from vividlib.mesh_to_video.composite import composite
from vividlib.mesh_to_video.patch import SIDE
from vividlib.metrics.psnr import psnr
from vividlib.types import HeadModel

SMOOTH = 4  # px, standard deviation
GRID = 32  # places along the square
ONE = np.repeat([0.1, 0.02], 3)  # radians and metres that count as one
LEAST = 5  # frames of a clip
RIDGE = 0.3  # beside one frame that has moved by ONE
LARGE = 2.0  # px of flow, root mean square, from which a frame counts for less


class Frame(NamedTuple):
    """A driven frame, the real one, and the flow between them."""

    here: tuple[np.ndarray, np.ndarray]  # of the square, what the picture shows
    made: np.ndarray  # h w 3 uint8
    truth: np.ndarray  # h w 3 uint8
    head: np.ndarray  # h w bool
    flow: np.ndarray  # h w 2 px, from a pixel of the real frame to the made one's
    move: np.ndarray  # 6, in ONEs
    places: np.ndarray  # GRID*GRID 2 px, the flow at places of the whole square
    weight: np.ndarray  # GRID*GRID, how much of each place the picture shows; less where all flows much


def frames_of(clip: Path, head: HeadModel) -> list[Frame]:
    """Those of `benchmarks.reenactment` that are spread over a clip."""
    shown = posed(clip, head)
    finder = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    found = []
    for n in shown.some:
        made, truth = shown.patch(composite(shown.scene.layers, shown.drawn[n])), shown.truths[n]
        greys = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (truth, made))
        flow = cv2.GaussianBlur(finder.calc(*greys, None), (0, 0), SMOOTH)
        there = np.zeros((SIDE, SIDE, 3), np.float32)
        there[shown.here] = np.dstack([flow, np.ones(flow.shape[:2])])
        there = cv2.resize(there, (GRID, GRID), interpolation=cv2.INTER_AREA).reshape(-1, 3)
        places, part = there[:, :2] / np.maximum(there[:, 2:], 1e-6), there[:, 2]
        much = np.sqrt((flow**2).sum(-1).mean())
        move = shown.moves[n] / ONE
        found.append(Frame(shown.here, made, truth, shown.heads[n], flow, move, places, part / max(1, much / LARGE)))
    return found


def learned(groups: list[list[Frame]]) -> np.ndarray:
    """What each of the 6 numbers of a move makes of the flow at each place (GRID*GRID 6 2); every group counts alike."""
    frames = [(one, 1 / len(group)) for group in groups for one in group]
    moves = np.stack([one.move for one, _ in frames])
    places, weights = np.stack([one.places for one, _ in frames]), np.stack([one.weight * w for one, w in frames])
    squares = np.einsum("fp,fi,fj->pij", weights, moves, moves)
    products = np.einsum("fp,fi,fpc->pic", weights, moves, places)
    return np.linalg.solve(squares + RIDGE * np.mean([w for _, w in frames]) * np.eye(6), products)


def told(frame: Frame, learned_map: np.ndarray) -> np.ndarray:
    """The flow (h w 2 px) that a map as from `learned` gives a frame."""
    flow = np.einsum("i,pic->pc", frame.move, learned_map).reshape(GRID, GRID, 2).astype(np.float32)
    return cv2.resize(flow, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)[frame.here]


def figures(frame: Frame, others: np.ndarray, own: np.ndarray) -> dict[str, dict[str, float]]:
    """PSNR of a frame, way by way, from the maps of others and of the clip."""
    on_head = frame.head[..., None]
    flows = {
        "analytic": 0 * frame.flow,
        "told": frame.flow,
        "told_on_the_head": frame.flow * on_head,
        "told_beside": frame.flow * ~on_head,
        "as_others_move": told(frame, others),
        "as_the_clip_moves": told(frame, own),
    }
    found = {}
    for way, flow in flows.items():
        picture = warp(frame.made, flow.astype(np.float32))
        found[way] = {"psnr": psnr(picture, frame.truth), "psnr_head": psnr(picture, frame.truth, frame.head)}
    error = np.square(frame.made.astype(float) - frame.truth).sum(-1)
    return found | {"beside": {"share": error[~frame.head].sum() / error.sum()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    head = load()
    clips = people(parser.parse_args().folder)
    seen = {person: [frames_of(clip, head) for clip in own] for person, own in clips.items()}
    seen = {person: kept for person, own in seen.items() if (kept := [clip for clip in own if len(clip) >= LEAST])}
    each = {}
    for person, own in seen.items():
        others = learned([[one for clip in clips for one in clip] for name, clips in seen.items() if name != person])
        rows = []
        for clip in own:
            rest = [[one for one in clip if one is not frame] for frame in clip]
            rows.append(summary([figures(frame, others, learned([more])) for frame, more in zip(clip, rest)]))
        each[person] = summary(rows)
        print(person, each[person], flush=True)
    gains = {
        way: known(mean_and_error([of[way]["psnr"] - of["analytic"]["psnr"] for of in each.values()]))
        for way in next(iter(each.values())) if way not in ("analytic", "beside")
    }  # fmt: skip
    write(
        "reenactment_flow",
        {
            "people": len(each),
            "mean": {way: known(of) for way, of in summary(list(each.values())).items()},
            "gain": gains,
            "each": {person: {way: known(of) for way, of in ways.items()} for person, ways in each.items()},
        },
    )


if __name__ == "__main__":
    main()
