"""Videos become clips in which sound and lips are in step; what cannot be learned from is left out, with its reason."""

import json

import numpy as np
import pytest
import soundfile
from scipy.spatial.transform import Rotation

pytest.importorskip("silero_vad", reason="a tool of the training: pip install vividlib[training]")

from vividlib.audio_to_mesh.performance import speak
from vividlib.conventions import MOTION_RATE, SAMPLE_RATE
from vividlib.errors import InputError
from vividlib.head import model
from vividlib.head.embed import shade
from vividlib.media.audio import load_speech
from vividlib.media.video import VideoWriter
from vividlib.metrics.lag import best_lag
from vividlib.metrics.mouth import lip_gap
from vividlib.training import clips
from vividlib.training.__main__ import main
from vividlib.training.prepare import _at_motion_rate, _in_step, _turned, find_films, heard_voice, prepare
from vividlib.training.visemes import Phone
from vividlib.types import Camera, Speech
from vividlib.weights import asset_path

SIZE = 320  # px
LATE = 0.12  # seconds by which the sound of the second video is late


@pytest.fixture(scope="module")
def speech():
    return Speech(load_speech(asset_path("speech.wav")).samples[: 4 * SAMPLE_RATE])


@pytest.fixture(scope="module")
def folder(speech, tmp_path_factory):
    """Two people who say the same, one with the sound late; one whose sound is another's, and nobody at all."""
    folder = tmp_path_factory.mktemp("videos")
    frames = list(_talking_head(speech))
    late = np.concatenate([np.zeros(round(LATE * SAMPLE_RATE), np.float32), speech.samples])
    other = load_speech(asset_path("speech.wav")).samples[2 * SAMPLE_RATE : 6 * SAMPLE_RATE]  # two seconds on
    for name, samples, shown in (
        ("ann/first", speech.samples, frames),
        ("bob/first", late, frames),
        ("each/carl", other, frames),
        ("each/nobody", speech.samples, [np.zeros_like(frames[0])] * 20),
    ):
        path = folder / f"{name}.mp4"
        path.parent.mkdir(exist_ok=True)
        with VideoWriter(path, SIZE, SIZE, 25, Speech(samples)) as video:
            for frame in shown:
                video.write(frame)
    return folder


def _talking_head(speech):
    """The default head as a camera of 25 Hz sees it speak."""
    head = model.load()
    camera = Camera(scale=1.1 * SIZE / 0.32, centre=(SIZE / 2, 0.6 * SIZE))
    for shapes in speak(speech).resample(25).blendshapes:
        vertices = model.deform(head, head.template, shapes)
        yield shade(head, vertices, Rotation.identity(), camera, (SIZE, SIZE))[0]


@pytest.fixture(scope="module")
def prepared(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("prepared")
    return out, prepare(folder, out, each=["each"])


def test_people_are_folders_or_files(folder):
    films = {film.name: film.speaker for film in find_films(folder, ["each"])}
    assert films == {"ann__first": "ann", "bob__first": "bob", "each__carl": "carl", "each__nobody": "nobody"}
    assert {film.speaker for film in find_films(folder)} == {"ann", "bob", "each"}
    with pytest.raises(InputError, match="nowhere"):
        find_films(folder, ["nowhere"])
    with pytest.raises(InputError, match="No videos"):
        find_films(folder / "missing")


def test_sound_is_brought_in_step_with_the_lips(prepared, speech):
    out, report = prepared
    found = {name: report["speakers"][name]["sound_delayed_by"] for name in ("ann", "bob")}
    assert found["ann"] == pytest.approx(0, abs=0.03)
    assert found["bob"] == pytest.approx(found["ann"] - LATE, abs=0.02)
    ann, bob = (clips.load(clips.path(out / "clips", f"{name}__first")) for name in ("ann", "bob"))
    both = min(len(ann.samples), len(bob.samples))
    lag, _ = best_lag([ann.samples[:both:40]], [bob.samples[:both:40]], 20)
    assert abs(lag * 40 / SAMPLE_RATE) < 0.02


def test_the_lips_of_the_picture_are_in_the_clip(prepared, speech):
    head = model.load()
    clip = clips.load(clips.path(prepared[0] / "clips", "ann__first"))
    truth = lip_gap(speak(speech).blendshapes, head)
    seen = lip_gap(clip.blendshapes, head)
    frames = min(len(truth), len(seen))
    lag, correlation = best_lag([truth[:frames]], [seen[:frames]], 5)
    assert correlation > 0.85 and abs(lag) < 1.5
    assert np.median(seen[:frames][truth[:frames] < 0.1]) < 1
    assert clip.tracked and clip.speaker == "ann"
    assert len(clip.samples) == frames * SAMPLE_RATE // MOTION_RATE
    for curve, shape in (("lip_offsets", (40, 3)), ("head_rotation", (4,)), ("head_translation", (3,)), ("gaze", (2,))):
        assert getattr(clip, curve).shape == (len(clip.blendshapes), *shape)
    assert clip.identity.shape == (len(head.identity_basis),) and clip.identity.any()


def test_what_cannot_be_learned_from_is_dropped_with_its_reason(prepared):
    out, report = prepared
    assert "lost" in report["dropped"]["each__nobody"]
    assert "belong" in report["dropped"]["each__carl"]
    assert not clips.exists(out / "clips", "each__carl")
    assert report == json.loads((out / "report.json").read_text())


def test_a_second_run_finds_what_the_first_has_done(prepared, folder):
    out, report = prepared
    kept = {
        file: file.stat().st_mtime_ns for part in ("landmarks", "people", "tracks") for file in (out / part).iterdir()
    }
    next((out / "tracks").glob("ann*")).unlink()
    assert prepare(folder, out, each=["each"]) == report
    changed = [file.name for file, time in kept.items() if file.stat().st_mtime_ns != time]
    assert changed == ["ann__first.npz"]


def test_curves_at_the_motion_rate_go_through_the_frames_and_never_beyond():
    curve = np.random.default_rng(0).random((20, 3)) * (np.arange(20) % 3 > 0)[:, None]
    fine = _at_motion_rate(curve, 25.0)
    assert len(fine) == 40
    np.testing.assert_allclose(fine[::2], curve, atol=1e-6)
    low, high = np.minimum(curve[:-1], curve[1:]), np.maximum(curve[:-1], curve[1:])
    assert (fine[1:-1:2] >= low - 1e-6).all() and (fine[1:-1:2] <= high + 1e-6).all()


def test_all_that_tells_of_the_sound_moves_with_it():
    frames = 100
    samples = np.zeros(frames * SAMPLE_RATE // MOTION_RATE, np.float32)
    samples[SAMPLE_RATE] = 1
    voiced = np.zeros(frames, np.float32)
    voiced[50:60] = 1
    none = np.zeros((frames, 0), np.float32)
    clip = clips.Clip("a", True, samples, voiced, none, none, none, none, none, none, (Phone("a", 1.0, 1.2),))
    for later in (0.1, -0.1):
        moved = _in_step(clip, later)
        assert moved.samples.argmax() == round((1 + later) * SAMPLE_RATE) and len(moved.samples) == len(samples)
        assert moved.voiced.argmax() == 50 + round(later * MOTION_RATE)
        assert moved.phones[0].start == pytest.approx(1 + later) and moved.phones[0].end == pytest.approx(1.2 + later)


def test_a_voice_is_heard_and_noise_is_not():
    samples, rate = soundfile.read(asset_path("speech.wav"), dtype="float32")
    speech = load_speech(samples, rate).samples[: 3 * SAMPLE_RATE]
    noise = 0.01 * np.random.default_rng(0).normal(size=2 * SAMPLE_RATE).astype(np.float32)
    heard = heard_voice(np.concatenate([noise, speech, noise]), 7 * MOTION_RATE)
    assert heard[:80].mean() < 0.1 and heard[-60:].mean() < 0.1
    assert heard[110:240].mean() > 0.8


def test_turned_is_how_far_the_face_looks_away():
    turns = Rotation.from_euler("YX", [[40, 0], [0, 40], [-40, 0]], degrees=True).as_quat()
    assert _turned(turns) == pytest.approx(40, abs=0.01)


def test_a_folder_without_videos_is_refused_with_advice(tmp_path, capsys):
    assert main(["prepare", str(tmp_path), str(tmp_path / "out")]) == 2
    assert "videos" in capsys.readouterr().err
