"""Avatars as users have them, made of the default head: other names, other joints, VRM's extensions."""

import numpy as np
import pygltflib
from scipy.spatial.transform import Rotation

from vividlib.export import glb

BONES = ("Hips", "mixamorig:Neck", "mixamorig:Head", "mixamorig:LeftEye", "mixamorig:RightEye")
"""Nodes 1 to 5; each hangs on the one before, both eyes on the head."""


def write(path, head, morphs, extensions=None, backwards=False, still=False):
    """A GLB with these morph targets (name -> (V, 3) metres) on bones that rest at odd angles.

    ``backwards`` turns it to look along -Z, as VRM 0 does; ``still`` gives the joint Head a matrix.
    """
    front = np.array([-1, 1, -1], np.float32) if backwards else np.ones(3, np.float32)
    buffer = glb.Buffer()
    attributes = pygltflib.Attributes(
        POSITION=buffer.add(np.float32(head.template * front), pygltflib.ARRAY_BUFFER, bounds=True)
    )
    targets = [{"POSITION": buffer.add_sparse(np.float32(offsets * front))} for offsets in morphs.values()]
    indices = buffer.add(np.uint32(head.faces.ravel()), pygltflib.ELEMENT_ARRAY_BUFFER)
    document = pygltflib.GLTF2(
        asset=pygltflib.Asset(version="2.0", generator="someone else"),
        scene=0,
        scenes=[pygltflib.Scene(nodes=[0, 1])],
        nodes=[pygltflib.Node(name="Body", mesh=0), *bones(still)],
        meshes=[
            pygltflib.Mesh(
                primitives=[pygltflib.Primitive(attributes=attributes, indices=indices, targets=targets)],
                extras={"targetNames": list(morphs)},
            )
        ],
        skins=[pygltflib.Skin(joints=[1, 2, 3, 4, 5])],
        extensions=extensions or {},
        extensionsUsed=list(extensions or {}),
    )
    glb.save(buffer.pack(document), path)


def bones(still=False):
    turns = Rotation.from_euler("XYZ", [[90, 0, 0], [10, 20, 30], [-30, 5, 8], [0, 90, 0], [0, -90, 0]], degrees=True)
    quaternions = turns.as_quat()
    children = ([2], [3], [4, 5], [], [])
    nodes = [
        pygltflib.Node(name=name, rotation=quaternion.tolist(), children=below, translation=[0.0, 0.1, 0.0])
        for name, quaternion, below in zip(BONES, quaternions, children)
    ]
    if still:
        matrix = np.eye(4)
        matrix[:3, :3] = turns[2].as_matrix() * 0.5
        matrix[:3, 3] = 0.0, 0.1, 0.0
        nodes[2] = pygltflib.Node(name=BONES[2], matrix=matrix.T.ravel().tolist(), children=[4, 5])
    return nodes


def vrm0(morphs, presets):
    """VRM 0's extension: ``presets`` is preset name -> morph name."""
    groups = [
        {
            "name": name.upper(),
            "presetName": name,
            "binds": [{"mesh": 0, "index": list(morphs).index(m), "weight": 100}],
        }
        for name, m in presets.items()
    ]
    bones = [{"bone": "head", "node": 3}, {"bone": "leftEye", "node": 4}, {"bone": "rightEye", "node": 5}]
    return {"VRM": {"blendShapeMaster": {"blendShapeGroups": groups}, "humanoid": {"humanBones": bones}, "meta": {}}}


def vrm1(morphs, presets, custom=()):
    """VRM 1's extension: ``presets`` and ``custom`` are expression name -> morph name."""

    def expressions(names):
        return {
            name: {"morphTargetBinds": [{"node": 0, "index": list(morphs).index(m), "weight": 1.0}], "isBinary": False}
            for name, m in dict(names).items()
        }

    bones = {"head": {"node": 3}, "leftEye": {"node": 4}, "rightEye": {"node": 5}}
    return {
        "VRMC_vrm": {
            "specVersion": "1.0",
            "humanoid": {"humanBones": bones},
            "expressions": {"preset": expressions(presets), "custom": expressions(custom)},
        }
    }
