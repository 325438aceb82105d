import csv
import gzip

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT, ARKIT_INDEX, GAZE_AT_ONE
from vividlib.errors import MotionError
from vividlib.export import livelink
from vividlib.types import Motion

# The header of real takes, letter by letter.
HEADER = (
    "Timecode,BlendShapeCount,EyeBlinkLeft,EyeLookDownLeft,EyeLookInLeft,EyeLookOutLeft,EyeLookUpLeft,EyeSquintLeft,"
    "EyeWideLeft,EyeBlinkRight,EyeLookDownRight,EyeLookInRight,EyeLookOutRight,EyeLookUpRight,EyeSquintRight,"
    "EyeWideRight,JawForward,JawRight,JawLeft,JawOpen,MouthClose,MouthFunnel,MouthPucker,MouthRight,MouthLeft,"
    "MouthSmileLeft,MouthSmileRight,MouthFrownLeft,MouthFrownRight,MouthDimpleLeft,MouthDimpleRight,MouthStretchLeft,"
    "MouthStretchRight,MouthRollLower,MouthRollUpper,MouthShrugLower,MouthShrugUpper,MouthPressLeft,MouthPressRight,"
    "MouthLowerDownLeft,MouthLowerDownRight,MouthUpperUpLeft,MouthUpperUpRight,BrowDownLeft,BrowDownRight,BrowInnerUp,"
    "BrowOuterUpLeft,BrowOuterUpRight,CheekPuff,CheekSquintLeft,CheekSquintRight,NoseSneerLeft,NoseSneerRight,"
    "TongueOut,HeadYaw,HeadPitch,HeadRoll,LeftEyeYaw,LeftEyePitch,LeftEyeRoll,RightEyeYaw,RightEyePitch,RightEyeRoll"
)


def _rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_the_file_looks_like_a_take(motion, tmp_path):
    path = tmp_path / "take.csv"
    livelink.write(motion, path)
    text = path.read_bytes().decode("ascii")
    lines = text.split("\n")
    assert lines[0] == HEADER
    assert lines[-1] == "" and "\r" not in text and len(lines) == len(motion) + 2
    for line in lines[1:-1]:
        cells = line.split(",")
        assert len(cells) == 63 and cells[1] == "61"
        assert all(len(cell.split(".")[1]) == 10 for cell in cells[2:])


def test_a_still_motion_has_no_minus_zero(tmp_path):
    livelink.write(Motion(np.zeros((2, 52))), tmp_path / "take.csv")
    assert "-" not in (tmp_path / "take.csv").read_text()


def test_values_stand_under_their_own_names(tmp_path):
    values = np.arange(52) / 100
    livelink.write(Motion(values[None]), tmp_path / "take.csv")
    row = _rows(tmp_path / "take.csv")[0]
    for name, value in zip(ARKIT, values):
        assert float(row[name[0].upper() + name[1:]]) == pytest.approx(value)


@pytest.mark.parametrize("rate", [24, 25, 30000 / 1001, 30, 50, 60])
def test_time_codes_count_sixtieths_at_any_rate(rate, tmp_path):
    path = tmp_path / "take.csv"
    livelink.write(Motion(np.zeros((400, 52)), rate=rate), path)
    codes = [row["Timecode"] for row in _rows(path)]
    assert codes[0] == "00:00:00:00.000"
    for frame in (1, 77, 399):
        hours, minutes, seconds, ticks = codes[frame].split(":")
        assert len(ticks) == 6 and float(ticks) < 60
        time = int(hours) * 3600 + int(minutes) * 60 + int(seconds) + float(ticks) / 60
        assert time == pytest.approx(frame / rate, abs=1e-5)
    if rate == 25:
        assert codes[1] == "00:00:00:02.400"
    assert livelink.read(path).rate == pytest.approx(rate, rel=1e-9)


def test_a_written_motion_comes_back(motion, tmp_path):
    livelink.write(motion, tmp_path / "take.csv")
    again = livelink.read(tmp_path / "take.csv")
    assert np.abs(again.blendshapes - motion.blendshapes).max() < 1e-9  # ten decimals
    assert np.allclose(again.gaze, motion.gaze, atol=1e-7)
    turn = Rotation.from_quat(again.head_rotation) * Rotation.from_quat(motion.head_rotation).inv()
    assert turn.magnitude().max() < 1e-6
    assert again.rate == motion.rate


def test_signs_of_the_angles(tmp_path):
    left, up = 0.3, 0.2
    turn_left = Rotation.from_rotvec([0, 0.4, 0])  # about +Y: the face towards +X, the person's left
    look_down = Rotation.from_rotvec([0.5, 0, 0])  # about +X: +Z towards -Y
    crown_right = Rotation.from_rotvec([0, 0, 0.6])  # about +Z: +Y towards -X, the person's right
    turns = Rotation.concatenate([turn_left, look_down, crown_right]).as_quat()
    gaze = np.tile([[left, up], [left, up]], (3, 1, 1))
    livelink.write(Motion(np.zeros((3, 52)), turns, gaze=gaze), tmp_path / "take.csv")
    rows = _rows(tmp_path / "take.csv")
    angles = [[float(row[f"Head{name}"]) for name in ("Yaw", "Pitch", "Roll")] for row in rows]
    assert np.allclose(angles, [[-0.4, 0, 0], [0, 0.5, 0], [0, 0, -0.6]], atol=1e-6)
    assert float(rows[0]["LeftEyeYaw"]) == pytest.approx(-left) == float(rows[0]["RightEyeYaw"])
    assert float(rows[0]["LeftEyePitch"]) == pytest.approx(-up)


def _take(codes, value=lambda frame: frame / 100):
    names = HEADER.split(",")[2:]
    rows = [[code, "61"] + [f"{value(frame):.10f}"] * len(names) for frame, code in enumerate(codes)]
    return "\n".join([HEADER, *(",".join(row) for row in rows)]) + "\n"


def test_a_dropped_frame_is_filled_in_between(tmp_path):
    path = tmp_path / "take.csv"
    path.write_text(_take(["10:00:00:00.000", "10:00:00:02.000", "10:00:00:04.000", "10:00:00:08.000"]))
    motion = livelink.read(path)
    assert motion.rate == 30
    assert np.allclose(motion["jawOpen"], [0, 0.01, 0.02, 0.025, 0.03])


def test_a_take_may_pass_midnight(tmp_path):
    path = tmp_path / "take.csv"
    path.write_text(_take(["23:59:59:58.000", "00:00:00:00.000", "00:00:00:02.000"]))
    assert livelink.read(path).rate == 30 and len(livelink.read(path)) == 3


def test_columns_are_found_by_name_in_any_order(tmp_path):
    path = tmp_path / "take.csv"
    names = HEADER.split(",")
    shuffled = [names[0], *reversed(names[1:])]
    row = {name: "0.0" for name in names} | {"Timecode": "00:00:00:00.000", "JawLeft": "0.7", "MouthLeft": "0.4"}
    path.write_text(",".join(shuffled) + "\r\n" + ",".join(row[name] for name in shuffled) + "\r\n")
    motion = livelink.read(path)
    assert motion["jawLeft"] == np.float32(0.7) and motion["mouthLeft"] == np.float32(0.4)
    assert motion.blendshapes.sum() == pytest.approx(1.1)


def test_without_eye_angles_the_eyes_follow_their_shapes(tmp_path):
    path = tmp_path / "take.csv"
    row = {name: "0.0" for name in HEADER.split(",")} | {"Timecode": "00:00:00:00.000", "EyeLookOutLeft": "0.5"}
    path.write_text(HEADER + "\n" + ",".join(row.values()) + "\n")
    assert livelink.read(path).gaze[0] == pytest.approx(np.array([[0.5 * GAZE_AT_ONE, 0], [0, 0]]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n", "lacks the column"),
        (HEADER + "\n", "no frames"),
        (HEADER.replace(",JawOpen", "") + "\n", "JawOpen"),
        (_take(["00:00:00:00.000"])[:-200] + "\n", "line 2"),
        (_take(["00:00:00:00.000"]).replace("0.0000000000", "?"), "line 2"),
        (_take(["noon"]), "line 2"),
        (_take(["00:00:00:00.000", "00:00:00:00.000"]), "rise"),
        (_take(["00:00:00:04.000", "00:00:00:02.000", "00:00:00:00.000"]), "rise"),
        (_take(["00:00:00:00.000", "00:00:00:02.000", "00:00:00:04.000", "01:00:00:00.000"]), "jump"),
        (_take(["00:00:00:00.000"], lambda frame: np.nan), "line 2: holds NaN"),
        (_take(["00:00:00:00.000"], lambda frame: 1e39), "line 2: holds NaN, infinite or huge"),
        (_take(["00:00:00:00.000"]).replace("0.0000000000", "\0"), "line 2|cannot be read"),
    ],
)
def test_a_broken_take_is_refused_and_the_message_says_where(text, message, tmp_path):
    path = tmp_path / "take.csv"
    path.write_text(text)
    with pytest.raises(MotionError, match=message):
        livelink.read(path)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "take.csv").write_bytes(bytes(range(256)))
    with pytest.raises(MotionError):
        livelink.read(tmp_path / "take.csv")
    with pytest.raises(MotionError):
        livelink.read(tmp_path / "absent.csv")


def test_real_takes_round_trip_to_the_last_digit(data_folder, tmp_path):
    takes = sorted((data_folder / "mocap").glob("*.csv.gz"))
    assert takes
    for take in takes:
        original = gzip.decompress(take.read_bytes()).decode()
        (tmp_path / "take.csv").write_text(original)
        motion = livelink.read(tmp_path / "take.csv")
        livelink.write(motion, tmp_path / "again.csv")
        rows, again = _rows(tmp_path / "take.csv"), _rows(tmp_path / "again.csv")
        assert original.split("\n")[0] == (tmp_path / "again.csv").read_text().split("\n")[0]
        starts = [livelink._seconds(row["Timecode"]) for row in rows]
        frames = [round((start - starts[0]) * motion.rate) for start in starts]
        assert len(again) == frames[-1] + 1
        columns = [name[0].upper() + name[1:] for name in ARKIT]
        for row, frame in zip(rows, frames):
            assert [row[name] for name in columns] == [again[frame][name] for name in columns]
            for name in ("LeftEyeYaw", "LeftEyePitch", "RightEyeYaw", "RightEyePitch"):
                assert row[name] == again[frame][name]
            for name in ("LeftEyeRoll", "RightEyeRoll"):  # not read, but found again
                assert float(row[name]) == pytest.approx(float(again[frame][name]), abs=1e-7)


def test_real_takes_confirm_the_signs_of_gaze(data_folder, tmp_path):
    for take in (data_folder / "mocap").glob("*.csv.gz"):
        (tmp_path / "take.csv").write_bytes(gzip.decompress(take.read_bytes()))
        motion = livelink.read(tmp_path / "take.csv")
        shapes = {name: motion.blendshapes[:, index] for name, index in ARKIT_INDEX.items()}
        left, right = motion.gaze[:, 0], motion.gaze[:, 1]
        outward = shapes["eyeLookOutLeft"] - shapes["eyeLookInLeft"]
        assert np.corrcoef(left[:, 0], outward)[0, 1] > 0.99
        outward = shapes["eyeLookOutRight"] - shapes["eyeLookInRight"]
        assert np.corrcoef(right[:, 0], outward)[0, 1] < -0.99
        assert np.corrcoef(left[:, 1], shapes["eyeLookUpLeft"] - shapes["eyeLookDownLeft"])[0, 1] > 0.99
