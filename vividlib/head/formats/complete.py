"""From what a file says to a head that every stage can use.

What the file does not say is found: landmarks by showing MediaPipe renders of the head, as for the default
head; the names of its regions, its colours and, where it does not know ARKit's 52, its expressions by
comparison with the default head. Parts that it lacks, such as teeth, are the default head's own.
"""

from __future__ import annotations

import dataclasses
import logging
from itertools import islice

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT, ARKIT_INDEX, GAZE_AT_ONE
from vividlib.errors import HeadError
from vividlib.head import embed, model
from vividlib.head.formats.raw import PARTS, RawHead
from vividlib.head.formats.register import Bridge, marks_of
from vividlib.head.formats.unwrap import unwrap
from vividlib.types import HeadModel

GRAFTS = ("eyeball_left", "eyeball_right", "teeth_upper", "teeth_lower", "tongue", "mouth_cavity")
"""Parts that the default head lends."""

TURNS = {"upright": (0, 0, 0), "upside down": (0, 0, 180), "y down": (180, 0, 0), "backwards": (0, 180, 0)}
"""Ways (degrees about x, y, z) in which a file's axes may differ from ours; the one that shows a face is taken."""

MISFIT = 0.12
"""Share of their size by which landmarks may differ from the default head's: on four heads, right ways of turning
differed by 0.03 to 0.08, wrong ones by 0.15 and more."""

FACE_HEIGHT = 0.2
"""Metres: a first guess for a face of unknown unit."""

FRONT = 0.05
"""Metres behind the tip of the nose that are compared to bring a head about where the default one is."""

FIRST_VIEWS, VIEWS = 8, 20
"""Views for a first idea of the landmarks, and for the final one: as many with a closed as with an open mouth."""

OPEN = 0.5
"""jawOpen of an open mouth, where upper and lower lip are seen apart."""

LIP_REACH, LIP_ROUNDS = 0.015, 6
"""Metres around a landmark in which the line where lips meet is looked for, and steps towards it."""

INNER_LIPS = [*embed.LIP_UPPER, *embed.LIP_LOWER, *embed.LIP_CORNERS]
LOOKS = {"Out": (0, 1), "In": (0, -1), "Up": (1, 1), "Down": (1, -1)}
"""Which angle, yaw or pitch, an eyeLook shape of the left eye turns, and its sign."""

log = logging.getLogger(__name__)


def complete(raw: RawHead) -> HeadModel:
    """Find what the file does not say.

    Raises
    ------
    HeadError
        If no face can be seen on the head.
    """
    own = model.load()
    raw, marks = upright(raw, own)
    skin = np.setdiff1d(np.arange(len(raw.vertices)), _indices(raw.parts))
    bridge = Bridge(own, raw.vertices, raw.faces, skin, marks)
    if raw.blendshapes is None:
        raw = dataclasses.replace(raw, blendshapes=bridge.fit_motions(raw.motions))
    head = _graft(_named(raw, bridge), own, marks, [name for name in GRAFTS if not len(raw.parts.get(name, []))])
    uv, uv_faces = unwrap(head.template, head.faces, head.regions)
    return _mark(dataclasses.replace(head, blendshapes=_turn_eyes(head), uv=uv, uv_faces=uv_faces), own)


def upright(raw: RawHead, own: HeadModel) -> tuple[RawHead, np.ndarray]:
    """Bring a head into the axes, the unit and the place of the default one; also its landmarks (478, 3).

    Raises
    ------
    HeadError
        If no way of turning it shows a face.
    """
    goal = marks_of(own)[:468]
    wanted = goal - goal.mean(0)
    found = []
    for angles in TURNS.values():
        unit = raw.unit or FACE_HEIGHT / np.ptp(raw.vertices[:, 1])
        turned = _moved(raw, Rotation.from_euler("xyz", angles, degrees=True), unit)
        turned = _moved(turned, Rotation.identity(), 1.0, _front(own.template) - _front(turned.vertices))
        marks = _glimpse(turned, own)
        if marks is not None:
            known = marks[:468] - marks[:468].mean(0)
            scale = np.linalg.norm(wanted) / np.linalg.norm(known)
            rotation, distance = Rotation.align_vectors(wanted, scale * known)
            found.append((distance / np.linalg.norm(wanted), turned, marks, rotation, scale))
    # MediaPipe sees faces that are not there, too, such as upright ones on heads upside down.
    misfit, turned, marks, rotation, scale = min(found, key=lambda one: one[0], default=(1, *[None] * 4))
    if misfit > MISFIT:
        raise HeadError(f"No face can be seen on the head in {raw.path}; is it a whole face, with eyes and a mouth?")
    log.info("landmarks of %s differ from the default head's by %.1f %%", raw.name, 100 * misfit)
    pitch = Rotation.from_rotvec(rotation.as_rotvec() * [1, 0, 0])
    scale = 1.0 if raw.unit else scale
    shift = goal.mean(0) - scale * pitch.apply(marks[:468].mean(0))
    shift[0] = 0  # every known file is symmetric about x = 0
    return _moved(turned, pitch, scale, shift), scale * pitch.apply(marks) + shift


def _moved(raw: RawHead, rotation: Rotation, scale: float, shift: np.ndarray | None = None) -> RawHead:
    """The head turned, scaled and shifted, its triangles counter-clockwise seen from outside."""

    def turn(field):
        if field is None:
            return None
        return (scale * (field.reshape(-1, 3) @ rotation.as_matrix().T)).reshape(field.shape).astype(np.float32)

    vertices = turn(raw.vertices)
    a, b, c = (vertices - vertices.mean(0))[raw.faces].transpose(1, 0, 2)
    inside_out = np.einsum("fi,fi", a, np.cross(b, c)) < 0
    return dataclasses.replace(
        raw,
        vertices=vertices if shift is None else (vertices + shift).astype(np.float32),
        faces=raw.faces[:, ::-1] if inside_out else raw.faces,
        identity=turn(raw.identity),
        blendshapes=turn(raw.blendshapes),
        motions=turn(raw.motions),
    )


def _front(vertices: np.ndarray) -> np.ndarray:
    """The middle of what lies near the tip of the nose, in depth."""
    near = vertices[vertices[:, 2] > vertices[:, 2].max() - FRONT]
    return np.array([0, (near[:, 1].min() + near[:, 1].max()) / 2, near[:, 2].max()])


def _glimpse(raw: RawHead, own: HeadModel) -> np.ndarray | None:
    """A first idea of the landmarks of a head that is about in its place; None where no upright face is seen."""
    skin = np.setdiff1d(np.arange(len(raw.vertices)), _indices(raw.parts))
    joints = {}
    for name in ("eye_left", "eye_right"):
        _, nearest = cKDTree(raw.vertices).query(model.joint(own, own.template, name))
        joints[name] = raw.parts.get(name.replace("eye", "eyeball"), np.array([nearest]))
    tone = np.median(own.albedo[own.regions["face"]], 0)
    albedo = np.tile(tone, (len(raw.vertices), 1)) if raw.colours is None else _linear(raw.colours)
    for side in ("left", "right"):
        ball = raw.parts.get(f"eyeball_{side}")
        if ball is not None:
            albedo[ball] = _eye_colours(own, side, raw.vertices[ball])
    head = _bare(raw, {"skin": skin, "scalp": skin[:0]}, joints, albedo)
    rng = np.random.default_rng(0)
    looks = (embed.look(head, rng) for _ in range(FIRST_VIEWS))
    views = [view for view in islice(looks, 2) if view]
    if not views:
        return None  # a head that is turned the wrong way costs two looks
    views += [view for view in looks if view]
    if 2 * len(views) < FIRST_VIEWS:
        return None
    faces = embed.faces_of(head, skin)
    marks = np.nanmedian([embed.lift(head, view, faces) for view in views], 0) + embed.towards_people()
    forehead, chin = marks[[10, 152], 1]
    return marks if forehead > chin and np.isfinite(marks).all() else None


def _named(raw: RawHead, bridge: Bridge) -> HeadModel:
    """The head with the names, colours and neck that come over the bridge."""
    count, skin = len(raw.vertices), bridge.skin
    regions = bridge.regions()
    for name in PARTS:
        regions[name] = np.union1d(regions.get(name, []), raw.parts.get(name, []))
    if len(regions["lips"]) < 10:
        raise HeadError(f"No lips can be found on the head in {raw.path}; vividlib needs a mesh with a mouth.")
    regions["skin"] = np.setdiff1d(skin, np.concatenate([regions["mouth_cavity"], regions["eye_sockets"]]))
    weight = np.ones(count, np.float32)
    weight[skin] = np.clip(bridge.carry(bridge.own.head_weight[:, None])[:, 0].round(3), 0, 1)
    inner = np.concatenate([regions["mouth_cavity"], regions["eye_sockets"]]).astype(int)
    weight[inner] = 1
    regions["neck"] = skin[(weight[skin] > 0) & (weight[skin] < 1)]
    regions["shoulders"] = skin[weight[skin] == 0]

    albedo = np.zeros((count, 3), np.float32)
    albedo[skin] = bridge.carry(bridge.own.albedo) if raw.colours is None else _linear(raw.colours[skin])
    joints = {name: bridge.nearest(bridge.own.joints[name]) for name in ("jaw", "neck")}
    for name in PARTS:
        part = raw.parts.get(name, np.zeros(0, int))
        if name.startswith("eyeball"):
            side = name.removeprefix("eyeball_")
            if len(part):
                albedo[part] = _eye_colours(bridge.own, side, raw.vertices[part])
                joints[f"eye_{side}"] = _equator(part, raw.vertices[part])
        else:
            albedo[part] = _nearest_colours(bridge, name, raw.vertices[part])
    return _bare(raw, regions, joints, albedo, weight)


def _bare(raw: RawHead, regions: dict, joints: dict, albedo: np.ndarray, weight: np.ndarray | None = None) -> HeadModel:
    """A `HeadModel` without landmarks and UV."""
    count = len(raw.vertices)
    shapes = np.zeros((len(ARKIT), count, 3)) if raw.blendshapes is None else raw.blendshapes
    return HeadModel(
        name=raw.name,
        template=raw.vertices.astype(np.float32),
        faces=raw.faces.astype(np.int32),
        identity_basis=raw.identity.astype(np.float32),
        blendshapes=shapes.astype(np.float32),
        uv=np.zeros((0, 2), np.float32),
        uv_faces=np.zeros((0, 3), np.int32),
        regions={name: np.asarray(part, np.int32) for name, part in regions.items()},
        joints={name: np.asarray(vertices, np.int32) for name, vertices in joints.items()},
        landmark_vertices=np.zeros((478, 3), np.int32),
        landmark_weights=np.zeros((478, 3), np.float32),
        mirror=_mirror(raw.vertices),
        head_weight=np.ones(count, np.float32) if weight is None else weight,
        albedo=albedo.astype(np.float32),
    )


def _graft(head: HeadModel, own: HeadModel, marks: np.ndarray, lacking: list[str]) -> HeadModel:
    """Append parts that the head lacks, as the default head has them, where its eyes or lips are.

    They follow the identity as what they are put beside does.
    """
    goal = marks_of(own)
    for name in lacking:
        near = embed.EYE_EDGES[name.removeprefix("eyeball_")] if "eyeball" in name else INNER_LIPS
        count = len(head.template)
        faces = own.faces[np.isin(own.faces, own.regions[name]).any(1)]
        part, faces = np.unique(faces, return_inverse=True)
        added = count + np.arange(len(part))
        follow = head.identity_basis[:, cKDTree(head.template).query(marks[near])[1]].mean(1, keepdims=True)
        offset = (marks[near] - goal[near]).mean(0)
        joints = dict(head.joints)
        if "eyeball" in name:
            eye = name.replace("eyeball", "eye")
            joints[eye] = added[np.searchsorted(part, own.joints[eye])].astype(np.int32)
        head = dataclasses.replace(
            head,
            template=np.concatenate([head.template, own.template[part] + offset]).astype(np.float32),
            faces=np.concatenate([head.faces, faces.reshape(-1, 3) + count]).astype(np.int32),
            identity_basis=np.concatenate([head.identity_basis, np.repeat(follow, len(part), 1)], 1),
            blendshapes=np.concatenate([head.blendshapes, own.blendshapes[:, part]], 1),
            regions=head.regions | {name: np.concatenate([head.regions[name], added]).astype(np.int32)},
            joints=joints,
            head_weight=np.concatenate([head.head_weight, np.ones(len(part), np.float32)]),
            albedo=np.concatenate([head.albedo, own.albedo[part]]),
        )
    return dataclasses.replace(head, mirror=_mirror(head.template))


def _turn_eyes(head: HeadModel) -> np.ndarray:
    """The blendshapes with eyeballs that turn by exactly `GAZE_AT_ONE` with eyeLook, and rest otherwise."""
    shapes = head.blendshapes.copy()
    for side, outwards in (("left", 1), ("right", -1)):
        ball = head.regions[f"eyeball_{side}"]
        shapes[:, ball] = 0
        arm = head.template[ball] - model.joint(head, head.template, f"eye_{side}")
        for look, (axis, sign) in LOOKS.items():
            gaze = np.zeros(2)
            gaze[axis] = GAZE_AT_ONE * sign * (outwards if axis == 0 else 1)
            turned = arm @ model.gaze_rotation(gaze).T
            shapes[ARKIT_INDEX[f"eyeLook{look}{side.title()}"], ball] = turned - arm
    return shapes


def _mark(head: HeadModel, own: HeadModel) -> HeadModel:
    """The head with its 478 landmarks: rendered, detected, lifted, left and right alike."""
    rng = np.random.default_rng(0)
    talking = np.zeros(len(ARKIT))
    talking[ARKIT_INDEX["jawOpen"]] = OPEN
    closed = [view for view in (embed.look(head, rng) for _ in range(VIEWS)) if view]
    opened = [view for view in (embed.look(head, rng, talking) for _ in range(VIEWS)) if view]
    if 2 * min(len(closed), len(opened)) < VIEWS:
        raise HeadError(f"MediaPipe sees a face on too few views of the head {head.name!r}; it cannot be fitted.")
    skin = embed.faces_of(head, head.regions["skin"])
    position = np.nanmedian([embed.lift(head, view, skin) for view in closed], 0)
    twin = model.twins(marks_of(own))
    position = (position + position[twin] * [-1, 1, 1]) / 2
    position += embed.towards_people()
    vertices, weights = embed.nearest_on(head, skin, position)
    opening = dataclasses.replace(head, template=head.blendshapes[ARKIT_INDEX["jawOpen"]])
    drop = -np.nanmedian([embed.lift(opening, view, skin) for view in opened], 0)[:, 1]
    _mark_lips(head, skin, position, (drop + drop[twin]) / 2, vertices, weights)
    for side, indices in embed.IRISES.items():
        ball = embed.faces_of(head, head.regions[f"eyeball_{side}"])
        seen = np.nanmedian([embed.lift(head, view, ball)[list(indices)] for view in closed], 0)
        centre = model.joint(head, head.template, f"eye_{side}")
        seen[0] = centre + [0, 0, np.linalg.norm(seen[0] - centre)]  # eyes at rest look straight ahead
        vertices[indices], weights[indices] = embed.nearest_on(head, ball, seen)
    weights = weights.astype(np.float32)
    error = np.mean([embed.reprojection(view, vertices, weights) for view in closed])
    log.info("landmarks of %s: RMS %.2f %% of the eye distance", head.name, 100 * error)
    return dataclasses.replace(head, landmark_vertices=vertices.astype(np.int32), landmark_weights=weights)


def _mirror(vertices: np.ndarray) -> np.ndarray:
    """The vertex nearest to the mirror image of each."""
    return cKDTree(vertices).query(vertices * [-1, 1, 1])[1].astype(np.int32)


def _mark_lips(
    head: HeadModel, skin: np.ndarray, position: np.ndarray, drop: np.ndarray, vertices: np.ndarray, weights: np.ndarray
) -> None:
    """Put opposite landmarks of the inner lips where the lips meet, one on each lip; in place.

    Which lip a triangle belongs to is told by how far it goes with the jaw: less or more than half way between
    the two landmarks. From where the landmarks were seen on a closed mouth (``position``, 478 3) the nearest points of
    both lips are taken in turn, which leads to where they touch.

    Parameters
    ----------
    drop : 478, metres that jawOpen moves what is seen at the landmarks of an open mouth
    """
    middles = head.template[head.faces[skin]].mean(1)
    falls = -head.blendshapes[ARKIT_INDEX["jawOpen"]][head.faces[skin], 1].mean(1)
    for upper, lower in zip(embed.LIP_UPPER, embed.LIP_LOWER):
        meet = position[[upper, lower]].mean(0)
        near = np.linalg.norm(middles - meet, axis=1) < LIP_REACH
        moves = falls > drop[[upper, lower]].mean()
        if not (near & moves).any() or not (near & ~moves).any():
            raise HeadError(f"The lips of the head {head.name!r} do not part when its jaw opens; it cannot speak.")
        for _ in range(LIP_ROUNDS):
            touching = []
            for mark, lip in ((upper, near & ~moves), (lower, near & moves)):
                (vertices[mark],), (weights[mark],) = embed.nearest_on(head, skin[lip], meet[None])
                touching.append(weights[mark] @ head.template[vertices[mark]])
            meet = np.mean(touching, 0)


def _equator(ball: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """Those vertices of an eyeball whose mean is about its centre: a band around the sphere that fits it best."""
    system = np.column_stack([2 * vertices, np.ones(len(vertices))])
    *centre, _ = np.linalg.lstsq(system, (vertices**2).sum(1), rcond=None)[0]
    depth = np.abs(vertices[:, 2] - centre[2])
    return ball[depth <= np.quantile(depth, 0.2)]


def _nearest_colours(bridge: Bridge, name: str, vertices: np.ndarray) -> np.ndarray:
    """Colours of the same part of the default head, each from the nearest place when the lips of both are in one."""
    own = bridge.own
    offset = (bridge.marks[INNER_LIPS] - marks_of(own)[INNER_LIPS]).mean(0)
    part = own.regions[name]
    return own.albedo[part][cKDTree(own.template[part] + offset).query(vertices)[1]]


def _eye_colours(own: HeadModel, side: str, vertices: np.ndarray) -> np.ndarray:
    """Colours of the default head's eye for the vertices of another, by their direction from its centre."""
    part = own.regions[f"eyeball_{side}"]
    arms = own.template[part] - model.joint(own, own.template, f"eye_{side}")
    other = vertices - vertices[_equator(np.arange(len(vertices)), vertices)].mean(0)
    unit = [a / np.linalg.norm(a, axis=1, keepdims=True) for a in (arms, other)]
    return own.albedo[part][cKDTree(unit[0]).query(unit[1])[1]]


def _linear(srgb: np.ndarray) -> np.ndarray:
    """Linear RGB in [0, 1] of sRGB colours from 0 to 255."""
    return np.clip(srgb / 255, 0, 1) ** 2.2


def _indices(parts: dict[str, np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0, int), *parts.values()])
