"""The morphable head in use: load it, save it, deform it."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT, ARKIT_INDEX, LIP_LANDMARKS
from vividlib.errors import HeadError
from vividlib.head.lips import spread
from vividlib.media.files import read_arrays
from vividlib.types import HeadModel
from vividlib.weights import asset_path

OWN_HEADS, OWN_PEOPLE = "vivid", 80
"""How the names of the library's own heads begin, and how many identity coefficients they have."""

BASIS_STEP = 2e-6
"""Metres: the step in which displacements are stored, as 16-bit integers (so they stay within 65 mm)."""

BLINK_SCALES = (0.5, 1.8)
"""Bounds on how much more or less than the template's the lids of a person travel in a blink."""

BLINKS = [ARKIT_INDEX["eyeBlinkLeft"], ARKIT_INDEX["eyeBlinkRight"]]

MOST_BLINK = 1.6
"""Bound on how much further the lids travel in a blink of eyes that other shapes have opened."""

DETAILS = {"low": "head_low.npz", "medium": "head.npz", "high": "head.npz"}
"""Files of the library's own head; the high detail is made from the medium one when it is loaded."""

ARRAYS = (
    "template", "faces", "uv", "uv_faces", "landmark_vertices", "landmark_weights", "mirror", "head_weight", "albedo",
)  # fmt: skip
BASES = ("identity_basis", "blendshapes")


def load(path: Path | str | None = None, detail: str = "medium") -> HeadModel:
    """Read a head written by `save`; without a path, the default head of the library.

    Each file is read once per process; treat the arrays as read-only.

    Parameters
    ----------
    path
        A file; None for the library's own.
    detail
        Of the library's own: ``"low"``, ``"medium"`` or ``"high"`` (3 000, 6 300 or 24 600 vertices). Names,
        joints, layout of the texture and coefficients are the same in all; vertex numbers are not.

    Raises
    ------
    WeightsError
        If the default head is missing or damaged.
    HeadError
        If a file is not a head, or there is no such detail.
    """
    if path is not None:
        return _load(Path(path))
    if detail not in DETAILS:
        raise HeadError(f"There is no detail {detail!r}; choose one of {', '.join(DETAILS)}.")
    head = _load(asset_path(DETAILS[detail]))
    return _subdivided(head) if detail == "high" else head


@functools.lru_cache(maxsize=2)
def _subdivided(head: HeadModel) -> HeadModel:
    from vividlib.head.subdivide import subdivide

    return subdivide(head)


@functools.cache
def _load(path: Path) -> HeadModel:
    content = read_arrays(path, HeadError)
    missing = {"name", *ARRAYS, *BASES} - content.keys()
    if missing:
        raise HeadError(f"{path} lacks {', '.join(sorted(missing))}; build it again with vividlib.head.build.")
    groups = {
        group: {key.removeprefix(f"{group}/"): value for key, value in content.items() if key.startswith(f"{group}/")}
        for group in ("regions", "joints")
    }
    bases = {name: content[name].astype(np.float32) * np.float32(BASIS_STEP) for name in BASES}
    return HeadModel(name=str(content["name"]), **{name: content[name] for name in ARRAYS}, **bases, **groups)


def save(head: HeadModel, path: Path | str) -> None:
    """Write a head as a compressed npz without pickles; displacements are rounded to `BASIS_STEP`.

    Raises
    ------
    HeadError
        If a displacement is too large to be stored.
    """
    content = {"name": np.array(head.name)} | {name: getattr(head, name) for name in ARRAYS}
    for name in BASES:
        steps = np.round(getattr(head, name) / BASIS_STEP)
        if np.abs(steps).max() > np.iinfo(np.int16).max:
            raise HeadError(f"{name} moves a vertex by over 65 mm; bring the head to metres before saving it.")
        content[name] = steps.astype(np.int16)
    for group in ("regions", "joints"):
        content |= {f"{group}/{key}": value for key, value in getattr(head, group).items()}
    np.savez_compressed(path, **content)


def knows_our_people(head: HeadModel) -> bool:
    """Whether a head's identity coefficients mean what they mean for the library's own."""
    return head.name.startswith(OWN_HEADS) and len(head.identity_basis) == OWN_PEOPLE


def person(head: HeadModel, identity: np.ndarray) -> np.ndarray:
    """The neutral face (V, 3) metres of an identity (K,) in standard deviations."""
    return head.template + np.tensordot(identity, head.identity_basis, 1)


def landmarks_of(head: HeadModel, vertices: np.ndarray) -> np.ndarray:
    """The 478 landmarks (..., 478, 3) of vertices (..., V, 3)."""
    return np.einsum("...lkc,lk->...lc", vertices[..., head.landmark_vertices, :], head.landmark_weights)


def twins(position: np.ndarray) -> np.ndarray:
    """The landmark on the other side of each: the assignment of all to their mirror images."""
    cost = np.linalg.norm(position[:, None] * [-1, 1, 1] - position[None], axis=2)
    twin = linear_sum_assignment(cost**2 + (cost**2).T)[1]
    if (twin[twin] != np.arange(len(twin))).any():
        raise ValueError("The landmarks do not pair up left and right; render more views.")
    return twin


def joint(head: HeadModel, vertices: np.ndarray, name: str) -> np.ndarray:
    """Where a joint is: (..., V, 3) metres to (..., 3).

    Raises
    ------
    HeadError
        If the head has no such joint.
    """
    if name not in head.joints:
        raise HeadError(f"Head {head.name!r} has no joint {name!r}; it has {', '.join(sorted(head.joints))}.")
    return vertices[..., head.joints[name], :].mean(-2)


def deform(
    head: HeadModel,
    neutral: np.ndarray,
    blendshapes: np.ndarray,
    gaze: np.ndarray | None = None,
    lip_offsets: np.ndarray | None = None,
) -> np.ndarray:
    """Put an expression on a face, in head space.

    Parameters
    ----------
    head
        The head that the face is an instance of.
    neutral
        (V, 3) metres, the face at rest.
    blendshapes
        (52,) or (T, 52) coefficients in the order of `conventions.ARKIT`. Those of eyeBlink are scaled by
        `shape_scale` and `blink_scale`, so that 1 closes the eyes of this person, whatever else the lids do.
    gaze
        (2, 2) or (T, 2, 2) radians: left eye, right eye; yaw, pitch (see `conventions`). When given it
        alone turns the eyeballs, exactly, about their joints; the eyeLook blendshapes then move the lids
        only. Without it the eyeballs follow the eyeLook blendshapes.
    lip_offsets
        (40, 3) or (T, 40, 3) metres at `conventions.LIP_LANDMARKS`, spread over the lips.

    Returns
    -------
    numpy.ndarray
        (V, 3) or (T, V, 3) float32, as blendshapes.

    Raises
    ------
    HeadError
        If a shape does not fit the head.
    """
    coefficients = np.asarray(blendshapes, np.float32)
    lead = coefficients.shape[:-1]
    _check(neutral, head.template.shape, "neutral")
    _check(coefficients, (*lead, len(ARKIT)), "blendshapes")
    coefficients = coefficients * shape_scale(head, neutral) * blink_scale(head, neutral, coefficients)
    # Not as a product of matrices: BLAS would wake threads of its own, which get in the way of frames drawn on all cores.
    moved = np.einsum("...k,kvc->...vc", coefficients, head.blendshapes)
    moved += neutral
    if gaze is not None:
        gaze = np.asarray(gaze, np.float32)
        _check(gaze, (*lead, 2, 2), "gaze")
        for eye, side in enumerate(("left", "right")):
            ball = head.regions[f"eyeball_{side}"]
            centre = joint(head, neutral, f"eye_{side}")
            turn = gaze_rotation(gaze[..., eye, :]).astype(np.float32)
            moved[..., ball, :] = (neutral[ball] - centre) @ np.swapaxes(turn, -1, -2) + centre
    if lip_offsets is not None:
        _check(lip_offsets, (*lead, len(LIP_LANDMARKS), 3), "lip_offsets")
        moved[..., head.lips, :] += spread(lip_offsets, head)
    return moved


def shape_scale(head: HeadModel, neutral: np.ndarray) -> np.ndarray:
    """How far each blendshape has to go on this face (V, 3) to do what it does on the template: (52,) float32.

    1 for all but eyeBlink, which goes as far as the eye is open at rest. Multiply ``head.blendshapes`` by it
    before giving them to a rig.
    """
    scale = np.ones(len(ARKIT), np.float32)
    for side in ("left", "right"):
        edge = head.regions.get(f"eyelid_edge_{side}")
        if edge is not None:
            open_here, open_there = np.ptp(neutral[edge, 1]), np.ptp(head.template[edge, 1])
            scale[ARKIT_INDEX[f"eyeBlink{side.title()}"]] = np.clip(open_here / open_there, *BLINK_SCALES)
    return scale


def blink_scale(head: HeadModel, neutral: np.ndarray, blendshapes: np.ndarray) -> np.ndarray:
    """What the other shapes leave for a blink to close: (..., 52) float32 factors, 1 for all but eyeBlink.

    Without it, lids that follow a downward gaze, or squint, would cross when they blink, and wide eyes stay
    open. A rig that only adds shapes up does without; its lids then lap by what the two close twice.
    """
    scale = np.ones(np.shape(blendshapes), np.float32)
    closing = _closing(head) / shape_scale(head, neutral)[BLINKS, None]
    scale[..., BLINKS] = np.clip(1 - blendshapes @ closing.T, 0, MOST_BLINK)
    return scale


@functools.lru_cache(maxsize=8)
def _closing(head: HeadModel) -> np.ndarray:
    """How much of what a blink closes each of the other shapes closes: (2, 52), left and right eye."""
    closing = np.zeros((2, len(ARKIT)), np.float32)
    for eye, side in enumerate(("left", "right")):
        edge = head.regions.get(f"eyelid_edge_{side}")
        if edge is None:
            continue
        height = head.template[edge, 1]
        narrower = head.blendshapes[:, edge[height.argmin()], 1] - head.blendshapes[:, edge[height.argmax()], 1]
        closing[eye] = narrower / narrower[BLINKS[eye]]
        closing[eye, BLINKS[eye]] = 0
    return closing


def gaze_rotation(gaze: np.ndarray) -> np.ndarray:
    """Rotation matrices (..., 3, 3) that turn an eye by yaw and pitch (..., 2; radians, see `conventions`)."""
    yaw_pitch = np.asarray(gaze, float).reshape(-1, 2) * [1, -1]
    return Rotation.from_euler("YX", yaw_pitch).as_matrix().reshape(*np.shape(gaze)[:-1], 3, 3)


def _check(array: np.ndarray, shape: tuple[int, ...], name: str) -> None:
    if np.shape(array) != shape:
        raise HeadError(f"{name} has shape {np.shape(array)}; this head and these blendshapes need {shape}.")
