import sys

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT
from vividlib.errors import BackendError, OutputError
from vividlib.head.visemes import VOWELS, row
from vividlib.types import Motion

pytest.importorskip("pythonosc")
from vividlib.live import VMC, vmc


def received(peer, *frames: Motion, clips: str = "perfect-sync") -> dict:
    receiver = peer("vmc")
    with VMC("127.0.0.1", receiver.port, clips=clips) as out:
        for index, frame in enumerate(frames):
            out.send(frame, index / 4)
    return receiver.report()


@pytest.mark.parametrize(("clips", "first"), [("perfect-sync", str.upper), ("arkit", str.lower)])
def test_another_process_receives_the_52(peer, motion, clips, first):
    report = received(peer, *(motion.at([index / motion.rate]) for index in range(len(motion))), clips=clips)
    assert report["largest"] <= 1400
    assert len(report["frames"]) == len(motion)
    for index, frame in enumerate(report["frames"]):
        assert (frame["ok"], frame["seconds"]) == (1, index / 4)
        assert len(frame["clips"]) == 52
        for name, value in zip(ARKIT, motion.blendshapes[index]):
            assert frame["clips"][first(name[0]) + name[1:]] == pytest.approx(value, abs=1e-6)


def test_an_avatar_without_the_52_gets_vowels_and_blinks(peer):
    shapes = [row(VOWELS[vowel]) for vowel in ("aa", "ih", "ou", "ee", "oh")]
    shapes[0][ARKIT.index("eyeBlinkLeft")] = 0.7
    frames = received(peer, *(Motion(shape[None]) for shape in shapes), clips="vrm")["frames"]
    for clip, frame in zip("AIUEO", frames):
        assert frame["clips"].keys() == {"A", "I", "U", "E", "O", "Blink_L", "Blink_R"}
        assert frame["clips"][clip] > 0.9
        assert sum(frame["clips"][other] for other in "AIUEO") < 1.3
    assert frames[0]["clips"]["Blink_L"] == pytest.approx(0.7) and frames[0]["clips"]["Blink_R"] == 0


def test_head_and_eyes_turn_in_unitys_space(peer):
    """Left-handed, +Z out of the face, +X to the avatar's own right: the face looks where ours looks, x reversed."""
    turn = Rotation.from_euler("YXZ", [0.4, 0.2, 0.1])
    gaze = np.array([[[0.3, 0.1], [0.2, -0.1]]])
    bones = received(peer, Motion(np.zeros((1, 52)), turn.as_quat()[None], gaze=gaze))["frames"][0]["bones"]
    mirror = np.array([-1, 1, 1])
    for point in np.eye(3):
        shown = Rotation.from_quat(bones["Head"][3:]).apply(point * mirror)
        assert shown * mirror == pytest.approx(turn.apply(point), abs=1e-6)
    for bone, (yaw, pitch) in zip(("LeftEye", "RightEye"), gaze[0]):
        looks = Rotation.from_quat(bones[bone][3:]).apply([0, 0, 1]) * mirror
        assert looks == pytest.approx(
            [np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)], abs=1e-6
        )
        assert bones[bone][:3] == [0, 0, 0]


def test_a_marionette_that_restarts_is_found_again(peer, motion):
    first = peer("vmc")
    with VMC("127.0.0.1", first.port) as out:
        out.send(motion.at([0]), 0)
        assert len(first.report()["frames"]) == 1
        out.send(motion.at([0]), 1)
        second = peer("vmc", first.port)
        out.send(motion.at([0]), 2)
        assert [frame["seconds"] for frame in second.report()["frames"]] == [2]


def test_clips_that_do_not_exist():
    with pytest.raises(OutputError, match="perfect-sync"):
        VMC("127.0.0.1", clips="vrm2")


def test_without_python_osc_the_extra_is_named(monkeypatch):
    vmc._osc.cache_clear()
    monkeypatch.setitem(sys.modules, "pythonosc", None)
    with pytest.raises(BackendError, match=r"vividlib\[live\]"):
        VMC("127.0.0.1")
    vmc._osc.cache_clear()
