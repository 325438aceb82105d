import gzip
import struct
from dataclasses import replace

import numpy as np
import pytest

from vividlib.conventions import ARKIT, LIP_LANDMARKS
from vividlib.errors import MotionError, OutputError
from vividlib.export import livelink as take
from vividlib.head.model import landmarks_of
from vividlib.live import LiveLink
from vividlib.live.livelink import packet
from vividlib.types import Motion


def test_the_first_bytes_are_those_of_the_app():
    frame = Motion(np.zeros((1, 52)))
    made = packet(frame, 2.5, "DEV", "Ada")
    assert made[: 1 + 7 + 7 + 16 + 1].hex(" ") == (
        "06 00 00 00 03 44 45 56 00 00 00 03 41 64 61 00 00 00 96 00 00 00 00 00 00 00 3c 00 00 00 01 3d"
    )
    assert made[32:] == bytes(61 * 4)


def test_another_process_receives_every_frame_by_name(peer, motion):
    receiver = peer("livelink")
    with LiveLink("127.0.0.1", receiver.port, subject="Zoë") as out:
        for index in range(len(motion)):
            out.send(motion.at([index / motion.rate]), index / motion.rate)
    frames = receiver.frames()
    assert len(frames) == len(motion)
    angles = take.frame_values(motion)[:, 52:]
    for index, frame in enumerate(frames):
        assert (frame["subject"], frame["rate"]) == ("Zoë", [60, 1])
        assert frame["frame"] + frame["part"] == pytest.approx(index / motion.rate * 60, abs=1e-4)
        assert [frame["values"][name] for name in ARKIT] == pytest.approx(motion.blendshapes[index], abs=1e-6)
        assert list(frame["values"].values())[52:] == pytest.approx(angles[index], abs=1e-5)
    assert len({frame["device"] for frame in frames}) == 1


@pytest.mark.parametrize("name", ["HeadYaw", "LeftEyePitch", "MouthLeft", "JawRight"])
def test_a_real_take_is_sent_as_it_was_recorded(data_folder, tmp_path, peer, name):
    recorded = min((data_folder / "mocap").glob("*.csv.gz"))
    text = gzip.decompress(recorded.read_bytes())
    (tmp_path / "take.csv").write_bytes(text)
    motion = take.read(tmp_path / "take.csv")
    rows = [line.split(",") for line in text.decode("utf-8-sig").splitlines()[:40]]
    column = rows[0].index(name)
    receiver = peer("livelink")
    with LiveLink("127.0.0.1", receiver.port) as out:
        for index in range(30):
            out.send(motion.at([index / motion.rate]), index / motion.rate)
    key = name if name in ("HeadYaw", "LeftEyePitch") else name[0].lower() + name[1:]
    sent = [frame["values"][key] for frame in receiver.frames()]
    assert sent == pytest.approx([float(row[column]) for row in rows[1:31]], abs=1e-5)


@pytest.mark.parametrize("fps", [24, 25, 30, 60])
def test_a_time_code_is_the_frame_that_is_meant(fps):
    for index in range(1000):
        frame, part = struct.unpack(">if", packet(Motion(np.zeros((1, 52))), index / fps, "D", "S")[11:19])
        whole, rest = divmod(index * 60, fps)
        assert frame == whole and part == pytest.approx(rest / fps, abs=1e-6)


def test_the_time_code_passes_midnight():
    made = packet(Motion(np.zeros((1, 52))), 24 * 60 * 60 + 0.5, "D", "S")
    assert int.from_bytes(made[11:15], "big") == 30


def test_a_receiver_that_restarts_is_found_again(peer, motion):
    first = peer("livelink")
    with LiveLink("127.0.0.1", first.port) as out:
        out.send(motion.at([0]), 0)
        assert len(first.frames()) == 1
        for _ in range(20):  # nobody listens
            out.send(motion.at([0]), 1)
        second = peer("livelink", first.port)
        out.send(motion.at([1]), 2)
        assert [frame["frame"] for frame in second.frames()] == [120]


def test_lip_offsets_reach_a_rig_of_52_shapes(peer, head):
    jaw = ARKIT.index("jawOpen")
    offsets = 0.4 * landmarks_of(head, head.blendshapes[jaw])[None, LIP_LANDMARKS]
    receiver = peer("livelink")
    with LiveLink("127.0.0.1", receiver.port) as out:
        out.send(Motion(np.zeros((1, 52)), lip_offsets=offsets), 0)
    assert receiver.frames()[0]["values"]["jawOpen"] > 0.2


def test_one_frame_at_a_time(motion):
    with LiveLink("127.0.0.1", 9) as out, pytest.raises(MotionError, match="one at a time"):
        out.send(motion)
    with LiveLink("127.0.0.1", 9) as out:
        out.send(replace(motion.at([0]), rate=25))


@pytest.mark.parametrize("host", ["no.such.host.invalid", "", "a b", "x" * 300])
def test_a_host_without_address(host):
    with pytest.raises(OutputError, match="address"):
        LiveLink(host or "\x00", 11111)


def test_a_subject_needs_a_name():
    for subject in ("", "x" * 300):
        with pytest.raises(OutputError, match="subject"):
            LiveLink("127.0.0.1", 11111, subject)
