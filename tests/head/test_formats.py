"""Other heads come through one door: recognised, completed, kept; and bad files end there."""

import pickle
import shutil
from itertools import pairwise, permutations

import numpy as np
import pytest

from tests.head.conftest import faceverse4_with, short
from vividlib.conventions import ARKIT, ARKIT_INDEX, GAZE_AT_ONE
from vividlib.errors import HeadError
from vividlib.head import formats, model
from vividlib.head.formats import cache, ict, raw
from vividlib.head.formats.register import Bridge, marks_of
from vividlib.head.formats.unwrap import unwrap
from vividlib.reconstruction.fit import fit_portrait, landmark_error

SPOKEN = ("jawOpen", "mouthFunnel", "mouthPucker", "mouthSmileLeft", "mouthSmileRight", "mouthPressLeft", "browInnerUp")


@pytest.fixture(autouse=True, scope="module")
def cache_folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
            patch.setenv(name, str(tmp_path_factory.mktemp("cache")))
        yield cache.folder()


@pytest.fixture(scope="module")
def files(flame_arrays, faceverse4, faceverse3, faceverse2, tmp_path_factory):
    folder = tmp_path_factory.mktemp("heads")
    with (folder / "flame.pkl").open("wb") as file:
        pickle.dump(flame_arrays, file, protocol=2)
    np.savez(folder / "flame.npz", **{k: v for k, v in flame_arrays.items() if k != "J_regressor"},
             J_regressor=flame_arrays["J_regressor"].toarray())  # fmt: skip
    np.save(folder / "faceverse4.npy", faceverse4)
    np.save(folder / "faceverse3.npy", faceverse3)
    np.save(folder / "faceverse2.npy", faceverse2)
    return folder


@pytest.fixture(scope="module", params=["flame.pkl", "faceverse4.npy", "faceverse2.npy"])
def other(request, files):
    return formats.load(files / request.param)


def test_every_part_that_the_pipeline_needs_is_there(other, head):
    assert set(other.regions) >= set(head.regions)
    assert set(other.joints) == set(head.joints)
    for name in (
        "lips",
        "lips_inner",
        "face",
        "eyelids_left",
        "eyeball_right",
        "teeth_upper",
        "tongue",
        "mouth_cavity",
    ):
        assert len(other.regions[name]) > 5, name
    count = len(other.template)
    for part in (*other.regions.values(), *other.joints.values(), other.mirror, other.faces, other.landmark_vertices):
        assert part.min(initial=0) >= 0
        assert part.max(initial=0) < count
    assert other.blendshapes.shape == (52, count, 3)
    assert other.uv_faces.shape == other.faces.shape
    assert other.uv.min() >= 0 and other.uv.max() <= 1
    np.testing.assert_allclose(other.landmark_weights.sum(1), 1, atol=1e-5)


def test_it_stands_where_the_default_head_stands(other, head):
    """The geometry is the default head's own, so its landmarks have to be found where they are."""
    off = np.linalg.norm(marks_of(other) - marks_of(head), axis=1)
    assert np.median(off) < 0.0025
    for name in ("eye_left", "eye_right"):
        here, there = (model.joint(h, h.template, name) for h in (other, head))
        assert np.linalg.norm(here - there) < 0.003


@pytest.mark.parametrize("name", SPOKEN)
def test_shapes_do_what_the_default_heads_do(other, head, name):
    here, there = (
        (h.blendshapes[ARKIT_INDEX[name]][h.landmark_vertices] * h.landmark_weights[..., None]).sum(1)[:468]
        for h in (other, head)
    )
    left = np.linalg.norm(here - there) / np.linalg.norm(there)
    assert left < 0.35


def test_upper_and_lower_lip_are_told_apart(other):
    inner_upper, inner_lower = [82, 13, 312], [87, 14, 317]
    marks = (
        other.blendshapes[ARKIT_INDEX["jawOpen"]][other.landmark_vertices] * other.landmark_weights[..., None]
    ).sum(1)
    assert -marks[inner_lower, 1].min() > 3 * max(-marks[inner_upper, 1].max(), 1e-3)
    rest = marks_of(other)
    assert np.abs(rest[inner_upper] - rest[inner_lower]).max() < 0.003


def test_eyes_turn_by_gaze_and_by_shapes_alike(other):
    gaze = np.zeros((2, 2), np.float32)
    gaze[:, 0] = GAZE_AT_ONE
    shapes = np.zeros(52, np.float32)
    shapes[[ARKIT_INDEX["eyeLookOutLeft"], ARKIT_INDEX["eyeLookInRight"]]] = 1
    by_gaze = model.deform(other, other.template, shapes, gaze)
    by_shapes = model.deform(other, other.template, shapes)
    for side in ("left", "right"):
        ball = other.regions[f"eyeball_{side}"]
        np.testing.assert_allclose(by_gaze[ball], by_shapes[ball], atol=2e-5)
        assert np.ptp(by_gaze[ball] - other.template[ball], axis=0).max() > 0.005


def test_triangles_face_outwards(other):
    a, b, c = other.template[other.faces[np.isin(other.faces, other.regions["face"]).all(1)]].transpose(1, 0, 2)
    assert (np.cross(b - a, c - a)[:, 2] > 0).mean() > 0.9


def test_a_photo_is_fitted_and_animated(other, face):
    from vividlib.mesh_to_video.render import Renderer

    person = fit_portrait(face.portrait, other)
    assert landmark_error(person) < 0.02
    renderer = Renderer(person, 128)
    shapes = np.zeros(52, np.float32)
    rest = renderer.frame(shapes, gaze=person.gaze).astype(int)
    shapes[ARKIT_INDEX["jawOpen"]] = 0.7
    talking = renderer.frame(shapes, gaze=person.gaze).astype(int)
    assert np.abs(talking - rest).max() > 60


@pytest.mark.parametrize("mouth", list(permutations(["teeth_upper", "teeth_lower", "tongue"])))
def test_the_parts_of_faceverse4_are_told_apart(head, mouth, tmp_path):
    content, parts = faceverse4_with(head, mouth)
    np.save(tmp_path / "v4.npy", content)
    found = formats.read(tmp_path / "v4.npy")
    assert found.name == "faceverse4"
    assert found.blendshapes is None
    assert found.motions.shape == (177, *content["meanshape"].shape)
    assert found.parts.keys() == parts.keys()
    for name, part in parts.items():
        np.testing.assert_array_equal(found.parts[name], part, err_msg=name)


def test_npz_and_pkl_of_flame_are_one(files):
    one, two = (formats.read(files / f"flame.{suffix}") for suffix in ("pkl", "npz"))
    np.testing.assert_array_equal(one.motions, two.motions)
    np.testing.assert_array_equal(one.parts["eyeball_left"], two.parts["eyeball_left"])


def test_what_a_file_is_called_does_not_matter(files, tmp_path):
    for name in ("flame.pkl", "faceverse3.npy", "flame.npz"):
        shutil.copy(files / name, tmp_path / "head.bin")
        assert formats.read(tmp_path / "head.bin").name == formats.read(files / name).name


def test_our_own_npz_and_no_path(head, tmp_path):
    assert formats.load() is head
    model.save(head, tmp_path / "mine.npz")
    np.testing.assert_array_equal(formats.load(tmp_path / "mine.npz").faces, head.faces)


def test_a_finished_head_is_kept(files, cache_folder, monkeypatch):
    first = formats.load(files / "faceverse3.npy")
    kept = sorted(cache_folder.iterdir())
    monkeypatch.setattr(formats, "read", lambda path: pytest.fail("it was made again"))
    second = formats.load(files / "faceverse3.npy")
    assert sorted(cache_folder.iterdir()) == kept
    np.testing.assert_allclose(second.blendshapes, first.blendshapes, atol=2e-6)
    np.testing.assert_array_equal(second.landmark_vertices, first.landmark_vertices)


def test_a_cache_that_cannot_be_written_is_done_without(head, files, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "file"))
    assert cache.cached(files / "faceverse3.npy", lambda: head) is head


def _ruined(content, key, value):
    return {**content, key: value} if value is not None else {k: v for k, v in content.items() if k != key}


NOT_FINITE = np.array([np.nan])


@pytest.mark.parametrize(
    ("key", "change", "said"),
    [
        ("meanshape", lambda a: a * np.nan, "NaN"),
        ("idBase", lambda a: np.where(np.arange(a.shape[1]) == 3, np.inf, a), "NaN or infinite"),
        ("tri", lambda a: a + 10**6, "beyond"),
        ("exBase_52", lambda a: a[:-3], "exBase_52"),
        ("meanshape", lambda a: a[:-5], "idBase|exBase"),
        ("exp_name_list_52", lambda a: ["jawOpn" if n == "jawOpen" else n for n in a], "jawOpen"),
        ("exp_name_list_52", lambda a: None, "52"),
        ("tri", lambda a: None, "none of the heads"),
        ("meanshape", lambda a: "text", "no array of numbers"),
    ],
)
def test_wrong_content_is_one_clear_error(faceverse3, tmp_path, key, change, said):
    np.save(tmp_path / "bad.npy", _ruined(faceverse3, key, change(faceverse3[key])))
    with pytest.raises(HeadError, match=said):
        formats.load(tmp_path / "bad.npy")


@pytest.mark.parametrize(
    ("key", "change", "said"),
    [
        ("shapedirs", lambda a: a[..., :100], "shapedirs"),
        ("v_template", lambda a: a * np.nan, "NaN"),
        ("weights", lambda a: a[:, :4], "weights"),
        ("posedirs", lambda a: None, "none of the heads"),
    ],
)
def test_wrong_flame_content_is_one_clear_error(flame_arrays, tmp_path, key, change, said):
    content = _ruined(flame_arrays, key, change(flame_arrays[key]))
    (tmp_path / "bad.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(HeadError, match=said):
        formats.load(tmp_path / "bad.pkl")


@pytest.mark.parametrize("name", ["flame.pkl", "flame.npz", "faceverse3.npy"])
@pytest.mark.parametrize("share", [0.0, 1e-5, 0.3, 0.99])
def test_truncated_files_are_one_clear_error(files, tmp_path, name, share):
    data = (files / name).read_bytes()
    (tmp_path / name).write_bytes(data[: int(share * len(data))])
    with pytest.raises(HeadError):
        formats.load(tmp_path / name)


class _Touch:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("name", ["bad.npy", "bad.pkl", "bad.npz"])
def test_code_in_a_file_is_not_run(name, tmp_path):
    target = tmp_path / "it_ran"
    content = {"meanshape": np.zeros((10, 3)), "extra": _Touch(target)}
    if name == "bad.pkl":
        (tmp_path / name).write_bytes(pickle.dumps(content))
    elif name == "bad.npy":
        np.save(tmp_path / name, content)
    else:
        np.savez(tmp_path / name, v_template=np.array(_Touch(target), dtype=object))
    with pytest.raises(HeadError):
        formats.load(tmp_path / name)
    assert not target.exists()


def test_other_things_are_named(tmp_path):
    with pytest.raises(HeadError, match="does not exist"):
        formats.load(tmp_path / "missing.npy")
    with pytest.raises(HeadError, match="FaceXModel"):
        formats.load(tmp_path)
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(HeadError, match="one array"):
        formats.load(tmp_path / "one.npy")
    (tmp_path / "text.pkl").write_text("hello")
    with pytest.raises(HeadError):
        formats.load(tmp_path / "text.pkl")


def test_a_mesh_without_a_face_is_refused(faceverse3, tmp_path):
    content = {**faceverse3, "meanshape": faceverse3["meanshape"] * [1, 0.1, 1]}
    np.save(tmp_path / "flat.npy", content)
    with pytest.raises(HeadError, match="No face"):
        formats.load(tmp_path / "flat.npy")


def test_lips_that_never_part_are_refused(faceverse3, tmp_path):
    np.save(tmp_path / "mute.npy", {**faceverse3, "exBase_52": 0 * faceverse3["exBase_52"]})
    with pytest.raises(HeadError, match="do not part"):
        formats.load(tmp_path / "mute.npy")


@pytest.fixture
def ict_folder(tmp_path, monkeypatch):
    """ICT-FaceKit's files over a small grid of quads, in centimetres; the last vertices are not used."""
    monkeypatch.setattr(ict, "KEPT", 110)
    monkeypatch.setattr(ict, "RANGES", {"eyeball_left": (100, 105), "eyeball_right": (105, 110)})
    x, y = np.meshgrid(np.arange(12.0), np.arange(10.0))
    vertices = np.column_stack([x.ravel(), y.ravel(), np.zeros(120)])
    quads = [(r * 12 + c, r * 12 + c + 1, r * 12 + c + 13, r * 12 + c + 12) for r in range(9) for c in range(11)]

    def write(name, moved):
        lines = ["# ICT", *(f"v {a} {b} {c}" for a, b, c in moved), "vt 0 0", "usemtl face"]
        lines += ["f " + " ".join(f"{v + 1}/1" for v in quad) for quad in quads]
        (folder / f"{name}.obj").write_text("\n".join(lines))

    folder = tmp_path / "FaceXModel"
    folder.mkdir()
    write("generic_neutral_mesh", vertices)
    split = {"browInnerUp": ("browInnerUp_L", "browInnerUp_R"), "cheekPuff": ("cheekPuff_L", "cheekPuff_R")}
    for index, name in enumerate(ARKIT):
        if name != "tongueOut":
            for part in split.get(name, (short(name),)):
                write(part, vertices + [0, 0, index + 1])
    for index in range(3):
        write(f"identity{index:03}", vertices + [index + 1, 0, 0])
    write("PupilDilate_L", vertices + [0, 9, 0])
    return folder


def test_ict_facekit_is_read_by_its_names(ict_folder):
    for path in (ict_folder, ict_folder.parent):
        found = formats.read(path)
        assert found.vertices.shape == (110, 3)
        assert found.identity.shape == (3, 110, 3)
        for index, name in enumerate(ARKIT):
            doubled = name in ("browInnerUp", "cheekPuff")  # the halves are added
            wanted = 0 if name == "tongueOut" else (index + 1) * (1 + doubled)
            np.testing.assert_allclose(found.blendshapes[index], np.tile([0, 0, wanted], (110, 1)), err_msg=name)
        assert found.unit == 0.01
        assert len(found.faces) == 2 * sum(1 for r in range(9) for c in range(11) if r * 12 + c + 13 < 110)


def test_bad_ict_folders_are_one_clear_error(ict_folder):
    (ict_folder / "jawOpen.obj").write_text("v 1 2\nv a b c\n")
    with pytest.raises(HeadError, match=r"jawOpen\.obj"):
        formats.read(ict_folder)
    (ict_folder / "jawOpen.obj").write_text("v 1 2 3\n")
    with pytest.raises(HeadError, match="1 vertices"):
        formats.read(ict_folder)
    (ict_folder / "jawOpen.obj").unlink()
    with pytest.raises(HeadError, match="jawOpen"):
        formats.read(ict_folder)


def test_lips_that_overlap_are_not_taken_for_one_another(head):
    pressed = head.template.copy()
    pressed[head.regions["lips_upper"], 1] -= 0.0012
    pressed[head.regions["lips_lower"], 1] += 0.0012
    found = Bridge(head, pressed, head.faces, head.regions["skin"], marks_of(head)).regions()
    for one, other in (("lips_upper", "lips_lower"), ("lips_lower", "lips_upper")):
        own = np.setdiff1d(head.regions[one], head.regions[other])
        assert np.isin(own, found[other]).mean() < 0.15


def test_the_texture_square_is_not_turned_over(head):
    uv, uv_faces = unwrap(head.template, head.faces, head.regions)
    a, b, c = uv[uv_faces].astype(float).transpose(1, 0, 2)
    area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    face = np.isin(head.faces, head.regions["face"]).all(1)
    assert (area[face] < 0).mean() > 0.9  # v runs downwards
    assert all(low <= high for low, high in pairwise([0, uv.min(), uv.max(), 1]))


def test_names_of_shapes_are_read_as_they_are_written():
    shapes = np.arange(52.0)[:, None, None] * np.ones((1, 4, 3))
    for names in (ARKIT, [n[0].upper() + n[1:] for n in ARKIT]):
        back = raw.by_arkit_name("file", list(names), shapes)
        np.testing.assert_array_equal(back, shapes)


def test_the_command_line_takes_a_head(files, astronaut, tmp_path, capsys):
    from vividlib import cli
    from vividlib.media.image import save_image

    save_image(tmp_path / "photo.png", astronaut)
    command = ["reconstruct", str(tmp_path / "photo.png"), "-o", str(tmp_path / "head.glb"), "--quiet"]
    assert cli.main([*command, "--head", str(files / "faceverse3.npy")]) == 0
    other = (tmp_path / "head.glb").stat().st_size
    assert cli.main(command) == 0
    assert (tmp_path / "head.glb").stat().st_size != other
    (tmp_path / "bad.npy").write_bytes(b"\x93NUMPY")
    assert cli.main([*command, "--head", str(tmp_path / "bad.npy")]) == 2
    assert capsys.readouterr().err.strip().splitlines()[-1].startswith("vividlib: error:")


def test_the_pipeline_takes_a_head(files, astronaut):
    import vividlib as vv

    other = vv.load_head(files / "flame.pkl")
    assert vv.reconstruct(astronaut, head=other).head is other
    assert vv.reconstruct(astronaut, head=files / "flame.pkl").head.name == "flame"
    with pytest.raises(HeadError, match="does not exist"):
        vv.reconstruct("missing.jpg", head="missing.npy")  # the head is looked at first: it is quick to refuse
