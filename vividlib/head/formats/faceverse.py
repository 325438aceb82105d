"""FaceVerse v2, v3 and v4: a dictionary of arrays in one .npy (Wang et al., FaceVerse, CVPR 2022).

Keys as the authors' code reads them: github.com/LizhenWangT/FaceVerse and FaceVerse_v4.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from vividlib.errors import HeadError
from vividlib.head.formats.raw import RawHead, by_arkit_name

KEYS = {"meanshape", "idBase", "exBase", "tri"}
"""What tells a FaceVerse file; v3 may have exBase_52 instead of exBase."""

UNITS = {2: None, 3: 0.001, 4: 0.001}
"""Metres: v2 fits a unit square, v3 and v4 are in millimetres."""


def is_content(content: dict) -> bool:
    """Whether a file's arrays are FaceVerse's."""
    return KEYS - {"exBase"} <= content.keys() and bool({"exBase", "exBase_52"} & content.keys())


def read(path: Path, content: dict) -> RawHead:
    """Make a head of the arrays of one of the three versions.

    Versions are told apart by what only they have: v3 and v4 say with ``ver_inds`` where face, eyeballs and
    mouth parts begin, v4 has more than the eyeballs.

    Raises
    ------
    HeadError
        If an array is missing or does not fit the others; if the expressions are not the 52.
    """
    starts = np.asarray(content.get("ver_inds", []), dtype=int).ravel()
    version = 2 if not len(starts) else 3 if len(starts) <= 3 else 4
    vertices = _array(path, content, "meanshape").reshape(-1, 3)
    count = len(vertices)
    blendshapes = motions = None
    suffix = "_52" if "exBase_52" in content else ""
    expressions = _basis(path, content, f"exBase{suffix}", count)
    names = content.get(f"exp_name_list{suffix}")
    if names is not None and len(names) == len(expressions):
        blendshapes = by_arkit_name(path, [str(name) for name in np.ravel(names)], expressions)
    elif version == 4:
        motions = expressions
    else:
        raise HeadError(
            f"{path} has {len(expressions)} expressions without ARKit's names; use the version of FaceVerse v{version} "
            f"with the 52 (faceverse_simple_v2.npy, faceverse_v3_6_s.npy)."
        )
    colours = content.get("meantex")
    return RawHead(
        path=path,
        name=f"faceverse{version}",
        vertices=vertices,
        faces=_array(path, content, "tri").astype(np.int64),
        identity=_basis(path, content, "idBase", count),
        blendshapes=blendshapes,
        motions=motions,
        unit=UNITS[version],
        parts=_parts(vertices, starts, expressions),
        colours=None if colours is None else np.asarray(colours, np.float32).reshape(-1, 3),
    )


def _array(path: Path, content: dict, key: str) -> np.ndarray:
    try:
        return np.asarray(content[key], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise HeadError(f"{path}: {key} is no array of numbers; download the file again.") from error


def _basis(path: Path, content: dict, key: str, count: int) -> np.ndarray:
    """Columns over x, y, z of one vertex after the other (3 V, K), as K displacements (K, V, 3)."""
    basis = _array(path, content, key).astype(np.float32)
    if basis.ndim != 2 or len(basis) != 3 * count:
        raise HeadError(f"{path}: {key} has shape {basis.shape}; {count} vertices need ({3 * count}, K).")
    return basis.T.reshape(-1, count, 3)


def _parts(vertices: np.ndarray, starts: np.ndarray, expressions: np.ndarray) -> dict[str, np.ndarray]:
    """Vertices of the parts: behind the skin come left and right eyeball, in v4 also teeth and tongue.

    The last three come in an order that the authors' code does not tell. The tongue is the one that the last
    expressions move most; upper teeth are nearer to the eyes than lower ones.
    """
    pieces = [np.arange(*pair) for pair in pairwise(starts)]
    parts = dict(zip(("eyeball_left", "eyeball_right"), pieces))
    mouth = pieces[2:5]
    if len(mouth) == 3:
        moved = [np.abs(expressions[-6:, piece]).mean() for piece in mouth]
        parts["tongue"] = mouth.pop(int(np.argmax(moved)))
        eyes = vertices[np.concatenate(pieces[:2])].mean(0)
        near, far = sorted(mouth, key=lambda piece: np.linalg.norm(vertices[piece].mean(0) - eyes))
        parts["teeth_upper"], parts["teeth_lower"] = near, far
    return parts
