import numpy as np
import pygltflib
import pytest
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT
from vividlib.export import glb as parts
from vividlib.export import gltf
from vividlib.head.model import shape_scale

_TYPES = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


class Glb:
    """A GLB as another program reads it: through its accessors."""

    def __init__(self, path):
        self.document = pygltflib.GLTF2().load_binary(str(path))
        self.blob = self.document.binary_blob()
        self.mesh = self.document.meshes[0]

    def array(self, number):
        accessor = self.document.accessors[number]
        width, kind = _WIDTHS[accessor.type], _TYPES[accessor.componentType]
        values = np.zeros((accessor.count, width), kind)
        if accessor.bufferView is not None:
            values = self._view(accessor.bufferView, kind, accessor.byteOffset).reshape(-1, width)[: accessor.count]
        if accessor.sparse is not None:
            values = values.copy()
            part = accessor.sparse
            rows = self._view(part.indices.bufferView, _TYPES[part.indices.componentType])
            values[rows[: part.count]] = self._view(part.values.bufferView, kind).reshape(-1, width)
        return values

    def _view(self, number, kind, offset=0):
        view = self.document.bufferViews[number]
        start = view.byteOffset + (offset or 0)
        return np.frombuffer(self.blob[start : view.byteOffset + view.byteLength], kind)

    def track(self, path):
        animation = self.document.animations[0]
        channel = next(channel for channel in animation.channels if channel.target.path == path)
        sampler = animation.samplers[channel.sampler]
        return self.array(sampler.input)[:, 0], self.array(sampler.output), channel.target.node


@pytest.fixture(scope="module")
def moving(head, tmp_path_factory):
    """The default head with a short motion, and that motion."""
    from vividlib.types import Motion

    random = np.random.default_rng(0)
    turns = Rotation.from_rotvec(random.normal(0, 0.2, (7, 3))).as_quat()
    motion = Motion(random.uniform(0, 1, (7, 52)), turns, random.normal(0, 0.01, (7, 3)), rate=30)
    path = tmp_path_factory.mktemp("glb") / "head.glb"
    gltf.write_motion(motion, path)
    return Glb(path), motion, path


def test_every_vertex_of_the_head_stands_where_it_should(moving, head):
    glb, _, _ = moving
    attributes = glb.mesh.primitives[0].attributes
    corners = np.concatenate([glb.array(primitive.indices)[:, 0] for primitive in glb.mesh.primitives])
    triangles = glb.array(attributes.POSITION)[corners].reshape(-1, 9)
    assert len(triangles) == len(head.faces)
    wanted = head.template[head.faces].reshape(-1, 9)
    assert np.array_equal(np.unique(triangles, axis=0), np.unique(wanted.astype(np.float32), axis=0))
    uv = glb.array(attributes.TEXCOORD_0)[corners]
    assert np.array_equal(np.unique(uv, axis=0), np.unique(head.uv[head.uv_faces].reshape(-1, 2), axis=0))


def test_normals_are_units_that_point_outside(moving, head):
    glb, _, _ = moving
    attributes = glb.mesh.primitives[0].attributes
    normals, points = glb.array(attributes.NORMAL), glb.array(attributes.POSITION)
    assert np.allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-3)
    faces = glb.array(glb.mesh.primitives[0].indices).reshape(-1, 3)
    a, b, c = points[faces].transpose(1, 0, 2)
    across = np.cross(b - a, c - a)
    assert ((across * normals[faces].mean(1)).sum(1) > -1e-9).mean() > 0.99


def test_each_target_moves_the_vertices_its_shape_moves(moving, head):
    glb, _, _ = moving
    assert glb.mesh.extras["targetNames"] == list(ARKIT)
    assert [len(primitive.targets) for primitive in glb.mesh.primitives] == [52] * len(glb.mesh.primitives)
    vertex, _, _ = gltf._split_at_seams(head)
    for name, target, shape in zip(ARKIT, glb.mesh.primitives[0].targets, head.blendshapes):
        number = target["POSITION"] if isinstance(target, dict) else target.POSITION
        assert np.allclose(glb.array(number), shape[vertex], atol=2e-6), name
        assert name == "tongueOut" or np.abs(glb.array(number)).max() > 5e-4, name


def test_the_animation_is_the_motion(moving):
    glb, motion, _ = moving
    times, weights, node = glb.track("weights")
    assert glb.document.nodes[node].mesh == 0
    assert times == pytest.approx(np.arange(7) / 30)
    assert np.array_equal(weights.reshape(7, 52), motion.blendshapes)
    _, rotation, node = glb.track("rotation")
    assert glb.document.nodes[node].name == "Head"
    assert np.array_equal(rotation, motion.head_rotation)
    _, translation, _ = glb.track("translation")
    assert np.array_equal(translation, motion.head_translation)


def test_the_skin_bends_the_head_on_a_still_chest(moving, head):
    glb, _, _ = moving
    attributes = glb.mesh.primitives[0].attributes
    weights, joints = glb.array(attributes.WEIGHTS_0), glb.array(attributes.JOINTS_0)
    vertex, _, _ = gltf._split_at_seams(head)
    names = [glb.document.nodes[node].name for node in glb.document.skins[0].joints]
    share = (weights * (joints == names.index("Head"))).sum(1)
    assert np.allclose(share, head.head_weight[vertex], atol=1e-6)
    assert np.allclose(weights.sum(1), 1, atol=1e-6)
    assert not joints[weights == 0].any()


def _keeps_the_rules(path):
    """What the glTF 2.0 specification asks of buffers, accessors, targets and animations."""
    glb = Glb(path)
    document = glb.document
    raw = path.read_bytes()
    assert raw[:4] == b"glTF" and int.from_bytes(raw[8:12], "little") == len(raw)
    assert len(glb.blob) >= document.buffers[0].byteLength
    for view in document.bufferViews:
        assert view.byteOffset % 4 == 0 and view.byteOffset + view.byteLength <= document.buffers[0].byteLength
    count = document.accessors[glb.mesh.primitives[0].attributes.POSITION].count
    for primitive in glb.mesh.primitives:
        assert glb.array(primitive.indices).max() < count
        for target in primitive.targets:
            number = target["POSITION"] if isinstance(target, dict) else target.POSITION
            assert document.accessors[number].count == count
    for accessor in document.accessors:
        if accessor.sparse is not None:
            rows = glb._view(accessor.sparse.indices.bufferView, np.uint32)
            assert (np.diff(rows.astype(int)) > 0).all() and rows[-1] < accessor.count
    bounded = [n for n, accessor in enumerate(document.accessors) if accessor.min]
    for number in bounded:
        accessor, values = document.accessors[number], glb.array(number)
        assert np.array_equal(values.min(0), np.float32(accessor.min))
        assert np.array_equal(values.max(0), np.float32(accessor.max))
    animation = document.animations[0]
    must = {glb.mesh.primitives[0].attributes.POSITION, *(sampler.input for sampler in animation.samplers)}
    assert must <= set(bounded)


def test_the_file_keeps_the_rules_of_the_format(moving, face, tmp_path):
    _keeps_the_rules(moving[2])
    gltf.write_motion(moving[1], tmp_path / "face.glb", face)
    _keeps_the_rules(tmp_path / "face.glb")


def test_views_start_at_multiples_of_four_whatever_stands_before():
    buffer = parts.Buffer()
    for data in (b"a picture of any length"[:count] for count in (1, 2, 3, 4, 5)):
        view = buffer.views[buffer.view(data)]
        assert view.byteOffset % 4 == 0
        assert bytes(buffer.data[view.byteOffset : view.byteOffset + view.byteLength]) == data


def test_a_blink_of_this_person_closes_this_persons_eyes(face, tmp_path):
    path = tmp_path / "face.glb"
    gltf.write_face(face, path)
    glb = Glb(path)
    vertex, _, _ = gltf._split_at_seams(face.head)
    scale = shape_scale(face.head, face.neutral)
    assert np.abs(scale - 1).max() > 0.01, "someone whose eyes are as open as the template's shows nothing"
    for side in ("Left", "Right"):
        index = ARKIT.index(f"eyeBlink{side}")
        target = glb.mesh.primitives[0].targets[index]
        number = target["POSITION"] if isinstance(target, dict) else target.POSITION
        assert np.allclose(glb.array(number), face.head.blendshapes[index][vertex] * scale[index], atol=2e-6)


def test_trimesh_reads_the_same_mesh(moving, head):
    trimesh = pytest.importorskip("trimesh")
    scene = trimesh.load(moving[2])
    assert sum(len(part.faces) for part in scene.geometry.values()) == len(head.faces)
    assert np.allclose(scene.bounds, [head.template.min(0), head.template.max(0)], atol=1e-5)


def test_a_face_carries_its_own_shape_and_photo(face, tmp_path):
    trimesh = pytest.importorskip("trimesh")
    path = tmp_path / "face.glb"
    gltf.write_face(face, path)
    scene = trimesh.load(path)
    used = np.unique(face.head.faces)
    assert np.allclose(scene.bounds, [face.neutral[used].min(0), face.neutral[used].max(0)], atol=1e-5)
    skin = next(iter(scene.geometry.values()))
    picture = np.asarray(skin.visual.material.baseColorTexture.convert("RGB"))
    assert picture.shape == (1024, 1024, 3) and picture.std() > 10
    glb = Glb(path)
    assert not glb.document.animations and glb.mesh.weights == [0] * 52
    assert path.stat().st_size < 15e6
