"""Eyes that live: blinks, saccades and fixations, and eyes that stay on the viewer while the head turns.

Blinks: 15 to 20 a minute in conversation, closing in about 0.1 s and opening more slowly (Bentivoglio et
al. 1997; VanderWerf et al. 2003). Gaze while talking: Lee, Badler and Badler, "Eyes alive" (2002).
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from vividlib.conventions import MOTION_RATE

FIRST_BLINK = 0.5  # seconds: nobody begins with closed eyes
BLINK_GAP = 3.2  # seconds, mean time from one blink's end to the next
SHORTEST_GAP = 0.7  # seconds
CLOSING, CLOSED, OPENING = 0.12, 0.04, 0.26  # seconds

FIXATION = 1.1  # seconds, median
AWAY = np.radians([2.6, 1.4])  # standard deviation of where eyes wander: yaw, pitch
AT_VIEWER = 0.55  # share of fixations that meet the viewer's eyes
SACCADE = 0.06  # seconds


def blinks(frames: int, random: np.random.Generator) -> np.ndarray:
    """How closed the lids are, (frames,) float32 in [0, 1]."""
    times = np.arange(frames) / MOTION_RATE
    lids = np.zeros(frames, np.float32)
    # Gaps are gamma distributed: neither clockwork nor bursts.
    start = FIRST_BLINK + random.gamma(2.0, (BLINK_GAP - SHORTEST_GAP) / 2)
    while start + CLOSING + CLOSED + OPENING < frames / MOTION_RATE:
        knots = start + np.cumsum([0, CLOSING, CLOSED, OPENING])
        lid = np.interp(times, knots, [0, 1, 1, 0])
        lids = np.maximum(lids, lid * lid * (3 - 2 * lid))
        start = knots[-1] + SHORTEST_GAP + random.gamma(2.0, (BLINK_GAP - SHORTEST_GAP) / 2)
    return lids.astype(np.float32)


def wander(frames: int, random: np.random.Generator) -> np.ndarray:
    """Where the eyes look as seen from the resting head: yaw, pitch (frames, 2) radians.

    They rest on the viewer, at zero, at first and for about half of the time.
    """
    times = np.arange(frames) / MOTION_RATE
    starts, points = [0.0], [np.zeros(2)]
    while starts[-1] < frames / MOTION_RATE:
        starts.append(starts[-1] + FIXATION * random.lognormal(0, 0.45))
        away = random.normal(size=2) * AWAY
        points.append(np.zeros(2) if random.random() < AT_VIEWER else away)
    knots = np.column_stack([np.array(starts[1:]), np.array(starts[1:]) + SACCADE]).ravel()
    held = np.repeat(points, 2, axis=0)[1:-1]
    return np.column_stack([np.interp(times, knots, held[:, axis]) for axis in range(2)])


def stay_on_target(target: np.ndarray, head_rotation: np.ndarray) -> np.ndarray:
    """Turn the eyes against the head so that they stay on their target (the vestibulo-ocular reflex).

    Parameters
    ----------
    target : (T, 2) yaw, pitch in radians, seen from the resting head
    head_rotation : (T, 4) quaternions of the head

    Returns
    -------
    (T, 2, 2) float32 gaze of both eyes, relative to the head
    """
    yaw, pitch = target.T
    direction = np.column_stack([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    x, y, z = Rotation.from_quat(head_rotation).inv().apply(direction).T
    gaze = np.column_stack([np.arctan2(x, z), np.arctan2(y, np.hypot(x, z))])
    return np.repeat(gaze[:, None], 2, axis=1).astype(np.float32)
