"""Whatever a format holds comes back, for any motion, at any frame rate; and each value stands under its own name."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pygltflib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

import vividlib as vv
from vividlib.conventions import ARKIT
from vividlib.export import MOTION_FORMATS
from vividlib.head.gaze import gaze_of
from vividlib.types import Motion

RATES = (24000 / 1001, 24, 25, 30000 / 1001, 30, 48, 50, 60000 / 1001, 60, 72, 90, 100, 120000 / 1001, 120)
RIGS = Path(__file__).parents[2] / "docs" / "rigs.md"
EXACT = {"npz": 0, "csv": 0, "gltf": 0, "usd": 0, "audio2face": 0, "livelink": 6e-11}
"""How far blendshapes may be off: half a unit of the last decimal where a format has decimals."""


def _paths(folder):
    """Name and path of every format that is read, once a suffix."""
    for name, kind in MOTION_FORMATS.items():
        if name == "usd":
            pytest.importorskip("pxr", reason="usd-core is not installed")
        for suffix in kind.suffixes if kind.read and "shapes" in kind.holds else ():
            if suffix not in (".vrm", ".usd", ".usdz"):  # a VRM needs a VRM; the other two are as .usdc
                yield name, folder / f"take{suffix}"


def _motions(rates):
    """Motions of 2 to 9 frames whose gaze is what their eyeLook shapes say."""
    return st.builds(_motion, st.integers(0, 2**32 - 1), st.integers(2, 9), rates)


def _motion(seed, frames, rate):
    random = np.random.default_rng(seed)
    shapes = random.uniform(0, 1, (frames, 52)).astype(np.float32) ** random.integers(1, 9)
    turns = Rotation.from_rotvec(random.normal(0, 0.5, (frames, 3))).as_quat()
    return Motion(shapes, turns, random.normal(0, 0.05, (frames, 3)), gaze_of(shapes), rate=rate)


@given(motion=_motions(st.floats(24, 120)))
@settings(max_examples=12, deadline=None)
def test_what_a_format_holds_comes_back(motion, tmp_path_factory):
    for name, path in _paths(tmp_path_factory.mktemp("round")):
        vv.save_motion(motion, path, format=name)
        again, kept = vv.load_motion(path), motion.resample(60) if name == "azure" else motion
        holds = MOTION_FORMATS[name].holds
        assert len(again) == len(kept), name
        assert abs(again.duration - kept.duration) < 0.5 / kept.rate, name
        assert np.abs(again.blendshapes - kept.blendshapes).max() <= EXACT.get(name, 0) + 1e-8 * (name == "livelink")
        assert np.abs(again.gaze - kept.gaze).max() < 1e-6, name
        if "turn" in holds:
            turn = Rotation.from_quat(again.head_rotation).inv() * Rotation.from_quat(kept.head_rotation)
            assert turn.magnitude().max() < 1e-5, name
        if "place" in holds:
            assert np.array_equal(again.head_translation, kept.head_translation), name


@pytest.mark.parametrize("rate", RATES)
def test_known_frame_rates_come_back_exactly(rate, tmp_path):
    motion = Motion(np.tile(np.linspace(0, 1, 500)[:, None], 52), rate=rate)
    for name, path in _paths(tmp_path):
        if name != "azure":  # which is 60 by definition
            vv.save_motion(motion, path, format=name)
            assert vv.load_motion(path).rate == pytest.approx(rate, rel=1e-12), name
    vv.save_motion(motion, tmp_path / "take.bvh")
    assert vv.load_motion(tmp_path / "take.bvh").rate == pytest.approx(rate, rel=1e-12)


@given(motion=_motions(st.sampled_from(RATES)), gaze=st.floats(-1, 1))
@settings(max_examples=20, deadline=None)
def test_bvh_holds_head_and_eyes(motion, gaze, tmp_path_factory):
    path = tmp_path_factory.mktemp("bvh") / "take.bvh"
    motion = replace(motion, gaze=motion.gaze * 0.5 + gaze / 2)
    vv.save_motion(motion, path)
    again = vv.load_motion(path)
    turn = Rotation.from_quat(again.head_rotation).inv() * Rotation.from_quat(motion.head_rotation)
    assert turn.magnitude().max() < 1e-6 and np.abs(again.head_translation - motion.head_translation).max() < 2e-8
    assert np.abs(again.gaze - motion.gaze).max() < 1e-6


@pytest.mark.parametrize("index", range(52))
def test_one_shape_moves_and_no_other(index, tmp_path):
    shapes = np.zeros((3, 52), np.float32)
    shapes[:, index] = 0.25, 0.5, 0.75
    for name, path in _paths(tmp_path):
        if name != "usd":  # its order is tested by name in test_usd.py
            vv.save_motion(Motion(shapes, gaze=gaze_of(shapes), rate=60), path, format=name)
            assert np.array_equal(vv.load_motion(path).blendshapes, shapes), name


def _columns(path):
    header, *rows = [line.split(",") for line in path.read_text().splitlines()]
    return {name: np.array([float(row[place]) for row in rows]) for place, name in enumerate(header)}


def _ladder(rate=60):
    """Two frames in which each shape has a value of its own."""
    shapes = np.float32(np.stack([np.arange(52), np.arange(52)[::-1]]) / 64)
    return Motion(shapes, gaze=gaze_of(shapes), rate=rate)


def test_tables_name_their_columns(tmp_path):
    motion = _ladder()
    for name, column in (("csv", "{}"), ("audio2face", "blendShapes.{}"), ("livelink", "{}")):
        vv.save_motion(motion, tmp_path / "take.csv", format=name)
        columns = _columns(tmp_path / "take.csv") if name != "livelink" else _livelink(tmp_path / "take.csv")
        for shape in ARKIT:
            title = shape if name == "csv" else shape[0].upper() + shape[1:]
            assert np.allclose(columns[column.format(title)], motion[shape], atol=1e-9), (name, shape)


def _livelink(path):
    text = re.sub(r"^\d\d:\d\d:\d\d:", "", path.read_text(), flags=re.MULTILINE)
    path.write_text(text)
    return _columns(path)


def test_audio2face_layout(tmp_path):
    motion = _ladder(rate=25)
    vv.save_motion(motion, tmp_path / "take.json")
    content = json.loads((tmp_path / "take.json").read_text())
    assert list(content) == ["exportFps", "trackPath", "numPoses", "numFrames", "facsNames", "weightMat"]
    assert (content["exportFps"], content["numPoses"], content["numFrames"]) == (25, 52, 2)
    for name, column in zip(content["facsNames"], np.array(content["weightMat"]).T):
        assert np.allclose(column, motion[name]), name
    vv.save_motion(motion, tmp_path / "take.csv", format="audio2face")
    header, _, row = (tmp_path / "take.csv").read_text().splitlines()
    assert header.startswith("timeCode,blendShapes.EyeBlinkLeft,blendShapes.EyeLookDownLeft,")
    assert row.split(",")[0] == "0.04"


def test_audio2face_of_others_is_read_by_name(tmp_path):
    names = ["extra", "JawOpen", "eyeBlink_L"]
    content = {
        "facsNames": names,
        "weightMat": [[9, 0.5, 0.25]] * 3,
        "exportFps": 30,
        "joints": ["jaw"],
        "rotations": [],
    }
    (tmp_path / "take.json").write_text(json.dumps(content))
    motion = vv.load_motion(tmp_path / "take.json")
    assert motion.rate == 30 and (motion["jawOpen"] == 0.5).all() and (motion["eyeBlinkLeft"] == 0.25).all()
    assert motion.blendshapes.sum() == pytest.approx(2.25)


def test_a_format_is_known_by_keys_at_either_end(tmp_path):
    weights = np.random.default_rng(0).uniform(0, 1, (150_000, 1)).tolist()
    content = {"weightMat": weights, "exportFps": 60, "facsNames": ["jawOpen"]}
    (tmp_path / "take.json").write_text(json.dumps(content))
    assert (tmp_path / "take.json").stat().st_size > 2.5 * 2**20
    assert np.allclose(vv.load_motion(tmp_path / "take.json")["jawOpen"], np.ravel(weights))


def test_azure_blendshape_layout(tmp_path):
    motion = _ladder()
    vv.save_motion(motion, tmp_path / "take.json", format="azure")
    chunk = json.loads((tmp_path / "take.json").read_text())
    assert list(chunk) == ["FrameIndex", "BlendShapes"] and chunk["FrameIndex"] == 0
    rows = np.array(chunk["BlendShapes"])
    assert rows.shape == (2, 55) and np.allclose(rows[:, :52], motion.blendshapes) and not rows[:, 52:].any()


@pytest.mark.parametrize("join", [json.dumps, lambda chunks: "\n".join(map(json.dumps, chunks))])
def test_azure_chunks_follow_one_another_and_gaps_are_held(join, tmp_path):
    rows = (np.arange(5)[:, None] / 8 * np.ones(55)).tolist()
    chunks = [{"FrameIndex": 0, "BlendShapes": rows[:2]}, {"FrameIndex": 4, "BlendShapes": rows[2:]}]
    (tmp_path / "take.json").write_text(join(chunks))
    assert np.allclose(vv.load_motion(tmp_path / "take.json")["jawOpen"] * 8, [0, 1, 1, 1, 2, 3, 4])


def test_a_table_of_anybody_is_read(tmp_path):
    (tmp_path / "take.csv").write_bytes(
        b"\xef\xbb\xbfframe,Time,Jaw_Open,eyeBlink_L,note\r\n0,0,0.5,0.25,a\r\n1,0.04,0.75,0,b\r\n\r\n"
    )
    motion = vv.load_motion(tmp_path / "take.csv")
    assert motion.rate == 25 and np.allclose(motion["jawOpen"], [0.5, 0.75])
    assert np.allclose(motion["eyeBlinkLeft"], [0.25, 0]) and motion.blendshapes.sum() == 1.5


def test_a_dropped_frame_of_a_table_is_filled_in_between(tmp_path):
    (tmp_path / "take.csv").write_text("time,jawOpen\n0,0\n0.1,0.5\n0.2,0.25\n0.4,0.75\n")
    assert np.allclose(vv.load_motion(tmp_path / "take.csv")["jawOpen"], [0, 0.5, 0.25, 0.5, 0.75])


def test_keys_at_uneven_times_are_sampled(tmp_path):
    """An animation of glTF with few keys, stepped and cubic, as other programs write it."""
    document, blob = pygltflib.GLTF2(), b""

    def add(values, kind):
        nonlocal blob
        values = np.float32(values)
        document.bufferViews.append(pygltflib.BufferView(buffer=0, byteOffset=len(blob), byteLength=values.nbytes))
        document.accessors.append(
            pygltflib.Accessor(
                bufferView=len(document.bufferViews) - 1, componentType=5126, count=len(values), type=kind
            )
        )
        blob += values.tobytes()
        return len(document.accessors) - 1

    def target(node, keys, values, how):
        sampler = pygltflib.AnimationSampler(input=add(keys, "SCALAR"), output=add(values, "SCALAR"), interpolation=how)
        animation.samplers.append(sampler)
        channel = pygltflib.AnimationChannelTarget(node=node, path="weights")
        animation.channels.append(pygltflib.AnimationChannel(sampler=len(animation.samplers) - 1, target=channel))

    animation = pygltflib.Animation(name="talk", samplers=[], channels=[])
    place = add(np.zeros(9), "VEC3")
    for names in (["jawOpen"], ["eyeBlink_L", "Joy"]):
        attributes = pygltflib.Attributes(POSITION=place)
        primitive = pygltflib.Primitive(attributes=attributes, targets=[{"POSITION": place}] * len(names))
        document.meshes.append(pygltflib.Mesh(primitives=[primitive], extras={"targetNames": names}))
        document.nodes.append(pygltflib.Node(mesh=len(document.meshes) - 1))
    target(0, [1, 1.5, 3], [0, 1, 0.25], "STEP")
    target(1, [1, 3], [9, 9, 0, 1, 9, 9, 9, 9, 1, 0, 9, 9], "CUBICSPLINE")
    document.animations = [animation]
    document.buffers = [pygltflib.Buffer(byteLength=len(blob))]
    document.set_binary_blob(blob)
    document.save_binary(str(tmp_path / "take.glb"))
    motion = vv.load_motion(tmp_path / "take.glb")
    assert motion.duration == pytest.approx(2, abs=2 / motion.rate)
    sampled = motion.at([0, 0.4, 0.6, 1.9, 2])
    assert np.allclose(sampled["jawOpen"], [0, 0, 1, 1, 0.25], atol=1e-5)
    assert np.allclose(sampled["eyeBlinkLeft"], [0, 0.2, 0.3, 0.95, 1], atol=1e-5)


def test_lip_offsets_become_shapes_where_there_are_only_shapes(tmp_path):
    offsets = np.zeros((4, 40, 3), np.float32)
    offsets[:, :, 1] = -0.004
    motion = Motion(np.zeros((4, 52)), lip_offsets=offsets, rate=30)
    for name, path in _paths(tmp_path):
        notes = vv.save_motion(motion, path, format=name)
        again = vv.load_motion(path)
        if name == "npz":
            assert np.array_equal(again.lip_offsets, offsets) and not notes
        else:
            assert again.blendshapes.max() > 0.05, name
            assert any("lip offsets" in note for note in notes), name


def test_the_table_of_the_documents_says_what_the_formats_are():
    rows = re.findall(r"^\| `([\w-]+)` \| (.*?) \| (.*?) \| (yes|no) \|", RIGS.read_text("utf-8"), re.MULTILINE)
    assert rows == [
        (name, " ".join(kind.suffixes), kind.holds.replace(" ", ", "), "yes" if kind.read else "no")
        for name, kind in MOTION_FORMATS.items()
    ]


def test_what_is_lost_is_said(tmp_path):
    motion = _motion(0, 4, 30)
    assert vv.save_motion(motion, tmp_path / "take.npz") == ()
    assert vv.save_motion(motion, tmp_path / "take.glb") == ()
    assert vv.save_motion(Motion(motion.blendshapes, gaze=motion.gaze), tmp_path / "take.json") == ()
    assert len(vv.save_motion(motion, tmp_path / "take.json")) == 2
    assert vv.save_motion(motion, tmp_path / "take.csv") == ("the head's translation has no place",)
    assert vv.save_motion(motion, tmp_path / "take.bvh") == ("the blendshapes have no place",)
    assert "only the mouth" in " ".join(vv.save_motion(motion, tmp_path / "take.tsv"))
