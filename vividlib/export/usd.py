"""USD: the head as a SkelRoot with 52 blend shapes and a head joint, and its animation (UsdSkel).

.usda is text, .usdc binary, .usd binary, .usdz a package. Metres, +Y up, one time code a frame. Each blend shape
holds only the vertices that it moves. The eyes turn by the eyeLook shapes. Needs usd-core: pip install vividlib[usd].
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT
from vividlib.errors import BackendError, MotionError, OutputError
from vividlib.export.names import arkit_columns, blendshapes, plain
from vividlib.export.reading import check_size
from vividlib.export.shown import rig_shapes, shown, texture_of
from vividlib.export.timing import even_times
from vividlib.geometry.mesh import vertex_normals
from vividlib.head.gaze import gaze_of
from vividlib.media.files import atomic_output, open_input
from vividlib.types import Face, HeadModel, Motion

_MOVED = 1e-6  # metres: less than this is rounding
_JOINTS = ["Chest", "Chest/Head"]
_TEXTURE = "face.jpg"


def library():
    """The modules of usd-core.

    Raises
    ------
    BackendError
        If it is not installed.
    """
    try:
        import pxr.Gf
        import pxr.Sdf
        import pxr.Tf
        import pxr.Usd
        import pxr.UsdGeom
        import pxr.UsdShade
        import pxr.UsdSkel
        import pxr.UsdUtils
        import pxr.Vt
    except ImportError as error:
        raise BackendError('USD files need usd-core: pip install "vividlib[usd]".') from error
    return pxr


def write(motion: Motion, path: str | Path, whose: Face | HeadModel | None = None) -> None:
    """Write ``motion`` on a person's head, a head as it is, or the default head.

    A person's photo is inside a .usdz; .usda, .usdc and .usd show the colours of the head's own albedo.

    Raises
    ------
    BackendError
        If usd-core is not installed.
    OutputError
        If the file cannot be written.
    """
    pxr = library()
    suffix = Path(path).suffix.lower()
    head, neutral = shown(whose)
    texture = texture_of(whose) if suffix == ".usdz" else None
    with atomic_output(path) as partial, tempfile.TemporaryDirectory(dir=Path(path).parent) as folder:
        scene = Path(folder) / f"head{'.usdc' if suffix == '.usdz' else suffix}"
        stage = pxr.Usd.Stage.CreateNew(str(scene))
        pxr.UsdGeom.SetStageUpAxis(stage, pxr.UsdGeom.Tokens.y)
        pxr.UsdGeom.SetStageMetersPerUnit(stage, 1.0)
        root = pxr.UsdSkel.Root.Define(stage, "/Face")
        stage.SetDefaultPrim(root.GetPrim())
        _mesh(pxr, stage, head, neutral)
        if texture is not None:
            Image.fromarray(texture).save(scene.with_name(_TEXTURE), "JPEG", quality=92)
            _material(pxr, stage)
        _skeleton(pxr, stage)
        _animation(pxr, stage, motion)
        try:
            stage.Save()
            if suffix == ".usdz":
                pxr.UsdUtils.CreateNewUsdzPackage(pxr.Sdf.AssetPath(str(scene)), str(partial))
            else:
                scene.replace(partial)
        except pxr.Tf.ErrorException as error:  # an OSError, had usd-core any
            raise OutputError(f"{path} could not be written; free some space or choose another place.") from error


def _mesh(pxr, stage, head: HeadModel, neutral: np.ndarray) -> None:
    geom, sdf, vt = pxr.UsdGeom, pxr.Sdf, pxr.Vt
    mesh = geom.Mesh.Define(stage, "/Face/Head")
    points = neutral.astype(np.float32)
    mesh.CreatePointsAttr(vt.Vec3fArray.FromNumpy(points))
    mesh.CreateExtentAttr(vt.Vec3fArray.FromNumpy(np.stack([points.min(0), points.max(0)])))
    mesh.CreateFaceVertexCountsAttr(vt.IntArray.FromNumpy(np.full(len(head.faces), 3, np.int32)))
    mesh.CreateFaceVertexIndicesAttr(vt.IntArray.FromNumpy(np.int32(head.faces.ravel())))
    mesh.CreateSubdivisionSchemeAttr(geom.Tokens.none)
    mesh.CreateNormalsAttr(vt.Vec3fArray.FromNumpy(np.float32(vertex_normals(neutral, head.faces))))
    mesh.SetNormalsInterpolation(geom.Tokens.vertex)
    mesh.CreateDisplayColorPrimvar(geom.Tokens.vertex).Set(vt.Vec3fArray.FromNumpy(np.float32(head.albedo)))
    primvars = geom.PrimvarsAPI(mesh)
    uv = primvars.CreatePrimvar("st", sdf.ValueTypeNames.TexCoord2fArray, geom.Tokens.faceVarying)
    uv.Set(vt.Vec2fArray.FromNumpy(np.float32(head.uv * [1, -1] + [0, 1])))  # USD counts v from the bottom
    uv.SetIndices(vt.IntArray.FromNumpy(np.int32(head.uv_faces.ravel())))
    binding = pxr.UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    share = np.clip(head.head_weight, 0, 1).astype(np.float32)
    binding.CreateJointIndicesPrimvar(False, 2).Set(vt.IntArray.FromNumpy(np.tile(np.int32([0, 1]), len(share))))
    binding.CreateJointWeightsPrimvar(False, 2).Set(
        vt.FloatArray.FromNumpy(np.stack([1 - share, share], axis=1).ravel())
    )
    binding.CreateSkeletonRel().SetTargets([sdf.Path("/Face/Skeleton")])
    binding.CreateBlendShapesAttr(list(ARKIT))
    binding.CreateBlendShapeTargetsRel().SetTargets([sdf.Path(f"/Face/Head/{name}") for name in ARKIT])
    for name, offsets in zip(ARKIT, rig_shapes(head, neutral)):
        rows = np.flatnonzero(np.abs(offsets).max(axis=1) > _MOVED)
        shape = pxr.UsdSkel.BlendShape.Define(stage, f"/Face/Head/{name}")
        shape.CreateOffsetsAttr(vt.Vec3fArray.FromNumpy(np.float32(offsets[rows])))
        shape.CreatePointIndicesAttr(vt.IntArray.FromNumpy(np.int32(rows)))


def _material(pxr, stage) -> None:
    shade, sdf = pxr.UsdShade, pxr.Sdf
    material = shade.Material.Define(stage, "/Face/Skin")
    surface, picture, uv = (
        shade.Shader.Define(stage, f"/Face/Skin/{name}") for name in ("Surface", "Picture", "Coordinates")
    )
    uv.CreateIdAttr("UsdPrimvarReader_float2")
    uv.CreateInput("varname", sdf.ValueTypeNames.String).Set("st")
    picture.CreateIdAttr("UsdUVTexture")
    picture.CreateInput("file", sdf.ValueTypeNames.Asset).Set(_TEXTURE)
    picture.CreateInput("sourceColorSpace", sdf.ValueTypeNames.Token).Set("sRGB")
    coordinates = uv.CreateOutput("result", sdf.ValueTypeNames.Float2)
    picture.CreateInput("st", sdf.ValueTypeNames.Float2).ConnectToSource(coordinates)
    surface.CreateIdAttr("UsdPreviewSurface")
    surface.CreateInput("roughness", sdf.ValueTypeNames.Float).Set(1.0)
    colour = surface.CreateInput("diffuseColor", sdf.ValueTypeNames.Color3f)
    colour.ConnectToSource(picture.CreateOutput("rgb", sdf.ValueTypeNames.Float3))
    material.CreateSurfaceOutput().ConnectToSource(surface.CreateOutput("surface", sdf.ValueTypeNames.Token))
    mesh = stage.GetPrimAtPath("/Face/Head")
    shade.MaterialBindingAPI.Apply(mesh).Bind(material)


def _skeleton(pxr, stage) -> None:
    """Two joints at the origin of head space, so that bind and rest are identities."""
    skeleton = pxr.UsdSkel.Skeleton.Define(stage, "/Face/Skeleton")
    still = pxr.Vt.Matrix4dArray([pxr.Gf.Matrix4d(1.0)] * len(_JOINTS))
    skeleton.CreateJointsAttr(_JOINTS)
    skeleton.CreateBindTransformsAttr(still)
    skeleton.CreateRestTransformsAttr(still)
    pxr.UsdSkel.BindingAPI.Apply(skeleton.GetPrim()).CreateAnimationSourceRel().SetTargets(["/Face/Skeleton/Motion"])


def _animation(pxr, stage, motion: Motion) -> None:
    gf, vt = pxr.Gf, pxr.Vt
    stage.SetTimeCodesPerSecond(motion.rate)
    stage.SetFramesPerSecond(motion.rate)
    stage.SetStartTimeCode(0)
    stage.SetEndTimeCode(len(motion) - 1)
    animation = pxr.UsdSkel.Animation.Define(stage, "/Face/Skeleton/Motion")
    animation.CreateBlendShapesAttr(list(ARKIT))
    animation.CreateJointsAttr(_JOINTS[1:])
    animation.CreateScalesAttr(vt.Vec3hArray([gf.Vec3h(1)]))
    weights, turns, shifts = (
        animation.CreateBlendShapeWeightsAttr(), animation.CreateRotationsAttr(), animation.CreateTranslationsAttr()
    )  # fmt: skip
    for frame in range(len(motion)):
        weights.Set(vt.FloatArray.FromNumpy(motion.blendshapes[frame]), frame)
        x, y, z, w = motion.head_rotation[frame].tolist()
        turns.Set(vt.QuatfArray([gf.Quatf(w, x, y, z)]), frame)
        shifts.Set(vt.Vec3fArray.FromNumpy(motion.head_translation[frame][None]), frame)


def read(path: str | Path) -> Motion:
    """Read the first animation with blend shapes; the head is its joint of that name, against its rest.

    Raises
    ------
    MotionError
        If it is broken, or animates none of ARKit's shapes.
    BackendError
        If usd-core is not installed.
    """
    pxr = library()
    with open_input(path, MotionError) as file:
        check_size(file, path)
    try:
        stage = pxr.Usd.Stage.Open(str(path))
        animations = [pxr.UsdSkel.Animation(prim) for prim in stage.Traverse() if prim.IsA(pxr.UsdSkel.Animation)]
        animation = next((one for one in animations if arkit_columns(one.GetBlendShapesAttr().Get() or [])), None)
        if animation is None:
            raise MotionError(f"{path} animates none of ARKit's shapes; rename its blend shapes after them.")
        names = [str(name) for name in animation.GetBlendShapesAttr().Get()]
        keys = np.array(animation.GetBlendShapeWeightsAttr().GetTimeSamples() or [0.0])
        seconds = keys / stage.GetTimeCodesPerSecond()
        rate, times = even_times(seconds, lone=stage.GetTimeCodesPerSecond())
        codes = np.interp(times, seconds, keys)
        weights = np.array([animation.GetBlendShapeWeightsAttr().Get(code) for code in codes], np.float64)
        if weights.shape != (len(codes), len(names)):
            raise ValueError("blendShapeWeights do not go with blendShapes")
        turn, shift = _head_motion(pxr, stage, animation, codes)
    except (RuntimeError, ValueError, TypeError, AttributeError, LookupError, OverflowError) as error:
        # What usd-core says is pages long and may be no text at all.
        raise MotionError(f"{path} is damaged or no USD; export it again.") from error
    shapes = blendshapes(names, weights)
    return Motion(shapes, turn, shift, gaze_of(shapes), rate=rate)


def _head_motion(pxr, stage, animation, codes: np.ndarray):
    """Quaternions (T, 4) and metres (T, 3) of the head joint against its rest, or None, in its parent's axes."""
    joints = [str(joint) for joint in animation.GetJointsAttr().Get() or []]
    place = next((number for number, joint in enumerate(joints) if plain(joint.split("/")[-1]) == "head"), None)
    if place is None:
        return None, None
    turns = [animation.GetRotationsAttr().Get(code)[place] for code in codes]
    turns = Rotation.from_quat([[*turn.GetImaginary(), turn.GetReal()] for turn in turns])
    shifts = np.array([animation.GetTranslationsAttr().Get(code)[place] for code in codes], np.float64)
    rest = _rest(pxr, stage, joints[place])
    metres = pxr.UsdGeom.GetStageMetersPerUnit(stage)
    return (turns * Rotation.from_matrix(rest[:3, :3]).inv()).as_quat(), (shifts - rest[:3, 3]) * metres


def _rest(pxr, stage, joint: str) -> np.ndarray:
    """The matrix (4, 4, columns) in which a joint rests; that of no skeleton is the identity."""
    for prim in stage.Traverse():
        if prim.IsA(pxr.UsdSkel.Skeleton):
            skeleton = pxr.UsdSkel.Skeleton(prim)
            names, rests = skeleton.GetJointsAttr().Get() or [], skeleton.GetRestTransformsAttr().Get() or []
            for name, rest in zip(names, rests):
                if str(name) == joint:
                    return np.array(rest).T
    return np.eye(4)
