"""The skin of the default head, in build: UV islands and colours."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from vividlib.head import teeth
from vividlib.head.anatomy import EYE_RINGS, EYE_SEGMENTS, IRIS, PUPIL, TEETH, Cut

BOXES = {
    "head": (0.005, 0.005, 0.995, 0.650), "shoulders": (0.005, 0.660, 0.420, 0.995),
    "mouth_cavity": (0.430, 0.660, 0.620, 0.820), "eyeball_left": (0.830, 0.660, 0.990, 0.820),
    "eyeball_right": (0.830, 0.830, 0.990, 0.990), "socket_left": (0.630, 0.660, 0.720, 0.820),
    "socket_right": (0.730, 0.660, 0.820, 0.820), "teeth_upper": (0.430, 0.830, 0.620, 0.905),
    "teeth_lower": (0.430, 0.915, 0.620, 0.990), "tongue": (0.630, 0.830, 0.820, 0.990),
}  # fmt: skip
"""Where each island lies in the unit square: left, top, right, bottom."""

ANCHORS = {"head": 297, "shoulders": 815, "mouth_cavity": 639, "socket_left": 7885, "socket_right": 1193}
"""A vertex of the base mesh inside each island of the body."""

FACE_ENLARGED = 1.2
"""How much the middle of the head's island, the face, is enlarged at the cost of its rim."""

COLOURS = {
    "skin": (0.515, 0.328, 0.250), "lips": (0.434, 0.190, 0.170), "teeth": (0.807, 0.730, 0.600),
    "gap": (0.400, 0.310, 0.230), "gums": (0.420, 0.150, 0.150), "tongue": (0.360, 0.110, 0.110), "mouth": (0.180, 0.040, 0.040),
    "throat": (0.010, 0.002, 0.002), "socket": (0.400, 0.180, 0.150), "sclera": (0.780, 0.760, 0.740),
    "iris": (0.110, 0.055, 0.025), "limbus": (0.030, 0.017, 0.010), "pupil": (0.004, 0.004, 0.004),
}  # fmt: skip
"""Linear RGB."""

TEETH_FADE, DARKEST_TOOTH = 0.038, 0.12
"""Metres behind the front teeth at which no light arrives, and the least share of it that teeth keep."""


def masked(cut: Cut, mask: np.ndarray) -> np.ndarray:
    """The value of a mask (H, W uint8, over the UV of the base mesh) at each vertex, (V,) in [0, 1]."""
    height, width = mask.shape
    value = np.zeros(cut.gather.shape[0])
    body = slice(0, 2 * len(cut.quads))
    u, v = cut.uv[cut.uv_faces[body]].reshape(-1, 2).T
    column = np.clip(u * (width - 1), 0, width - 1).round().astype(int)
    row = np.clip((1 - v) * (height - 1), 0, height - 1).round().astype(int)
    np.maximum.at(value, cut.faces[body].ravel(), mask[row, column] / 255)
    return value


def islands(cut: Cut) -> dict[str, np.ndarray]:
    """Faces of each island of the UV, by the names of `BOXES`."""
    edges = np.concatenate([cut.uv_faces[:, [0, 1]], cut.uv_faces[:, [1, 2]]])
    count = len(cut.uv)
    _, label = connected_components(coo_matrix((np.ones(len(edges)), edges.T), (count, count)), directed=False)
    label = label[cut.uv_faces[:, 0]]
    members = ANCHORS | {name: part[0] for name, part in cut.parts.items() if name != "body"}
    found = {}
    for name, vertex in members.items():
        vertex = cut.number[vertex] if name in ANCHORS else vertex
        face = np.flatnonzero((cut.faces == vertex).any(1))[0]
        found[name] = np.flatnonzero(label == label[face])
    return found


def eye_sockets(cut: Cut) -> np.ndarray:
    """Vertices behind the edges of the lids, which no camera sees."""
    faces = islands(cut)
    sockets = np.unique(cut.faces[np.concatenate([faces["socket_left"], faces["socket_right"]])])
    return np.setdiff1d(sockets, cut.faces[faces["head"]])


def unwrap(cut: Cut) -> tuple[np.ndarray, np.ndarray]:
    """Pack the islands into one unit square without overlap: uv (U, 2) with origin top left, and faces.

    In the base mesh the head lies on its side; here its texture is upright, as the viewer sees it.
    """
    used, uv_faces = np.unique(cut.uv_faces, return_inverse=True)
    uv = cut.uv[used]
    uv_faces = uv_faces.reshape(-1, 3)
    packed = np.zeros_like(uv)
    for name, faces in islands(cut).items():
        own = np.unique(uv_faces[faces])
        place = uv[own][:, ::-1] if name == "head" else uv[own] * [1, -1]
        place = (place - place.min(0)) / np.ptp(place, axis=0)
        if name == "head":
            place = _enlarge_middle(place)
        left, top, right, bottom = BOXES[name]
        packed[own] = [left, top] + place * [right - left, bottom - top]
    return packed, uv_faces


def _enlarge_middle(place: np.ndarray) -> np.ndarray:
    """Stretch the middle of the unit square's width by a smooth, rising curve; height is kept."""
    place = place.copy()
    place[:, 0] = 0.5 + np.arctan(FACE_ENLARGED * (2 * place[:, 0] - 1)) / (2 * np.arctan(FACE_ENLARGED))
    return place


def colours(cut: Cut, template: np.ndarray, regions: dict[str, np.ndarray], lip_rings: tuple) -> np.ndarray:
    """Albedo of each vertex where no photo tells better, (V, 3) linear RGB.

    ``lip_rings`` are the rings of quads from the line of the lips outwards and inwards.
    """
    tone = {name: np.array(rgb) for name, rgb in COLOURS.items()}
    albedo = np.tile(tone["skin"], (len(template), 1))
    albedo[regions["eye_sockets"]] = tone["socket"]

    cavity = regions["mouth_cavity"]
    front = template[regions["lips_inner"], 2].max()
    depth = np.clip((front - template[cavity, 2, None]) / 0.06, 0, 1)
    albedo[cavity] = tone["mouth"] * (1 - depth) + tone["throat"] * depth
    outwards, inwards = lip_rings
    for row, share in zip(outwards, (1, 1, 1, 1, 0.9, 0.35, 0)):
        albedo[row] = share * tone["lips"] + (1 - share) * tone["skin"]
    for row, share in zip(inwards, (1, 1, 0.8, 0.5, 0.2, 0.1)):
        albedo[row] = share * tone["lips"] + (1 - share) * tone["mouth"]

    tongue = regions["tongue"]
    depth = np.clip((template[tongue, 2].max() - template[tongue, 2, None] - 0.012) / 0.03, 0, 1)
    albedo[tongue] = tone["tongue"] * (1 - depth) + tone["throat"] * depth
    for name, group in TEETH.items():
        part = regions[name]
        gums, gaps = teeth.kinds(group)
        albedo[part] = np.where(gums[:, None], tone["gums"], tone["teeth"])
        albedo[part[gaps]] = tone["gap"]
        depth = template[part, 2].max() - template[part, 2, None]
        albedo[part] *= np.clip(1 - depth / TEETH_FADE, DARKEST_TOOTH, 1)

    angle = np.concatenate([[0], np.repeat(EYE_RINGS, EYE_SEGMENTS)])
    eye = np.where(angle[:, None] < IRIS, tone["iris"], tone["sclera"])
    eye[angle < PUPIL] = tone["pupil"]
    eye[np.isclose(angle, EYE_RINGS[EYE_RINGS < IRIS].max())] = tone["limbus"]
    for side in ("left", "right"):
        albedo[regions[f"eyeball_{side}"]] = eye
    return albedo
