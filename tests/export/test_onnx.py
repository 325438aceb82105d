"""The networks as ONNX say what they say in torch, for any batch, and a file says what its tensors are."""

import json
import sys

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT_INDEX, LIP_LANDMARKS
from vividlib.errors import BackendError, OutputError, WeightsError
from vividlib.export import onnx as export
from vividlib.mesh_to_video.composite import composite
from vividlib.mesh_to_video.dense_motion import draw
from vividlib.mesh_to_video.network_sizes import FAST, FULL
from vividlib.mesh_to_video.networks import VideoNetworks, corrected, driven_tensors, frame_of, photo_tensors
from vividlib.mesh_to_video.patch import cut, driven_patch, photo_patch, square_of
from vividlib.mesh_to_video.scene import build_scene

pytest.importorskip("onnxscript", reason="onnxscript is not installed")
onnx = pytest.importorskip("onnx", reason="onnx is not installed")
runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

TOLERANCE = 1e-4  # of pictures in [0, 1], and px


@pytest.fixture(scope="module", params=[FAST, FULL], ids=["fast", "full"])
def exported(request, tmp_path_factory):
    """Networks whose last layers do something, and their files."""
    torch.manual_seed(0)
    networks = VideoNetworks(request.param).eval()
    for layer in (networks.motion.out, networks.motion.along, networks.generator.out):
        torch.nn.init.normal_(layer.weight, 0, 0.05)
    files = export.write(networks.state_dict(), request.param, tmp_path_factory.mktemp("onnx"), "Apache-2.0")
    return networks, {file.stem: file for file in files}


@pytest.fixture(scope="module")
def scene(face):
    return build_scene(face, face.portrait.image, 1.0)


def drawn(scene, degrees, jaw):
    blendshapes = scene.face.expression.copy()
    blendshapes[ARKIT_INDEX["jawOpen"]] += jaw
    turn = Rotation.from_euler("YX", [degrees, degrees / 2], degrees=True).as_quat()
    return draw(scene, blendshapes, turn, (0, 0, 0), scene.face.gaze)


def tensors(scene, some):
    """Photo, repeated, and driven frames."""
    square = square_of(scene)
    photo = photo_tensors(len(some) * [photo_patch(scene, square)])
    return photo, driven_tensors([driven_patch(scene, one, square) for one in some])


def run(files, photo, driven):
    """What a host does; every output by name."""

    def session(name):
        return runtime.InferenceSession(files[name], providers=["CPUExecutionProvider"])

    known_of = {name: part.numpy() for name, part in zip(export.PHOTO, photo)}
    seen = {name: known_of[name] for name in ("photo", "photo_texture")}
    [known] = session("photo").run(None, seen)
    given = {"known": known} | known_of | {name: part.numpy() for name, part in zip(export.DRIVEN, driven)}
    return dict(zip(export.MADE, session("frame").run(list(export.MADE), given)))


@pytest.mark.parametrize("poses", [[(7, 0.4)], [(-9, 0.1), (0, 0.8), (5, 0)]], ids=["one", "three"])
@torch.inference_mode()
def test_a_frame_is_that_of_torch(exported, scene, poses):
    networks, files = exported
    photo, driven = tensors(scene, [drawn(scene, *pose) for pose in poses])
    gate = networks.gate(driven)
    correction = networks.correct(photo, driven, gate)
    better = corrected(driven, correction)
    frame = frame_of(photo, better)
    residual = networks.add(networks.read(photo), frame, better, gate)
    wanted = (correction.flow, correction.occlusion, residual, (frame + residual).clamp(0, 1))
    for (name, found), tensor in zip(run(files, photo, driven).items(), wanted):
        assert tensor.abs().max() > 100 * TOLERANCE, name
        np.testing.assert_allclose(found, tensor.numpy(), atol=TOLERANCE, rtol=0, err_msg=name)


def test_a_photos_own_motion_gives_the_photo(exported, scene):
    still = draw(scene, scene.face.expression, (0, 0, 0, 1), (0, 0, 0), scene.face.gaze)
    made = run(exported[1], *tensors(scene, [still]))
    for name in ("flow_correction", "occlusion_correction", "residual"):
        assert not made[name].any()
    picture = cut(composite(scene.layers, still), square_of(scene)) / 255
    assert np.abs(np.moveaxis(made["picture"][0], 0, 2) - picture).mean() < 0.003


def test_a_file_says_what_is_in_it(exported):
    for file in exported[1].values():
        model = onnx.load(file)
        onnx.checker.check_model(model, full_check=True)
        about = {entry.key: entry.value for entry in model.metadata_props}
        assert about["licence"] == "Apache-2.0" and about["side"] == "256" and about["grid"] == "64"
        assert json.loads(about["lip_landmarks"]) == LIP_LANDMARKS and "generator" in json.loads(about["sizes"])
        assert {(one.domain, one.version) for one in model.opset_import} == {("", export.OPSET)}
        for tensor in (*model.graph.input, *model.graph.output):
            batch, *others = tensor.type.tensor_type.shape.dim
            assert tensor.doc_string and batch.dim_param == "batch" and all(one.dim_value for one in others)
        content = file.read_bytes()
        assert b".py" not in content  # no lines of Python, whose paths are those of this machine


def test_what_cannot_be_exported_says_so(tmp_path, monkeypatch):
    weights = VideoNetworks(FAST).state_dict()
    with pytest.raises(WeightsError, match="trained with"):
        export.write(weights, FULL, tmp_path, "Apache-2.0")
    with pytest.raises(OutputError, match="does not exist"):
        export.write(weights, FAST, tmp_path / "missing", "Apache-2.0")
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(BackendError, match=r"vividlib\[onnx\]"):
        export.write(weights, FAST, tmp_path, "Apache-2.0")
    assert not any(tmp_path.iterdir())
