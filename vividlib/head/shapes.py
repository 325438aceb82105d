"""The 52 blendshapes in build: read, made symmetric, and repaired at lips and eyes."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix, identity
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT, ARKIT_INDEX, GAZE_AT_ONE
from vividlib.head import anatomy, makehuman, soundness, subdivide
from vividlib.head.anatomy import Cut
from vividlib.head.seams import Seam

LID_CLEARANCE = 0.0004
"""Metres between an eyeball and the edge of a closed lid."""

FOLLOWED = {
    "mouthSmile": 0.5, "mouthFrown": 0.5, "mouthDimple": 0.5, "mouthStretch": 0.5, "mouthPress": 0.5,
    "mouthLeft": 0.5, "mouthRight": 0.5, "mouthPucker": 0.5, "cheekPuff": 0.5, "noseSneer": 0.5,
    "jawLeft": 0.5, "jawRight": 0.5, "mouthShrugUpper": 0.0,
}  # fmt: skip
"""Shapes that leave the lips together, and how much of a difference in height the upper lip makes up for; the
lower one does the rest. As this is linear, sums of them leave the lips together too."""

CORNERS_SHUT = ("mouthRollLower", "mouthRollUpper")
"""Shapes that let the lips lap as in the source, but not gape."""

LAP_LESS = {"mouthShrugLower": 0.7}
"""Shapes in which the lips lap over each other too far in the source: the share by which the upper lip gives way."""

LID_OVERLAP = 0.0006
"""Metres by which the lids overlap when they are closed, so that wider eyes close too."""

LIDS_FOLLOW = {"Out": 1.2, "In": 1.2, "Up": 1.6, "Down": 1.0}
"""Factors on the lids of the eyeLook shapes, whose eyeballs turn further here than in the source."""

LIDS_TURN = {"Up": (0.30, 0.15), "Down": (0.15, 0.40)}
"""Share of the eyeball's turn by which the upper and the lower lid turn besides, so that the iris stays in view."""

LID_MOVERS = ("eye", "cheekSquint", "browDown", "noseSneer")
"""How the names of the shapes begin that move the lids."""

IRONINGS = 40

EQUATOR = anatomy.eye_ring(np.pi / 2)
"""Vertices of an eyeball: the ring around its centre."""


def symmetric(field: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """The mean of a field (V, 3) and its mirror image."""
    return (field + field[mirror] * [-1, 1, 1]) / 2


def symmetric_shapes(shapes: np.ndarray, mirror: np.ndarray, source: str = "") -> np.ndarray:
    """Make left and right shapes exact mirror images, and the others their own: (52, V, 3).

    ``source`` names the side to take; without it both are averaged.
    """
    flipped = shapes[[ARKIT_INDEX[_other_side(name)] for name in ARKIT]][:, mirror] * [-1, 1, 1]
    if not source:
        return (shapes + flipped) / 2
    taken = np.array([name.endswith(source) or _other_side(name) == name for name in ARKIT])
    return np.where(taken[:, None, None], shapes, flipped)


def _other_side(name: str) -> str:
    for side, other in (("Left", "Right"), ("Right", "Left")):
        if name.endswith(side):
            return name[: -len(side)] + other
    return name


def read(data: Path, cut: Cut, vertex_count: int) -> np.ndarray:
    """The 52 "Face Units" in the order of ARKit, (52, V, 3) metres. They move teeth and tongue too."""
    folder = data / "faceunits01/targets/faceunits"
    return np.stack([cut.gather @ makehuman.read_target(folder / f"{name}.target", vertex_count) for name in ARKIT])


def keep_lips_together(shapes: np.ndarray, lips: Seam) -> np.ndarray:
    """Let the lips part, or lap over each other, only in the shapes that are meant to do so: (52, V, 3)."""
    shapes = shapes.copy()
    for index, name in enumerate(ARKIT):
        share = FOLLOWED.get(name, FOLLOWED.get(name.removesuffix("Left").removesuffix("Right")))
        if share is not None:
            shapes[index] += lips.level(shapes[index], share, 1 - share)
        elif name in LAP_LESS:
            shapes[index] += lips.level(shapes[index], LAP_LESS[name], 0)
        elif name in CORNERS_SHUT:
            shapes[index] += lips.level(shapes[index], 0.5, 0.5, only_gaps=True)
    return shapes


def lift_lids(template: np.ndarray, cut: Cut, lids: Seam, mirror: np.ndarray) -> np.ndarray:
    """Move what lies of the open lids inside the round eyeballs just outside them."""
    template = template.copy()
    ball = template[cut.parts["eyeball_left"]]
    centre = ball[EQUATOR].mean(0)
    skin = np.unique(lids.outwards)
    arm = template[skin] - centre
    distance = np.linalg.norm(arm, axis=1, keepdims=True)
    template[skin] += np.maximum(np.linalg.norm(ball[0] - centre) + LID_CLEARANCE - distance, 0) * arm / distance
    template[mirror[skin]] = template[skin] * [-1, 1, 1]
    return template


def move_eyes(shapes: np.ndarray, template: np.ndarray, cut: Cut, lids: Seam) -> np.ndarray:
    """Correct the shapes of the left eye.

    - eyeLook turns the eyeball by exactly GAZE_AT_ONE; the source turns it less, so its lids are adjusted.
    - eyeBlink lets the lids meet at 1.
    """
    shapes = shapes.copy()
    ball = cut.parts["eyeball_left"]
    centre = template[ball[EQUATOR]].mean(0)
    arm = template[ball] - centre
    for way, axis in {"Out": (0, 1, 0), "In": (0, -1, 0), "Up": (-1, 0, 0), "Down": (1, 0, 0)}.items():
        shape = shapes[ARKIT_INDEX[f"eyeLook{way}Left"]]
        shape *= LIDS_FOLLOW[way]
        shape[ball] = Rotation.from_rotvec(GAZE_AT_ONE * np.array(axis)).apply(arm) - arm
        for side, share in zip((False, True), LIDS_TURN.get(way, ())):
            shape += lids.turned(template, centre, share * GAZE_AT_ONE * np.array(axis), side)

    blink = shapes[ARKIT_INDEX["eyeBlinkLeft"]]
    above, below = lids.upper[len(lids.upper) // 2], lids.lower[len(lids.lower) // 2]
    blink *= (template[above, 1] - template[below, 1]) / (blink[below, 1] - blink[above, 1])
    blink[:] = lids.close(template + blink, LID_OVERLAP) - template

    return clear_eyeballs(shapes, template, cut, lids)


def clear_eyeballs(shapes: np.ndarray, template: np.ndarray, cut: Cut, lids: Seam) -> np.ndarray:
    """Let no shape move the left lids into the eyeball on its way, open or blinking.

    A lid moves on a straight line while the eyeball is round, so where it ends is pushed outwards until the
    way is clear as well.
    """
    shapes = shapes.copy()
    ball = template[cut.parts["eyeball_left"]]
    centre = ball[EQUATOR].mean(0)
    radius = np.linalg.norm(ball[0] - centre)
    blink = shapes[ARKIT_INDEX["eyeBlinkLeft"]]
    skin = np.unique(lids.outwards)
    away = np.linalg.norm(template[skin] - centre, axis=1, keepdims=True)
    wanted = np.minimum(radius + LID_CLEARANCE, away)
    moving = [name for name in ARKIT if name.startswith(LID_MOVERS) and name.endswith("Left")]
    for name in sorted(moving, key="eyeBlinkLeft".__ne__):
        shape = shapes[ARKIT_INDEX[name]]
        blinks = (0,) if name == "eyeBlinkLeft" else (0, 0.5, 1)
        for _ in range(20):
            for shut, amount in itertools.product(blinks, (0.25, 0.5, 0.75, 1.0)):
                arm = template[skin] + shut * blink[skin] + amount * shape[skin] - centre
                distance = np.linalg.norm(arm, axis=1, keepdims=True)
                shape[skin] += np.maximum(wanted - distance, 0) * arm / distance
    return shapes


def iron(shapes: np.ndarray, template: np.ndarray, cut: Cut, seam: Seam, limit: float) -> np.ndarray:
    """Smooth what moves the skin around a seam where neighbouring triangles would fold: (52, V, 3).

    Displacements near a fold take the mean of those around them, again and again until there is none, or
    IRONINGS times. The seam itself keeps its place. Folds are looked for on the finer mesh too that `subdivide` makes,
    and in what moves the lids for lids half shut and shut too.
    """
    shapes = shapes.copy()
    inside = np.zeros(len(template), bool)
    inside[seam.outwards] = True
    skin = cut.faces[: 2 * len(cut.quads)]
    skin = skin[~np.isin(skin, seam.inwards[2:]).any(1)]
    rough = soundness.zone_of(skin, template, inside)
    levels = [(identity(len(template), format="csr"), rough)]
    matrix, quarters = subdivide.finer(skin, len(template))
    levels.append((matrix, soundness.zone_of(quarters, matrix @ template, matrix @ inside > 0.9)))
    edges, size = rough.edges, len(template)
    beside = csr_matrix((np.ones(2 * len(edges)), (edges.ravel("F"), edges[:, ::-1].ravel("F"))), (size, size))
    beside = csr_matrix(beside / np.maximum(beside.sum(1), 1))
    blink = ARKIT.index("eyeBlinkLeft")
    for index in sorted(range(len(ARKIT)), key=blink.__ne__):
        name, shape = ARKIT[index], shapes[index]
        if name == "mouthClose":  # has to undo jawOpen
            continue
        shut = (0, 0.4, 0.8, 1.0) if name.startswith(LID_MOVERS) and index != blink else (0,)
        for _ in range(IRONINGS):
            faces = [
                template + beneath * shapes[blink] + amount * shape
                for beneath, amount in itertools.product(shut, (0.25, 0.5, 0.75, 1.0))
            ]
            near = np.setdiff1d(np.concatenate([_folded_at(*level, faces, limit) for level in levels]), seam.line)
            if not len(near):
                break
            shape[near] = (shape[near] + (beside @ shape)[near]) / 2
    return shapes


def _folded_at(matrix: csr_matrix, zone: soundness.Zone, faces: list[np.ndarray], limit: float) -> np.ndarray:
    """Vertices of some ``faces`` (V, 3) where the mesh that ``matrix`` makes of them folds."""
    folded = np.any([soundness.folded(zone, matrix @ face, limit) for face in faces], 0)
    rows = matrix[np.unique(zone.faces[zone.neighbours[zone.smooth][folded]])]
    return np.unique(rows.indices[rows.data > 0.4])
