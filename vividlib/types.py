"""What passes between the stages: frozen dataclasses with shapes and units.

Arrays are checked once, here, so that the stages need not check them again. The fields are not
copied; treat them as read-only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from numbers import Integral

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from vividlib.conventions import ARKIT_INDEX, LIP_LANDMARKS, MOTION_RATE, SAMPLE_RATE
from vividlib.errors import AudioError, InputError, MotionError

Progress = Callable[[str, int, int], None]
"""``progress(stage, done, total)``; raise `Cancelled` in it to stop the call it was given to."""


@dataclass(frozen=True, eq=False)
class Portrait:
    """One person in one picture."""

    image: np.ndarray  # H W 3 uint8 sRGB
    landmarks: np.ndarray  # 478 3 px: x right, y down, z away from the viewer (MediaPipe's order)
    mask: np.ndarray  # H W float32 in [0, 1], how much of a pixel is the person
    box: tuple[int, int, int, int]  # x, y, width, height of the face, px


@dataclass(frozen=True, eq=False)
class Speech:
    """A mono voice at 16 kHz.

    Raises
    ------
    AudioError
        If the samples are not a vector of finite numbers.
    """

    samples: np.ndarray  # N float32 in [-1, 1]

    def __post_init__(self):
        if self.samples.ndim != 1 or self.samples.dtype != np.float32:
            raise AudioError("Speech wants one row of float32 samples at 16 kHz; use vividlib.load_speech for files.")
        if not np.isfinite(self.samples).all():
            raise AudioError("The audio holds NaN or infinite samples; repair or re-export it.")

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.samples) / SAMPLE_RATE


@dataclass(frozen=True)
class Camera:
    """A pinhole camera in front of the head, in the pixels of one image.

    A point at (X, Y, Z) metres in camera space is seen at
    ``centre + scale * distance / (distance - Z) * (X, -Y)``.
    """

    scale: float  # px per metre at the depth of the origin of camera space
    centre: tuple[float, float]  # px, where the origin of camera space is seen
    distance: float = 1.2  # metres from the camera to the origin of camera space


@dataclass(frozen=True, eq=False)
class HeadModel:
    """A morphable head: everything a rig or a renderer has to know about a topology.

    The template is in head space (see `conventions`). ``regions`` and ``joints`` name vertex
    lists; a joint stands at the mean of its vertices, so it follows the identity.
    """

    name: str
    template: np.ndarray  # V 3 float32, metres
    faces: np.ndarray  # F 3 int32, counter-clockwise seen from outside
    identity_basis: np.ndarray  # K V 3 float32, metres for one standard deviation
    blendshapes: np.ndarray  # 52 V 3 float32, metres at coefficient 1
    uv: np.ndarray  # U 2 float32 in [0, 1], origin top left (glTF)
    uv_faces: np.ndarray  # F 3 int32 into uv
    regions: dict[str, np.ndarray]  # name -> vertex indices, int32
    joints: dict[str, np.ndarray]  # name -> vertex indices, int32
    landmark_vertices: np.ndarray  # 478 3 int32: the triangle that carries each MediaPipe landmark
    landmark_weights: np.ndarray  # 478 3 float32: its barycentric coordinates
    mirror: np.ndarray  # V int32: the vertex on the other side
    head_weight: np.ndarray  # V float32: 1 moves with the head joint, 0 stays with the chest
    albedo: np.ndarray  # V 3 float32 linear RGB in [0, 1]: colour where no photo tells better

    @cached_property
    def lips(self) -> np.ndarray:
        """Vertices that lip offsets refer to (L, int32): the outer and inner loops and between."""
        return self.regions["lips"]


@dataclass(frozen=True, eq=False)
class Face:
    """A person's head, as reconstructed from a portrait."""

    head: HeadModel
    portrait: Portrait
    identity: np.ndarray  # K float32, standard deviations: most likely of the person (reconstruction.identity)
    neutral: np.ndarray  # V 3 float32, head space, metres: at rest, lips closed
    expression: np.ndarray  # 52 float32 in [0, 1], in the photo
    remainder: np.ndarray  # V 3 float32, head space, metres: of the photo's expression, what the 52 leave over
    gaze: np.ndarray  # 2 2 float32, in the photo, radians (see conventions)
    rotation: np.ndarray  # 4 float64 unit quaternion, head to camera space
    translation: np.ndarray  # 3 float64, metres in camera space
    camera: Camera  # for portrait.image
    confidence: float  # in [0, 1]: chance that landmarks lie within 7 % of the eye distance of the truth, or, if less,
    # that the lips are seen


_CURVES = "blendshapes", "head_rotation", "head_translation", "gaze", "lip_offsets"


@dataclass(frozen=True, eq=False)
class Motion:
    """A performance: curves at a constant rate, playable on any rig at any frame rate.

    Head rotation and translation are relative to how the head rests: the pose in the photo for
    `render`, the bind pose for a rig, facing the camera for `track`.

    Raises
    ------
    MotionError
        If lengths differ, shapes are wrong or values are not finite.
    """

    blendshapes: np.ndarray  # T 52 float32 in [0, 1], order of conventions.ARKIT
    head_rotation: np.ndarray = None  # T 4 float32 unit quaternions (x, y, z, w)
    head_translation: np.ndarray = None  # T 3 float32, metres
    gaze: np.ndarray = None  # T 2 2 float32, radians (see conventions)
    lip_offsets: np.ndarray = None  # T L 3 float32, metres in head space at LIP_LANDMARKS; L is 0 or 40
    rate: float = field(default=MOTION_RATE)  # frames a second

    def __post_init__(self):
        frames = len(np.atleast_1d(self.blendshapes))
        still = np.zeros((frames, 4), np.float32)
        still[:, 3] = 1
        rest = {
            "blendshapes": np.zeros((frames, 52)),
            "head_rotation": still,
            "head_translation": np.zeros((frames, 3)),
            "gaze": np.zeros((frames, 2, 2)),
            "lip_offsets": np.zeros((frames, 0, 3)),
        }
        for name, default in rest.items():
            value = default if getattr(self, name) is None else getattr(self, name)
            object.__setattr__(self, name, _curve(name, value, default.shape))
        if not frames:
            raise MotionError("A motion needs at least one frame.")
        if self.lip_offsets.shape[1] not in (0, len(LIP_LANDMARKS)):
            raise MotionError(
                f"Motion.lip_offsets moves {self.lip_offsets.shape[1]} points; it needs none, or the "
                f"{len(LIP_LANDMARKS)} of conventions.LIP_LANDMARKS; make it again with this version."
            )
        if not np.linalg.norm(self.head_rotation, axis=1).all():
            raise MotionError("Motion.head_rotation holds a quaternion of length 0; a head at rest has (0, 0, 0, 1).")
        if not 0 < self.rate < np.inf:
            raise MotionError(f"A motion's rate must be positive and finite, not {self.rate}.")

    def __len__(self) -> int:
        return len(self.blendshapes)

    def __getitem__(self, name: str) -> np.ndarray:
        """The curve of one blendshape by its ARKit name, shape (T,)."""
        return self.blendshapes[:, ARKIT_INDEX[name]]

    @property
    def duration(self) -> float:
        """Length in seconds; each frame lasts ``1 / rate``."""
        return len(self) / self.rate

    def at(self, times: np.ndarray) -> Motion:
        """Sample the curves at ``times`` (N seconds), linear between frames, held at both ends.

        The result's ``rate`` is unchanged: it says nothing about the spacing of ``times``.
        """
        position = np.clip(np.asarray(times, np.float64) * self.rate, 0, len(self) - 1)
        low = np.floor(position).astype(int)
        high = np.minimum(low + 1, len(self) - 1)
        share = (position - low).astype(np.float32)

        def blend(curve):
            weight = share.reshape(-1, *[1] * (curve.ndim - 1))
            return curve[low] * (1 - weight) + curve[high] * weight

        turn = self.head_rotation
        if len(self) > 1:
            turn = Slerp(np.arange(len(self)), Rotation.from_quat(turn))(position).as_quat()
        else:
            turn = np.repeat(turn, len(position), axis=0)
        return Motion(
            blend(self.blendshapes), turn, blend(self.head_translation), blend(self.gaze),
            blend(self.lip_offsets), self.rate,
        )  # fmt: skip

    @classmethod
    def joined(cls, parts: list[Motion]) -> Motion:
        """Motions one after the other.

        Raises
        ------
        MotionError
            If there are none, their rates differ, or some have lip offsets and others not.
        """
        if len({(part.rate, part.lip_offsets.shape[1]) for part in parts}) != 1:
            raise MotionError("Motions to be joined need one rate, all with lip offsets or none; resample them before.")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in _CURVES), parts[0].rate)

    def frames(self) -> Iterator[tuple[np.ndarray | None, ...]]:
        """The curves of one frame at a time, in the order of the fields; None where there are no lip offsets."""
        lips = self.lip_offsets if self.lip_offsets.size else [None] * len(self)
        return zip(self.blendshapes, self.head_rotation, self.head_translation, self.gaze, lips)

    def since(self, begin: int) -> Motion:
        """The frames from number ``begin`` on, at least one."""
        return Motion(*(getattr(self, name)[begin:] for name in _CURVES), self.rate)

    def resample(self, rate: float) -> Motion:
        """The same motion at another frame rate; its duration changes by less than one frame."""
        if rate == self.rate:
            return self
        count = max(1, round(self.duration * rate))
        return replace(self.at(np.arange(count) / rate), rate=rate)


@dataclass(frozen=True, eq=False)
class Texture:
    """A projected texture: a picture of a head's mesh in the image plane, joined with what is around it."""

    image: np.ndarray  # ... H W 3 uint8
    inner: np.ndarray  # ... H W bool: where the mesh is seen


@dataclass(frozen=True, eq=False)
class DenseMotion:
    """Where each pixel of a frame comes from."""

    flow: np.ndarray  # ... H W 2 float32 px: source position minus own position (backward flow)
    occlusion: np.ndarray  # ... H W float32 in [0, 1]: 1 where the source shows the pixel


def check_seed(seed: int) -> None:
    """Raise InputError unless ``seed`` is a whole number, 0 or more: of all that is random in a performance."""
    if not isinstance(seed, Integral) or seed < 0:
        raise InputError(f"{seed!r} is no seed; choose a whole number from 0.")


def _curve(name: str, value: np.ndarray, wanted: tuple[int, ...]) -> np.ndarray:
    """One field of a motion as float32, checked; an axis of length 0 in ``wanted`` may have any."""
    try:
        value = np.asarray(value, np.float32)
    except (TypeError, ValueError) as error:
        raise MotionError(f"Motion.{name} holds something other than numbers ({error}).") from error
    if value.ndim != len(wanted) or any(w and w != s for w, s in zip(wanted, value.shape)):
        needed = ", ".join(str(w) if w else "any" for w in wanted)
        raise MotionError(f"Motion.{name} has shape {value.shape}; it needs ({needed}).")
    if not np.isfinite(value).all():
        raise MotionError(f"Motion.{name} holds NaN or infinite values; repair or make it again.")
    return value
