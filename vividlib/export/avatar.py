"""A motion on a user's own GLB or VRM: its morph targets and bones are found by name, the rest of the file stays.

Morph targets named after ARKit's shapes take these, in any usual spelling. Where there is no jawOpen, the mouth is
moved by Oculus' visemes, or else by VRM's vowels; where there are no eyeBlinks, by VRM's blinks; where there
are no eyeLooks, the eye bones turn. VRM's expressions count as names of the targets that they bind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pygltflib as gltf
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT
from vividlib.errors import MotionError
from vividlib.export import glb
from vividlib.export.mixtures import viseme_weights
from vividlib.export.names import arkit_name, blink_name, plain, viseme_name, vowel_name
from vividlib.head.model import gaze_rotation
from vividlib.head.visemes import VISEMES, VOWELS
from vividlib.types import Motion


@dataclass(frozen=True)
class _Handle:
    """A name of the file, and the morph targets that it moves."""

    name: str
    targets: list[tuple[int, int, float]]  # node, place among its targets, weight at 1


def write(motion: Motion, path: str | Path, source: str | Path) -> tuple[str, ...]:
    """Write the GLB or VRM ``source`` with ``motion`` as one more animation.

    Parameters
    ----------
    motion
        Head rotation and gaze are taken; the head's translation is not, since necks of bodies do not stretch.
    path
        The new file.
    source
        The user's file. It stays as it is, unless it is ``path``.

    Returns
    -------
    tuple of str
        What found no place, and what of the file is not moved, a line each.

    Raises
    ------
    MotionError
        If the source is damaged, or knows no name by which to move it.
    OutputError
        If the file cannot be written.
    """
    document = glb.load(source)
    try:
        handles = _handles(document)
        curves, notes = _curves(motion, handles)
        tracks = _weight_tracks(document, motion, handles, curves)
        turns, more = _turn_tracks(document, motion, eyes=not any(arkit_name(n) in _LOOKS for n in curves))
        if not tracks:
            raise MotionError(
                f"{source} has no morph target named after ARKit's shapes, Oculus' visemes or VRM's vowels; rename them."
            )
        buffer = glb.Buffer(document)
        document.animations.append(buffer.animation(motion.rate, tracks + turns))
        data = buffer.pack(document)
    except glb.DAMAGE as error:
        raise MotionError(f"{source} is damaged ({error}); export it again.") from error
    glb.save(data, path)
    return tuple(notes + more)


_LOOKS = {name for name in ARKIT if name.startswith("eyeLook")}
_SPEAKING = ("jaw", "mouth", "tongue")


def _handles(document: gltf.GLTF2) -> list[_Handle]:
    """Every name of the file that moves something: first VRM's expressions, then morph targets of the same name as one."""
    named: dict[str, list[tuple[int, int, float]]] = {}
    nodes_of = {}
    for number, node in enumerate(document.nodes):
        if node.mesh is not None:
            nodes_of.setdefault(node.mesh, []).append(number)
            for place, name in enumerate(glb.morph_names(document, node.mesh)):
                named.setdefault(name, []).append((number, place, 1.0))
    extensions = document.extensions or {}
    expressions = []
    for group in (extensions.get("VRMC_vrm") or {}).get("expressions", {}).values():
        for name, expression in group.items():
            binds = expression.get("morphTargetBinds") or []
            expressions.append(_Handle(name, [(bind["node"], bind["index"], float(bind["weight"])) for bind in binds]))
    for group in (extensions.get("VRM") or {}).get("blendShapeMaster", {}).get("blendShapeGroups", []):
        preset = group.get("presetName", "unknown")
        name = group.get("name", "") if preset in ("unknown", "") else preset
        targets = [
            (node, bind["index"], bind["weight"] / 100)
            for bind in group.get("binds") or []
            for node in nodes_of.get(bind["mesh"], [])
        ]
        expressions.append(_Handle(name, targets))
    handles = [handle for handle in expressions if handle.targets]
    handles += [_Handle(name, targets) for name, targets in named.items()]
    for handle in handles:
        for node, place, _ in handle.targets:
            if not 0 <= place < len(glb.morph_names(document, document.nodes[node].mesh)):
                raise ValueError(f"{handle.name} binds a morph target that is not there")
    return handles


def _curves(motion: Motion, handles: list[_Handle]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Name -> its weights (T,), of the names to be moved; and what was not matched."""

    def named(meaning: Callable[[str], str | None]) -> dict[str, str]:
        """What is meant -> the first name that means it."""
        return {meaning(handle.name): handle.name for handle in reversed(handles) if meaning(handle.name)}

    shapes, visemes, vowels, blinks = named(arkit_name), named(viseme_name), named(vowel_name), named(blink_name)
    curves = {name: motion[shape] for shape, name in shapes.items()}
    notes = []
    if "jawOpen" not in shapes:
        table, names = (VISEMES, visemes) if len(visemes) > len(VOWELS) else (VOWELS, vowels)
        if names.keys() >= table.keys() - {"sil"}:
            weights = dict(zip(table, viseme_weights(motion.blendshapes, table).T))
            curves = {name: curve for name, curve in curves.items() if not arkit_name(name).startswith(_SPEAKING)}
            curves |= {name: weights[viseme] for viseme, name in names.items()}
            used = [names[viseme] for viseme in table if viseme in names]
            notes.append(f"the mouth is moved by the {len(used)} visemes {', '.join(used)}")
            shapes = {shape: name for shape, name in shapes.items() if name in curves}
            shapes |= {shape: "" for shape in ARKIT if shape.startswith(_SPEAKING)}
    if not {"eyeBlinkLeft", "eyeBlinkRight"} & shapes.keys():
        curves |= {name: motion[shape] for shape, name in blinks.items()}
        both = next((handle.name for handle in handles if plain(handle.name) == "blink"), None)
        if not blinks and both:
            blinks = {"eyeBlinkLeft": both, "eyeBlinkRight": both}
            curves[both] = np.mean([motion["eyeBlinkLeft"], motion["eyeBlinkRight"]], axis=0)
        shapes |= blinks
    missing = [shape for shape in ARKIT if shape not in shapes]
    if missing:
        notes.append(f"no morph target was found for {', '.join(missing)}")
    moved = {target[:2] for handle in handles if handle.name in curves for target in handle.targets}
    still = [h.name for h in handles if h.name not in curves and not moved & {target[:2] for target in h.targets}]
    if still:
        notes.append(f"not moved: {', '.join(still)}")
    return curves, notes


def _weight_tracks(document, motion, handles, curves) -> list[tuple[int, str, np.ndarray]]:
    """Weights (T, all targets) of each node that has a target to move."""
    tracks, done = {}, set()
    for handle in handles:
        if handle.name not in curves or handle.name in done:
            continue  # an expression stands before the morph target of its name
        done.add(handle.name)
        for node, place, gain in handle.targets:
            if node not in tracks:
                names = glb.morph_names(document, document.nodes[node].mesh)
                tracks[node] = np.zeros((len(motion), len(names)), np.float32)
            tracks[node][:, place] += gain * curves[handle.name]
    return [(node, "weights", np.clip(weights, 0, 1)) for node, weights in tracks.items()]


def _turn_tracks(document, motion, eyes: bool) -> tuple[list[tuple[int, str, np.ndarray]], list[str]]:
    """Rotations of the head, and of the eyes where no shape turns them; and what was left out."""
    notes, tracks = [], []
    turns = {"head": Rotation.from_quat(motion.head_rotation)}
    if eyes:
        for eye, name in enumerate(("leftEye", "rightEye")):
            turns[name] = Rotation.from_matrix(gaze_rotation(motion.gaze[:, eye]))
    for name, turn in turns.items():
        node = bone(document, name)
        if node is None:
            notes.append(f"no joint was found for {name}")
            continue
        joint = document.nodes[node]
        if joint.matrix is not None:  # what is animated may not be a matrix
            document.nodes[node] = joint = _without_matrix(joint)
        above = glb.rest_above(document, node)
        local = above.inv() * _facing(document) * turn * _facing(document).inv() * above
        tracks.append((node, "rotation", (local * glb.rest_rotation(document, node)).as_quat()))
    if motion.head_translation.any():
        notes.append("the head's translation is left out, since necks of bodies do not stretch")
    return tracks, notes


def _without_matrix(joint: gltf.Node) -> gltf.Node:
    matrix = np.array(joint.matrix, float).reshape(4, 4).T
    scale = np.linalg.norm(matrix[:3, :3], axis=0)
    turn = Rotation.from_matrix(matrix[:3, :3] / scale).as_quat()
    return replace(joint, matrix=None, translation=matrix[:3, 3].tolist(), rotation=turn.tolist(), scale=scale.tolist())


def bone(document: gltf.GLTF2, name: str) -> int | None:
    """The node of a bone, ``head``, ``leftEye`` or ``rightEye``: as VRM says, or a joint of that name."""
    extensions = document.extensions or {}
    bones = ((extensions.get("VRMC_vrm") or {}).get("humanoid") or {}).get("humanBones") or {}
    if name in bones:
        return bones[name]["node"]
    for old in ((extensions.get("VRM") or {}).get("humanoid") or {}).get("humanBones") or []:
        if old["bone"] == name:
            return old["node"]
    joints = [joint for skin in document.skins for joint in skin.joints]
    joints = joints or [number for number, node in enumerate(document.nodes) if node.mesh is None]
    wanted = plain(name)
    swapped = "eye" + wanted.removesuffix("eye") if wanted.endswith("eye") else wanted
    names = {joint: plain(document.nodes[joint].name or "") for joint in joints}
    for fits in (str.__eq__, str.endswith):
        for joint, its in names.items():
            if fits(its, wanted) or fits(its, swapped):
                return joint
    return None


def in_scene(document: gltf.GLTF2, node: int, turn: Rotation) -> Rotation:
    """A turn against rest, in the axes of the node's parent, as the face sees it: +Y up, +Z out of the face."""
    axes = _facing(document).inv() * glb.rest_above(document, node)
    return axes * turn * axes.inv()


def _facing(document: gltf.GLTF2) -> Rotation:
    """From the axes of a face to those of the scene: VRM 0 looks along -Z, all others along +Z."""
    old = "VRM" in (document.extensions or {})
    return Rotation.from_quat([0, 1, 0, 0] if old else [0, 0, 0, 1])
