from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import vividlib as vv
from vividlib.audio_to_mesh.controls import STYLES
from vividlib.audio_to_mesh.eyes import seen_from_camera
from vividlib.audio_to_mesh.head_sampler import load_sampler
from vividlib.audio_to_mesh.network import SPOKEN_INDEX
from vividlib.audio_to_mesh.performance import speak
from vividlib.audio_to_mesh.stream import load_network
from vividlib.audio_to_mesh.upper import UPPER_INDEX
from vividlib.conventions import ARKIT, ARKIT_INDEX, SAMPLE_RATE
from vividlib.errors import InputError
from vividlib.media.audio import load_speech
from vividlib.weights import asset_path


@pytest.fixture(scope="module")
def speech():
    return load_speech(asset_path("speech.wav"))


@pytest.fixture(scope="module")
def plain(speech):
    return speak(speech)


def made(speech, **controls):
    return speak(speech, controls=vv.Controls(**controls))


def test_strength_of_the_mouth(speech, plain):
    half, none = made(speech, mouth=0.5), made(speech, mouth=0)
    np.testing.assert_allclose(half["jawOpen"], plain["jawOpen"] / 2, atol=1e-6)
    np.testing.assert_allclose(half.lip_offsets, plain.lip_offsets / 2, atol=1e-7)
    assert not none.blendshapes[:, SPOKEN_INDEX].any() and not none.lip_offsets.any()
    np.testing.assert_array_equal(none.blendshapes[:, UPPER_INDEX], plain.blendshapes[:, UPPER_INDEX])


def test_strength_of_the_upper_face(speech, plain):
    strong, none = made(speech, upper_face=2), made(speech, upper_face=0)
    assert not none.blendshapes[:, UPPER_INDEX].any()
    assert strong.blendshapes[:, UPPER_INDEX].std() > 1.3 * plain.blendshapes[:, UPPER_INDEX].std() > 0
    np.testing.assert_array_equal(strong.blendshapes[:, SPOKEN_INDEX], plain.blendshapes[:, SPOKEN_INDEX])


def test_blink_rate():
    silence = vv.Speech(np.zeros(120 * SAMPLE_RATE, np.float32))
    counts = []
    for rate in (0, 1, 3):
        lids = made(silence, blink_rate=rate)["eyeBlinkLeft"] > 0.5
        counts.append(int((np.diff(lids.astype(int)) == 1).sum()))
    assert counts[0] == 0 and 10 <= counts[1] < counts[2]


def test_gain_and_offset_of_single_shapes(speech, plain):
    changed = made(speech, gain={"jawOpen": 0.5}, offset={"browInnerUp": 0.3, "jawOpen": 0.1})
    np.testing.assert_allclose(changed["jawOpen"], plain["jawOpen"] * 0.5 + 0.1, atol=1e-6)
    np.testing.assert_allclose(changed["browInnerUp"], np.clip(plain["browInnerUp"] + 0.3, 0, 1), atol=1e-6)
    others = [i for i in range(52) if i not in (ARKIT_INDEX["jawOpen"], ARKIT_INDEX["browInnerUp"])]
    np.testing.assert_array_equal(changed.blendshapes[:, others], plain.blendshapes[:, others])


def test_smoothing_calms_the_mouth_and_nothing_else(speech, plain):
    calm = made(speech, smoothing=0.1)
    moves = [np.abs(np.diff(motion["jawOpen"])).sum() for motion in (plain, calm)]
    assert moves[1] < 0.7 * moves[0]
    np.testing.assert_array_equal(calm.blendshapes[:, UPPER_INDEX], plain.blendshapes[:, UPPER_INDEX])


def test_a_mouth_that_need_not_close_in_silence(speech):
    noise = vv.Speech(np.random.default_rng(0).normal(0, 0.02, 3 * SAMPLE_RATE).astype(np.float32))
    resting, free = (made(noise, close_in_silence=rests) for rests in (True, False))
    assert free.blendshapes[:, SPOKEN_INDEX].max() > resting.blendshapes[50:, SPOKEN_INDEX].max() == 0


def test_styles_differ_more_in_the_upper_face_than_at_the_lips(speech, plain):
    lips, upper = [], []
    for style in range(2, STYLES, 7):
        other = made(speech, style=style, style_strength=2)
        change = other.blendshapes - plain.blendshapes
        lips.append(np.abs(change[:, SPOKEN_INDEX]).mean() / plain.blendshapes[:, SPOKEN_INDEX].mean())
        upper.append(np.abs(change[:, UPPER_INDEX]).mean() / plain.blendshapes[:, UPPER_INDEX].mean())
        assert np.array_equal(made(speech, style=style, style_strength=0).blendshapes, plain.blendshapes)
    assert 0 < np.mean(lips) < np.mean(upper)


def test_there_are_as_many_styles_as_the_weights_hold():
    assert len(load_network().styles.weight) == len(load_sampler().styles.weight) == STYLES


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"mouth": 2.1}, "mouth is 2.1"), ({"mouth": float("nan")}, "0 to 2"), ({"upper_face": -1}, "upper_face"),
        ({"blink_rate": 9}, "blink_rate"), ({"smoothing": 1}, "0 to 0.5"), ({"gain": {"jawopen": 1}}, "jawopen"),
        ({"head": "stil"}, "codebook"), ({"head": 3}, "a Motion or its file"), ({"head": "."}, "check the path"),
        ({"head_strength": 2.5}, "head_strength is 2.5"), ({"head_speed": 0}, "slow"), ({"head_speed": 2.5}, "fast"),
        ({"gaze": 0.2}, "yaw and pitch"), ({"gaze": (0.1, 0.7)}, "pitch of gaze"), ({"gaze": (float("nan"), 0)}, "yaw of gaze"),
        ({"distance": 0.2}, "distance is 0.2"), ({"head": vv.Motion(np.zeros((30, 52)))}, "at least 1 s"),
        ({"mouth": "1.2"}, "choose a number"), ({"style": 2.0}, "no style 2.0"), ({"gain": 1.2}, "name the blendshapes"),
        ({"gain": {"jawOpen": None}}, "gain of jawOpen"), ({"offset": {"jawOpen": 2}}, "offset of jawOpen"), ({"style": STYLES}, "no style"), ({"style": -1}, "no style"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_at_once(wrong, said):
    with pytest.raises(InputError, match=said):
        vv.Controls(**wrong)


def test_what_was_checked_is_not_changed_later():
    gain = {"jawOpen": 1.2}
    controls = vv.Controls(gain=gain)
    gain["jawOpen"] = 99
    assert controls.gain == {"jawOpen": 1.2}
    assert hash(controls) == hash(vv.Controls(gain={"jawOpen": 1.2}))


@pytest.fixture(scope="module")
def take():
    times = np.arange(50) / 25
    turning = Rotation.from_rotvec(np.outer(np.sin(3 * times), [0.05, 0.2, 0.02])).as_quat()
    return vv.Motion(np.full((50, 52), 0.7), turning, gaze=np.full((50, 2, 2), 0.1), rate=25)


@pytest.mark.parametrize("head", ["still", "take"])
def test_the_choice_of_the_head_changes_the_head_only(speech, plain, take, head):
    other = made(speech, head=take if head == "take" else head)
    assert np.abs(other.head_rotation - plain.head_rotation).max() > 0.02
    kept = [index for index, name in enumerate(ARKIT) if not name.startswith("eyeLook")]
    np.testing.assert_array_equal(other.blendshapes[:, kept], plain.blendshapes[:, kept])
    np.testing.assert_array_equal(other.lip_offsets, plain.lip_offsets)
    looking = [seen_from_camera(motion.gaze[:, 0], motion.head_rotation) for motion in (plain, other)]
    np.testing.assert_allclose(*looking, atol=1e-5)


def test_a_take_asks_no_more_of_a_face_than_of_its_photo(speech, face, take):
    narrow = replace(face, confidence=0.2)
    turns = [speak(speech, controls=vv.Controls(head=take), face=who).head_rotation for who in (None, narrow)]
    widest = [np.degrees(Rotation.from_quat(turn).as_rotvec()[:, 1].max()) for turn in turns]
    assert 8 < widest[0] < 15 and 2 < widest[1] < 6.1


def test_a_performer_reads_no_files(tmp_path):
    (tmp_path / "take.npz").write_bytes(b"whatever")
    with pytest.raises(InputError, match="load_motion"):
        vv.Performer(vv.Controls(head=tmp_path / "take.npz"))


def test_numbers_of_numpy_are_numbers(speech):
    numpy, python = (
        made(speech, mouth=kind(1.25), smoothing=kind(0.0625), blink_rate=kind(2), style_strength=kind(0.5), style=3)
        for kind in (np.float32, float)
    )
    np.testing.assert_allclose(numpy.blendshapes, python.blendshapes, atol=1e-5)
