"""Every example runs as it is told to in its first line."""

import re
import runpy
import sys
from pathlib import Path

import pytest
import soundfile
from PIL import Image

from vividlib.weights import asset_path

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))
MADE = {
    "01_animate": {"out.mp4"},
    "02_stages": {"face.glb", "take.csv", "take.glb", "out.mp4"},
    "03_puppet": {"out.mp4"},
    "04_progress": {"out.mp4"},
    "05_live": set(),
}


@pytest.fixture(scope="module")
def inputs(astronaut, tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    Image.fromarray(astronaut).resize((256, 256)).save(folder / "photo.png")
    samples, rate = soundfile.read(asset_path("speech.wav"))
    soundfile.write(folder / "speech.wav", samples[: rate // 2], rate)
    return folder


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example(path, inputs, tmp_path, monkeypatch, request):
    if path.stem == "03_puppet":
        import vividlib as vv

        vv.save_motion(vv.speak(inputs / "speech.wav"), tmp_path / "take.csv")
    usage = re.search(r"python examples/(.+?\.py) (.+?)(?:\"\"\")?$", path.read_text(), re.MULTILINE)
    assert usage[1] == path.name
    places = {
        "PHOTO": inputs / "photo.png", "SPEECH": inputs / "speech.wav", "OUTPUT.mp4": tmp_path / "out.mp4",
        "FOLDER": tmp_path, "VIDEO_OR_TAKE": tmp_path / "take.csv", "ADDRESS": "livelink://127.0.0.1:9",
    }  # fmt: skip
    arguments = [str(places[word]) for word in usage[2].split() if not word.startswith("[")]
    monkeypatch.setattr(sys, "argv", [str(path), *arguments])
    runpy.run_path(str(path), run_name="__main__")
    assert MADE[path.stem] <= {made.name for made in tmp_path.iterdir()}


def test_the_example_that_stops_writes_nothing(inputs, tmp_path, monkeypatch, capsys):
    path = next(path for path in EXAMPLES if path.stem == "04_progress")
    arguments = [inputs / "photo.png", inputs / "speech.wav", tmp_path / "out.mp4", 0]
    monkeypatch.setattr(sys, "argv", [str(path), *map(str, arguments)])
    runpy.run_path(str(path), run_name="__main__")
    assert "Nothing was written" in capsys.readouterr().out and not list(tmp_path.iterdir())
