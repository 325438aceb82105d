"""The command line as a user meets it: one line and exit code 2 for whatever is wrong, and nothing lost."""

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

import vividlib as vv
from vividlib import cli, pipeline
from vividlib.mesh_to_video import trained
from vividlib.weights import asset_path

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def inputs(astronaut, tmp_path_factory):
    """Good and bad files to hand in, by name."""
    folder = tmp_path_factory.mktemp("inputs")
    random = np.random.default_rng(5)
    samples, rate = soundfile.read(asset_path("speech.wav"))
    good = samples[:rate]

    def picture(name, array):
        Image.fromarray(array).save(folder / name)

    picture("photo.png", astronaut)
    picture("photo.jpg", astronaut)
    picture("noise.png", random.integers(0, 255, (200, 200, 3), np.uint8))
    picture("two.png", np.hstack([astronaut[:256, 128:320]] * 2))
    small = Image.fromarray(astronaut).resize((96, 96))
    scene = Image.new("RGB", (512, 512), "grey")
    scene.paste(small, (200, 200))
    scene.save(folder / "small.png")
    covered = astronaut.copy()
    covered[60:200, 150:225] = (40, 90, 60)
    picture("covered.png", covered)
    whole = (folder / "photo.jpg").read_bytes()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 3])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.png").write_text("not a picture")

    soundfile.write(folder / "speech.wav", good, rate)
    soundfile.write(folder / "short.wav", good[: rate // 10], rate)
    soundfile.write(folder / "silent.wav", np.zeros(rate), rate)
    spoiled = good.astype(np.float32)
    spoiled[1000] = np.nan
    soundfile.write(folder / "nan.wav", spoiled, rate, subtype="FLOAT")
    (folder / "empty.wav").write_bytes(b"")
    (folder / "corrupt.wav").write_bytes(random.bytes(5000))
    (folder / "corrupt.mp4").write_bytes(random.bytes(5000))
    (folder / "take.csv").write_text("Timecode,BlendShapeCount\n")
    (folder / "take.npz").write_bytes(b"")
    return folder


@pytest.fixture
def run(inputs, tmp_path, capsys, monkeypatch):
    """Run a command whose ``out...`` files are in an empty folder; exit code, stdout, stderr."""
    monkeypatch.chdir(inputs)

    def run(line):
        words = [str(tmp_path / word) if word.startswith("out") else word for word in line.split()]
        code = cli.main(words)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


BAD = {
    "no face": "animate noise.png speech.wav -o out.mp4",
    "two faces": "animate two.png speech.wav -o out.mp4",
    "no such face": "animate photo.png speech.wav -o out.mp4 --face 7",
    "small face": "animate small.png speech.wav -o out.mp4",
    "no photo": "animate absent.png speech.wav -o out.mp4",
    "truncated photo": "animate truncated.jpg speech.wav -o out.mp4",
    "empty photo": "animate empty.png speech.wav -o out.mp4",
    "text as photo": "animate text.png speech.wav -o out.mp4",
    "silence": "animate photo.png silent.wav -o out.mp4",
    "no sound": "animate photo.png absent.wav -o out.mp4",
    "empty sound": "animate photo.png empty.wav -o out.mp4",
    "short sound": "animate photo.png short.wav -o out.mp4",
    "corrupt sound": "animate photo.png corrupt.wav -o out.mp4",
    "NaN in sound": "animate photo.png nan.wav -o out.mp4",
    "unknown suffix": "animate photo.png speech.wav -o out.xyz",
    "no suffix": "speak speech.wav -o out",
    "no folder": "animate photo.png speech.wav -o out/of/reach.mp4",
    "zero frames a second": "animate photo.png speech.wav -o out.mp4 --fps 0",
    "tiny video": "animate photo.png speech.wav -o out.mp4 --size 3",
    "negative seed": "animate photo.png speech.wav -o out.mp4 --seed -1",
    "unknown device": "animate photo.png speech.wav -o out.mp4 --device abacus",
    "reconstruct: no face": "reconstruct noise.png -o out.glb",
    "reconstruct: no face in the second": "reconstruct photo.png -o out.glb --more noise.png",
    "reconstruct: two faces in the third": "reconstruct photo.png -o out.glb --more photo.jpg two.png",
    "animate: no second photo": "animate photo.png speech.wav -o out.mp4 --more absent.png",
    "reconstruct: suffix": "reconstruct photo.png -o out.mp4",
    "reconstruct: tiny texture": "reconstruct photo.png -o out.glb --texture 7",
    "reconstruct: huge texture": "reconstruct photo.png -o out.glb --texture 100000",
    "speak: silence": "speak silent.wav -o out.npz",
    "speak: negative seed": "speak speech.wav -o out.npz --seed -3",
    "speak: too strong a mouth": "speak speech.wav -o out.npz --mouth 3",
    "speak: no such shape": "speak --gain jawopen=1.2 speech.wav -o out.npz",
    "speak: no number": "speak speech.wav -o out.npz --offset jawOpen=nan",
    "speak: no such style": "speak speech.wav -o out.npz --style 1000",
    "speak: suffix": "speak speech.wav -o out.wav",
    "speak: no such take": "speak speech.wav -o out.npz --head-motion absent.npz",
    "speak: empty take": "speak speech.wav -o out.npz --head-motion take.npz",
    "speak: no video": "speak speech.wav -o out.npz --head-motion corrupt.mp4",
    "speak: too strong a head": "speak speech.wav -o out.npz --head-motion still --head-strength 3",
    "speak: no such speed": "speak speech.wav -o out.npz --head-speed 6",
    "speak: eyes too far aside": "speak speech.wav -o out.npz --gaze 10 -60",
    "animate: too far away": "animate photo.png speech.wav -o out.mp4 --distance 1",
    "track: corrupt": "track corrupt.mp4 -o out.npz",
    "track: a photo": "track text.png -o out.csv",
    "track: suffix": "track corrupt.mp4 -o out.mp4",
    "render: broken take": "render photo.png take.csv -o out.mp4",
    "render: empty take": "render photo.png take.npz -o out.mp4",
    "render: no take": "render photo.png speech.wav -o out.mp4",
    "render: absent take": "render photo.png absent.csv -o out.mp4",
    "render: silence": "render photo.png take.npz -o out.mp4 --audio silent.wav",
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_exit_code_2(case, run, tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline.VideoWriter, "write", lambda *_: pytest.fail("frames were rendered"))
    output = tmp_path / Path(BAD[case].split("-o ")[1].split()[0])
    if output.parent == tmp_path:
        output.write_bytes(b"earlier")
    code, out, err = run(BAD[case])
    assert code == 2 and out == ""
    assert err.startswith("vividlib: error: ") and err.count("\n") == 1 and err.endswith("\n")
    assert len(err) > 40, "the line says what to do"
    assert [path.read_bytes() for path in tmp_path.iterdir()] == ([b"earlier"] if output.parent == tmp_path else [])


@pytest.mark.parametrize(
    "line",
    [
        "animate absent.png absent.wav -o out.xyz",
        "reconstruct absent.png -o out.xyz",
        "speak absent.wav -o out.xyz",
        "track absent.mp4 -o out.xyz",
        "render absent.png absent.npz -o out.xyz",
        "convert absent.npz out.xyz",
        "convert absent.npz out.xyz --head absent.vrm",
    ],
)
def test_the_output_is_looked_at_before_the_inputs(line, run):
    code, _, err = run(line)
    assert code == 2 and ".xyz" in err


def test_the_size_of_a_texture_is_looked_at_before_the_photo(run):
    code, _, err = run("reconstruct absent.png -o out.glb --texture 9000")
    assert code == 2 and "9000" in err and "64 to 8192" in err


def test_a_texture_has_the_size_that_was_asked_for(run, tmp_path):
    trimesh = pytest.importorskip("trimesh")
    code, _, err = run("reconstruct photo.png -o out.glb --texture 96")
    assert (code, err) == (0, "")
    skin = next(iter(trimesh.load(tmp_path / "out.glb").geometry.values()))
    assert skin.visual.material.baseColorTexture.size == (96, 96)


def test_the_line_about_several_faces_says_how_to_choose(run):
    _, _, err = run(BAD["two faces"])
    assert "--face" in err and err.count("x=") == 2


def test_an_error_about_further_photos_says_which(run):
    _, _, err = run(BAD["reconstruct: two faces in the third"])
    assert "Photo 3 shows 2 faces" in err and "--face" not in err
    _, _, err = run(BAD["animate: no second photo"])
    assert "Photo 2: absent.png" in err


def test_further_photos_shape_the_head(run, tmp_path):
    assert run("reconstruct photo.png -o out1.glb")[0] == 0
    code, _, err = run("reconstruct photo.png --more covered.png photo.jpg -o out2.glb")
    assert code == 0 and "Photo 2" in err
    assert (tmp_path / "out1.glb").read_bytes() != (tmp_path / "out2.glb").read_bytes()


def test_a_poor_fit_is_one_line_of_warning(run, tmp_path):
    code, out, err = run("reconstruct covered.png -o out.glb --quiet")
    assert (code, out) == (0, "") and (tmp_path / "out.glb").exists()
    assert err.startswith("vividlib: warning: The face is partly covered") and err.count("\n") == 1


@pytest.mark.parametrize("face", [0, 1])
def test_one_of_several_faces_can_be_chosen(face, run, tmp_path):
    code, out, err = run(f"reconstruct two.png -o out.glb --face {face}")
    assert (code, err) == (0, "") and out.strip() == str(tmp_path / "out.glb")


@pytest.mark.parametrize("line", ["animate photo.png speech.wav -o out.mp4 --size 256", "speak speech.wav -o out.glb"])
def test_a_full_disk_keeps_what_was_there(line, run, tmp_path):
    output = tmp_path / line.split("-o ")[1].split()[0]
    output.write_bytes(b"earlier")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))
    try:
        code, _, err = run(line)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert code == 2 and err.count("\n") == 1 and "could not be written" in err
    assert list(tmp_path.iterdir()) == [output] and output.read_bytes() == b"earlier"


@pytest.mark.parametrize("suffix", ["csv", "glb", "usdc", "usdz", "json", "pc2", "obj", "bvh"])
def test_a_full_disk_keeps_the_earlier_motion(suffix, run, tmp_path):
    if suffix.startswith("usd"):
        pytest.importorskip("pxr", reason="usd-core is not installed")
    assert run("speak speech.wav -o out.npz")[0] == 0
    output = tmp_path / f"out.{suffix}"
    output.write_bytes(b"earlier")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        code, _, err = run(f"convert {tmp_path}/out.npz out.{suffix}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert code == 2 and "could not be written" in err
    assert output.read_bytes() == b"earlier" and {path.suffix for path in tmp_path.iterdir()} == {".npz", output.suffix}


def test_a_motion_goes_from_file_to_file(run, tmp_path):
    assert run("speak speech.wav -o out.csv")[0] == 0
    code, out, err = run(f"convert {tmp_path}/out.csv out.npz --fps 29.97")
    assert (code, out.strip(), err) == (0, str(tmp_path / "out.npz"), "")
    assert pipeline.load_motion(tmp_path / "out.npz").rate == pytest.approx(30000 / 1001)
    code, _, err = run(f"convert {tmp_path}/out.npz out.json --format rhubarb")
    assert code == 0 and all(line.startswith("vividlib: note: ") for line in err.splitlines()) and "mouth" in err
    assert run(f"convert {tmp_path}/out.npz out.json --format rhubarb --quiet") == (0, "", "")
    assert '"mouthCues"' in (tmp_path / "out.json").read_text()
    assert run(f"convert {tmp_path}/out.json out.glb")[0] == 0
    code, _, err = run(f"convert {tmp_path}/out.npz out.vrm --head {tmp_path}/out.glb")
    assert code == 2 and "onto a VRM" in err
    code, out, _ = run(f"convert {tmp_path}/out.npz out2.glb --head {tmp_path}/out.glb")
    assert code == 0 and out.strip() == str(tmp_path / "out2.glb")
    for wrong in ("--fps 0", "--fps nan", "--format livelnk", "--head absent.glb"):
        code, _, err = run(f"convert {tmp_path}/out.npz out3.glb {wrong}")
        assert code == 2 and err.count("\n") == 1 and not (tmp_path / "out3.glb").exists(), wrong


def test_every_command_does_its_work(run, tmp_path):
    assert run("speak speech.wav -o out.npz --seed 3")[0] == 0
    assert run("speak speech.wav -o out.csv --seed 3")[0] == 0
    line = f"render photo.png {tmp_path}/out.csv -o out.mp4 --audio speech.wav --size 64 --fps 5"
    code, out, err = run(line)
    assert (code, out.strip(), err) == (0, str(tmp_path / "out.mp4"), "")
    assert run("animate photo.png speech.wav -o out.mp4 --size 64 --fps 5 --quiet") == (0, "", "")


def test_controls_are_given_before_or_after_the_file(run, tmp_path):
    plain, raised = tmp_path / "out.npz", tmp_path / "out_raised.npz"
    assert run("speak speech.wav -o out.npz")[0] == 0
    assert (
        run("speak --gain jawOpen=0.5 --gain mouthClose=0 --offset browInnerUp=0.4 speech.wav -o out_raised.npz")[0]
        == 0
    )
    plain, raised = vv.load_motion(plain), vv.load_motion(raised)
    np.testing.assert_allclose(raised["jawOpen"], 0.5 * plain["jawOpen"], atol=1e-6)
    np.testing.assert_allclose(raised["browInnerUp"], np.minimum(plain["browInnerUp"] + 0.4, 1), atol=1e-6)
    assert not raised["mouthClose"].any()


@pytest.mark.parametrize(
    "option, name", [("", trained.DEFAULT), ("--networks none", None), ("--networks auto", "auto")]
)
def test_networks_are_asked_for_by_name(option, name, run, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(trained, "load_networks", asked.append)
    assert run("speak speech.wav -o out.npz")[0] == 0
    for words in ("animate photo.png speech.wav", f"render photo.png {tmp_path}/out.npz"):
        assert run(f"{words} -o out.mp4 --size 64 --fps 5 {option}")[0] == 0
    assert asked == [name, name]


def test_networks_that_do_not_exist_are_refused_with_the_names_there_are(run, capsys):
    with pytest.raises(SystemExit) as stopped:
        run("animate photo.png speech.wav -o out.mp4 --networks slow")
    assert stopped.value.code == 2 and "auto, fast and none" in capsys.readouterr().err


def test_a_rendered_video_can_be_tracked(run, tmp_path):
    assert run("animate photo.png speech.wav -o out.mp4 --size photo")[0] == 0
    assert run(f"track {tmp_path}/out.mp4 -o out.npz")[0] == 0
    tracked = pipeline.load_motion(tmp_path / "out.npz")
    assert len(tracked) == 25 and tracked.rate == 25
    spoken = pipeline.speak("speech.wav").resample(25)
    assert np.corrcoef(tracked["jawOpen"], spoken["jawOpen"])[0, 1] > 0.5
    options = "--head-strength 2 --gaze -10 5 --distance -0.02"
    for take in ("out.mp4", "out.npz"):  # a video is tracked
        code, _, err = run(f"speak speech.wav -o out2.npz --head-motion {tmp_path}/{take} {options}")
        assert (code, err) == (0, "")
        followed = vv.Controls(head=tracked, head_strength=2, gaze=np.radians([-10, 5]), distance=-0.02)
        asked, made = pipeline.speak("speech.wav", controls=followed), vv.load_motion(tmp_path / "out2.npz")
        for name in ("blendshapes", "head_rotation", "head_translation", "gaze"):
            np.testing.assert_allclose(getattr(made, name), getattr(asked, name), atol=1e-6)


def test_doctor_says_what_is_used_and_why(run):
    code, out, _ = run("doctor")
    assert code == 0
    for word in (
        "device:",
        "rasteriser:",
        "networks that mend frames:",
        "nvdiffrast",
        "head.npz: verified",
        "research and evaluation only",
    ):
        assert word in out


def test_an_interrupt_is_exit_code_130_and_leaves_nothing(run, tmp_path, monkeypatch):
    def interrupt(self, frame):
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline.VideoWriter, "write", interrupt)
    code, _, err = run("animate photo.png speech.wav -o out.mp4 --size 64")
    assert code == 130 and "Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_wrong_arguments_are_exit_code_2(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["animate"])
    assert stopped.value.code == 2 and "usage:" in capsys.readouterr().err


def test_progress_is_drawn_on_a_terminal_only(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    bars = cli._Bars(quiet=False)
    for done in range(3):
        bars("render", done, 2)
    bars.close()
    assert "render" in capsys.readouterr().err
    quiet = cli._Bars(quiet=True)
    quiet("render", 1, 2)
    quiet.close()
    assert capsys.readouterr().err == ""


def test_a_process_of_its_own_says_one_line_too(inputs, tmp_path):
    """The libraries below write to the real stderr, past Python: only a process shows it."""

    def run(*words):
        line = [sys.executable, "-m", "vividlib", *words]
        return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)

    done = run("animate", inputs / "noise.png", inputs / "speech.wav", "-o", tmp_path / "out.mp4")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("vividlib: error: No face") and done.stderr.count("\n") == 1
    done = run("animate", inputs / "photo.png", inputs / "speech.wav", "-o", tmp_path / "out.mp4")
    assert (done.returncode, done.stderr) == (0, "")
    done = run("track", tmp_path / "out.mp4", "-o", tmp_path / "out.npz")
    assert (done.returncode, done.stderr) == (0, "")
