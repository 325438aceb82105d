from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT, ARKIT_INDEX, LIP_LANDMARKS
from vividlib.errors import InputError
from vividlib.export.retarget import Retarget, Shape, load, mirrored, presets, save
from vividlib.head.gaze import eye_shapes, gaze_of
from vividlib.head.model import landmarks_of
from vividlib.types import Motion

TABLE = Retarget(
    {
        "mouth": Shape(gain=0.5),
        "mouthSmileLeft": Shape(gain=2, offset=-0.1, low=0.05, high=0.9),
        "jawOpen": Shape(cutoff=1.5, beta=0.5),
        "brow": Shape(gain=1.1, cutoff=2, beta=10),
    },
    mirror=True,
)


def steady(name: str, values: np.ndarray, rate: float = 60) -> Motion:
    blendshapes = np.zeros((len(values), 52))
    blendshapes[:, ARKIT_INDEX[name]] = values
    return Motion(blendshapes, rate=rate)


def same(one: Motion, other: Motion) -> bool:
    names = "blendshapes", "head_rotation", "head_translation", "gaze"
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def test_an_empty_table_changes_nothing_but_values_that_no_rig_takes(motion):
    assert same(Retarget().apply(motion), motion)
    beyond = replace(motion, blendshapes=motion.blendshapes * 3 - 1)
    assert np.array_equal(Retarget().apply(beyond).blendshapes, np.clip(beyond.blendshapes, 0, 1))


def test_gain_offset_and_limits_of_the_shapes_that_are_named(motion):
    fitted = replace(TABLE, mirror=False).apply(motion)
    smile, other = motion["mouthSmileLeft"], motion["mouthSmileRight"]
    assert np.allclose(fitted["mouthSmileLeft"], np.clip(2 * smile - 0.1, 0.05, 0.9))
    assert np.allclose(fitted["mouthSmileRight"], other / 2)
    assert np.array_equal(fitted["tongueOut"], motion["tongueOut"])


def test_frame_by_frame_equals_all_at_once(motion):
    whole = TABLE.apply(motion)
    state = None
    for index in range(len(motion)):
        seconds = index / motion.rate
        state, frame = TABLE.step(state, motion.at([seconds]), seconds)
        assert np.allclose(frame.blendshapes[0], whole.blendshapes[index], atol=1e-5)
        assert np.allclose(frame.gaze[0], whole.gaze[index], atol=1e-5)
        assert np.allclose(frame.head_translation[0], whole.head_translation[index], atol=1e-5)


def test_a_frame_that_is_not_later_repeats_the_last():
    state, first = TABLE.step(None, steady("jawOpen", np.array([0.2])), 1.0)
    state, again = TABLE.step(state, steady("jawOpen", np.array([0.9])), 1.0)
    assert np.array_equal(again.blendshapes, first.blendshapes)


def test_one_euro_calms_noise_at_rest_and_keeps_up_with_speed():
    rate, random = 60, np.random.default_rng(0)
    noise = steady("jawOpen", 0.5 + random.normal(0, 0.02, 600), rate)
    jump = steady("jawOpen", np.repeat([0.0, 1.0], 60), rate)
    slow, quick = (Retarget({"jawOpen": Shape(cutoff=1, beta=beta)}) for beta in (0, 20))
    assert slow.apply(noise)["jawOpen"][60:].std() < 0.3 * noise["jawOpen"].std()
    assert quick.apply(jump)["jawOpen"][63] > 0.8 > slow.apply(jump)["jawOpen"][63]


def test_one_euro_against_the_paper():
    """Algorithm 1 of Casiez et al., written out for one value."""
    values = np.random.default_rng(1).uniform(0, 1, 50)
    fitted = Retarget({"jawOpen": Shape(cutoff=1.2, beta=0.7)}).apply(steady("jawOpen", values))["jawOpen"]

    def alpha(cutoff):
        return 1 / (1 + (1 / (2 * np.pi * cutoff)) / (1 / 60))

    filtered, speed = np.float32(values[0]), 0.0
    for value, got in zip(values[1:], fitted[1:]):
        speed = alpha(1.0) * (value - filtered) * 60 + (1 - alpha(1.0)) * speed
        share = alpha(1.2 + 0.7 * abs(speed))
        filtered = share * value + (1 - share) * filtered
        assert got == pytest.approx(filtered, abs=1e-6)


def test_the_mirror_image_twice_is_the_motion(motion):
    assert same(mirrored(mirrored(motion)), motion)


def test_in_the_mirror_left_is_right():
    gaze = np.array([[[0.3, 0.1], [0.2, 0.1]]])
    turned = Rotation.from_euler("YXZ", [[0.3, 0.1, 0.2]]).as_quat()
    shapes = eye_shapes(gaze)
    shapes[:, ARKIT_INDEX["mouthLeft"]] = 0.7
    image = mirrored(Motion(shapes, turned, np.array([[0.01, 0.02, 0.03]]), gaze))
    assert image["mouthRight"][0] == pytest.approx(0.7) and image["mouthLeft"][0] == 0
    assert np.allclose(image.gaze, [[[-0.2, 0.1], [-0.3, 0.1]]])
    assert np.allclose(gaze_of(image.blendshapes), image.gaze, atol=1e-6)  # shapes and gaze still agree
    assert np.allclose(image.head_translation, [[-0.01, 0.02, 0.03]])
    assert np.allclose(Rotation.from_quat(image.head_rotation).as_euler("YXZ"), [[-0.3, 0.1, -0.2]], atol=1e-6)


def test_lip_offsets_are_mirrored_too(head):
    offsets = np.random.default_rng(0).normal(0, 1e-3, (1, 40, 3))
    image = mirrored(Motion(np.zeros((1, 52)), lip_offsets=offsets)).lip_offsets
    places = landmarks_of(head, head.template)[LIP_LANDMARKS]
    _, other = cKDTree(places).query(places * [-1, 1, 1])  # the head is symmetric
    assert sorted(other) == list(range(40))
    assert np.allclose(image[0], offsets[0, other] * [-1, 1, 1])


def test_a_table_comes_back_from_its_file(tmp_path):
    save(TABLE, tmp_path / "mine.toml")
    assert load(tmp_path / "mine.toml") == TABLE
    save(Retarget(), tmp_path / "empty.toml")
    assert load(tmp_path / "empty.toml") == Retarget()


@pytest.mark.parametrize("name", presets())
def test_presets_leave_a_face_between_0_and_1_and_the_mouth_in_time(name):
    table = load(name)
    random = np.random.default_rng(2)
    fitted = table.apply(Motion(random.uniform(0, 1, (90, 52)), rate=60))
    assert 0 <= fitted.blendshapes.min() and fitted.blendshapes.max() <= 1
    late = [
        shape for shape in ARKIT if shape.startswith(("jaw", "mouth")) and table._table.cutoff[ARKIT_INDEX[shape]] < 100
    ]
    assert not late


def test_there_is_a_preset_for_each_rig():
    assert presets() == ["metahuman", "ready-player-me", "vrm", "vtube-studio"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("gain = 1", "sections"),
        ("mirror = 1", "mirror"),
        ("shapes = 3", "sections"),
        ("[shapes]\njawOpen = 2", "jawOpen"),
        ("[shapes.jawOpen]\ngain = '1'", "numbers"),
        ("[shapes.jawOpen]\ngain = true", "numbers"),
        ("[shapes.jawOpen]\nscale = 1", "gain"),
        ("[shapes.jawOpne]\ngain = 1", "jawOpne"),
        ("[shapes.jawOpen]\ngain = nan", "finite"),
        ("[shapes.jawOpen]\nlow = 1\nhigh = 0", "low"),
        ("[shapes.jawOpen]\ncutoff = 0", "cutoff"),
        ("[shapes.jawOpen", "TOML"),
        ("\x00", "TOML"),
    ],
)
def test_a_broken_table_says_what_is_wrong(tmp_path, text, says):
    path = tmp_path / "broken.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError, match=says):
        load(path)


def test_what_is_no_table_at_all(tmp_path):
    (tmp_path / "latin.toml").write_bytes(b"# \xff\xfe")
    for source in (tmp_path / "latin.toml", tmp_path / "missing.toml", "metahumans", tmp_path / "table.json"):
        with pytest.raises(InputError):
            load(source)
