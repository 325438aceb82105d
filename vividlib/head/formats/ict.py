"""ICT-FaceKit's light model: a folder of OBJ files (Li et al., Learning Formation of Physically-Based Face
Attributes, CVPR 2020; MIT)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vividlib.errors import HeadError
from vividlib.head.formats.raw import RawHead, by_arkit_name

NEUTRAL = "generic_neutral_mesh.obj"
KEPT = 24591
"""Vertices that are used, the first of the file. Behind them come tear film, eye occlusion and lashes: sheets that
are meant to be transparent."""

RANGES = {
    "mouth_cavity": (11248, 13294), "eye_sockets": (13294, 14062), "tongue": (14062, 17039),
    "teeth_upper": (17039, 19247), "teeth_lower": (19247, 21451), "eyeball_left": (21451, 23021),
    "eyeball_right": (23021, 24591),
}  # fmt: skip
"""Vertices of the parts (first, behind the last), from the table in the authors' README. Tongue and gums are one."""


def find_folder(path: Path) -> Path | None:
    """The folder with the OBJ files, if ``path`` is it, or the checkout around it."""
    for folder in (path, path / "FaceXModel"):
        if (folder / NEUTRAL).is_file():
            return folder
    return None


def read(folder: Path) -> RawHead:
    """Read the folder FaceXModel: generic_neutral_mesh.obj, identityNNN.obj and one OBJ per expression.

    Raises
    ------
    HeadError
        If files are missing, damaged or of another topology.
    """
    neutral, faces = _read_obj(folder / NEUTRAL, with_faces=True)
    if len(neutral) < KEPT:
        raise HeadError(f"{folder / NEUTRAL} has {len(neutral)} vertices, not ICT-FaceKit's 26719; copy it again.")
    people = sorted(folder.glob("identity[0-9]*.obj"))
    others = [p for p in sorted(folder.glob("*.obj")) if p not in people and p.name != NEUTRAL]
    if not people:
        raise HeadError(f"{folder} lacks identity000.obj and its like; copy ICT-FaceKit's whole folder FaceXModel.")

    def displacements(paths):
        shapes = [_read_obj(path)[0] for path in paths]
        for path, shape in zip(paths, shapes):
            if len(shape) != len(neutral):
                raise HeadError(f"{path} has {len(shape)} vertices, {NEUTRAL} has {len(neutral)}; copy it again.")
        return np.stack([shape[:KEPT] - neutral[:KEPT] for shape in shapes]).astype(np.float32)

    names = [path.stem for path in others]
    return RawHead(
        path=folder,
        name="ict",
        vertices=neutral[:KEPT],
        faces=faces[(faces < KEPT).all(1)],
        identity=displacements(people),
        blendshapes=by_arkit_name(folder, names, displacements(others)),
        unit=0.01,
        parts={name: np.arange(*pair) for name, pair in RANGES.items()},
    )


def _read_obj(path: Path, with_faces: bool = False) -> tuple[np.ndarray, np.ndarray | None]:
    """Vertices (V, 3) of an OBJ file and its polygons as triangles (F, 3)."""
    try:
        lines = path.read_bytes().split(b"\n")
        vertices = np.array([line.split()[1:4] for line in lines if line.startswith(b"v ")], dtype=np.float64)
        if not with_faces:
            return vertices, None
        corners = [line.split()[1:] for line in lines if line.startswith(b"f ")]
        polygons = [[int(corner.split(b"/")[0]) - 1 for corner in polygon] for polygon in corners]
    except (OSError, ValueError) as error:
        raise HeadError(f"{path} cannot be read as an OBJ file ({error}); copy it again.") from error
    fans = [(p[0], p[k], p[k + 1]) for p in polygons for k in range(1, len(p) - 1)]
    return vertices, np.array(fans, dtype=np.int64).reshape(-1, 3)
