"""Learn how MediaPipe's landmarks stray, from heads whose landmarks are known.

Random people with random faces are rendered from random sides, half of them in the model's own colours, half with
the skin of people in videos; MediaPipe looks at them, and `vividlib.reconstruction.correction` is the ridge regression
from what it saw to how far that was astray. Every head counts a second time as its mirror image.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation
from tqdm import tqdm

from vividlib.conventions import ARKIT, ARKIT_INDEX, LIPS
from vividlib.errors import NoFaceError, VividError
from vividlib.geometry import raster
from vividlib.geometry.camera import head_to_camera, project
from vividlib.geometry.mesh import vertex_normals
from vividlib.head import embed
from vividlib.head.gaze import eye_shapes
from vividlib.head.model import deform, landmarks_of, load, person, twins
from vividlib.media.image import load_image
from vividlib.reconstruction.correction import RANK, SKIN, normalise
from vividlib.reconstruction.fit import fit_portrait
from vividlib.reconstruction.landmarks import detect, find_portrait
from vividlib.reconstruction.solve import EYES, FREE
from vividlib.reconstruction.texture import unwrap
from vividlib.training.clips import frames_of
from vividlib.types import HeadModel

HEADS = 2250  # in the model's colours, and again as many with the skin of people
TURN = np.array([50, 25, 25])  # degrees, largest yaw, pitch, roll
LOOK = np.radians([25, 15])  # largest gaze yaw, pitch
PERSONALITY = 0.85  # standard deviation of the identity coefficients
SHAPES = (0, 6)  # how many shapes act at once
BOTH_SIDES = 0.8  # share of shapes that act on both sides
VIDEOS, FRAME = 2, 5  # of each person at most, and the frame of each that gives a skin
TEXTURE = 512  # px
NEAR, FAR = 0.004, 0.016  # metres from lips and lids up to which landmarks stay where they are seen, and from which not
RIDGE = 100.0  # heads that speak for no correction


def random_head(
    head: HeadModel, rng: np.random.Generator, personality=PERSONALITY, shapes=SHAPES, turn=TURN, look=LOOK
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Rotation]:
    """Identity (K), expression (52), gaze (2 2 radians) and rotation of somebody."""
    identity = rng.normal(0, personality, len(head.identity_basis))
    gaze = np.tile(rng.uniform(-np.asarray(look), look), (2, 1))
    expression = eye_shapes(gaze)
    for index in rng.choice(FREE, rng.integers(*shapes, endpoint=True), replace=False):
        value = rng.uniform(0.2, 0.9)
        name = ARKIT[index]
        expression[index] = value
        if name.endswith(("Left", "Right")) and rng.random() < BOTH_SIDES and name not in ("mouthLeft", "mouthRight"):
            twin = name.replace("Left", "#").replace("Right", "Left").replace("#", "Right")
            expression[ARKIT_INDEX[twin]] = value * rng.uniform(0.8, 1.0)
    return identity, expression, gaze, Rotation.from_euler("YXZ", rng.uniform(-np.asarray(turn), turn), degrees=True)


def pictures(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Name and picture (H W 3 uint8) of every file of a folder that can be read."""
    for path in sorted(folder.iterdir()):
        try:
            image = load_image(path)
        except VividError as error:
            print(f"{path.stem}: {error}", flush=True)
            continue
        yield path.stem, image


def skins(people: Iterable[tuple[str, np.ndarray]]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Texture (TEXTURE TEXTURE 3 uint8) of people in pictures, and a blurred picture of what is around them."""
    found = []
    for name, image in people:
        try:
            face = fit_portrait(find_portrait(image, face=0), load())
        except VividError as error:
            print(f"{name}: {error}", flush=True)
            continue
        around = cv2.resize(cv2.GaussianBlur(image, (0, 0), 25), (embed.SIZE, embed.SIZE))
        found.append((unwrap(face, TEXTURE), around))
    return found


def wardrobe(
    videos: Path, most: int, numbers: Collection[int], without: Collection[str] = ()
) -> list[tuple[np.ndarray, np.ndarray]]:
    """`skins` from the frames with these numbers of at most so many videos of each person, but for those left out.

    Raises
    ------
    NoFaceError
        If there are none.
    """
    found = skins(frames_of(videos, most, numbers, without))
    if not found:
        raise NoFaceError(f"No video (.mp4) in {videos} shows a face; hand in a folder of people's videos.")
    return found


def dress(head: HeadModel, vertices: np.ndarray, rotation: Rotation, skin: tuple, rng) -> np.ndarray:
    """Render a head with somebody's skin, in light from a random side (SIZE SIZE 3 uint8)."""
    texture, around = skin
    turned = head_to_camera(vertices.astype(np.float32), rotation.as_quat(), np.zeros(3))
    points, depth = project(embed.CAMERA, turned)
    fragments = raster.rasterize(np.column_stack([points, depth]), head.faces, embed.SIZE, embed.SIZE)
    uv = raster.interpolate(head.uv, head.uv_faces, fragments)
    way = np.array([rng.uniform(-1, 1), rng.uniform(-0.3, 1), 1])
    ambient = rng.uniform(0.3, 0.9)
    light = ambient + (1 - ambient) * np.clip(vertex_normals(turned, head.faces) @ way / np.linalg.norm(way), 0, 1)
    shaded = raster.sample(texture, uv) * raster.interpolate(light[:, None], head.faces, fragments) ** (1 / 2.2)
    return np.where(fragments.triangle[..., None] < 0, around, shaded).astype(np.uint8)


def draw(head: HeadModel, skin: tuple | None, rng) -> tuple[np.ndarray, np.ndarray]:
    """Picture of a random head (SIZE SIZE 3 uint8), in its own colours or with a skin, and its landmarks (478 3 px)."""
    identity, expression, gaze, rotation = random_head(head, rng)
    vertices = deform(head, person(head, identity).astype(np.float32), expression, gaze)
    if skin is None:
        image, _, _ = embed.shade(embed.with_brows(head), vertices, rotation, embed.CAMERA, (embed.SIZE, embed.SIZE))
    else:
        image = dress(head, vertices, rotation, skin, rng)
    posed = head_to_camera(landmarks_of(head, vertices), rotation.as_quat(), np.zeros(3))
    seen, _ = project(embed.CAMERA, posed)
    return image, np.column_stack([seen, -posed[:, 2] * embed.CAMERA.scale])


def sample(head: HeadModel, skin: tuple | None, rng) -> tuple[np.ndarray, np.ndarray] | None:
    """Landmarks of a random head as detected and as they are (478 3 px each); None where no face was found."""
    image, true = draw(head, skin, rng)
    found = detect(image)
    return (found[0], true) if found else None


def looseness(head: HeadModel) -> np.ndarray:
    """How much of its correction in the picture each landmark gets (478) from the map: none on and near lips, lids, irises.

    MediaPipe looks at these more closely and on photos is right to the pixel, whereas renders of them deceive it.
    """
    points = landmarks_of(head, head.template)
    distance, _ = cKDTree(points[np.concatenate([*LIPS, *EYES, range(SKIN, len(points))])]).query(points)
    return np.clip((distance - NEAR) / (FAR - NEAR), 0, 1)


def astray_by(detected: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Normalised faces (N 478 3) of detected landmarks (N 478 3 px), and how far they are astray in the same units."""
    faces, roll, size = normalise(detected)
    astray = (true - detected) @ np.swapaxes(roll, 1, 2) / size[:, None, None]
    astray[..., 2] -= astray[:, :SKIN, 2].mean(1, keepdims=True)  # depths have no origin
    return faces, astray


def fit(
    detected: np.ndarray, true: np.ndarray, bare: np.ndarray, twin: np.ndarray, loose: np.ndarray
) -> dict[str, np.ndarray]:
    """The correction's arrays, from landmarks as detected and as they are (N 478 3 px).

    Parameters
    ----------
    bare : N bool, heads in the model's own colours: how they stray on average is kept out of the result
    twin : 478, the landmark on the other side
    loose : 478, as from `looseness`
    """
    detected, true = (np.concatenate([points, points[:, twin] * [-1, 1, 1]]) for points in (detected, true))
    bare = np.tile(bare, 2)
    faces, astray = astray_by(detected, true)
    astray[..., :2] *= loose[:, None]
    flat = faces.reshape(len(faces), -1)
    mean = flat.mean(0)
    _, spread, components = np.linalg.svd(flat - mean, full_matrices=False)
    components = components[:RANK] / (spread[:RANK, None] / np.sqrt(len(flat)))
    known = np.column_stack([~bare, (flat - mean) @ components.T, bare])
    price = np.diag([1e-6, *[RIDGE] * RANK, 1e-6])
    response = np.linalg.solve(known.T @ known + price, known.T @ astray.reshape(len(flat), -1))[: 1 + RANK]
    return {
        "mean": mean.astype(np.float32),
        "components": components.astype(np.float32),
        "response": response.astype(np.float32),
    }


def learn(videos: Path, out: Path, seed: int = 1) -> None:
    """Render, detect, regress, and write ``out`` (npz). What was seen is kept beside it, for other regressions.

    The weights of `vividlib.training.landmark_network` say what this map leaves over, so they have to be learned again
    after it.

    Parameters
    ----------
    videos : as for `vividlib.training.clips.videos_of`

    Raises
    ------
    NoFaceError
        If no skin of anybody can be had from the videos.
    """
    head, rng = load(), np.random.default_rng(seed)
    clothes = wardrobe(videos, VIDEOS, [FRAME])
    pairs, bare = [], []
    for i in tqdm(range(2 * HEADS)):
        skin = clothes[i // 2 % len(clothes)] if i % 2 else None
        if (pair := sample(head, skin, rng)) is not None:
            pairs.append(pair)
            bare.append(skin is None)
        if not (i + 1) % 500:
            np.savez(out.with_suffix(".seen.npz"), pairs=np.array(pairs, np.float32), bare=bare)
    detected, true = np.swapaxes(np.array(pairs), 0, 1)
    twin = twins(landmarks_of(head, head.template))
    np.savez_compressed(out, **fit(detected, true, np.array(bare), twin, looseness(head)))
