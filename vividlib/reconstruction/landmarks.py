"""Find faces, their 478 landmarks, and the person around them, with MediaPipe.

MediaPipe's face detector misses faces under about a quarter of the picture, so faces are looked
for in the whole picture first and in overlapping tiles after that; the landmarks then come from a
crop around the face, at the photo's own resolution.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator

import cv2
import numpy as np

from vividlib.backend import ahead, one_core
from vividlib.errors import FaceTooSmallError, NoFaceError, SeveralFacesError
from vividlib.reconstruction.correction import correct
from vividlib.types import Portrait

os.environ.setdefault("GLOG_minloglevel", "2")  # MediaPipe's C++ side reads it when it is first loaded
warnings.filterwarnings("ignore", "SymbolDatabase.GetPrototype", UserWarning)  # MediaPipe's, once a graph

SMALLEST_FACE = 32  # px between forehead and chin: landmarks stray by 3 % of the eye distance there, and more below
BYSTANDER = 0.4  # a face under this share of the largest one's height is part of the background
CROP = 2.0  # side of the landmark crop in face heights: what the network was trained to see
WATCHED = 3.0  # side of the part of a video that is watched, in face heights: room to move, and large enough to follow
SETTLING = 6  # readings of one frame until the network's crop, cut about what it read before, stands still
PATIENCE = 25  # frames without any face before the next thorough look, which takes as long as tracking so many

Box = tuple[float, float, float, float]  # x, y, width, height in px


def find_portrait(image: np.ndarray, face: int | None = None) -> Portrait:
    """Find the one face in a picture, or the one that was asked for.

    Parameters
    ----------
    image : H W 3 uint8 sRGB
    face : which face, counted from 0 by size, largest first; None refuses pictures of several.

    Raises
    ------
    NoFaceError, SeveralFacesError, FaceTooSmallError
    """
    found = find_faces(image)
    if not found:
        raise NoFaceError("No face was found. Use a photo in which one face is seen from the front, upright and sharp.")
    boxes = [tuple(round(v) for v in bounding_box(points)) for points in found]
    listing = "; ".join(f"{i}: x={x} y={y} w={w} h={h}" for i, (x, y, w, h) in enumerate(boxes))
    if face is None:
        near = [b for b in boxes if b[3] >= BYSTANDER * boxes[0][3]]
        if len(near) > 1:
            raise SeveralFacesError(
                f"{len(near)} faces were found; choose one with --face N (face=N in Python). {listing}", boxes
            )
        face = 0
    if not 0 <= face < len(found):
        raise NoFaceError(f"There is no face {face}; the picture holds {len(found)}. {listing}")
    landmarks, box = found[face], boxes[face]
    if box[3] < SMALLEST_FACE:
        raise FaceTooSmallError(
            f"The face is {box[3]} px high; at least {SMALLEST_FACE} are needed. Use a larger picture or a closer crop."
        )
    return Portrait(image, landmarks, _with_face(person_mask(image, box), landmarks), box)


def find_faces(image: np.ndarray) -> list[np.ndarray]:
    """Landmarks (478 3 px) of every face in a picture (H W 3 uint8), largest first."""
    return list(correct(image, np.array(found))) if (found := detect(image)) else []


def detect(image: np.ndarray) -> list[np.ndarray]:
    """As `find_faces`, but as MediaPipe sees them."""
    image = np.ascontiguousarray(image)
    boxes: list[Box] = []
    with _native_silence():
        for share in (1, 1 / 2, 1 / 4):  # stop at the first scale that shows a face
            for tile in _tiles(*image.shape[:2], share):
                boxes += _detect(image, tile)
            if boxes:
                break
        largest_first = sorted(boxes, key=lambda box: -box[2] * box[3])
        faces = [_landmarks(image, box) for box in _distinct(largest_first, tuple)]
    # Two detections can lead to one face.
    found = _distinct([points for points in faces if points is not None], bounding_box)
    return sorted(found, key=lambda points: -bounding_box(points)[3])


def track_faces(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray | None]:
    """Landmarks (478 3 px) of the one face in each frame (H W 3 uint8), None where it is lost.

    The whole frame is watched until the face is lost there; then it is looked for as in a photo, and
    the part of the frame around it is watched, in which it is large enough to be followed. One frame
    is read ahead, so none may be overwritten when the next one comes.
    """
    return ahead(_corrected, _tracked(frames), 1, one_core)  # a frame is corrected while MediaPipe looks at the next


def _corrected(frame: np.ndarray, points: np.ndarray | None) -> np.ndarray | None:
    return None if points is None else correct(frame, points[None], twice=False)[0]


def _tracked(frames: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Each frame, and landmarks as MediaPipe sees them."""
    with contextlib.ExitStack() as graphs:
        mesh, window, rest, followed = None, None, 0, False
        for frame in frames:
            window = window or (0, 0, frame.shape[1], frame.shape[0])
            with contextlib.nullcontext() if mesh else _native_silence():  # its threads chatter as they start
                mesh = mesh or graphs.enter_context(_face_mesh(static_image_mode=False))
                points = _follow(mesh, frame, window, followed)
            if points is None and not rest and (found := detect(frame)):
                window = _window(bounding_box(found[0]), WATCHED, frame.shape)
                points = _follow(mesh, frame, window, False)
                points = found[0] if points is None else points
            elif points is None:
                rest = rest - 1 if rest else PATIENCE
            followed = points is not None
            yield frame, points


def _follow(mesh, frame: np.ndarray, window: tuple[int, int, int, int], followed: bool) -> np.ndarray | None:
    """Landmarks in a part of a frame: where they were not followed to it, as they are once they have settled."""
    left, top, right, bottom = window
    for _ in range(1 if followed else SETTLING):
        points = _read(mesh, frame[top:bottom, left:right])
        if points is None:
            return None
    return points + np.array([left, top, 0])


def bounding_box(landmarks: np.ndarray) -> Box:
    """x, y, width, height (px) of landmarks (N 2 or N 3)."""
    low, high = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
    return (*low, *(high - low))


def person_mask(image: np.ndarray, box: Box) -> np.ndarray:
    """How much each pixel belongs to the person around ``box``: H W float32 in [0, 1].

    MediaPipe's selfie segmentation sees 256 px only, so it is given a window of a few faces.
    """
    import mediapipe as mp

    window = _window(box, 5.0, image.shape)
    left, top, right, bottom = window
    crop = np.ascontiguousarray(image[top:bottom, left:right])
    selfie = mp.solutions.selfie_segmentation.SelfieSegmentation
    with _native_silence(), selfie(model_selection=0) as segment:
        mask = segment.process(crop).segmentation_mask
    # At the sides that the window shares with the rest of the picture the mask just goes on.
    outside = [(top, image.shape[0] - bottom), (left, image.shape[1] - right)]
    return np.pad(np.asarray(mask, np.float32), outside, mode="edge")


def _with_face(mask: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """A person's mask, and the face itself where the mask misses it: a picture that ends at the mouth seems empty."""
    face = np.zeros_like(mask)
    cv2.fillConvexPoly(face, cv2.convexHull(landmarks[:, :2].round().astype(np.int32)), 1)
    return mask if (mask * face).sum() > face.sum() / 2 else np.maximum(mask, face)


@contextlib.contextmanager
def _native_silence():
    """Keep the chatter of MediaPipe's C++ side off the terminal; it listens to no log level."""
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


@contextlib.contextmanager
def _face_mesh(**options):
    import mediapipe as mp

    with mp.solutions.face_mesh.FaceMesh(refine_landmarks=True, max_num_faces=1, **options) as mesh:
        yield mesh


def _tiles(height: int, width: int, share: float) -> Iterator[tuple[int, int, int, int]]:
    """Left, top, right, bottom of squares that cover the picture with half their side of overlap."""
    side = int(max(height, width) * share) if share < 1 else max(height, width)
    for top in range(0, max(1, height - side // 2), max(1, side // 2)):
        for left in range(0, max(1, width - side // 2), max(1, side // 2)):
            yield left, top, min(width, left + side), min(height, top + side)


def _detect(image: np.ndarray, tile: tuple[int, int, int, int]) -> list[Box]:
    left, top, right, bottom = tile
    crop = np.ascontiguousarray(image[top:bottom, left:right])
    height, width = crop.shape[:2]
    boxes = []
    for detector in _detectors():
        for detection in detector.process(crop).detections or []:
            relative = detection.location_data.relative_bounding_box
            boxes.append(
                (left + relative.xmin * width, top + relative.ymin * height,
                 relative.width * width, relative.height * height)
            )  # fmt: skip
    return boxes


def _detectors():
    """The short-range and the full-range detector: paintings are found by one, small faces by the other."""
    if not _DETECTORS:
        import mediapipe as mp

        for model in (0, 1):
            _DETECTORS.append(mp.solutions.face_detection.FaceDetection(0.5, model_selection=model))
    return _DETECTORS


_DETECTORS: list = []


def _landmarks(image: np.ndarray, box: Box) -> np.ndarray | None:
    """Landmarks inside a detected box, read twice: the second crop is centred on the first result."""
    with _face_mesh(static_image_mode=True) as mesh:
        for _ in range(2):
            left, top, right, bottom = _window(box, CROP, image.shape)
            crop = image[top:bottom, left:right]
            if min(crop.shape[:2]) < 16:
                return None
            # The network reads 192 px; a small crop is enlarged by a better filter than its own.
            zoom = max(1.0, 384 / max(crop.shape[:2]))
            crop = cv2.resize(crop, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
            points = _read(mesh, crop)
            if points is None:
                return None
            points = points / zoom + np.array([left, top, 0], np.float32)
            box = bounding_box(points)
    return points


def _read(mesh, image: np.ndarray) -> np.ndarray | None:
    result = mesh.process(np.ascontiguousarray(image))
    if not result.multi_face_landmarks:
        return None
    points = np.array([(p.x, p.y, p.z) for p in result.multi_face_landmarks[0].landmark], np.float32)
    # MediaPipe counts from the picture's edge, we from the first pixel's centre; z has x's unit.
    height, width = image.shape[:2]
    return points * [width, height, width] - np.array([0.5, 0.5, 0], np.float32)


def _window(box: Box, factor: float, shape) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of a square of ``factor`` box heights about the box, cut at the picture."""
    x, y, width, height = box
    half = factor * max(width, height) / 2
    left, right = round(x + width / 2 - half), round(x + width / 2 + half)
    top, bottom = round(y + height / 2 - half), round(y + height / 2 + half)
    return max(0, left), max(0, top), min(shape[1], max(right, 0)), min(shape[0], max(bottom, 0))


def _distinct(found: list, box_of: Callable[..., Box]) -> list:
    """What was found, without what shows the same face as something before it in the list."""
    kept: list = []
    for one in found:
        if all(_overlap(box_of(one), box_of(other)) < 0.3 for other in kept):
            kept.append(one)
    return kept


def _overlap(a: Box, b: Box) -> float:
    """Intersection over the smaller box."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(0, width) * max(0, height) / max(1e-6, min(a[2] * a[3], b[2] * b[3]))
