"""Where MediaPipe sees the landmarks of people, beside where it sees them on renders of the head.

``python -m benchmarks.head_offsets CLIPS vividlib/head/landmark_offsets.csv``; then build the head again.

CLIPS is a folder of videos; those in one of its folders show one person. Three frames of at most three
videos of each person are fitted, to the landmarks as MediaPipe gives them, uncorrected. The mean over people of what is
left at each landmark, in head space and left and right alike, is added to the offsets that the file already holds
(millimetres: x, y).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from vividlib.conventions import LIPS
from vividlib.head.model import landmarks_of, load, twins
from vividlib.reconstruction.landmarks import detect
from vividlib.reconstruction.solve import EYES, OVAL, solve
from vividlib.training.clips import frames_of

VIDEOS, FRAMES = 3, (8, 49, 90)
"""Of each person at most, and the numbers of the frames that are used of each."""

STILL = np.unique(np.concatenate([LIPS[1], *EYES, OVAL, range(468, 478)]))
"""Landmarks that lie on lines of the mesh, or on no fixed place of the skin."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path)
    parser.add_argument("offsets", type=Path)
    options = parser.parse_args()
    head, left = load(), {}
    for person, image in frames_of(options.clips, VIDEOS, FRAMES):
        for landmarks in detect(image)[:1]:
            fit = solve(head, landmarks[None])
            in_plane = np.column_stack([fit.residual[0] * [1, -1] / fit.scale[0], np.zeros(478)])
            left.setdefault(person, []).append(in_plane @ fit.rotation[0])
    mean = np.mean([np.mean(person, 0) for person in left.values()], 0)
    mean = (mean + mean[twins(landmarks_of(head, head.template))] * [-1, 1, 1]) / 2
    mean[STILL] = 0
    known = np.loadtxt(options.offsets, delimiter=",") if options.offsets.exists() else 0
    np.savetxt(options.offsets, known + 1000 * mean[:, :2], "%.2f", ",")
    print(f"{len(left)} people: RMS {1000 * np.sqrt((mean**2).sum(1).mean()):.2f} mm")


if __name__ == "__main__":
    main()
