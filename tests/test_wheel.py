"""An installed wheel needs nothing of the checkout: it carries its assets and makes a video from them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = ("vividlib", "assets", "setup.cfg", "pyproject.toml", "README.md", "LICENSE", "NOTICE")

DEMO = """
import sys
from pathlib import Path
import skimage.data
import vividlib as vv
from vividlib import weights

home = Path(sys.argv[1])
assert Path(vv.__file__).is_relative_to(home), vv.__file__
assert weights.ASSETS.is_relative_to(home), weights.ASSETS
for name in weights.manifest():
    weights.asset_path(name)
speech = vv.load_speech(weights.asset_path("speech.wav"))
vv.animate(skimage.data.astronaut(), vv.Speech(speech.samples[:8000]), "out.mp4", size=64, fps=10)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheel, built from a copy of the sources and unpacked into an empty folder."""
    folder = tmp_path_factory.mktemp("wheel")
    source, target = folder / "source", folder / "target"
    source.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--no-index"]
    subprocess.run([*pip, "wheel", *options, "--no-build-isolation", "-w", folder, source], check=True)
    wheel = next(folder.glob("vividlib-*.whl"))
    subprocess.run([*pip, "install", *options, "--target", target, wheel], check=True)
    return target


def test_the_wheel_carries_every_file(installed):
    for folder, inside in (
        (ROOT / "vividlib", installed / "vividlib"),
        (ROOT / "assets", installed / "vividlib/assets"),
    ):
        for path in folder.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert (inside / path.relative_to(folder)).is_file(), path
    licences = {path.name for path in installed.glob("vividlib-*.dist-info/licenses/*")}
    assert licences == {"LICENSE", "NOTICE"}


def test_the_wheel_makes_a_video_outside_the_checkout(installed, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(installed)}
    subprocess.run([sys.executable, "-c", DEMO, installed], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "out.mp4").stat().st_size > 1000
