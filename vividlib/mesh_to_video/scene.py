"""What stands still while a head speaks: the photo's head mesh, the sheet around it, what the photo shows of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from vividlib.geometry.camera import head_to_camera, project, scaled
from vividlib.geometry.mesh import vertex_normals
from vividlib.geometry.raster import Fragments, interpolate, rasterize
from vividlib.head.model import deform, joint
from vividlib.mesh_to_video.canvas import stretch
from vividlib.mesh_to_video.layers import Layers, behind, dilated, separate
from vividlib.mesh_to_video.seen import SHEET, WIDER, Seen, cover, hidden_ears, see, trust
from vividlib.reconstruction.colours import MOUTH, hidden_colours, parts, visible_vertices
from vividlib.types import Camera, Face, HeadModel

Window = tuple[int, int, int, int]  # left, top, width, height in px

NECK = 0.15  # of the head's size above the lower border of the photo in which necks come to rest
BEYOND = 0.25  # of the head's size: hair that a border of the photo cuts goes on as far
MARGIN = 0.75  # of the head's size around it: room for hair, and for the background to stretch
RECESS = {"eyeball_left": 0.0008, "eyeball_right": 0.0008} | dict.fromkeys(MOUTH, 0.01) | {"mouth_cavity": 0.016}
"""Metres by which parts are drawn deeper than they are, so that lids and lips which touch them, or which on
thin-lipped people cut into the teeth, cover them, and teeth cover what lines the mouth."""
BACKDROP = 0.5  # metres by which the sheet is drawn deeper: it lies behind every part of the head
DETAILS = (*MOUTH, "lips", "eyeball_left", "eyeball_right", "eyelids_left", "eyelids_right")
"""Where the photo shows folds and edges: stretched they are seen as streaks, so they give way to smooth colour."""
SLANT = 0.5  # cosine under which skin is seen too much from the side to be shown from the front
TINY = 0.02  # square px: smaller triangles of the photo count as this large
FINE_BELOW = ((110, 3), (240, 2))  # px: eyes and mouth together smaller than that are drawn so many times finer


@dataclass(frozen=True, eq=False)
class Scene:
    """Head mesh and sheet as one mesh of N vertices, in the pixels of the crop."""

    face: Face
    window: Window  # of the crop in the photo
    camera: Camera  # for the crop
    faces: np.ndarray  # F 3 int32, head first, then sheet
    part: np.ndarray  # F + 1 int8, of each triangle; the last entry is for pixels without one
    detail: np.ndarray  # D, triangles of DETAILS, and of skin that the photo shows at a slant
    valence: np.ndarray  # N, in how many triangles a vertex is; at least 1
    weights: np.ndarray  # V, of the head's motion
    source: np.ndarray  # N 3 float32: x, y px and depth in the photo
    areas: np.ndarray  # D, square px in the photo
    carried: np.ndarray  # N 8 float32: x, y and depth in the photo; 1; and where the photo does not show it: its sRGB
    # colour, 0 to 255, and how much of it is there, 0 to 1
    recess: np.ndarray  # V, metres
    sheet: np.ndarray  # N - V 3, metres in camera space
    share: np.ndarray  # N - V, of the head's motion
    lips: np.ndarray  # L 3, metres by which the photo's expression moves the lips
    lids: np.ndarray  # E 3, the same of the lids
    upper: np.ndarray  # V in [0, 1], 0 at the mouth, 1 at the eyes: whose doing a vertex's expression is
    trust: np.ndarray  # h w, see `vividlib.mesh_to_video.seen.trust`
    whole: Seen
    fine: Seen  # the same for the windows of eyes and mouth
    size: float  # of the head, px
    layers: Layers  # of the crop
    behind: np.ndarray  # h w 4 uint8, what lies around the head, gone on behind it

    def points(self, posed: np.ndarray, sheet: np.ndarray) -> np.ndarray:
        """Image-space points (N 3) of head vertices (V 3) and sheet (N - V 3) in camera space."""
        return np.concatenate([_points(self.camera, posed, self.recess), _points(self.camera, sheet, BACKDROP)])

    def windows(self, points: np.ndarray) -> tuple[Window, Window]:
        """The parts of the crop that hold the mouth and the eyes of image-space points (N 3)."""
        _, _, width, height = self.window
        found = []
        for part in (self.face.head.lips, lids_of(self.face.head)):
            x, y = points[part, 0], points[part, 1]
            left, top = (int(np.clip(v.min() - 2, 0, side - 1)) for v, side in ((x, width), (y, height)))
            right, bottom = (int(np.clip(v.max() + 3, 1, side)) for v, side in ((x, width), (y, height)))
            found.append((left, top, max(right - left, 1), max(bottom - top, 1)))
        return tuple(found)


def build_scene(face: Face, photo: np.ndarray, factor: float, finer: int = 1) -> Scene:
    """Lay out the scene of a reconstructed person.

    Parameters
    ----------
    photo : H W 3 uint8, the portrait's image resized by ``factor``
    finer : eyes and mouth are drawn at least so many times finer than the photo's pixels
    """
    head = face.head
    recess = _recess(head)
    vertices = deform(head, face.neutral, face.expression, face.gaze)
    lips, lids = (vertices[part] - face.neutral[part] for part in (head.lips, lids_of(head)))
    posed = head_to_camera(vertices + face.remainder, face.rotation, face.translation)
    camera = scaled(face.camera, factor)
    window, size = _crop(head, project(camera, posed)[0], photo.shape)
    left, top, width, height = window
    camera = replace(camera, centre=(camera.centre[0] - left, camera.centre[1] - top))

    reference = _points(camera, posed, recess)
    fragments = rasterize(reference, head.faces, width, height)
    weights = _weights(head, reference, height, size)
    weight = interpolate(weights[:, None], head.faces, fragments)[..., 0]
    person = cv2.resize(face.portrait.mask, photo.shape[1::-1], interpolation=cv2.INTER_AREA)
    cut = top == 0, left == 0, left + width == photo.shape[1]
    photo, person = (np.ascontiguousarray(a[top : top + height, left : left + width]) for a in (photo, person))
    layers = separate(photo, person, weight > 0, size)
    canvas = stretch(
        fragments.triangle >= 0, weight, fragments.depth, layers.matte / np.float32(255), layers.person,
        [BEYOND * size * side for side in cut],
    )  # fmt: skip
    sheet = _unproject(camera, canvas.pixels, canvas.depth)

    kept = _moving(head, posed, camera, fragments)
    part = parts(head)[kept].max(1)
    hiding_first = part.argsort(kind="stable")  # drawn in half the time
    kept, part = kept[hiding_first], part[hiding_first]
    faces = np.concatenate([kept, canvas.faces + len(posed)]).astype(np.int32)
    part = np.concatenate([part, np.full(len(canvas.faces) + 1, SHEET)]).astype(np.int8)
    source = np.concatenate([reference, _points(camera, sheet, BACKDROP)])
    whole = see(source, faces, part, width, height, 1)
    detail = _detail(head, posed, faces)
    colours = np.zeros((len(source), 4), np.float32)
    colours[: len(posed)] = _hidden(face, posed, reference, fragments, whole, layers, size)
    scene = Scene(
        face=face,
        window=window,
        camera=camera,
        faces=faces,
        part=part,
        detail=detail,
        valence=np.maximum(np.bincount(faces.ravel(), minlength=len(source)), 1),
        weights=weights,
        source=source,
        areas=np.maximum(areas(source, faces[detail]), TINY),
        carried=np.column_stack([source, np.ones(len(source)), colours]).astype(np.float32),
        recess=recess,
        sheet=sheet,
        share=canvas.weight,
        lips=lips,
        lids=lids,
        upper=_upper(head),
        trust=trust(whole, layers, size),
        whole=whole,
        fine=whole,
        size=size,
        layers=layers,
        behind=behind(layers, whole.part != SHEET, size),
    )
    extent = np.ptp(source[np.concatenate([head.lips, lids_of(head)]), :2], axis=0).max()
    fine = max(finer, next((times for limit, times in FINE_BELOW if extent < limit), 1))
    return scene if fine == 1 else replace(scene, fine=see(source, faces, part, width, height, fine))


def lids_of(head: HeadModel) -> np.ndarray:
    """Vertices of both eyes' lids (E)."""
    return np.concatenate([head.regions["eyelids_left"], head.regions["eyelids_right"]])


def areas(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Areas of triangles on the screen, square px; those seen from behind count as 0."""
    a, b, c = points[faces, :2].transpose(1, 0, 2)
    (ux, uy), (vx, vy) = (b - a).T, (c - a).T
    return np.maximum(uy * vx - ux * vy, 0) / 2


def _points(camera: Camera, posed: np.ndarray, recess: np.ndarray | float) -> np.ndarray:
    pixels, depth = project(camera, posed)
    return np.column_stack([pixels, depth - recess]).astype(np.float32)


def _unproject(camera: Camera, pixels: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Camera-space points (N 3) seen at ``pixels`` (N 2) with ``depth`` (N, camera-space Z)."""
    metres = (pixels - camera.centre) / camera.scale * ((camera.distance - depth) / camera.distance)[:, None]
    return np.column_stack([metres * [1, -1], depth])


def _crop(head: HeadModel, pixels: np.ndarray, shape: tuple[int, ...]) -> tuple[Window, float]:
    """The part of the photo that can move, and the head's size in px."""
    moving = pixels[head.head_weight > 0.5]
    low, high = moving.min(0), moving.max(0)
    size = (high - low).max()
    room = MARGIN * size
    left, top = np.maximum(np.floor(low - room), 0).astype(int)
    right, bottom = np.minimum(np.ceil(high + room), [shape[1] - 1, shape[0] - 1]).astype(int) + 1
    return (int(left), int(top), int(right - left), int(bottom - top)), float(size)


def _weights(head: HeadModel, points: np.ndarray, height: int, size: float) -> np.ndarray:
    """Share (V float32) of the head's motion. What the lower border of the photo cuts stands still there."""
    weights = head.head_weight.copy()
    neck = head.regions["neck"]
    weights[neck] *= np.clip((height - 1 - points[neck, 1]) / (NECK * size), 0, 1)
    return weights


def _moving(head: HeadModel, posed: np.ndarray, camera: Camera, photo: Fragments) -> np.ndarray:
    """Triangles to draw. Shoulders stand still; behind the outline of the head the sheet knows better."""
    moves = head.head_weight[head.faces].max(1) > 0
    moves &= ~hidden_ears(head, photo)[head.faces].any(1)
    normals = vertex_normals(posed, head.faces)
    drawn = (normals * ([0, 0, camera.distance] - posed)).sum(1) > 0
    inner = np.zeros(len(posed), bool)
    inner[np.concatenate([head.regions[name] for name in (*DETAILS, "face")])] = True
    # Above the eyes what is hidden is hair, which the sheet has: there all of a triangle has to be seen.
    above = head.template[:, 1] > head.template[lids_of(head), 1].max()
    # A chin that rises shows its underside; behind that is nothing but the inside of the mouth.
    jaw = head.template[:, 1] < head.template[head.lips, 1].min()
    jaw &= head.template[:, 2] > joint(head, head.template, "jaw")[2]
    drawn |= inner & ~above | jaw
    corners = drawn[head.faces]
    return head.faces[moves & np.where(above[head.faces].all(1), corners.all(1), corners.any(1))]


def _recess(head: HeadModel) -> np.ndarray:
    recess = np.zeros(len(head.template))
    for name, depth in RECESS.items():
        recess[head.regions[name]] = depth
    return recess


def _detail(head: HeadModel, posed: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Triangles (D) of DETAILS, and of skin at a slant."""
    member = np.zeros(faces.max() + 1, bool)
    slanted = vertex_normals(posed, head.faces)[:, 2] < SLANT
    slanted[head.regions["scalp"]] = False  # stretched hair is still hair
    member[: len(posed)] = slanted
    member[np.concatenate([head.regions[name] for name in DETAILS])] = True
    return np.flatnonzero(member[faces].any(1))


def _hidden(
    face: Face, posed: np.ndarray, points: np.ndarray, fragments: Fragments, whole: Seen, layers: Layers, size: float
) -> np.ndarray:
    """Of each vertex (V 4 float32) where the photo does not show it: its colour, and how much of it is there."""
    head = face.head
    visible, row, column = visible_vertices(head, posed, points, whole.part, whole.depth)
    # Open lids show folds and lashes; what a blink unfolds has the colour of the skin around the eye.
    visible[lids_of(head)] = False
    visible &= ~dilated(layers.matte < 255, WIDER * size)[row, column]
    colours = hidden_colours(head, face.neutral, layers.photo[row, column], visible)
    return np.column_stack([colours, cover(head, face.neutral, fragments, layers.matte, (row, column), size)])


def _upper(head: HeadModel) -> np.ndarray:
    height = head.template[:, 1]
    mouth, eyes = height[head.lips].max(), height[lids_of(head)].min()
    return np.clip((height - mouth) / (eyes - mouth), 0, 1)
