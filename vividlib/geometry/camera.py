"""From head space to camera space to pixels, for `vividlib.types.Camera`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from vividlib.errors import InputError
from vividlib.types import Camera

NEAREST = 0.05
"""Metres in front of the camera that nothing may come nearer than."""


def head_to_camera(points: np.ndarray, rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Turn and move points of head space into camera space.

    Parameters
    ----------
    points
        (..., V, 3) metres.
    rotation
        (..., 4) unit quaternions (x, y, z, w).
    translation
        (..., 3) metres.

    Returns
    -------
    numpy.ndarray
        (..., V, 3) metres, of the type of ``points``.
    """
    matrix = Rotation.from_quat(rotation).as_matrix().astype(points.dtype)
    translation = np.asarray(translation, points.dtype)
    return points @ matrix.swapaxes(-1, -2) + translation[..., None, :]


def project(camera: Camera, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """See points of camera space with a camera.

    Parameters
    ----------
    points
        (..., 3) metres.

    Returns
    -------
    pixels
        (..., 2) x right, y down, pixel centres at integers.
    depth
        (...) metres: camera-space Z, so larger is nearer, as `vividlib.geometry.raster.rasterize` takes it.

    Raises
    ------
    InputError
        If a point lies behind the camera or closer than `NEAREST`.
    """
    depth = points[..., 2]
    away = camera.distance - depth
    if away.size and not away.min() >= NEAREST:
        raise InputError(
            f"The head comes within {away.min():.2f} m of the camera (or its position is NaN); "
            f"reduce the motion's translation towards the camera."
        )
    per_metre = camera.scale * camera.distance / away
    x = camera.centre[0] + per_metre * points[..., 0]
    y = camera.centre[1] - per_metre * points[..., 1]
    return np.stack([x, y], -1), depth


def scaled(camera: Camera, factor: float) -> Camera:
    """The same camera for the image resized by ``factor``.

    Resizing keeps the outer borders in place; with pixel centres at integers these lie at -0.5.
    """
    x, y = ((value + 0.5) * factor - 0.5 for value in camera.centre)
    return replace(camera, scale=camera.scale * factor, centre=(x, y))
