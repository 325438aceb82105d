"""Networks come from assets/ by name, are used where they are there, and can be done without."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vividlib import pipeline, weights
from vividlib.conventions import ARKIT_INDEX
from vividlib.errors import InputError, WeightsError
from vividlib.mesh_to_video import trained
from vividlib.mesh_to_video.network_sizes import FAST
from vividlib.mesh_to_video.networks import VideoNetworks
from vividlib.types import Motion

FILE, _ = trained.TRAINED["fast"]


@pytest.fixture
def assets(tmp_path, monkeypatch):
    """A copy of assets/ that has no networks."""
    for path in weights.ASSETS.iterdir():
        if path.name not in (FILE, weights.MANIFEST):
            (tmp_path / path.name).symlink_to(path)
    monkeypatch.setattr(weights, "ASSETS", tmp_path)
    names = [path.name for path in tmp_path.iterdir() if path.suffix in (".npz", ".safetensors", ".wav")]
    weights.update_manifest(tmp_path, names, "CC0-1.0", "docs/head.md")
    trained._loaded.cache_clear()
    yield tmp_path
    trained._loaded.cache_clear()


@pytest.fixture
def shipped(assets):
    """The same with networks that do something, in half precision."""
    torch.manual_seed(0)
    networks = VideoNetworks(FAST)
    for layer in (networks.motion.out, networks.motion.along, networks.generator.out):
        torch.nn.init.normal_(layer.weight, 0, 0.05)
    save_file({name: tensor.half() for name, tensor in networks.state_dict().items()}, assets / FILE)
    weights.update_manifest(assets, [FILE], "Apache-2.0", "docs/mesh_to_video.md")
    return assets


def frames(face, **how):
    motion = Motion(np.repeat(face.expression[None], 2, 0), gaze=np.repeat(face.gaze[None], 2, 0), rate=25)
    motion.blendshapes[1, ARKIT_INDEX["jawOpen"]] = 0.6
    return np.stack(list(pipeline.render(face, motion, size=128, **how)))


def test_without_weights_auto_is_photo_and_mesh_alone(assets, face):
    assert trained.chosen("auto") is None and trained.load_networks("auto") is None
    np.testing.assert_array_equal(frames(face, networks="auto"), frames(face, networks=None))
    with pytest.raises(WeightsError, match=FILE):
        frames(face, networks="fast")


def test_with_weights_auto_is_the_best_there_is(shipped, face):
    assert trained.chosen("auto") == "fast" and trained.chosen(None) is None
    mended = frames(face, networks="auto")
    np.testing.assert_array_equal(mended, frames(face, networks="fast"))
    still, opened = (mended != frames(face, networks=None)).any((1, 2, 3))
    assert opened and not still  # the photo's own motion is the photo


def test_what_is_shipped_is_used_unless_somebody_decides_otherwise(shipped, face):
    np.testing.assert_array_equal(frames(face), frames(face, networks=trained.DEFAULT))


def test_weights_are_read_once(shipped):
    networks = trained.load_networks("fast")
    (shipped / FILE).unlink()
    assert trained.load_networks("auto") is networks and not networks.training


@pytest.mark.parametrize("name", ["auto", "fast"])
def test_damaged_weights_are_never_passed_over(shipped, name):
    data = bytearray((shipped / FILE).read_bytes())
    data[-1] ^= 1
    (shipped / FILE).write_bytes(data)
    with pytest.raises(WeightsError, match="checksum"):
        trained.load_networks(name)


@pytest.mark.parametrize("name", ["slow", "", "none", "Fast"])
def test_a_name_of_nothing_is_refused_with_the_names_there_are(assets, name):
    with pytest.raises(InputError, match="auto, fast, or None"):
        trained.load_networks(name)


def test_torch_is_not_loaded_to_know_which():
    code = (
        "import sys; from vividlib.mesh_to_video import trained;"
        "trained.chosen('auto'), trained.load_networks(None); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
