"""Damaged, hostile and foreign files: one clear error each, in little time and memory."""

import json
import re
import resource
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vividlib as vv
from vividlib.errors import MotionError
from vividlib.export import MOTION_FORMATS, reading
from vividlib.head.gaze import gaze_of
from vividlib.types import Motion

FILES = [
    (name, suffix)
    for name, kind in MOTION_FORMATS.items()
    for suffix in kind.suffixes
    if kind.read and suffix not in (".vrm", ".usd", ".usda", ".usdz")
]
"""Each format that is read, once a suffix; USD is also damaged in test_usd.py."""
TEXT = [(name, suffix) for name, suffix in FILES if suffix not in (".npz", ".glb", ".usdc")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A short good file of each kind: (name, suffix) -> bytes."""
    folder = tmp_path_factory.mktemp("whole")
    random = np.random.default_rng(0)
    shapes = random.uniform(0, 1, (6, 52))
    motion = Motion(shapes, gaze=gaze_of(shapes), rate=30)
    files = {}
    for name, suffix in FILES:
        if name == "usd":
            pytest.importorskip("pxr", reason="usd-core is not installed")
        vv.save_motion(motion, folder / f"{name}{suffix}", format=name)
        files[name, suffix] = (folder / f"{name}{suffix}").read_bytes()
    return files


def _refused_or_read(path, format=None):
    """Whether it is read; it may be refused in one line that names the file and ends in advice."""
    try:
        motion = vv.load_motion(path, format=format)
    except MotionError as error:
        assert path.name in str(error) or "Motion." in str(error) or "rate" in str(error), error
        assert len(str(error)) < 600
        return False
    assert np.isfinite(motion.blendshapes).all()
    return True


@pytest.mark.parametrize(("name", "suffix"), FILES)
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_cut_and_flipped_bytes(whole, tmp_path_factory, name, suffix, data):
    good = whole[name, suffix]
    path = tmp_path_factory.mktemp("cut") / f"take{suffix}"
    bad = bytearray(good[: data.draw(st.integers(0, len(good)))])
    for place in data.draw(st.lists(st.integers(0, max(len(bad) - 1, 0)), max_size=5)) if bad else ():
        bad[place] = data.draw(st.integers(0, 255))
    path.write_bytes(bad)
    _refused_or_read(path)
    _refused_or_read(path, name)


@pytest.mark.parametrize(("name", "suffix"), FILES)
def test_other_files_by_that_name(whole, tmp_path, name, suffix):
    path = tmp_path / f"take{suffix}"
    random = np.random.default_rng(0)
    others = [data for (_, other), data in whole.items() if other != suffix]
    for data in (
        *others,
        b"\0" * 1000,
        random.bytes(5000),
        b"[]",
        b"{}",
        b"null",
        b"1\n2\n",
        b"\n\n",
        "日本語".encode(),
    ):
        path.write_bytes(data)
        assert not _refused_or_read(path), data[:40]
        assert not _refused_or_read(path, name), data[:40]
    path.unlink()
    path.mkdir()
    assert not _refused_or_read(path)


@pytest.mark.parametrize(("name", "suffix"), TEXT)
def test_a_byte_order_mark_and_windows_line_ends_change_nothing(whole, tmp_path, name, suffix):
    good, path = whole[name, suffix], tmp_path / f"take{suffix}"
    path.write_bytes(good)
    wanted = vv.load_motion(path)
    path.write_bytes(b"\xef\xbb\xbf" + good.replace(b"\n", b"\r\n"))
    again = vv.load_motion(path)
    assert np.array_equal(again.blendshapes, wanted.blendshapes) and again.rate == wanted.rate
    path.write_bytes(good.decode().encode("utf-16"))
    assert not _refused_or_read(path)


@pytest.mark.parametrize(("name", "suffix"), TEXT)
@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "NaN", "Infinity", "1e999", "?", "", "9" * 5000, "0x1p3"])
def test_what_is_no_finite_number(whole, tmp_path, name, suffix, number):
    text = whole[name, suffix].decode()
    *_, last = re.finditer(r"(?<![\w.])-?\d+(\.\d+)?(e-?\d+)?", text)
    path = tmp_path / f"take{suffix}"
    path.write_text(text[: last.start()] + number + text[last.end() :])
    assert not _refused_or_read(path)


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("livelink", ".csv"), ("csv", ".csv"), ("audio2face", ".csv"), ("oculus", ".csv"), ("bvh", ".bvh")],
)
def test_rows_of_another_width_and_columns_twice_or_lacking(whole, tmp_path, name, suffix):
    lines = whole[name, suffix].decode().splitlines()
    path = tmp_path / f"take{suffix}"
    comma = "," if suffix == ".csv" else " "
    for broken in (lines[-1] + comma + "0", lines[-1].rpartition(comma)[0], lines[-1] + "\x00"):
        path.write_text("\n".join([*lines[:-1], broken]) + "\n")
        assert not _refused_or_read(path)
    if suffix == ".csv":
        header = lines[0].split(",")
        path.write_text("\n".join([",".join([*header[:-1], header[1]]), *lines[1:]]) + "\n")
        assert not _refused_or_read(path) or name == "csv"  # where the last column may be missing
        path.write_text("\n".join(line.partition(",")[2] for line in lines) + "\n")
        assert not _refused_or_read(path)


@pytest.mark.parametrize(("name", "suffix"), [file for file in TEXT if file[1] == ".csv" and file[0] != "livelink"])
def test_times_that_repeat_fall_or_jump(whole, tmp_path, name, suffix):
    header, *rows = whole[name, suffix].decode().splitlines()
    path = tmp_path / f"take{suffix}"
    for times in ((0, 0, 1), (2, 1, 0), (0, 0.02, 1e9), (0, 1e-300, 2e-300), (0, 1e300, 1.5e300)):
        lines = [f"{time},{row.partition(',')[2]}" for time, row in zip(times, rows)]
        path.write_text("\n".join([header, *lines]) + "\n")
        assert not _refused_or_read(path), times


@pytest.mark.parametrize(("name", "suffix"), FILES)
def test_huge_files_are_refused_before_they_are_read(whole, tmp_path, name, suffix):
    if suffix == ".npz":
        return  # whose size is bounded by NumPy's own reader
    path = tmp_path / f"take{suffix}"
    path.write_bytes(whole[name, suffix])
    with path.open("r+b") as file:
        file.truncate(reading.MAX_BYTES + 1)  # takes no room on the disk
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(MotionError, match="cut"):
        vv.load_motion(path, format=name)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        (".json", "[" * 100_000),
        (".json", '{"facsNames": ' + '{"a":' * 50_000),
        (".json", json.dumps({"FrameIndex": 10**12, "BlendShapes": [[0] * 55]})),
        (".json", json.dumps([{"FrameIndex": n * 10**9, "BlendShapes": [[0] * 55]} for n in range(3)])),
        (".json", json.dumps({"FrameIndex": -1, "BlendShapes": [[0] * 55]})),
        (".json", json.dumps({"FrameIndex": 10**400, "BlendShapes": [[0] * 55]})),
        (".json", json.dumps({"exportFps": 0, "facsNames": ["jawOpen"], "weightMat": [[0]]})),
        (".json", json.dumps({"exportFps": 30, "facsNames": ["jawOpen"], "weightMat": [[0], [0, 1]]})),
        (".json", json.dumps({"exportFps": 30, "facsNames": ["jawOpen"], "weightMat": []})),
        (".json", json.dumps({"exportFps": [], "facsNames": ["jawOpen"], "weightMat": [[0]]})),
        (".json", json.dumps({"exportFps": 30, "facsNames": [3], "weightMat": [[0]]})),
        (".json", json.dumps({"exportFps": 30, "facsNames": ["browLowerL"], "weightMat": [[0]]})),
        (".json", json.dumps([{"visemeId": 1, "audioOffset": 10**300}, {"visemeId": 2, "audioOffset": 10**301}])),
        (".xml", "<a>" * 100_000),
        (".csv", "Timecode,BlendShapeCount" + ",x" * 3_000_000),
        (".csv", "time,jawOpen\n" + "0" * 2_000_000 + ",1\n"),
        (".csv", 'time,jawOpen\n0,"' + "1\n" * 300_000),
        (".bvh", "HIERARCHY\nROOT Head\n{\nCHANNELS 999999999 Xposition\n}\nMOTION\nFrames: 1\nFrame Time: 1\n0\n"),
        (".bvh", "HIERARCHY\nROOT Head\n{\nCHANNELS 1 Xrotation\n}\nMOTION\nFrames: 999999999\nFrame Time: 0.1\n0\n"),
        (".bvh", "HIERARCHY\nROOT Hips\n{\nCHANNELS 1 Xrotation\n}\nMOTION\nFrames: 1\nFrame Time: 0.1\n0\n"),
        (".bvh", "HIERARCHY\n}\nMOTION\nFrames: 1\nFrame Time: 0.1\n0\n"),
        (".bvh", "word " * 1_000_000),
    ],
)
def test_hostile_text(tmp_path, suffix, content):
    path = tmp_path / f"take{suffix}"
    path.write_text(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert not _refused_or_read(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # kB


def _glb(path, **changes):
    """A tiny animation, with some parts of its JSON replaced."""
    document = {
        "asset": {"version": "2.0"},
        "buffers": [{"byteLength": 24}],
        "bufferViews": [{"buffer": 0, "byteLength": 12}, {"buffer": 0, "byteOffset": 12, "byteLength": 12}],
        "accessors": [{"bufferView": n, "componentType": 5126, "count": 3, "type": "SCALAR"} for n in (0, 1)],
        "meshes": [{"primitives": [{"attributes": {}, "targets": [{}]}], "extras": {"targetNames": ["jawOpen"]}}],
        "nodes": [{"mesh": 0}],
        "animations": [
            {"samplers": [{"input": 0, "output": 1}], "channels": [{"sampler": 0, "target": {"node": 0, "path": "weights"}}]}
        ],
    } | changes  # fmt: skip
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    blob = np.float32([0, 0.5, 1, 0.25, 0.5, 0.75]).tobytes()
    parts = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(blob), 0x004E4942) + blob
    path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(parts)) + parts)


def _accessor(**changes):
    good = {"bufferView": 0, "componentType": 5126, "count": 3, "type": "SCALAR"}
    return {"accessors": [good | changes, good | {"bufferView": 1}]}


def test_the_tiny_animation_is_a_good_one(tmp_path):
    _glb(tmp_path / "take.glb")
    assert np.allclose(vv.load_motion(tmp_path / "take.glb")["jawOpen"], [0.25, 0.5, 0.75])


@pytest.mark.parametrize(
    "changes",
    [
        _accessor(count=2**31), _accessor(count=-3), _accessor(count=2.5), _accessor(bufferView=9),
        _accessor(componentType=5), _accessor(type="MAT4"), _accessor(byteOffset=8), _accessor(count=0),
        {"buffers": [{"byteLength": 24, "uri": "http://example.com/x.bin"}]},
        {"buffers": [{"byteLength": 24, "uri": "other.bin"}]},
        {"bufferViews": [{"buffer": 0, "byteLength": 12, "byteOffset": 10**12}] * 2},
        {"bufferViews": [{"buffer": 0, "byteLength": 12, "byteStride": 8}] * 2},
        {"nodes": [{"mesh": 7}]}, {"nodes": []}, {"nodes": [{"mesh": 0, "children": [5]}]}, {"nodes": "none"},
        {"meshes": [{"primitives": []}]}, {"meshes": [{"primitives": [{"attributes": {}, "targets": [{}, {}]}]}]},
        {"meshes": [{"primitives": [{"attributes": {}, "targets": [{}]}], "extras": {"targetNames": ["Joy"]}}]},
        {"animations": []}, {"animations": [{"samplers": [], "channels": [{"sampler": 0, "target": {"path": "weights"}}]}]},
        {"animations": 5}, {"asset": None}, {"extensions": {"VRM": 5}}, {"extensions": {"VRMC_vrm": {"humanoid": []}}},
    ],
)  # fmt: skip
def test_hostile_glb(tmp_path, changes):
    path = tmp_path / "take.glb"
    _glb(path, **changes)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read = _refused_or_read(path)
    assert not read or "extensions" in changes or changes.get("asset", 0) is None  # which say nothing of the animation
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_nodes_in_a_loop_end(tmp_path):
    loop = [{"mesh": 0, "children": [1]}, {"name": "Head", "children": [0]}]
    head = {"sampler": 0, "target": {"node": 1, "path": "translation"}}
    weights = {"sampler": 0, "target": {"node": 0, "path": "weights"}}
    _glb(
        tmp_path / "take.glb",
        nodes=loop,
        animations=[{"samplers": [{"input": 0, "output": 1}], "channels": [weights, head]}],
    )
    assert not _refused_or_read(tmp_path / "take.glb")


def test_a_format_that_there_is_not_and_a_suffix_that_is_not_its_own(tmp_path):
    (tmp_path / "take.csv").write_text("x")
    for suffix, name, message in (
        (".csv", "livelnk", "choose one of"),
        (".csv", "usd", "read from"),
        (".obj", None, "read from"),
    ):
        with pytest.raises(MotionError, match=message):
            vv.load_motion(tmp_path / f"take{suffix}", format=name)
