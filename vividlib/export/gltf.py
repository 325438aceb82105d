"""Binary glTF 2.0: the head as a skinned mesh with 52 named morph targets, and its animation.

One mesh, one primitive for each of skin, eyes and mouth, all on the same vertices. The head bends on
its neck through a skin of two joints, Chest and Head; a blendshape is a morph target stored sparsely, only
the vertices that it moves. The eyes turn by the eyeLook targets, as rigs expect. Lip offsets would
need a target for every frame and are left out.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pygltflib as gltf
from PIL import Image

from vividlib.conventions import ARKIT
from vividlib.geometry.mesh import vertex_normals
from vividlib.media.files import atomic_output
from vividlib.types import Face, HeadModel, Motion

_MOVED = 1e-6  # metres: less than this is rounding
_EYES = ("eyeball_left", "eyeball_right")
_MOUTH = ("teeth_upper", "teeth_lower", "tongue", "mouth_cavity")


def write(
    path: str | Path, head: HeadModel, neutral: np.ndarray, texture: np.ndarray | None = None,
    motion: Motion | None = None,
) -> None:  # fmt: skip
    """Write a head, at rest or moving.

    Parameters
    ----------
    path
        The .glb file.
    head
        Topology, blendshapes and UV.
    neutral
        (V, 3) metres, the person at rest.
    texture
        (S, S, 3) uint8 sRGB in the head's UV; None paints the vertices with ``head.albedo``.
    motion
        Becomes one animation at the motion's own rate; None writes the head at rest.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    buffer = _Buffer()
    vertex, faces, uv = _split_at_seams(head)
    attributes = gltf.Attributes(
        POSITION=buffer.add(neutral[vertex].astype(np.float32), gltf.ARRAY_BUFFER, bounds=True),
        NORMAL=buffer.add(vertex_normals(neutral, head.faces)[vertex].astype(np.float32), gltf.ARRAY_BUFFER),
        TEXCOORD_0=buffer.add(uv, gltf.ARRAY_BUFFER),
    )
    if texture is None:
        attributes.COLOR_0 = buffer.add(head.albedo[vertex].astype(np.float32), gltf.ARRAY_BUFFER)
    joints, weights = _skin(head)
    attributes.JOINTS_0 = buffer.add(joints[vertex], gltf.ARRAY_BUFFER)
    attributes.WEIGHTS_0 = buffer.add(weights[vertex], gltf.ARRAY_BUFFER)
    targets = [gltf.Attributes(POSITION=buffer.add_sparse(shape[vertex])) for shape in head.blendshapes]
    parts = _parts(head)
    primitives = [
        gltf.Primitive(
            attributes=attributes, targets=targets, material=material,
            indices=buffer.add(faces[rows].astype(np.uint32).ravel(), gltf.ELEMENT_ARRAY_BUFFER),
        )
        for material, rows in enumerate(parts.values())
    ]  # fmt: skip
    mesh = gltf.Mesh(name=head.name, primitives=primitives, weights=[0.0] * 52, extras={"targetNames": list(ARKIT)})
    document = gltf.GLTF2(
        asset=gltf.Asset(version="2.0", generator="vividlib"),
        scene=0,
        scenes=[gltf.Scene(nodes=[0, 1])],
        nodes=_nodes(head),
        meshes=[mesh],
        skins=[gltf.Skin(joints=[1, 2], skeleton=1)],
        materials=[_material(name, textured=texture is not None) for name in parts],
    )
    if texture is not None:
        document.images = [gltf.Image(bufferView=buffer.view(_jpeg(texture)), mimeType="image/jpeg")]
        document.samplers = [gltf.Sampler(magFilter=gltf.LINEAR, minFilter=gltf.LINEAR_MIPMAP_LINEAR)]
        document.textures = [gltf.Texture(source=0, sampler=0)]
    if motion is not None:
        document.animations = [_animation(buffer, motion)]
    document.bufferViews, document.accessors = buffer.views, buffer.accessors
    document.buffers = [gltf.Buffer(byteLength=len(buffer.data))]
    document.set_binary_blob(bytes(buffer.data))
    with atomic_output(path) as partial:
        Path(partial).write_bytes(b"".join(document.save_to_bytes()))


def write_face(face: Face, path: str | Path, texture: int = 1024) -> None:
    """Write a person's neutral head; the photo, without its light, becomes a texture of ``texture`` px.

    Raises as `write`, and InputError for a size that `vividlib.reconstruction.texture.unwrap` refuses.
    """
    write(path, face.head, face.neutral, _texture(face, texture))


def write_motion(motion: Motion, path: str | Path, face: Face | None = None) -> None:
    """Write ``motion`` on a person's head, or on the default head. Raises as `write`."""
    if face is None:
        from vividlib.head import model

        head = model.load()
        write(path, head, head.template, motion=motion)
    else:
        write(path, face.head, face.neutral, _texture(face), motion)


def _texture(face: Face, size: int = 1024) -> np.ndarray:
    from vividlib.reconstruction.texture import unwrap

    return unwrap(face, size)


class _Buffer:
    """The binary part of a GLB in the making, with its views and accessors."""

    def __init__(self):
        self.data = bytearray()
        self.views: list[gltf.BufferView] = []
        self.accessors: list[gltf.Accessor] = []

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


_TYPES = {"|u1": gltf.UNSIGNED_BYTE, "<u4": gltf.UNSIGNED_INT, "<f4": gltf.FLOAT}
_SHAPES = {(): gltf.SCALAR, (2,): gltf.VEC2, (3,): gltf.VEC3, (4,): gltf.VEC4}


def _describe(array: np.ndarray, bounds: bool) -> gltf.Accessor:
    accessor = gltf.Accessor(
        componentType=_TYPES[array.dtype.str], count=len(array), type=_SHAPES[array.shape[1:]]
    )  # fmt: skip
    if bounds:
        accessor.min = np.atleast_1d(array.min(axis=0)).tolist()
        accessor.max = np.atleast_1d(array.max(axis=0)).tolist()
    return accessor


def _split_at_seams(head: HeadModel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """glTF has one index for position and UV: the head's vertex of each (N), faces (F 3), UV (N 2)."""
    corners = np.stack([head.faces, head.uv_faces], axis=-1).reshape(-1, 2)
    pairs, index = np.unique(corners, axis=0, return_inverse=True)
    return pairs[:, 0], index.reshape(-1, 3), head.uv[pairs[:, 1]].astype(np.float32)


def _parts(head: HeadModel) -> dict[str, np.ndarray]:
    """Rows of ``head.faces`` by material, without the materials this head has nothing of."""
    part = np.zeros(len(head.template), int)
    for number, names in ((1, _EYES), (2, _MOUTH)):
        for name in names:
            part[head.regions[name]] = number
    of_face = part[head.faces].min(axis=1)  # the lips belong to the skin
    rows = {name: np.flatnonzero(of_face == number) for number, name in enumerate(("skin", "eyes", "mouth"))}
    return {name: faces for name, faces in rows.items() if len(faces)}


def _material(name: str, textured: bool) -> gltf.Material:
    look = gltf.PbrMetallicRoughness(metallicFactor=0.0, roughnessFactor=0.4 if name == "eyes" else 1.0)
    if textured:
        look.baseColorTexture = gltf.TextureInfo(index=0)
    return gltf.Material(name=name, pbrMetallicRoughness=look)


def _skin(head: HeadModel) -> tuple[np.ndarray, np.ndarray]:
    """Joints (V 4 uint8) and weights (V 4) of every vertex: chest and head, of the four the format has room for."""
    weights = np.zeros((len(head.template), 4), np.float32)
    weights[:, 1] = np.clip(head.head_weight, 0, 1)
    weights[:, 0] = 1 - weights[:, 1]
    joints = np.where(weights > 0, np.arange(4), 0)  # unused slots must name joint 0
    return joints.astype(np.uint8), weights


def _nodes(head: HeadModel) -> list[gltf.Node]:
    """The mesh, then its joints. Both stand at the origin of head space, so the bind pose needs no matrices."""
    return [
        gltf.Node(name=head.name, mesh=0, skin=0),
        gltf.Node(name="Chest", children=[2]),
        gltf.Node(name="Head", translation=[0.0, 0.0, 0.0], rotation=[0.0, 0.0, 0.0, 1.0]),
    ]


def _animation(buffer: _Buffer, motion: Motion) -> gltf.Animation:
    times = buffer.add((np.arange(len(motion)) / motion.rate).astype(np.float32), bounds=True)
    tracks = [
        (0, "weights", motion.blendshapes.ravel()),  # frame by frame, all targets of a frame together
        (2, "rotation", motion.head_rotation),
        (2, "translation", motion.head_translation),
    ]
    return gltf.Animation(
        name="motion",
        samplers=[gltf.AnimationSampler(input=times, output=buffer.add(values)) for _, _, values in tracks],
        channels=[
            gltf.AnimationChannel(sampler=number, target=gltf.AnimationChannelTarget(node=node, path=path))
            for number, (node, path, _) in enumerate(tracks)
        ],
    )


def _jpeg(texture: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(texture).save(file, "JPEG", quality=92)
    return file.getvalue()
