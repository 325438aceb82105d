"""A motion on a user's own GLB or VRM."""

import json

import numpy as np
import pygltflib
import pytest
from scipy.spatial.transform import Rotation

import vividlib as vv
from tests.export import avatars
from vividlib.conventions import ARKIT, ARKIT_INDEX
from vividlib.errors import InputError, MotionError, OutputError
from vividlib.export import avatar, gltf
from vividlib.export.names import arkit_name, blink_name, plain, viseme_name, vowel_name
from vividlib.head.gaze import eye_shapes
from vividlib.head.model import gaze_rotation
from vividlib.head.visemes import VISEMES, VOWELS, mixture
from vividlib.types import Motion


@pytest.fixture
def talk():
    """A few frames in which visemes, blinks, gaze and head move."""
    random = np.random.default_rng(0)
    shares = random.dirichlet(np.full(15, 0.5), 9)
    shapes = np.stack([mixture(dict(zip(VISEMES, row))) for row in shares])
    shapes[:, [ARKIT_INDEX["eyeBlinkLeft"], ARKIT_INDEX["eyeBlinkRight"]]] = random.uniform(0, 1, (9, 2))
    gaze = random.uniform(-0.4, 0.4, (9, 2, 2))
    turns = Rotation.from_rotvec(random.normal(0, 0.2, (9, 3))).as_quat()
    return Motion(shapes + eye_shapes(gaze), turns, random.normal(0, 0.01, (9, 3)), gaze, rate=30)


def _sided(name):
    """eyeBlinkLeft -> EyeBlink_L."""
    for side in ("Left", "Right"):
        if name.endswith(side) and name not in ("jawLeft", "mouthLeft", "jawRight", "mouthRight"):
            name = f"{name.removesuffix(side)}_{side[0]}"
    return name[0].upper() + name[1:]


def _track(path, node, what):
    document = pygltflib.GLTF2().load_binary(str(path))
    animation = document.animations[-1]
    for channel in animation.channels:
        if (channel.target.node, channel.target.path) == (node, what):
            accessor = document.accessors[animation.samplers[channel.sampler].output]
            view = document.bufferViews[accessor.bufferView]
            data = document.binary_blob()[view.byteOffset : view.byteOffset + view.byteLength]
            times = document.accessors[animation.samplers[channel.sampler].input].count
            return np.frombuffer(data, np.float32).reshape(times, -1)
    return None


def _shapes(head, names=ARKIT):
    return {name: head.blendshapes[ARKIT_INDEX[name]] for name in names}


def _mixed(head, weights, table=VISEMES):
    return np.tensordot(mixture(weights, table), head.blendshapes, 1)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("EyeBlink_L", "eyeBlinkLeft"), ("eyeBlinkRight", "eyeBlinkRight"), ("EYE_BLINK_LEFT", "eyeBlinkLeft"),
        ("Face.mouthSmile.R", "mouthSmileRight"), ("A25_Jaw_Open", "jawOpen"), ("mouthSmileL", "mouthSmileLeft"),
        ("head:browInnerUp", "browInnerUp"), ("jawLeft", "jawLeft"), ("jaw_L", "jawLeft"), ("mouthOpen", None),
        ("blink", None), ("", None),
    ],
)  # fmt: skip
def test_names_in_any_spelling(name, meant):
    assert arkit_name(name) == meant


def test_every_shape_is_found_by_its_name_in_each_usual_spelling():
    spellings = (str, str.upper, str.lower, _sided, lambda n: f"bs.{n}", lambda n: n[0].upper() + n[1:])
    for name in ARKIT:
        assert {arkit_name(spell(name)) for spell in spellings} == {name}
        assert viseme_name(name) is vowel_name(name) is blink_name(name) is None
    assert len({plain(name) for name in ARKIT}) == 52
    assert [viseme_name(f"viseme_{name}") for name in VISEMES] == list(VISEMES)
    assert [viseme_name(f"vrc.v_{name.lower()}") for name in VISEMES] == list(VISEMES)
    assert [vowel_name(name) for name in "AIUEO"] == ["aa", "ih", "ou", "ee", "oh"]


def test_shapes_of_other_spelling_are_moved_and_the_rest_is_reported(head, talk, tmp_path):
    names = [name for name in ARKIT if name != "tongueOut"]
    morphs = {_sided(name): offsets for name, offsets in reversed(_shapes(head, names).items())}
    morphs["Fcl_ALL_Joy"] = head.blendshapes[0]
    avatars.write(tmp_path / "me.glb", head, morphs)
    notes = vv.save_motion(talk, tmp_path / "out.glb", head=tmp_path / "me.glb")
    weights = _track(tmp_path / "out.glb", 0, "weights")
    for column, name in enumerate(morphs):
        wanted = talk[arkit_name(name)] if name != "Fcl_ALL_Joy" else 0
        assert np.allclose(weights[:, column], wanted), name
    assert "no morph target was found for tongueOut" in notes
    assert "not moved: Fcl_ALL_Joy" in notes
    assert any("translation" in note for note in notes)
    again = gltf.read(tmp_path / "out.glb")
    known = [ARKIT_INDEX[name] for name in names]
    assert np.allclose(again.blendshapes[:, known], talk.blendshapes[:, known], atol=1e-6) and again.rate == 30


def test_the_rest_of_the_file_stays(head, talk, tmp_path):
    morphs = _shapes(head)
    extensions = avatars.vrm1(morphs, {}) | {"X_own": {"empty": [], "nothing": None, "zero": 0}}
    avatars.write(tmp_path / "me.glb", head, morphs, extensions)
    vv.save_motion(talk, tmp_path / "out.glb", head=tmp_path / "me.glb")
    before, after = (pygltflib.GLTF2().load_binary(str(tmp_path / name)) for name in ("me.glb", "out.glb"))
    blob = before.binary_blob()
    assert after.binary_blob()[: before.buffers[0].byteLength] == blob[: before.buffers[0].byteLength]
    old, new = json.loads(before.to_json()), json.loads(after.to_json())
    for part in old.keys() - {"accessors", "bufferViews", "buffers", "animations"}:
        assert old[part] == new[part], part
    for part in ("accessors", "bufferViews"):
        assert new[part][: len(old[part])] == old[part]


def test_what_has_no_data_of_its_own_gets_no_offset(head, talk, tmp_path):
    """The glTF schema allows an accessor a byteOffset only with a bufferView; sparse morph targets have none."""
    avatars.write(tmp_path / "me.glb", head, _shapes(head))
    vv.save_motion(talk, tmp_path / "out.glb", head=tmp_path / "me.glb")
    data = (tmp_path / "out.glb").read_bytes()
    accessors = json.loads(data[20 : 20 + int.from_bytes(data[12:16], "little")])["accessors"]
    bare = [accessor for accessor in accessors if "bufferView" not in accessor]
    assert bare and not any("byteOffset" in accessor for accessor in bare)


@pytest.mark.parametrize("name", ["me.gltf", "me.fbx"])
def test_a_model_in_another_format_is_refused_with_what_to_do(talk, name, tmp_path):
    with pytest.raises(InputError, match="export it as"):
        vv.save_motion(talk, tmp_path / "out.glb", head=tmp_path / name)


def _globals(document, local):
    """Rotation of each node in the scene, with the rotations ``local`` (node -> Rotation) in place of its own."""
    rotation = {}

    def visit(node, above):
        own = local.get(node, Rotation.from_quat(document.nodes[node].rotation or [0, 0, 0, 1]))
        rotation[node] = above * own
        for child in document.nodes[node].children or []:
            visit(child, rotation[node])

    for root in document.scenes[0].nodes:
        visit(root, Rotation.identity())
    return rotation


@pytest.mark.parametrize("version", [0, 1, None])
def test_the_head_turns_as_in_the_motion_whatever_its_bones_rest_like(head, talk, tmp_path, version):
    morphs = {"jawOpen": head.blendshapes[ARKIT_INDEX["jawOpen"]]}
    extensions = {0: avatars.vrm0(morphs, {}), 1: avatars.vrm1(morphs, {}), None: None}[version]
    avatars.write(tmp_path / "me.glb", head, morphs, extensions, backwards=version == 0)
    vv.save_motion(talk, tmp_path / "out.glb", head=tmp_path / "me.glb")
    document = pygltflib.GLTF2().load_binary(str(tmp_path / "out.glb"))
    rest = _globals(document, {})
    front = Rotation.from_euler("Y", 180 if version == 0 else 0, degrees=True)
    turns = {node: Rotation.from_quat(_track(tmp_path / "out.glb", node, "rotation")) for node in (3, 4, 5)}
    for frame in range(len(talk)):
        posed = _globals(document, {node: turn[frame] for node, turn in turns.items()})
        head_turn = front.inv() * posed[3] * rest[3].inv() * front  # as the face sees it
        assert (head_turn.inv() * Rotation.from_quat(talk.head_rotation[frame])).magnitude() < 1e-5
        for eye, node in enumerate((4, 5)):  # relative to the head
            whole = front.inv() * posed[node] * rest[node].inv() * front
            gaze = Rotation.from_matrix(gaze_rotation(talk.gaze[frame, eye]))
            assert ((head_turn.inv() * whole).inv() * gaze).magnitude() < 1e-5
    again = gltf.read(tmp_path / "out.glb")
    difference = Rotation.from_quat(again.head_rotation).inv() * Rotation.from_quat(talk.head_rotation)
    assert difference.magnitude().max() < 1e-5


def test_a_joint_with_a_matrix_is_animated_too(head, talk, tmp_path):
    avatars.write(tmp_path / "me.glb", head, _shapes(head), still=True)
    vv.save_motion(talk, tmp_path / "out.glb", head=tmp_path / "me.glb")
    node = pygltflib.GLTF2().load_binary(str(tmp_path / "out.glb")).nodes[3]
    assert node.matrix is None and np.allclose(node.scale, 0.5) and np.allclose(node.translation, [0, 0.1, 0])
    again = gltf.read(tmp_path / "out.glb")
    difference = Rotation.from_quat(again.head_rotation).inv() * Rotation.from_quat(talk.head_rotation)
    assert difference.magnitude().max() < 1e-5


def _mouth(head, shapes):
    return np.tensordot(shapes, head.blendshapes[:, head.lips], 1)


def test_a_model_with_the_15_visemes_speaks_by_them(head, talk, tmp_path):
    morphs = {f"viseme_{name}": _mixed(head, {name: 1}) for name in VISEMES}
    morphs |= _shapes(head, ["eyeBlinkLeft", "eyeBlinkRight", "mouthSmileLeft"])
    avatars.write(tmp_path / "me.glb", head, morphs)
    notes = vv.save_motion(talk, tmp_path / "out.glb", head=tmp_path / "me.glb")
    weights = _track(tmp_path / "out.glb", 0, "weights")
    assert np.allclose(weights[:, 15], talk["eyeBlinkLeft"])
    assert not weights[:, 17].any(), "a smile on top of visemes would count twice"
    moved = np.tensordot(weights, np.stack([offsets[head.lips] for offsets in morphs.values()]), 1)
    assert np.abs(moved - _mouth(head, talk.blendshapes)).max() < 5e-4  # metres
    assert any(note.startswith("the mouth is moved by the 15 visemes") for note in notes)
    assert not any("jawOpen" in note for note in notes)


@pytest.mark.parametrize("version", [0, 1])
def test_a_vrm_speaks_by_its_vowels_and_blinks(head, talk, tmp_path, version):
    morphs = {f"Fcl_MTH_{letter}": _mixed(head, {v: 1}, VOWELS) for letter, v in zip("AIUEO", VOWELS)}
    blinks = ("Fcl_EYE_Close_L", "Fcl_EYE_Close_R")
    morphs |= dict(zip(blinks, _shapes(head, ["eyeBlinkLeft", "eyeBlinkRight"]).values()))
    mouth = list(morphs)[:5]
    if version == 0:
        extensions = avatars.vrm0(morphs, dict(zip(("a", "i", "u", "e", "o", "blink_l", "blink_r"), morphs)))
    else:
        names = (*VOWELS, "blinkLeft", "blinkRight")
        extensions = avatars.vrm1(morphs, dict(zip(names, morphs)))
    avatars.write(tmp_path / "me.vrm", head, morphs, extensions, backwards=version == 0)
    notes = vv.save_motion(talk, tmp_path / "out.vrm", head=tmp_path / "me.vrm")
    weights = _track(tmp_path / "out.vrm", 0, "weights")
    assert np.allclose(weights[:, 5], talk["eyeBlinkLeft"]) and np.allclose(weights[:, 6], talk["eyeBlinkRight"])
    assert weights[:, :5].max() > 0.2 and weights[:, :5].sum(1).max() < 1 + 1e-4, mouth
    assert not any(note.startswith("not moved") for note in notes)


def test_custom_expressions_with_arkit_names_come_before_vowels(head, talk, tmp_path):
    morphs = {f"face_{number}": offsets for number, offsets in enumerate(head.blendshapes)}
    custom = {name[0].upper() + name[1:]: f"face_{number}" for number, name in enumerate(ARKIT)}
    extensions = avatars.vrm1(morphs, {"aa": "face_17"}, custom)
    avatars.write(tmp_path / "me.vrm", head, morphs, extensions)
    notes = vv.save_motion(talk, tmp_path / "out.vrm", head=tmp_path / "me.vrm")
    assert np.allclose(_track(tmp_path / "out.vrm", 0, "weights"), talk.blendshapes)
    assert not any(note.startswith(("no morph", "not moved")) for note in notes)


def test_a_model_without_known_names_is_refused(head, talk, tmp_path):
    avatars.write(tmp_path / "me.glb", head, {"happy": head.blendshapes[0]})
    with pytest.raises(MotionError, match="rename"):
        avatar.write(talk, tmp_path / "out.glb", tmp_path / "me.glb")
    assert not (tmp_path / "out.glb").exists()


def test_what_does_not_go_together_is_said(head, face, talk, tmp_path):
    avatars.write(tmp_path / "me.glb", head, _shapes(head))
    with pytest.raises(OutputError, match="written as .glb"):
        vv.save_motion(talk, tmp_path / "out.usda", head=tmp_path / "me.glb")
    with pytest.raises(OutputError, match="onto a VRM"):
        vv.save_motion(talk, tmp_path / "out.vrm", head=tmp_path / "me.glb")
    with pytest.raises(InputError, match="not both"):
        vv.save_motion(talk, tmp_path / "out.glb", face, head=tmp_path / "me.glb")
    with pytest.raises(MotionError, match="not there"):
        vv.save_motion(talk, tmp_path / "out.glb", head=tmp_path / "absent.glb")


@pytest.mark.parametrize("seed", range(40))
def test_damaged_models_are_refused_or_written_whole(head, talk, tmp_path, seed):
    random = np.random.default_rng(seed)
    morphs = _shapes(head, ["jawOpen", "eyeBlinkLeft"])
    avatars.write(tmp_path / "me.vrm", head, morphs, avatars.vrm1(morphs, {}))
    data = bytearray((tmp_path / "me.vrm").read_bytes())
    length = int.from_bytes(data[12:16], "little")
    for place in random.integers(0, 20 + length, 1 + seed % 8):  # in the header and the JSON
        data[place] = random.integers(32, 127)
    (tmp_path / "me.vrm").write_bytes(data if seed % 5 else data[: random.integers(len(data))])
    try:
        vv.save_motion(talk, tmp_path / "out.vrm", head=tmp_path / "me.vrm")
    except MotionError:
        assert not (tmp_path / "out.vrm").exists()
