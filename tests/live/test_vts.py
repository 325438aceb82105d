import json
import socket
import sys
import threading

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT_INDEX, GAZE_AT_ONE
from vividlib.errors import BackendError, OutputError
from vividlib.types import Motion

client = pytest.importorskip("websockets.sync.client")
from vividlib.live import VTubeStudio, vts


def shown(**shapes: float) -> Motion:
    blendshapes = np.zeros((1, 52))
    for name, value in shapes.items():
        blendshapes[0, ARKIT_INDEX[name]] = value
    return Motion(blendshapes)


def tell(port: int, kind: str) -> None:
    """A request that only the stand-in for VTube Studio knows."""
    with client.connect(f"ws://127.0.0.1:{port}", proxy=None) as other:
        request = {"apiName": "VTubeStudioPublicAPI", "apiVersion": "1.0", "requestID": "test", "messageType": kind}
        other.send(json.dumps(request | {"data": {}}))
        if kind != "TestEnd":
            other.recv()


def ended(studio) -> dict:
    tell(studio.port, "TestEnd")
    return json.loads(studio.process.communicate(timeout=60)[0])


@pytest.fixture
def sent(monkeypatch):
    """Waits until a number of frames more has gone out, so that no test depends on time."""
    counted, change, inject = [0], threading.Condition(), VTubeStudio._inject

    def counting(self, values):
        inject(self, values)
        with change:
            counted[0] += 1
            change.notify_all()

    monkeypatch.setattr(VTubeStudio, "_inject", counting)
    monkeypatch.setattr(vts, "_AGAIN", 0.01)

    def wait(number: int = 1) -> None:
        with change:
            until = counted[0] + number
            assert change.wait_for(lambda: counted[0] >= until, timeout=60)

    return wait


@pytest.fixture
def studio(peer, tmp_path):
    return peer("vts", 0, str(tmp_path / "memory.json"))


@pytest.fixture
def token(tmp_path):
    return tmp_path / "configuration" / "token"


def test_asks_once_creates_parameters_and_sends_values(studio, token, sent):
    for jaw in (0.25, 0.75):
        with VTubeStudio("127.0.0.1", studio.port, token) as out:
            out.send(shown(jawOpen=jaw))
            sent()
    report = ended(studio)
    assert (report["asked"], report["denied"], report["errors"]) == (1, 0, [])
    assert report["created"] == {name: list(limits) for name, limits in vts.CUSTOM.items()}
    assert {frame["JawOpen"] for frame in report["frames"]} == {0.25, 0.75}
    assert token.read_text() == "token-0"


def test_a_token_that_is_no_longer_good_is_asked_for_again(studio, token, sent):
    token.parent.mkdir()
    token.write_text("old")
    with VTubeStudio("127.0.0.1", studio.port, token) as out:
        out.send(shown())
        sent()
    report = ended(studio)
    assert (report["asked"], report["denied"]) == (1, 1) and report["frames"]


def test_parameters_that_somebody_deletes_are_created_again(studio, token, sent, monkeypatch):
    with VTubeStudio("127.0.0.1", studio.port, token) as out:
        out.send(shown(jawOpen=0.1))
        sent()
        tell(studio.port, "TestForget")
        again, create = threading.Event(), vts._create_parameters
        monkeypatch.setattr(vts, "_create_parameters", lambda socket: (create(socket), again.set()))
        for _ in range(1000):  # one is refused, its answer is read with a later one, sooner or later
            out.send(shown(jawOpen=0.9))
            sent()
            if again.wait(0.05):
                break
        out.send(shown(jawOpen=0.9))
        sent()
    report = ended(studio)
    assert set(report["errors"]) == {453} and report["created"].keys() == vts.CUSTOM.keys()
    assert report["frames"][-1]["JawOpen"] == pytest.approx(0.9)


def test_a_studio_that_restarts_is_found_again(studio, token, sent, peer, tmp_path):
    with VTubeStudio("127.0.0.1", studio.port, token) as out:
        out.send(shown(jawOpen=0.1))
        sent()
        studio.kill()
        out.send(shown(jawOpen=0.2))
        again = peer("vts", studio.port, str(tmp_path / "memory.json"))
        out.send(shown(jawOpen=0.3))
        sent(2)
    report = ended(again)
    assert (report["asked"], report["errors"]) == (0, [])
    assert report["frames"][-1]["JawOpen"] == pytest.approx(0.3)


def test_the_last_frame_is_repeated_while_none_comes(studio, token, sent, monkeypatch):
    monkeypatch.setattr(vts, "_REMIND", 0.01)
    with VTubeStudio("127.0.0.1", studio.port, token) as out:
        out.send(shown(jawOpen=0.5))
        sent(5)
    assert len(ended(studio)["frames"]) >= 5


def test_a_frame_sent_just_before_the_end_arrives(studio, token):
    with VTubeStudio("127.0.0.1", studio.port, token) as out:
        out.send(shown(jawOpen=0.5))
    assert ended(studio)["frames"][-1]["JawOpen"] == 0.5


def test_an_overtaken_frame_is_counted_and_not_sent(studio, token, monkeypatch):
    inject, gate = VTubeStudio._inject, threading.Event()

    def slow(self, values):
        assert gate.wait(60)
        inject(self, values)

    monkeypatch.setattr(VTubeStudio, "_inject", slow)
    with VTubeStudio("127.0.0.1", studio.port, token) as out:
        for jaw in (0.1, 0.2, 0.3, 0.4):
            out.send(shown(jawOpen=jaw))
        overtaken = out.overtaken
        gate.set()
    frames = ended(studio)["frames"]
    assert len(frames) == 4 - overtaken and overtaken >= 2
    assert frames[-1]["JawOpen"] == pytest.approx(0.4)


def test_access_denied_says_what_to_click(peer, tmp_path, token):
    studio = peer("vts", 0, str(tmp_path / "memory.json"), "deny")
    with pytest.raises(OutputError, match="Allow"):
        VTubeStudio("127.0.0.1", studio.port, token)


def test_access_withdrawn_later_is_an_error_of_send(studio, token, sent, monkeypatch):
    def refused(self, values):
        raise vts._Refused(454, "Parameter JawOpen is controlled by another plugin")

    with VTubeStudio("127.0.0.1", studio.port, token) as out:
        monkeypatch.setattr(VTubeStudio, "_inject", refused)
        out.send(shown())
        out._thread.join(60)
        with pytest.raises(OutputError, match="stop the other plugin"):
            out.send(shown())


def test_nobody_there(token):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # but nobody listens
        with pytest.raises(OutputError, match="Plugin API"):
            VTubeStudio("127.0.0.1", taken.getsockname()[1], token)
    with pytest.raises(OutputError, match="Plugin API"):
        VTubeStudio("no.such.host.invalid", 8001, token)


def test_without_websockets_the_extra_is_named(monkeypatch, token):
    monkeypatch.setattr(vts, "open_socket", None)
    with pytest.raises(BackendError, match=r"vividlib\[live\]"):
        VTubeStudio("127.0.0.1", 8001, token)
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    with pytest.raises(BackendError, match=r"vividlib\[live\]"):
        vts._token_file("localhost", 8001)


def test_a_face_at_rest():
    values = vts.parameters(shown())
    halves = {"EyeOpenLeft", "EyeOpenRight", "BrowLeftY", "BrowRightY", "Brows", "MouthSmile"}
    assert {name for name, value in values.items() if value == 0.5} == halves
    assert all(value == 0 for name, value in values.items() if name not in halves)


def test_head_and_eyes_as_of_a_tracked_user():
    """Positive: to the person's own right, up, crown to the person's own right."""
    turn = Rotation.from_euler("YXZ", [[-20, -10, 5]], degrees=True).as_quat()
    gaze = np.array([[[-GAZE_AT_ONE / 2, GAZE_AT_ONE / 4], [-GAZE_AT_ONE, -GAZE_AT_ONE / 2]]])
    values = vts.parameters(Motion(np.zeros((1, 52)), turn, np.array([[-0.01, 0.02, 0.03]]), gaze))
    assert [values[f"FaceAngle{axis}"] for axis in "XYZ"] == pytest.approx([20, 10, 5], abs=1e-4)
    assert [values[f"FacePosition{axis}"] for axis in "XYZ"] == pytest.approx([1, 2, 3], abs=1e-5)
    assert [values[f"Eye{eye}"] for eye in ("LeftX", "LeftY", "RightX", "RightY")] == pytest.approx(
        [0.5, 0.25, 1, -0.5]
    )


def test_what_shapes_do_to_the_face():
    assert vts.parameters(shown(eyeBlinkLeft=1))["EyeOpenLeft"] == 0
    assert vts.parameters(shown(eyeWideRight=1))["EyeOpenRight"] == 1
    assert vts.parameters(shown(jawOpen=0.6))["MouthOpen"] == pytest.approx(0.6)
    assert vts.parameters(shown(jawOpen=0.6, mouthClose=0.6))["MouthOpen"] == pytest.approx(0)
    assert vts.parameters(shown(mouthSmileLeft=1, mouthSmileRight=1))["MouthSmile"] == 1
    assert vts.parameters(shown(mouthFrownLeft=1, mouthFrownRight=1))["MouthSmile"] == 0
    assert vts.parameters(shown(mouthPucker=1))["MouthPucker"] == -1
    assert vts.parameters(shown(browDownLeft=1))["BrowLeftY"] == 0
    everything = vts.parameters(Motion(np.ones((1, 52))))
    limits = {name: (0, 1) for name in everything} | vts.CUSTOM
    for name, (low, high) in limits.items():
        if not name.startswith("Face"):
            assert low <= everything[name] <= high, name
