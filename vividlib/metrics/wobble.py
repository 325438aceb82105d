"""Border wobble: how strongly the flow changes across the edge of a person.

Where it changes there, hair and skin are stretched or squeezed along the outline, differently in each frame, and the
outline is seen to swim. The measure is the gradient of the flow, as a difference of neighbouring pixels: what the
smoothness constraint of optical flow keeps small everywhere (Horn and Schunck, "Determining optical flow", 1981), taken
where a viewer looks. A flow that carries person and surroundings along has 0. A head that rolls by an angle a has
2 sin(a / 2) without any fault: 0.17 at 10 degrees.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

NEIGHBOURS = (np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])
"""A pixel and the one above it, a pixel and the one left of it."""


class Wobble(NamedTuple):
    """Gradients of the flow across the edge, in px per px."""

    p95: float  # 95th percentile over pairs of pixels and frames
    most: float  # where the outline of the head parts from what is behind it, a flow jumps by right


def border_wobble(frames: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Wobble:
    """Length of the flow's jump between neighbouring pixels of which one is the person's and one is not.

    Parameters
    ----------
    frames
        Of each frame, one at a time: flow (H W 2, px), where the person is in the frame (H W bool), and the pixels that
        are shown by way of the flow (H W bool): others do not count.

    Raises
    ------
    ValueError
        If no frame shows an edge.
    """
    jumps = [jump for frame in frames for jump in _jumps(*frame)]
    if not sum(map(len, jumps)):
        raise ValueError("No frame shows an edge of the person; check the mask, and which pixels count.")
    jumps = np.concatenate(jumps)
    return Wobble(float(np.quantile(jumps, 0.95)), float(jumps.max()))


def _jumps(flow: np.ndarray, person: np.ndarray, shown: np.ndarray):
    for one, other in NEIGHBOURS:
        edge = (person[one] != person[other]) & shown[one] & shown[other]
        yield np.linalg.norm(flow[one][edge] - flow[other][edge], axis=-1)
