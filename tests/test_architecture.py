"""The house rules that a reader relies on: who imports whom, what is public, what the README says."""

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import vividlib
from vividlib import cli

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "vividlib"
ORDER = [
    "conventions", "errors", "types", "weights", "backend", "geometry", "media", "head", "reconstruction",
    "audio_to_mesh", "mesh_to_video", "export", "live", "metrics", "training", "pipeline", "checkup", "demo", "cli",
]  # fmt: skip


def _modules():
    return sorted(PACKAGE.rglob("*.py"))


def _room(path: Path) -> str:
    """conventions, geometry, ...; ``""`` for the package itself."""
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "" if first in ("__init__", "__main__") else first


def _imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module] if node.module != "vividlib" else [f"vividlib.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        rooms |= {name.split(".")[1] for name in names if name.startswith("vividlib.")}
    return rooms & set(ORDER)


def test_every_module_has_its_place():
    assert {_room(path) for path in _modules()} - {""} == set(ORDER)


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_downwards_only(path):
    room = _room(path)
    if room == "":
        return  # the door: it names what is inside
    imported = _imported_rooms(path) - {room}
    above = [other for other in imported if ORDER.index(other) > ORDER.index(room)]
    assert not above, f"{room} imports {above}, which stand above it"
    stages = {"audio_to_mesh", "mesh_to_video"}
    assert not (room in stages and imported & stages), "the two stages never import each other"


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_is_unpickled_and_no_error_is_swallowed_whole(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert ast.unparse(node.value) == "False"
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            assert not {"pickle", "joblib"} & {alias.name for alias in node.names}
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
            assert "weights_only=True" in ast.unparse(node)
        if isinstance(node, ast.ExceptHandler):
            caught = "" if node.type is None else ast.unparse(node.type)
            reraised = any(isinstance(inner, ast.Raise) and inner.exc is None for inner in ast.walk(node))
            assert reraised or caught not in ("", "Exception", "BaseException")


def test_loading_the_pipeline_does_not_hide_a_function_behind_the_package_of_its_name():
    code = "import vividlib as vv; vv.animate; print(type(vv.reconstruct), *[getattr(vv, name) for name in vv.__all__])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("<class 'function'>")


def test_public_names():
    assert sorted(vividlib.__all__) == [
        "Cancelled", "Controls", "Face", "FitWarning", "HeadModel", "Motion", "Performer", "Portrait", "Progress", "Speech",
        "VividError", "__version__", "animate", "carry_mood", "doctor", "live", "load_head", "load_motion", "load_speech",
        "reconstruct", "render", "save_face", "save_motion", "speak", "track",
    ]  # fmt: skip
    with pytest.raises(AttributeError):
        _ = vividlib.nonsense


def test_import_loads_nothing_heavy():
    code = "import sys, vividlib, vividlib.cli; print([m for m in ('torch', 'mediapipe', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _documents():
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("path", _documents(), ids=lambda path: path.name)
def test_commands_in_the_documents_are_commands(path):
    commands = re.findall(r"^\s*(?:\$ )?vividlib (.+)$", path.read_text("utf-8"), re.MULTILINE)
    assert commands or path.name != "README.md"
    for command in commands:
        given = cli.parser().parse_args(shlex.split(command, comments=True))
        assert callable(given.run)


def test_python_in_the_readme_uses_what_there_is():
    for block in re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "vv":
                assert node.attr in vividlib.__all__


def test_the_readme_names_every_command():
    text = (ROOT / "README.md").read_text("utf-8")
    for action in cli.parser()._subparsers._group_actions:
        for command in action.choices:
            assert f"| `{command}` |" in text


def test_links_between_documents_lead_somewhere():
    for document in _documents():
        for target in re.findall(r"\]\(([^)#]+)", document.read_text("utf-8")):
            if "://" not in target and target != "docs/demo.gif":
                assert (document.parent / target).exists(), f"{document.name}: {target}"
