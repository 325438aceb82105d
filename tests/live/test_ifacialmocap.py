import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT
from vividlib.live import IFacialMocap
from vividlib.live.ifacialmocap import text
from vividlib.types import Motion


def received(peer, *frames: Motion) -> list[dict]:
    receiver = peer("ifacialmocap")
    with IFacialMocap("127.0.0.1", receiver.port) as out:
        for frame in frames:
            out.send(frame)
    return receiver.frames()


def test_another_process_receives_every_shape_by_name(peer, motion):
    frames = received(peer, *(motion.at([index / motion.rate]) for index in range(len(motion))))
    assert len(frames) == len(motion)
    for name in ARKIT:
        whole = name in ("jawLeft", "jawRight", "mouthLeft", "mouthRight")
        short = name if whole else name.replace("Left", "_L").replace("Right", "_R")
        assert [frame[short] for frame in frames] == pytest.approx(motion[name] * 100, abs=0.51)
    assert frames[0].keys() >= {"mouthSmile_R", "browInnerUp", "mouthShrugUpper", "head", "leftEye", "rightEye"}
    assert len(frames[0]) == 52 + 3


def test_the_head_turns_and_moves_as_ours(peer, motion):
    for frame, turn, place in zip(
        received(peer, *(motion.at([t]) for t in (0, 1))),
        motion.head_rotation[[0, 30]],
        motion.head_translation[[0, 30]],
    ):
        rx, ry, rz, *position = frame["head"]
        about_y, about_x, about_z = (Rotation.from_euler(axis, v, degrees=True) for axis, v in zip("yxz", (ry, rx, rz)))
        assert (about_y * about_x * about_z).as_matrix() == pytest.approx(
            Rotation.from_quat(turn).as_matrix(), abs=1e-5
        )
        assert position == pytest.approx(place, abs=1e-5)


def test_eyes_as_in_a_recorded_packet(peer):
    """The app wrote these angles beside eyeLookDown of both, eyeLookIn of both: down, and each towards the nose."""
    right, left = (6.0297494, 2.4403017, 0.25649446), (6.034903, -1.6660284, -0.17520553)
    gaze = np.radians([[[left[1], -left[0]], [right[1], -right[0]]]])
    frame = received(peer, Motion(np.zeros((1, 52)), gaze=gaze))[0]
    assert frame["rightEye"] == pytest.approx(right, abs=2e-3)
    assert frame["leftEye"] == pytest.approx(left, abs=2e-3)


def test_the_text_ends_as_that_of_the_app():
    made = text(Motion(np.full((1, 52), 2.0)))
    assert made.startswith("eyeBlink_L-100|") and made.endswith("|leftEye#0.000000,0.000000,0.000000|")
    assert "|=head#" in made and "-0." not in made.partition("=")[2]
