"""GLB files in parts: their arrays, their morph targets and where their joints rest."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pygltflib as gltf
from scipy.spatial.transform import Rotation

from vividlib.errors import MotionError
from vividlib.export.reading import MAX_BYTES, check_size
from vividlib.media.files import atomic_output, open_input

_MOVED = 1e-6  # metres: less than this is rounding
_CODES = {
    gltf.BYTE: "<i1", gltf.UNSIGNED_BYTE: "|u1", gltf.SHORT: "<i2", gltf.UNSIGNED_SHORT: "<u2",
    gltf.UNSIGNED_INT: "<u4", gltf.FLOAT: "<f4",
}  # fmt: skip
_TYPES = {code: component for component, code in _CODES.items()}
_SHAPES = {(): gltf.SCALAR, (2,): gltf.VEC2, (3,): gltf.VEC3, (4,): gltf.VEC4}
_WIDTHS = {kind: int(np.prod(shape)) for shape, kind in _SHAPES.items()}

DAMAGE = (
    LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError, AssertionError, OSError,
    struct.error,
)  # fmt: skip
"""What damaged files raise in pygltflib, and here."""


class Buffer:
    """The binary part of a GLB in the making, with its views and accessors."""

    def __init__(self, document: gltf.GLTF2 | None = None):
        document = document or gltf.GLTF2()
        self.data = bytearray(document.binary_blob() or b"")
        self.views: list[gltf.BufferView] = document.bufferViews
        self.accessors: list[gltf.Accessor] = document.accessors

    def view(self, data: bytes, target: int | None = None) -> int:
        """Append bytes at the next multiple of four; the number of their view."""
        self.data += bytes(-len(self.data) % 4)
        self.views.append(gltf.BufferView(buffer=0, byteOffset=len(self.data), byteLength=len(data), target=target))
        self.data += data
        return len(self.views) - 1

    def add(self, array: np.ndarray, target: int | None = None, bounds: bool = False) -> int:
        """Append one element a row; the number of its accessor."""
        self.accessors.append(_describe(array, bounds))
        self.accessors[-1].bufferView = self.view(np.ascontiguousarray(array).tobytes(), target)
        return len(self.accessors) - 1

    def add_sparse(self, offsets: np.ndarray) -> int:
        """Append offsets (N, 3), of which only those that are not zero are stored."""
        offsets = np.where(np.abs(offsets).max(axis=1, keepdims=True) > _MOVED, offsets, 0).astype(np.float32)
        accessor = _describe(offsets, bounds=True)
        rows = np.flatnonzero(offsets.any(axis=1)).astype(np.uint32)
        if len(rows):  # an accessor without data is all zeros; a sparse part may not be empty
            accessor.sparse = gltf.Sparse(
                count=len(rows),
                indices=gltf.AccessorSparseIndices(
                    bufferView=self.view(rows.tobytes()), componentType=_TYPES[rows.dtype.str]
                ),
                values=gltf.AccessorSparseValues(bufferView=self.view(offsets[rows].tobytes())),
            )
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def animation(self, rate: float, tracks: list[tuple[int, str, np.ndarray]]) -> gltf.Animation:
        """An animation of (node, path, values with one row a frame); paths are glTF's.

        Weights are (T, targets): stored frame by frame, all targets of a frame together.
        """
        times = self.add((np.arange(len(tracks[0][2])) / rate).astype(np.float32), bounds=True)
        rows = [values.ravel() if path == "weights" else values for _, path, values in tracks]
        return gltf.Animation(
            name="motion",
            samplers=[gltf.AnimationSampler(input=times, output=self.add(np.float32(values))) for values in rows],
            channels=[
                gltf.AnimationChannel(sampler=number, target=gltf.AnimationChannelTarget(node=node, path=path))
                for number, (node, path, _) in enumerate(tracks)
            ],
        )

    def pack(self, document: gltf.GLTF2) -> bytes:
        """The file: ``document`` with this as its binary part."""
        for accessor in self.accessors:
            if accessor.bufferView is None:  # sparse ones: pygltflib says 0 where only a view may have an offset
                accessor.byteOffset = None
        document.bufferViews, document.accessors = self.views, self.accessors
        document.buffers = [gltf.Buffer(byteLength=len(self.data))]
        document.set_binary_blob(bytes(self.data))
        return b"".join(document.save_to_bytes())


def save(data: bytes, path: str | Path) -> None:
    """Write a file whole or not at all.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    with atomic_output(path) as partial:
        partial.write_bytes(data)


def _describe(array: np.ndarray, bounds: bool) -> gltf.Accessor:
    accessor = gltf.Accessor(
        componentType=_TYPES[array.dtype.str], count=len(array), type=_SHAPES[array.shape[1:]]
    )  # fmt: skip
    if bounds:
        accessor.min = np.atleast_1d(array.min(axis=0)).tolist()
        accessor.max = np.atleast_1d(array.max(axis=0)).tolist()
    return accessor


def load(path: str | Path) -> gltf.GLTF2:
    """A GLB or VRM file, whole in one file.

    Raises
    ------
    MotionError
        If it is missing, damaged, or needs other files.
    """
    with open_input(path, MotionError) as file:
        check_size(file, path)
        data = file.read()
    try:
        if data[:8] != b"glTF\2\0\0\0":
            raise ValueError("it does not begin with glTF, version 2")
        document = gltf.GLTF2.load_from_bytes(data)
        nodes = len(document.nodes)
        for node in document.nodes:
            if any(not 0 <= child < nodes for child in node.children or []):
                raise ValueError("a node has a child that is not there")
        whole = len(document.buffers) <= 1 and all(buffer.uri is None for buffer in document.buffers)
    except DAMAGE as error:
        raise MotionError(f"{path} is damaged or no GLB ({error}); export it again.") from error
    if not whole:
        raise MotionError(f"{path} keeps its data in other files; export it as one .glb.")
    return document


def values(document: gltf.GLTF2, number: int) -> np.ndarray:
    """The elements (N, width) float64 of an accessor without a sparse part, integers as the fractions they mean."""
    accessor = document.accessors[number]
    view = document.bufferViews[accessor.bufferView]
    kind, width = np.dtype(_CODES[accessor.componentType]), _WIDTHS[accessor.type]
    if not 0 <= accessor.count * width * kind.itemsize <= MAX_BYTES or view.byteStride not in (
        None,
        width * kind.itemsize,
    ):
        raise ValueError("an accessor is larger than the file, or its elements do not follow one another")
    start = (view.byteOffset or 0) + (accessor.byteOffset or 0)
    array = np.frombuffer(document.binary_blob(), kind, accessor.count * width, start).reshape(-1, width)
    return array.astype(np.float64) if kind.kind == "f" else np.maximum(array / np.iinfo(kind).max, -1)


def morph_names(document: gltf.GLTF2, mesh: int) -> list[str]:
    """Names of the morph targets of a mesh; those without one are called by their number."""
    primitives = document.meshes[mesh].primitives
    count = len(primitives[0].targets or []) if primitives else 0
    for extras in (document.meshes[mesh].extras, primitives[0].extras if primitives else None):
        names = extras.get("targetNames") if isinstance(extras, dict) else None
        if isinstance(names, list) and len(names) == count:
            return [str(name) for name in names]
    return [str(place) for place in range(count)]


def parents(document: gltf.GLTF2) -> dict[int, int]:
    """Node -> the node it hangs on."""
    return {child: number for number, node in enumerate(document.nodes) for child in node.children or []}


def rest_rotation(document: gltf.GLTF2, node: int) -> Rotation:
    """How a node is turned against its parent at rest."""
    joint = document.nodes[node]
    if joint.matrix is not None:
        axes = np.array(joint.matrix, float).reshape(4, 4).T[:3, :3]
        return Rotation.from_matrix(axes / np.linalg.norm(axes, axis=0))
    return Rotation.from_quat(joint.rotation or [0, 0, 0, 1])


def rest_above(document: gltf.GLTF2, node: int) -> Rotation:
    """How the parent of a node is turned in the scene at rest."""
    above, turn = parents(document), Rotation.identity()
    for _ in document.nodes:  # as many steps as there are nodes at most: a loop ends too
        node = above.get(node, -1)
        if node < 0:
            return turn
        turn = rest_rotation(document, node) * turn
    raise ValueError("its nodes hang on each other in a loop")
