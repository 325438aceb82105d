import signal
import socket
import subprocess
import sys

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vividlib.audio_to_mesh.controls import Controls
from vividlib.audio_to_mesh.network import SPOKEN
from vividlib.audio_to_mesh.stream import Performer
from vividlib.errors import AudioError, InputError, MotionError, OutputError, VideoError
from vividlib.export import npz
from vividlib.export.mixtures import fold_lips
from vividlib.export.retarget import Retarget, Shape
from vividlib.live import IFacialMocap, LiveLink, Timeline, broadcast, connect, sound, sources
from vividlib.live.sources import listen
from vividlib.media.audio import load_speech
from vividlib.types import Speech
from vividlib.weights import asset_path

NOWHERE = "livelink://127.0.0.1:9"


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    """A second and a bit of speech, 16 kHz, as 16-bit steps can say it."""
    part = load_speech(asset_path("speech.wav")).samples[20_000:37_100]
    return (np.rint(part * 32767).astype("<i2") / 32768).astype(np.float32)


def made(samples: np.ndarray):
    """The motion that a stream of these samples gives."""
    performer = Performer()
    return performer.step(performer.begin(), samples, last=True)[1]


def test_addresses():
    with connect("livelink://127.0.0.1?subject=Ada%20L") as one, connect("ifacialmocap://localhost:49984/") as other:
        assert isinstance(one, LiveLink) and one._address == ("127.0.0.1", 11111) and one._subject == "Ada L"
        assert isinstance(other, IFacialMocap) and other._address == ("127.0.0.1", 49984)


@pytest.mark.parametrize(
    "address",
    [
        "", "localhost", "localhost:11111", "http://localhost", "livelink://", "livelink://:11111", "vmc://host:port",
        "vmc://host:99999", "vmc://localhost:0", "livelink://host/path", "livelink://host?name=Ada", "vmc://[::1", "livelink://host?subject=",
    ],
)  # fmt: skip
def test_what_is_no_address(address):
    with pytest.raises(OutputError):
        connect(address)


def test_a_saved_motion_reaches_a_program_through_the_command(peer, motion, tmp_path):
    npz.write(motion, tmp_path / "take.npz")
    receiver = peer("livelink")
    command = [sys.executable, "-m", "vividlib", "live", str(tmp_path / "take.npz"), "--to"]
    done = subprocess.run(
        [*command, f"livelink://127.0.0.1:{receiver.port}"], capture_output=True, text=True, check=True
    )
    frames = receiver.frames()
    late = 120 - len(frames)
    assert done.stdout == f"{len(frames)} frames sent, {late} dropped because they were late\n"
    for frame in frames:
        seconds = (frame["frame"] + frame["part"]) / 60
        assert frame["values"]["jawOpen"] == pytest.approx(motion.at([seconds])["jawOpen"][0], abs=1e-4)
    assert 0 <= late < 100


def test_raw_samples_on_standard_input_become_a_face(peer, samples, tmp_path):
    """The face that arrives is the one that the same sound gives offline."""
    receiver = peer("livelink")
    command = [sys.executable, "-m", "vividlib", "live", "-", "--to", f"livelink://127.0.0.1:{receiver.port}"]
    data = np.rint(samples * 32768).astype("<i2").tobytes()
    subprocess.run(command, input=data, capture_output=True, check=True)
    motion, frames = made(samples), receiver.frames()
    assert frames
    for frame in frames:
        there = fold_lips(motion.at([(frame["frame"] + frame["part"]) / 60]))
        for name in (*SPOKEN, "eyeBlinkLeft", "eyeLookInLeft"):
            assert frame["values"][name] == pytest.approx(there[name][0], abs=2e-4), name


@pytest.mark.parametrize("address", ["vts://127.0.0.1:1", "livelink://no.such.host.invalid"])
def test_a_receiver_that_is_not_there_is_said_before_speech_is_worked_on(address, monkeypatch):
    pytest.importorskip("websockets", reason="websockets is not installed")
    monkeypatch.setattr(sources, "_spoken", lambda *arguments: pytest.fail("the work was begun"))
    with pytest.raises(OutputError):
        broadcast(asset_path("speech.wav"), [address])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_ends_a_voice_that_is_waited_for(samples):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(120)
        address = f"livelink://127.0.0.1:{receiver.getsockname()[1]}"
        # What a shell starts in the background ignores Ctrl-C, and hands that on to its children.
        heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
        start = f"{heed}; from vividlib.cli import main; raise SystemExit(main(['live', '-', '--to', '{address}']))"
        command = [sys.executable, "-c", start]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdin.write(np.rint(samples * 32768).astype("<i2").tobytes())
            process.stdin.flush()
            while int.from_bytes(receiver.recv(4096)[53:57], "big") < 50:
                pass  # until all that came is shown, and more is waited for
            process.send_signal(signal.SIGINT)
            assert process.wait(120) == 130
            assert process.stderr.read() == b"vividlib: interrupted\n"


def test_what_is_heard_has_a_face_and_what_has_a_face_is_heard(samples):
    timeline, speaker, heard = Timeline(), sound.Playout(16_000, 1), []

    def write(block):
        assert timeline.ready() * 16_000 >= sum(map(len, heard)) + len(block) - 320
        heard.append(block)

    speaker.write = write
    listen(np.array_split(samples, 23), timeline, speaker=speaker)
    assert np.array_equal(np.concatenate(heard)[:, 0], samples)
    assert timeline.duration() == made(samples).duration
    for seconds in (0, 0.5, 1.0):
        assert np.allclose(timeline.at(seconds).blendshapes, made(samples).at([seconds]).blendshapes, atol=1e-5)


def test_who_ends_the_sound_ends_the_pouring():
    speaker, closed = sound.Playout(10, 1), []

    def endless():
        try:
            while True:
                yield np.ones((5, 1), np.float32)
                if speaker._queued == 10:
                    speaker.end()
        finally:
            closed.append(True)

    sources._pour(endless(), speaker)
    assert closed and speaker._queued == 10


def test_a_broken_source_ends_what_it_feeds():
    def chunks():
        yield np.zeros(320, np.float32)
        raise AudioError("the microphone was unplugged")

    timeline = Timeline()
    with pytest.raises(AudioError):
        listen(chunks(), timeline)
    assert timeline.duration() < 1


def test_who_ends_the_timeline_ends_the_listening():
    timeline, closed = Timeline(), []

    def endless():
        for number in range(10_000):
            if number == 20:
                timeline.end()
            yield np.zeros(320, np.float32)
            closed.append(number)

    listen(endless(), timeline)
    assert len(closed) == 20


def test_a_microphone_that_breaks_is_an_error_of_the_performance(monkeypatch):
    def broken():
        raise AudioError("the microphone was unplugged")
        yield

    monkeypatch.setattr(sound, "microphone", broken)
    with pytest.raises(AudioError, match="unplugged"):
        broadcast("mic", [NOWHERE])


def test_a_microphone_is_heard(monkeypatch, samples, peer):
    monkeypatch.setattr(sound, "microphone", lambda: (chunk for chunk in np.array_split(samples, 50)))
    receiver = peer("livelink")
    played = broadcast("mic", [f"livelink://127.0.0.1:{receiver.port}"], fps=50)
    frames = receiver.frames()
    assert played.sent == len(frames) > 0
    assert played.sent + played.late == len(made(samples))


def test_speech_is_retargeted_on_its_way(peer, samples, monkeypatch):
    monkeypatch.setattr(sources, "load_speech", lambda source: Speech(samples))
    receiver = peer("ifacialmocap")
    address = f"ifacialmocap://127.0.0.1:{receiver.port}"
    broadcast("speech.wav", [address], retarget=Retarget({"jawOpen": Shape(gain=0, offset=0.3)}))
    assert {frame["jawOpen"] for frame in receiver.frames()} == {30}


def test_a_reference_take_is_read_from_its_file(peer, samples, motion, tmp_path, monkeypatch):
    npz.write(motion, tmp_path / "take.npz")
    monkeypatch.setattr(sources, "load_speech", lambda source: Speech(samples))
    receiver = peer("livelink")
    controls = Controls(head=tmp_path / "take.npz")
    broadcast("speech.wav", [f"livelink://127.0.0.1:{receiver.port}"], controls=controls)
    performer = Performer(Controls(head=motion))
    wanted = performer.step(performer.begin(), samples, last=True)[1]
    for frame in receiver.frames():
        there = wanted.at([(frame["frame"] + frame["part"]) / 60])
        yaw = Rotation.from_quat(there.head_rotation[0]).as_euler("YXZ")[0]
        assert frame["values"]["HeadYaw"] == pytest.approx(-yaw, abs=2e-3)


@pytest.mark.parametrize(
    ("source", "settings", "error"),
    [
        ("missing.wav", {}, AudioError),
        ("missing.npz", {}, MotionError),
        ("missing.npz", {"play_sound": True}, InputError),
        ("mic", {"play_sound": True}, InputError),
        ("missing.wav", {"fps": 0}, InputError),
        ("-", {"seed": -1}, InputError),
        ("missing.npz", {"controls": Controls(mouth=0.5)}, InputError),
        (asset_path("speech.wav"), {"controls": Controls(head=__file__)}, VideoError),
        ("missing.wav", {"retarget": "metahumans"}, InputError),
        ("missing.wav", {"retarget": "missing.toml"}, InputError),
    ],
)
def test_what_cannot_be_performed_is_said_before_work_begins(source, settings, error):
    with pytest.raises(error):
        broadcast(source, [NOWHERE], **settings)


def test_an_address_is_looked_at_before_the_speech():
    with pytest.raises(OutputError):
        broadcast("missing.wav", ["nowhere"])


def test_nothing_on_standard_input():
    command = [sys.executable, "-m", "vividlib", "live", "-", "--to", NOWHERE]
    done = subprocess.run(command, input=b"", capture_output=True, check=False)
    assert done.returncode == 2 and b"No sound came" in done.stderr


def test_live_link_needs_no_extra():
    missing = "pythonosc", "websockets", "sounddevice", "platformdirs"
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({missing})); import vividlib as vv; "
        "motion = vv.Motion([[0] * 52]); vv.live.play(motion, [vv.live.connect(sys.argv[1])])"
    )
    subprocess.run([sys.executable, "-c", code, NOWHERE], check=True)
    for address in ("vmc://127.0.0.1", "vts://127.0.0.1"):
        done = subprocess.run([sys.executable, "-c", code, address], capture_output=True, text=True, check=False)
        assert "BackendError" in done.stderr and "vividlib[live]" in done.stderr
