"""USD as usd-core itself understands it: skinned, blended and checked by its own tools."""

import sys

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import vividlib as vv
from vividlib.conventions import ARKIT
from vividlib.errors import BackendError, MotionError
from vividlib.export import usd
from vividlib.head.gaze import gaze_of
from vividlib.head.model import deform
from vividlib.types import Motion

pytest.importorskip("pxr", reason="usd-core is not installed")
from pxr import Gf, Sdf, Usd, UsdGeom, UsdShade, UsdSkel

SUFFIXES = ("usda", "usdc", "usdz", "usd")


def _motion(frames=5, rate=24.0):
    random = np.random.default_rng(0)
    shapes = random.uniform(0, 0.4, (frames, 52)) * random.integers(0, 2, (frames, 52))
    shapes[:, [ARKIT.index("eyeBlinkLeft"), ARKIT.index("eyeBlinkRight")]] = 0  # a rig adds, our lids do not lap
    turns = Rotation.from_rotvec(random.normal(0, 0.2, (frames, 3))).as_quat()
    return Motion(shapes, turns, random.normal(0, 0.01, (frames, 3)), gaze_of(shapes), rate=rate)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_it_comes_back_bit_for_bit(tmp_path, suffix):
    motion = _motion()
    assert vv.save_motion(motion, tmp_path / f"take.{suffix}") == ()
    again = vv.load_motion(tmp_path / f"take.{suffix}")
    assert again.rate == 24
    for curve in ("blendshapes", "head_translation"):
        assert np.array_equal(getattr(again, curve), getattr(motion, curve)), curve
    assert np.allclose(again.head_rotation, motion.head_rotation, atol=1e-7)


def test_a_single_frame_keeps_its_rate(tmp_path):
    usd.write(_motion(1, rate=25), tmp_path / "take.usda")
    again = usd.read(tmp_path / "take.usda")
    assert len(again) == 1 and again.rate == 25


def test_skinned_by_usd_it_is_the_head_that_we_deform(head, tmp_path):
    motion = _motion()
    usd.write(motion, tmp_path / "take.usdc")
    stage = Usd.Stage.Open(str(tmp_path / "take.usdc"))
    assert UsdSkel.BakeSkinning(stage.Traverse())
    points = UsdGeom.Mesh(stage.GetPrimAtPath("/Face/Head")).GetPointsAttr()
    share = head.head_weight[:, None]
    for frame in range(len(motion)):
        still = deform(head, head.template, motion.blendshapes[frame])
        turned = Rotation.from_quat(motion.head_rotation[frame]).apply(still) + motion.head_translation[frame]
        wanted = (1 - share) * still + share * turned
        assert np.abs(np.array(points.Get(frame)) - wanted).max() < 2e-5  # metres


def test_names_time_and_units(tmp_path):
    motion = _motion(rate=30000 / 1001)
    usd.write(motion, tmp_path / "take.usda")
    stage = Usd.Stage.Open(str(tmp_path / "take.usda"))
    assert stage.GetTimeCodesPerSecond() == pytest.approx(29.97002997)
    assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (0, 4)
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1 and UsdGeom.GetStageUpAxis(stage) == "Y"
    assert stage.GetDefaultPrim().IsA(UsdSkel.Root)
    binding = UsdSkel.BindingAPI(stage.GetPrimAtPath("/Face/Head"))
    assert list(binding.GetBlendShapesAttr().Get()) == list(ARKIT)
    assert [str(path).split("/")[-1] for path in binding.GetBlendShapeTargetsRel().GetTargets()] == list(ARKIT)
    animation = UsdSkel.Animation(stage.GetPrimAtPath("/Face/Skeleton/Motion"))
    names = list(animation.GetBlendShapesAttr().Get())
    assert animation.GetBlendShapeWeightsAttr().Get(3)[names.index("jawOpen")] == motion["jawOpen"][3]
    turn = animation.GetRotationsAttr().Get(2)[0]
    assert np.allclose([*turn.GetImaginary(), turn.GetReal()], motion.head_rotation[2])
    assert usd.read(tmp_path / "take.usda").rate == pytest.approx(30000 / 1001, rel=1e-12)


def test_a_person_carries_the_photo_in_the_package(face, tmp_path):
    usd.write(_motion(), tmp_path / "me.usdz", face)
    stage = Usd.Stage.Open(str(tmp_path / "me.usdz"))
    validation = pytest.importorskip("pxr.UsdValidation", reason="this usd-core has no validators")
    validators = validation.ValidationRegistry().GetOrLoadAllValidators()
    assert len(validators) > 10
    assert not [error.GetMessage() for error in validation.ValidationContext(validators).Validate(stage)]
    points = np.array(UsdGeom.Mesh(stage.GetPrimAtPath("/Face/Head")).GetPointsAttr().Get())
    assert np.allclose(points, face.neutral, atol=1e-6)
    picture = UsdShade.Shader(stage.GetPrimAtPath("/Face/Skin/Picture")).GetInput("file").Get()
    assert picture.resolvedPath.endswith("face.jpg]")


def _animation(path, names=("Jaw_Open", "eyeBlink_L"), weights=((0.5, 0.25),), rest=None):
    """A file as another program writes it: its own units, names, keys and rest."""
    stage = Usd.Stage.CreateNew(str(path))
    UsdGeom.SetStageMetersPerUnit(stage, 0.01)
    stage.SetTimeCodesPerSecond(24)
    skeleton = UsdSkel.Skeleton.Define(stage, "/Man/Skeleton")
    skeleton.CreateJointsAttr(["Hips", "Hips/Head"])
    skeleton.CreateRestTransformsAttr([Gf.Matrix4d(1), rest or Gf.Matrix4d(1)])
    animation = UsdSkel.Animation.Define(stage, "/Man/Animation")
    animation.CreateBlendShapesAttr(list(names))
    values = animation.CreateBlendShapeWeightsAttr()
    for frame, row in enumerate(weights):
        values.Set(list(row), frame)
    animation.CreateJointsAttr(["Hips/Head"])
    animation.CreateRotationsAttr([Gf.Quatf(0.5, 0.5, 0.5, 0.5)])
    animation.CreateTranslationsAttr([Gf.Vec3f(0, 12, 0)])
    animation.CreateScalesAttr([Gf.Vec3h(1)])
    stage.Save()


def test_files_of_others_are_read_by_name_and_against_their_rest(tmp_path):
    rest = Gf.Matrix4d(Gf.Rotation(Gf.Quatd(0.5, 0.5, 0.5, 0.5)), Gf.Vec3d(0, 10, 0))
    _animation(tmp_path / "man.usda", weights=[(0.5, 0.25), (0.75, 0), (1, 0)], rest=rest)
    motion = usd.read(tmp_path / "man.usda")
    assert motion.rate == 24 and len(motion) == 3
    assert np.allclose(motion["jawOpen"], [0.5, 0.75, 1]) and np.allclose(motion["eyeBlinkLeft"], [0.25, 0, 0])
    assert np.allclose(motion.head_rotation, [0, 0, 0, 1], atol=1e-6)
    assert np.allclose(motion.head_translation, [0, 0.02, 0], atol=1e-6)


def test_files_without_our_shapes_are_refused(tmp_path):
    _animation(tmp_path / "man.usda", names=("happy", "sad"))
    with pytest.raises(MotionError, match="rename"):
        usd.read(tmp_path / "man.usda")
    _animation(tmp_path / "wide.usda", weights=[(0.1, 0.2, 0.3)])
    with pytest.raises(MotionError):
        usd.read(tmp_path / "wide.usda")
    Sdf.Layer.CreateNew(str(tmp_path / "empty.usda")).Save()
    with pytest.raises(MotionError):
        usd.read(tmp_path / "empty.usda")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_damaged_files_are_refused_or_read(tmp_path, suffix):
    usd.write(_motion(2), tmp_path / f"good.{suffix}")
    good, path = (tmp_path / f"good.{suffix}").read_bytes(), tmp_path / f"bad.{suffix}"
    for seed in range(12):
        random = np.random.default_rng(seed)
        data = bytearray(good)
        data[random.integers(len(data))] = random.integers(256)
        path.write_bytes(data if seed % 3 else data[: random.integers(1, len(data))])
        try:
            usd.read(path)
        except MotionError:
            pass


def test_without_usd_core_the_message_names_the_extra(tmp_path, monkeypatch):
    for module in [name for name in sys.modules if name == "pxr" or name.startswith("pxr.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "pxr", None)
    with pytest.raises(BackendError, match=r'pip install "vividlib\[usd\]"'):
        vv.save_motion(_motion(), tmp_path / "take.usda")
    (tmp_path / "take.usda").write_text("#usda 1.0\n")
    with pytest.raises(BackendError, match=r'pip install "vividlib\[usd\]"'):
        vv.load_motion(tmp_path / "take.usda")
