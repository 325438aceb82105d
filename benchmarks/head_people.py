"""What real people have beyond MakeHuman's: ``python -m benchmarks.head_people CLIPS vividlib/head/people.npz``.

Then build the head again. CLIPS is a folder of videos; those in one of its folders show one person.

The neutral face of each person is found from many frames at once. Its landmarks are taken for a sum of two Gaussians,
what MakeHuman's people differ by and a smooth field (a Gaussian process, as in Luethi et al., Gaussian Process
Morphable Models, 2018), seen through pose and expression, which are solved again once the face is known better. The
smooth parts of all people and their mirror images are then brought to principal components: no single person's are
kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from vividlib.conventions import LIPS
from vividlib.head import people
from vividlib.head.build import build
from vividlib.head.model import landmarks_of, person, twins
from vividlib.media.video import read_video
from vividlib.reconstruction.landmarks import detect
from vividlib.reconstruction.solve import EYES, OVAL, Solution, solve
from vividlib.training.clips import videos_of
from vividlib.types import HeadModel

VIDEOS, FRAMES = 8, 24
"""Of each person, at most."""

SMOOTH = 0.0012
"""Standard deviation of the smooth field, metres."""

NOISE = 0.0012
"""Metres by which a landmark of weight 1 strays in one frame."""

ALIKE = 4
"""Frames that count as one, as what is wrong with the expression of one is wrong with others."""

ROUNDS = 3
COMPONENTS = 40

WIDER = 2.0
"""What is found is the mean of what it may have been, which varies less than people do. Learned from half of the
people, 2 left hardly less than 1.5 of the neutral faces of the others, and 1 more; more than 2 was not tried."""


def faces(paths: list[Path]) -> np.ndarray:
    """Landmarks (T 478 3), uncorrected, of frames spread over the videos of one person."""
    found = []
    for path in paths:
        video = read_video(path)
        wanted = np.linspace(0, video.frames - 1, FRAMES // len(paths) + 2).astype(int)[1:-1]
        for number, (_, image) in enumerate(video):
            if number in wanted:
                found += detect(image)[:1]
    return np.array(found)


class Prior:
    """How the landmarks (468, 3) of neutral faces differ from the template's."""

    def __init__(self, head: HeadModel):
        self.spread = people.Spread(head)
        known = landmarks_of(head, head.identity_basis)[:, : people.LANDMARKS].reshape(len(head.identity_basis), -1)
        self.smooth = SMOOTH**2 * np.kron(self.spread.covariance, np.eye(3))
        self.precision = np.linalg.inv(known.T.astype(float) @ known + self.smooth + 1e-10 * np.eye(len(self.smooth)))
        stray = np.full(478, 1.6)
        for loop in (*LIPS, *EYES):
            stray[loop] = 1.0
        stray[OVAL] = 4.0  # the outline slides over the skin
        self.weight = 1 / (NOISE * stray[: people.LANDMARKS]) ** 2 / ALIKE

    def posterior(self, before: np.ndarray, fit: Solution) -> np.ndarray:
        """The most likely displacements, given what is left of a fit to a face with those ``before``."""
        planes = fit.rotation[:, :2]  # T 2 3: of the images, in head space
        left = fit.residual[:, : people.LANDMARKS] * [1, -1] / fit.scale[:, None, None]
        hold = np.einsum("tki,tkj->ij", planes, planes)
        pull = self.weight[:, None] * (np.einsum("tlk,tki->li", left, planes) + before @ hold)
        return np.linalg.solve(self.precision + np.kron(np.diag(self.weight), hold), pull.ravel()).reshape(-1, 3)

    def beyond(self, displacements: np.ndarray) -> np.ndarray:
        """The smooth part of displacements."""
        return (self.smooth @ (self.precision @ displacements.ravel())).reshape(-1, 3)


def neutral(head: HeadModel, prior: Prior, landmarks: np.ndarray) -> np.ndarray:
    """Displacements of a person's landmarks (468, 3) from the template, from frames (T 478 3 px)."""
    face = person(head, solve(head, landmarks).identity)
    moved = landmarks_of(head, face - head.template)[: people.LANDMARKS]
    for _ in range(ROUNDS):
        moved = prior.posterior(moved, solve(head, landmarks, face))
        face = head.template + prior.spread(moved)
    return moved


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path)
    parser.add_argument("components", type=Path)
    options = parser.parse_args()
    head = build(np.zeros((0, people.LANDMARKS, 3)))
    prior, found = Prior(head), []
    for name, paths in videos_of(options.clips, VIDEOS).items():
        landmarks = faces(paths)
        if len(landmarks):
            found.append(prior.beyond(neutral(head, prior, landmarks)))
            print(f"{name}: {len(landmarks)} frames, RMS {1000 * np.sqrt((found[-1] ** 2).mean()):.2f} mm", flush=True)
    twin = twins(landmarks_of(head, head.template))[: people.LANDMARKS]
    everybody = np.concatenate([found, np.array(found)[:, twin] * [-1, 1, 1]])
    _, sizes, ways = np.linalg.svd(everybody.reshape(len(everybody), -1), full_matrices=False)
    components = WIDER * sizes[:COMPONENTS, None] / np.sqrt(len(everybody)) * ways[:COMPONENTS]
    people.save(components.reshape(-1, people.LANDMARKS, 3), options.components)
    share = (sizes[:COMPONENTS] ** 2).sum() / (sizes**2).sum()
    print(f"{len(found)} people: {len(components)} components, {100 * share:.1f} % of their variance")


if __name__ == "__main__":
    main()
