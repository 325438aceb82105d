"""Gaze in radians and the eyeLook shapes of a rig are two ways to say one thing."""

from __future__ import annotations

import numpy as np

from vividlib.conventions import ARKIT, ARKIT_INDEX, GAZE_AT_ONE

LOOKING = [index for index, name in enumerate(ARKIT) if name.startswith("eyeLook")]


def eye_shapes(gaze: np.ndarray) -> np.ndarray:
    """The blendshapes (... 52 float32, zero but for eyeLook) that go with a gaze (... 2 2 radians)."""
    shapes = np.zeros((*gaze.shape[:-2], 52), np.float32)
    for eye, side, outward in ((0, "Left", 1), (1, "Right", -1)):
        yaw, pitch = gaze[..., eye, 0] / GAZE_AT_ONE, gaze[..., eye, 1] / GAZE_AT_ONE
        for name, value in (("Out", outward * yaw), ("In", -outward * yaw), ("Up", pitch), ("Down", -pitch)):
            shapes[..., ARKIT_INDEX[f"eyeLook{name}{side}"]] = np.clip(value, 0, 1)
    return shapes


def with_gaze(blendshapes: np.ndarray, gaze: np.ndarray) -> np.ndarray:
    """Blendshapes (... 52) whose eyeLook say ``gaze`` (... 2 2 radians), whatever they said before."""
    blendshapes = blendshapes.copy()
    blendshapes[..., LOOKING] = eye_shapes(gaze)[..., LOOKING]
    return blendshapes


def gaze_of(blendshapes: np.ndarray) -> np.ndarray:
    """The gaze (... 2 2 float32 radians) that eyeLook shapes (... 52) say; inverse of `eye_shapes` up to 30 degrees."""
    gaze = np.zeros((*blendshapes.shape[:-1], 2, 2), np.float32)
    for eye, side, outward in ((0, "Left", 1), (1, "Right", -1)):
        out, into, up, down = (
            blendshapes[..., ARKIT_INDEX[f"eyeLook{name}{side}"]] for name in ("Out", "In", "Up", "Down")
        )
        gaze[..., eye, 0] = outward * (out - into) * GAZE_AT_ONE
        gaze[..., eye, 1] = (up - down) * GAZE_AT_ONE
    return gaze
