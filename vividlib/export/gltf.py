"""Binary glTF 2.0: the head as a skinned mesh with 52 named morph targets, and its animation.

One mesh, one primitive for each of skin, eyes and mouth, all on the same vertices. The head bends on
its neck through a skin of two joints, Chest and Head; a blendshape is a morph target stored sparsely, only
the vertices that it moves. The eyes turn by the eyeLook targets, as rigs expect. Lip offsets would
need a target for every frame and have no place.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pygltflib as gltf
from PIL import Image
from scipy.spatial.transform import Rotation, Slerp

from vividlib.conventions import ARKIT
from vividlib.errors import MotionError
from vividlib.export import avatar, glb
from vividlib.export.names import arkit_columns, blendshapes
from vividlib.export.shown import rig_shapes, shown, texture_of
from vividlib.export.timing import even_times
from vividlib.geometry.mesh import vertex_normals
from vividlib.head.gaze import gaze_of
from vividlib.types import Face, HeadModel, Motion

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
    buffer = glb.Buffer()
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
    targets = [gltf.Attributes(POSITION=buffer.add_sparse(shape[vertex])) for shape in rig_shapes(head, neutral)]
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
        tracks = [(0, "weights", motion.blendshapes), (2, "rotation", motion.head_rotation)]
        document.animations = [buffer.animation(motion.rate, [*tracks, (2, "translation", motion.head_translation)])]
    glb.save(buffer.pack(document), path)


def write_face(face: Face, path: str | Path, texture: int = 1024) -> None:
    """Write a person's neutral head; the photo, without its light, becomes a texture of ``texture`` px.

    Raises as `write`, and InputError for a size that `vividlib.reconstruction.texture.unwrap` refuses.
    """
    write(path, face.head, face.neutral, texture_of(face, texture))


def write_motion(motion: Motion, path: str | Path, whose: Face | HeadModel | None = None) -> None:
    """Write ``motion`` on a person's head, a head as it is, or the default head. Raises as `write`."""
    write(path, *shown(whose), texture_of(whose), motion)


def read(path: str | Path) -> Motion:
    """Read the first animation that moves named shapes, of this library's files or any avatar's.

    Shapes are found by name on all meshes; where two meshes have the same, the larger weight counts. The head
    is the joint called so; its turn is taken against its rest, in the axes of the scene. Keys at uneven times
    are sampled at 60 frames a second.

    Raises
    ------
    MotionError
        If the file is damaged, or nothing in it moves one of ARKit's shapes.
    """
    document = glb.load(path)
    try:
        tracks = _tracks(document)
        if not any(path == "weights" for _, path in tracks):
            raise MotionError(f"{path} holds no animation of morph targets; export it with its animation.")
        rate, times = even_times(np.unique(np.concatenate([keys for keys, _, _ in tracks.values()])))
        shapes = _shapes(document, tracks, times)
        turn, shift = _head_motion(document, tracks, times)
    except glb.DAMAGE as error:
        raise MotionError(f"{path} holds a broken animation ({error}); export it again.") from error
    if shapes is None:
        raise MotionError(f"{path} animates none of ARKit's shapes; rename its morph targets after them.")
    return Motion(shapes, turn, shift, gaze_of(shapes), rate=rate)


def _tracks(document: gltf.GLTF2) -> dict[tuple[int, str], tuple[np.ndarray, np.ndarray, str]]:
    """(node, path) -> key times (K), values (K, ...), interpolation, of the first animation with weights."""
    for animation in document.animations:
        if not any(channel.target.path == "weights" for channel in animation.channels):
            continue
        tracks = {}
        for channel in animation.channels:
            sampler = animation.samplers[channel.sampler]
            keys = glb.values(document, sampler.input)[:, 0]
            values = glb.values(document, sampler.output).reshape(len(keys), -1)
            if sampler.interpolation == gltf.ANIM_CUBICSPLINE:  # tangent, value, tangent
                values = np.split(values, 3, axis=1)[1]
            if (
                not len(keys)
                or (np.diff(keys) <= 0).any()
                or not (np.isfinite(keys).all() and np.isfinite(values).all())
            ):
                raise ValueError("key times do not rise, or a key is not finite")
            tracks[channel.target.node, channel.target.path] = keys, values, sampler.interpolation
        return tracks
    return {}


def _sampled(track: tuple[np.ndarray, np.ndarray, str], times: np.ndarray) -> np.ndarray:
    keys, values, interpolation = track
    if interpolation == gltf.ANIM_STEP:
        return values[np.maximum(np.searchsorted(keys, times + 1e-6, "right") - 1, 0)]
    return np.stack([np.interp(times, keys, column) for column in values.T], axis=1)


def _shapes(document: gltf.GLTF2, tracks: dict, times: np.ndarray) -> np.ndarray | None:
    shapes, found = np.zeros((len(times), len(ARKIT))), False
    for (node, path), track in tracks.items():
        if path == "weights":
            names = glb.morph_names(document, document.nodes[node].mesh)
            weights = _sampled(track, times)
            if weights.shape[1] != len(names):
                raise ValueError(f"{len(names)} morph targets have {weights.shape[1]} weights")
            shapes, found = np.maximum(shapes, blendshapes(names, weights)), found or bool(arkit_columns(names))
    return shapes if found else None


def _head_motion(document: gltf.GLTF2, tracks: dict, times: np.ndarray):
    """Quaternions (T, 4) and metres (T, 3) of the head against its rest, or None."""
    head = avatar.bone(document, "head")
    turn = shift = None
    if (head, "rotation") in tracks:
        keys, values, _ = tracks[head, "rotation"]
        local = Slerp(keys, Rotation.from_quat(values))(times) if len(keys) > 1 else Rotation.from_quat(values[[0]])
        turn = avatar.in_scene(document, head, local * glb.rest_rotation(document, head).inv()).as_quat()
        turn = np.repeat(turn, len(times), axis=0) if len(keys) == 1 else turn
    if (head, "translation") in tracks:
        rest = document.nodes[head].translation or [0, 0, 0]
        shift = glb.rest_above(document, head).apply(_sampled(tracks[head, "translation"], times) - rest)
    return turn, shift


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


def _jpeg(texture: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(texture).save(file, "JPEG", quality=92)
    return file.getvalue()
