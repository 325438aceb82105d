"""How well the identity basis spans real faces: ``python -m benchmarks.head_identity FOLDER [--head HEAD]``.

Each portrait of the folder is fitted with pose, camera, expression and the identity coefficients alone, before
the neutral shape is refined freely. Reported is what is left between detected and projected landmarks (RMS
over the face without its outline and without the irises, as a share of the distance between the pupils):

- ``fit``: as `vividlib.reconstruction.solve` leaves it, which trusts lips and lids more than cheeks, weighs
  depth, and prices identity highly, so that it does not take over what is expression;
- ``span``: what the basis can do: pose and identity solved once more, on the same expression, with every
  landmark alike and coefficients priced as 1 mm of noise asks for.

Writes benchmarks/results/head_identity.json.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.common import write
from vividlib.errors import VividError
from vividlib.head.model import landmarks_of, load
from vividlib.media.image import load_image
from vividlib.reconstruction.landmarks import find_portrait
from vividlib.reconstruction.solve import LEFT_IRIS, NOISE, OVAL, RIGHT_IRIS, Solution, solve
from vividlib.types import HeadModel

INNER = np.setdiff1d(np.arange(468), OVAL)
TARGET = 0.015


def portraits(folder: Path) -> dict[str, np.ndarray]:
    """Detected landmarks (478, 3) px of every picture that shows a face, by name."""
    found = {}
    for path in sorted(folder.iterdir()):
        try:
            found[path.stem] = find_portrait(load_image(path)).landmarks
        except VividError as error:
            print(f"{path.stem}: {error}", flush=True)
    return found


def span(head: HeadModel, fit: Solution) -> tuple[np.ndarray, np.ndarray]:
    """What is left (N 2 px) when pose and identity (K) are solved with all landmarks alike."""
    turn, scale = fit.rotation[0], fit.scale[0]

    def seen(directions):  # D 478 3, head space, to 2 N by D, px
        return ((directions @ turn.T)[:, INNER, :2] * [1, -1] * scale).reshape(len(directions), -1).T

    people = landmarks_of(head, head.identity_basis).astype(float)
    points = landmarks_of(head, head.template).astype(float) + np.tensordot(fit.identity, people, 1)
    pose = [np.cross(axis, points) for axis in np.eye(3)] + [points]
    pose += [np.broadcast_to(axis, points.shape) for axis in np.eye(3)[:2]]
    system = np.hstack([seen(people), seen(np.array(pose))])
    wanted = fit.residual[0, INNER].ravel() + seen(people) @ fit.identity
    price = np.concatenate([np.full(len(people), (NOISE * scale) ** 2), np.full(len(pose), 1e-9)])
    solved = np.linalg.solve(system.T @ system + np.diag(price), system.T @ wanted)
    return (wanted - system @ solved).reshape(-1, 2), solved[: len(people)]


def rms(offsets: np.ndarray) -> float:
    return float(np.sqrt((offsets**2).sum(1).mean()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="pictures of faces")
    parser.add_argument("--head", type=Path, help="another head; default: the library's own")
    options = parser.parse_args()
    head = load(options.head)
    results = {}
    for name, landmarks in portraits(options.folder).items():
        fit = solve(head, landmarks[None])
        left, identity = span(head, fit)
        eyes = np.linalg.norm(landmarks[LEFT_IRIS, :2] - landmarks[RIGHT_IRIS, :2])
        results[name] = {
            "fit": round(rms(fit.residual[0, INNER]) / eyes, 4),
            "span": round(rms(left) / eyes, 4),
            "identity_rms": round(float(np.sqrt((identity**2).mean())), 2),
        }
    summary = {"portraits": len(results)}
    for measure in ("fit", "span"):
        errors = np.array([result[measure] for result in results.values()])
        summary[measure] = {
            "median": round(float(np.median(errors)), 4),
            "quantiles_10_90": np.quantile(errors, [0.1, 0.9]).round(4).tolist(),
            "within_target": round(float((errors < TARGET).mean()), 3),
        }
    write("head_identity", {"summary": summary, "portraits": results})


if __name__ == "__main__":
    main()
