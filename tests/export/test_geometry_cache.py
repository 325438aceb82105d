"""Sequences of OBJ and PC2 caches, as another program reads them."""

import struct

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import vividlib as vv
from vividlib.errors import MotionError
from vividlib.head import model
from vividlib.head.lips import spread
from vividlib.head.model import deform
from vividlib.types import Motion

trimesh = pytest.importorskip("trimesh")


@pytest.fixture
def talk(head):
    random = np.random.default_rng(0)
    turns = Rotation.from_rotvec(random.normal(0, 0.2, (3, 3))).as_quat()
    offsets = random.normal(0, 1e-3, (3, 40, 3))
    gaze = random.normal(0, 0.1, (3, 2, 2))
    return Motion(random.uniform(0, 0.5, (3, 52)), turns, random.normal(0, 0.01, (3, 3)), gaze, offsets, rate=25)


def _wanted(head, motion, frame):
    lips = motion.lip_offsets[frame]
    still = deform(head, head.template, motion.blendshapes[frame], motion.gaze[frame], lips)
    turned = Rotation.from_quat(motion.head_rotation[frame]).apply(still) + motion.head_translation[frame]
    return still + head.head_weight[:, None] * (turned - still)


def _mesh(path):
    return trimesh.load(path, process=False)


def _vertices(path):
    return np.array([line.split()[1:] for line in path.read_text().splitlines() if line.startswith("v ")], float)


def test_a_sequence_has_a_mesh_at_rest_and_one_for_each_frame(head, talk, tmp_path):
    assert vv.save_motion(talk, tmp_path / "take.obj") == ()
    assert np.allclose(_vertices(tmp_path / "take.obj"), head.template, atol=1e-6)
    frames = sorted((tmp_path / "take_frames").iterdir())
    assert [path.name for path in frames] == [f"take_000{number}.obj" for number in range(3)]
    for frame, path in enumerate(frames):
        assert np.allclose(_vertices(path), _wanted(head, talk, frame), atol=2e-6)
    mesh = _mesh(frames[0])
    assert len(mesh.faces) == len(head.faces) and np.isfinite(mesh.visual.uv).all()
    rest = _mesh(tmp_path / "take.obj")
    assert np.allclose(rest.triangles, head.template[head.faces], atol=1e-6)
    assert np.allclose(rest.visual.uv[rest.faces], head.uv[head.uv_faces] * [1, -1] + [0, 1], atol=1e-6)


def test_frames_of_a_longer_take_go_and_other_files_stay(talk, tmp_path):
    folder = tmp_path / "take_frames"
    folder.mkdir()
    for name in ("take_0002.obj", "take_0003.obj", "take_12345.obj", "take_other.obj", "notes.txt"):
        (folder / name).write_text("old")
    vv.save_motion(talk, tmp_path / "take.obj")
    assert {path.name for path in folder.iterdir()} == {
        "take_0000.obj", "take_0001.obj", "take_0002.obj", "take_other.obj", "notes.txt",
    }  # fmt: skip
    assert (folder / "take_0002.obj").read_text() != "old"


def test_a_cache_and_the_mesh_that_it_moves(head, talk, tmp_path):
    vv.save_motion(talk, tmp_path / "take.pc2")
    data = (tmp_path / "take.pc2").read_bytes()
    signature, version, points, start, step, samples = struct.unpack("<12siiffi", data[:32])
    assert (signature, version, points, start, step, samples) == (b"POINTCACHE2\0", 1, len(head.template), 0, 1, 3)
    moved = np.frombuffer(data, "<f4", offset=32).reshape(3, points, 3)
    for frame in range(3):
        assert np.allclose(moved[frame], _wanted(head, talk, frame), atol=1e-6)
    assert np.allclose(_vertices(tmp_path / "take.obj"), head.template, atol=1e-6)


def test_lip_offsets_are_in_the_vertices(head, talk, tmp_path):
    lips = np.zeros((1, 40, 3))
    lips[:, :, 2] = 0.002
    vv.save_motion(Motion(np.zeros((1, 52)), lip_offsets=lips), tmp_path / "take.pc2")
    moved = np.frombuffer((tmp_path / "take.pc2").read_bytes(), "<f4", offset=32).reshape(-1, 3) - head.template
    assert np.allclose(moved[head.lips], spread(lips[0], head), atol=1e-6) and moved[head.lips, 2].max() > 0.0018
    assert np.allclose(np.delete(moved, head.lips, axis=0), 0, atol=1e-6)


def test_a_person_or_another_head_can_be_shown(face, tmp_path):
    vv.save_motion(Motion(np.zeros((1, 52))), tmp_path / "me.obj", face)
    assert np.allclose(_vertices(tmp_path / "me.obj"), face.neutral, atol=1e-6)
    vv.save_face(face, tmp_path / "face.obj")
    assert (tmp_path / "face.obj").read_text() == (tmp_path / "me.obj").read_text()
    low = model.load(detail="low")
    vv.save_motion(Motion(np.zeros((1, 52))), tmp_path / "low.obj", head=low)
    assert len(_vertices(tmp_path / "low.obj")) == len(low.template)


def test_they_are_not_read(tmp_path):
    with pytest.raises(MotionError, match="read from"):
        vv.load_motion(tmp_path / "take.pc2")
