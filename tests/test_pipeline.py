import errno
import itertools
from dataclasses import replace

import av
import numpy as np
import pytest
import soundfile

import vividlib as vv
from vividlib import pipeline
from vividlib.conventions import ARKIT, ARKIT_INDEX
from vividlib.errors import Cancelled, InputError, MotionError, OutputError
from vividlib.head.gaze import eye_shapes
from vividlib.media.video import is_ai_generated
from vividlib.types import Motion
from vividlib.weights import asset_path

SMALL = 64  # px: frames in these tests are made to be counted


@pytest.fixture(scope="session")
def voice(tmp_path_factory):
    """A second and a bit of the sample sentence, as a file."""
    samples, rate = soundfile.read(asset_path("speech.wav"))
    path = tmp_path_factory.mktemp("voice") / "voice.wav"
    soundfile.write(path, samples[: round(1.23 * rate)], rate)
    return path


@pytest.fixture
def moody(face):
    """The astronaut's face with an expression and a gaze that are known."""
    expression = np.zeros(52, np.float32)
    for name, value in {
        "browInnerUp": 0.4, "mouthSmileLeft": 0.8, "jawOpen": 0.5, "eyeBlinkLeft": 0.3, "eyeLookUpLeft": 0.9,
        "mouthFunnel": 0.6, "cheekSquintRight": 0.7,
    }.items():  # fmt: skip
        expression[ARKIT_INDEX[name]] = value
    return replace(face, expression=expression, gaze=np.array([[0.1, -0.05], [0.12, -0.05]], np.float32))


def test_mood_stays_where_speech_does_not_need_the_face(moody):
    still = pipeline.carry_mood(moody, Motion(np.zeros((2, 52))))
    kept = {name: still[name][0] for name in ARKIT if still[name][0] > 0 and not name.startswith("eyeLook")}
    wanted = {"browInnerUp": 0.4, "mouthSmileLeft": 0.4, "eyeBlinkLeft": 0.3, "cheekSquintRight": 0.7}
    assert kept == pytest.approx(wanted)
    assert np.allclose(still.gaze, moody.gaze)
    assert np.allclose(still.blendshapes - eye_shapes(still.gaze), pipeline_without_looks(still))


def pipeline_without_looks(motion):
    looking = [name.startswith("eyeLook") for name in ARKIT]
    return np.where(looking, 0, motion.blendshapes)


def test_mood_adds_to_what_moves_and_lids_close_from_where_they_rest(moody):
    shapes = np.zeros((3, 52), np.float32)
    shapes[:, ARKIT_INDEX["browInnerUp"]] = [0, 0.5, 1]
    shapes[:, ARKIT_INDEX["eyeBlinkLeft"]] = [0, 0.5, 1]
    shapes[:, ARKIT_INDEX["jawOpen"]] = [0, 0.2, 1]
    gaze = np.full((3, 2, 2), 0.02, np.float32)
    moved = pipeline.carry_mood(moody, Motion(shapes, gaze=gaze))
    assert moved["browInnerUp"] == pytest.approx([0.4, 0.9, 1])
    assert moved["eyeBlinkLeft"] == pytest.approx([0.3, 0.65, 1])
    assert moved["jawOpen"] == pytest.approx([0, 0.2, 1])
    assert np.allclose(moved.gaze, gaze + moody.gaze)
    assert moved["eyeLookOutLeft"] == pytest.approx(eye_shapes(moved.gaze)[:, ARKIT_INDEX["eyeLookOutLeft"]])


def test_wide_eyes_close_all_the_way(face):
    wide = replace(face, expression=np.eye(52, dtype=np.float32)[ARKIT_INDEX["eyeWideRight"]])
    shapes = np.zeros((2, 52), np.float32)
    shapes[1, ARKIT_INDEX["eyeBlinkRight"]] = 1
    moved = pipeline.carry_mood(wide, Motion(shapes))
    assert moved["eyeWideRight"] == pytest.approx([1, 0]) and moved["eyeBlinkRight"] == pytest.approx([0, 1])


def test_a_neutral_photo_changes_nothing(face, motion):
    neutral = replace(face, expression=np.zeros(52, np.float32), gaze=np.zeros((2, 2), np.float32))
    motion = replace(motion, blendshapes=pipeline_without_looks(motion) + eye_shapes(motion.gaze))
    moved = pipeline.carry_mood(neutral, motion)
    for name in ("blendshapes", "head_rotation", "head_translation", "gaze", "lip_offsets"):
        assert np.allclose(getattr(moved, name), getattr(motion, name), atol=1e-6), name


def test_frames_come_one_at_a_time(face, motion):
    asked = []
    frames = vv.render(face, motion, size=SMALL, fps=10, progress=lambda *where: asked.append(where))
    assert not asked and len(frames) == 20
    first = list(itertools.islice(frames, 3))
    assert asked == [("render", 0, 20), ("render", 1, 20), ("render", 2, 20)]
    assert all(frame.shape == (SMALL, SMALL, 3) and frame.dtype == np.uint8 for frame in first)
    assert not np.array_equal(first[0], first[1])
    again = list(frames)
    assert len(again) == 20 and np.array_equal(again[2], first[2])


def test_frames_are_sampled_from_the_curves_at_their_own_times(face, motion, monkeypatch):
    seen = []
    monkeypatch.setattr(pipeline.Renderer, "frame", lambda self, shapes, *rest: seen.append(shapes))
    monkeypatch.setattr(pipeline, "_BATCH", 7)  # batches must not show
    list(vv.render(face, motion, size=SMALL, fps=25))
    assert np.allclose(seen, motion.at(np.arange(50) / 25).blendshapes)


def _streams(path):
    """Seconds of video and of sound, counted frame by frame, and the number of pictures."""
    with av.open(str(path)) as file:
        pictures = [frame.pts * frame.time_base for frame in file.decode(video=0)]
        step = 1 / file.streams.video[0].average_rate
    with av.open(str(path)) as file:
        sound = file.streams.audio[0]
        return float(pictures[-1] + step), float(sound.duration * sound.time_base), len(pictures)


@pytest.mark.parametrize("fps", [24, 25, 29.97, 30, 50, 60])
def test_video_and_sound_end_together(face, voice, tmp_path, fps):
    motion = Motion(np.zeros((10, 52)))  # shorter than the sound: its last frame is held
    vv.render(face, motion, size=SMALL, fps=fps).save(tmp_path / "out.mp4", audio=voice)
    video, sound, _ = _streams(tmp_path / "out.mp4")
    assert abs(video - sound) < 1 / fps
    assert abs(video - 1.23) <= 0.5 / fps + 1e-6


def test_speech_is_the_same_for_the_same_seed(voice):
    one, same, other = (vv.speak(voice, seed=seed) for seed in (1, 1, 2))
    for name in ("blendshapes", "head_rotation", "head_translation", "gaze", "lip_offsets"):
        assert np.array_equal(getattr(one, name), getattr(same, name)), name
    assert not np.array_equal(one.head_rotation, other.head_rotation)
    assert np.array_equal(one["jawOpen"], other["jawOpen"])


def test_animate_makes_a_video_that_says_what_it_is(face, voice, tmp_path):
    vv.animate(face, voice, tmp_path / "out.mp4", size=SMALL)
    assert is_ai_generated(tmp_path / "out.mp4")
    assert _streams(tmp_path / "out.mp4")[2] == round(1.23 * 25)


def test_animate_takes_a_photo_as_a_file(astronaut, voice, tmp_path):
    from PIL import Image

    Image.fromarray(astronaut).save(tmp_path / "photo.png")
    vv.animate(tmp_path / "photo.png", voice, tmp_path / "out.mp4", size=SMALL, fps=5)
    assert _streams(tmp_path / "out.mp4")[2] == 6


@pytest.mark.parametrize("networks", ["auto", None])
def test_animate_draws_with_the_networks_that_are_asked_for(face, voice, tmp_path, monkeypatch, networks):
    def renderer(face, size, networks):
        raise Cancelled(f"drawn with {networks}")

    monkeypatch.setattr(pipeline.trained, "load_networks", lambda name: f"those of {name}")
    monkeypatch.setattr(pipeline, "Renderer", renderer)
    with pytest.raises(Cancelled, match=f"drawn with those of {networks}"):
        vv.animate(face, voice, tmp_path / "out.mp4", size=SMALL, networks=networks)


@pytest.mark.parametrize("stage", ["speak", "render"])
def test_a_cancelled_call_leaves_nothing_behind(face, voice, tmp_path, stage):
    (tmp_path / "out.mp4").write_bytes(b"earlier")

    def stop(now, done, total):
        if now == stage and (stage == "speak" or done == 3):
            raise Cancelled("stopped by the user")

    with pytest.raises(Cancelled):
        vv.animate(face, voice, tmp_path / "out.mp4", size=SMALL, progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert (tmp_path / "out.mp4").read_bytes() == b"earlier"


def test_progress_reaches_its_end(face, voice, tmp_path):
    seen = {}

    def note(stage, done, total):
        assert done >= seen.get(stage, (0, 0))[0]
        seen[stage] = (done, total)

    vv.animate(face, voice, tmp_path / "out.mp4", size=SMALL, fps=5, progress=note)
    assert set(seen) == {"speak", "render"} and all(done == total > 0 for done, total in seen.values())


def test_a_full_disk_is_said_and_the_earlier_file_kept(face, voice, tmp_path, monkeypatch):
    (tmp_path / "out.mp4").write_bytes(b"earlier")
    monkeypatch.setattr(
        pipeline.VideoWriter, "write", lambda self, frame: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full"))
    )
    with pytest.raises(OutputError, match="disk is full"):
        vv.animate(face, voice, tmp_path / "out.mp4", size=SMALL)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"earlier"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"output": "out.avi"}, OutputError),
        ({"output": "no/such/folder/out.mp4"}, OutputError),
        ({"fps": 0}, OutputError),
        ({"size": 7}, InputError),
        ({"seed": -1}, InputError),
        ({"device": "abacus"}, vv.VividError),
        ({"networks": "slow"}, InputError),
    ],
)
def test_what_cannot_work_is_said_before_the_work(face, voice, tmp_path, monkeypatch, arguments, error):
    monkeypatch.setattr(pipeline, "speak", lambda *_, **__: pytest.fail("work was begun"))
    given = {"output": "out.mp4"} | arguments
    with pytest.raises(error):
        vv.animate(face, voice, tmp_path / given.pop("output"), **given)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".npz", ".csv"])
def test_motion_files_by_suffix(motion, tmp_path, suffix):
    vv.save_motion(motion, tmp_path / f"take{suffix}")
    again = vv.load_motion(tmp_path / f"take{suffix}")
    assert np.allclose(again.blendshapes, motion.blendshapes, atol=1e-9) and again.rate == motion.rate


@pytest.mark.parametrize("size", [8, 8193, 512.0, "512"])
def test_a_texture_of_no_size_is_refused_before_the_work(size, face, tmp_path):
    (tmp_path / "face.glb").write_bytes(b"earlier")
    with pytest.raises(InputError, match="64 to 8192"):
        vv.save_face(face, tmp_path / "face.glb", texture=size)
    assert (tmp_path / "face.glb").read_bytes() == b"earlier"


def test_unknown_suffixes_are_refused_with_a_list(face, motion, tmp_path):
    with pytest.raises(OutputError, match=r"\.bvh, \.csv, \.glb, \.json"):
        vv.save_motion(motion, tmp_path / "take.fbx")
    with pytest.raises(OutputError, match=r"\.glb"):
        vv.save_face(face, tmp_path / "face.fbx")
    with pytest.raises(MotionError, match=r"\.bvh, \.csv, \.glb, \.json"):
        vv.load_motion(tmp_path / "take.fbx")
    assert not list(tmp_path.iterdir())
