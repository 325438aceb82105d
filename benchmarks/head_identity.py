"""How well the identity basis spans real faces: ``python -m benchmarks.head_identity FOLDER [CLIPS]``.

Each portrait of the folder is fitted with pose, camera, expression and the identity coefficients alone, before
the neutral shape is refined freely. Reported is what is left between detected and projected landmarks (RMS
over the face without its outline and without the irises, as a share of the distance between the pupils):

- ``fit``: as `vividlib.reconstruction.solve` leaves it, which trusts lips and lids more than cheeks, weighs
  depth, and prices identity highly, so that it does not take over what is expression;
- ``span``: what the basis can do: pose and identity solved once more, on the same expression, with every
  landmark alike and coefficients priced as 1 mm of noise asks for.

With CLIPS, the videos that benchmarks/head_people.py learned from, the same for three frames of each person there: were
those people fitted better than the portraits, which the build never sees, the basis would have learned them by heart.

``--groups FILE``, {picture: [what a viewer would say of it, ...]} in JSON, adds the figures of each group of at least
four; only these are kept.

Writes benchmarks/results/head_identity.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np

from benchmarks.common import write
from benchmarks.head_offsets import FRAMES, VIDEOS
from vividlib.errors import VividError
from vividlib.head.model import landmarks_of, load
from vividlib.reconstruction.confidence import INSIDE
from vividlib.reconstruction.landmarks import find_portrait
from vividlib.reconstruction.solve import LEFT_IRIS, NOISE, RIGHT_IRIS, Solution, solve
from vividlib.training.clips import frames_of
from vividlib.training.landmarks import pictures
from vividlib.types import HeadModel

TARGET = 0.015
SMALLEST_GROUP = 4


def faces(named: Iterable[tuple[str, np.ndarray]]) -> Iterator[tuple[str, np.ndarray]]:
    """Name and landmarks (478, 3) px of every picture that shows one face."""
    for name, image in named:
        try:
            landmarks = find_portrait(image).landmarks
        except VividError as error:
            print(f"{name}: {error}", flush=True)
            continue
        yield name, landmarks


def span(head: HeadModel, fit: Solution) -> tuple[np.ndarray, np.ndarray]:
    """What is left (N 2 px) when pose and identity (K) are solved with all landmarks alike."""
    turn, scale = fit.rotation[0], fit.scale[0]

    def seen(directions):  # D 478 3, head space, to 2 N by D, px
        return ((directions @ turn.T)[:, INSIDE, :2] * [1, -1] * scale).reshape(len(directions), -1).T

    people = landmarks_of(head, head.identity_basis).astype(float)
    points = landmarks_of(head, head.template).astype(float) + np.tensordot(fit.identity, people, 1)
    pose = [np.cross(axis, points) for axis in np.eye(3)] + [points]
    pose += [np.broadcast_to(axis, points.shape) for axis in np.eye(3)[:2]]
    system = np.hstack([seen(people), seen(np.array(pose))])
    wanted = fit.residual[0, INSIDE].ravel() + seen(people) @ fit.identity
    price = np.concatenate([np.full(len(people), (NOISE * scale) ** 2), np.full(len(pose), 1e-9)])
    solved = np.linalg.solve(system.T @ system + np.diag(price), system.T @ wanted)
    return (wanted - system @ solved).reshape(-1, 2), solved[: len(people)]


def rms(offsets: np.ndarray) -> float:
    return float(np.sqrt((offsets**2).sum(1).mean()))


def measure(head: HeadModel, landmarks: np.ndarray) -> dict[str, float]:
    """``fit``, ``span`` and the RMS of the identity coefficients of one face (478, 3)."""
    fit = solve(head, landmarks[None])
    left, identity = span(head, fit)
    eyes = np.linalg.norm(landmarks[LEFT_IRIS, :2] - landmarks[RIGHT_IRIS, :2])
    return {
        "fit": round(rms(fit.residual[0, INSIDE]) / eyes, 4),
        "span": round(rms(left) / eyes, 4),
        "identity_rms": round(float(np.sqrt((identity**2).mean())), 2),
    }


def summary(measured: list[dict[str, float]]) -> dict:
    """How many faces, and the distribution of both measures over them."""
    result: dict = {"faces": len(measured)}
    for name in ("fit", "span"):
        errors = np.array([face[name] for face in measured])
        result[name] = {
            "median": round(float(np.median(errors)), 4),
            "quantiles_10_90": np.quantile(errors, [0.1, 0.9]).round(4).tolist(),
            "within_target": round(float((errors < TARGET).mean()), 3),
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="pictures of faces")
    parser.add_argument("clips", type=Path, nargs="?", help="videos that the basis was learned from")
    parser.add_argument("--groups", type=Path, help="what a viewer would say of each picture (JSON)")
    parser.add_argument("--head", type=Path, help="another head; default: the library's own")
    options = parser.parse_args()
    head = load(options.head)
    each = {name: measure(head, landmarks) for name, landmarks in faces(pictures(options.folder))}
    results = {"summary": summary(list(each.values()))}
    if options.clips:
        known = faces(frames_of(options.clips, VIDEOS, FRAMES))
        results["people_learned_from"] = summary([measure(head, landmarks) for _, landmarks in known])
    if options.groups:
        said = json.loads(options.groups.read_text("utf-8"))
        groups = {
            group: [each[name] for name in each if group in said.get(name, ())] for group in chain(*said.values())
        }
        results["groups"] = {
            group: summary(faces) for group, faces in sorted(groups.items()) if len(faces) >= SMALLEST_GROUP
        }
    write("head_identity", results | {"portraits": each})


if __name__ == "__main__":
    main()
