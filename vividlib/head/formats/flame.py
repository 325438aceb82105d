"""FLAME: .pkl or .npz (Li et al., Learning a Model of Facial Shape and Expression from 4D Scans, 2017)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from vividlib.errors import HeadError
from vividlib.head.formats.raw import RawHead

KEYS = {"v_template", "f", "shapedirs", "posedirs", "J_regressor", "weights"}
PEOPLE, EXPRESSIONS = 300, 100
"""Columns of shapedirs: identity first, then expression."""

JAW, EYES = 2, {"eyeball_left": 3, "eyeball_right": 4}
"""Joints, in the order root, neck, jaw, left eye, right eye."""

JAW_POSES = np.array([[0.3, 0, 0], [0, 0.12, 0], [0, 0, 0.08]])
"""Rotation vectors (radians) of the jaw that count as motions beside the expressions: open, to the side, tilted."""


def is_content(content: dict) -> bool:
    """Whether a file's arrays are FLAME's."""
    return content.keys() >= KEYS


def read(path: Path, content: dict) -> RawHead:
    """Make a head of FLAME's arrays. Its motions are 100 expressions and three poses of the jaw.

    Raises
    ------
    HeadError
        If an array is missing or does not fit the others.
    """
    arrays = {}
    for key in KEYS:
        try:
            arrays[key] = np.asarray(content[key], dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise HeadError(f"{path}: {key} is no array of numbers; download the file again.") from error
    template = arrays["v_template"]
    count = len(template)
    wanted = {"shapedirs": (count, 3, PEOPLE + EXPRESSIONS), "J_regressor": (5, count), "weights": (count, 5)}
    wanted |= {"posedirs": (count, 3, 36), "v_template": (count, 3)}
    for key, shape in wanted.items():
        if arrays[key].shape != shape:
            raise HeadError(f"{path}: {key} has shape {arrays[key].shape}; FLAME's is {shape}.")
    directions = np.moveaxis(arrays["shapedirs"], -1, 0).astype(np.float32)
    poses = [turn_jaw(arrays, pose) - template for pose in JAW_POSES]
    owner = arrays["weights"].argmax(1)
    return RawHead(
        path=path,
        name="flame",
        vertices=template,
        faces=arrays["f"].astype(np.int64),
        identity=directions[:PEOPLE],
        motions=np.concatenate([directions[PEOPLE:], poses]).astype(np.float32),
        unit=1.0,
        parts={name: np.flatnonzero(owner == joint) for name, joint in EYES.items()},
    )


def turn_jaw(arrays: dict[str, np.ndarray], pose: np.ndarray) -> np.ndarray:
    """The template (V, 3) with its jaw turned by a rotation vector: linear blend skinning with pose correctives."""
    template = arrays["v_template"]
    turn = Rotation.from_rotvec(pose).as_matrix()
    features = np.zeros(36)
    features[9 * (JAW - 1) : 9 * JAW] = (turn - np.eye(3)).ravel()  # the root has no correctives
    corrected = template + arrays["posedirs"] @ features
    joint = (arrays["J_regressor"] @ template)[JAW]
    share = arrays["weights"][:, JAW, None]
    return (1 - share) * corrected + share * ((corrected - joint) @ turn.T + joint)
