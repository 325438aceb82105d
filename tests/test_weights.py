import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vividlib import weights
from vividlib.errors import WeightsError


@pytest.fixture
def assets(tmp_path, monkeypatch):
    """A folder of assets with one npz and one safetensors file, listed."""
    monkeypatch.setattr(weights, "ASSETS", tmp_path)
    np.savez(tmp_path / "head.npz", template=np.arange(6.0).reshape(2, 3), name=np.array("vivid"))
    save_file({"bias": torch.arange(3)}, tmp_path / "net.safetensors")
    names = ["head.npz", "net.safetensors"]
    assert weights.main([*names, "--licence", "CC0-1.0", "--card", "docs/head.md"]) == 0
    return tmp_path


def listed(folder):
    return json.loads((folder / "MANIFEST.json").read_text())


def test_paths_and_weights_come_back(assets):
    assert weights.load_weights("net.safetensors")["bias"].tolist() == [0, 1, 2]
    assert weights.asset_path("head.npz") == assets / "head.npz"


def test_one_changed_byte_is_caught(assets):
    data = bytearray((assets / "head.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (assets / "head.npz").write_bytes(data)
    with pytest.raises(WeightsError, match="checksum.*[Rr]einstall"):
        weights.asset_path("head.npz")


def test_a_changed_file_is_accepted_after_the_manifest_is_rewritten(assets):
    np.savez(assets / "head.npz", template=np.zeros(1))
    with pytest.raises(WeightsError, match="checksum"):
        weights.asset_path("head.npz")
    assert weights.main([]) == 0
    assert weights.asset_path("head.npz") == assets / "head.npz"
    assert listed(assets)["head.npz"]["licence"] == "CC0-1.0"
    assert listed(assets)["head.npz"]["card"] == "docs/head.md"


@pytest.mark.parametrize("name", ["voice.wav", "../setup.cfg", ""])
def test_what_is_not_listed_is_refused(assets, name):
    (assets / "voice.wav").write_bytes(b"RIFF")
    with pytest.raises(WeightsError, match="does not list"):
        weights.asset_path(name)


def test_a_listed_file_that_is_gone_is_named(assets):
    (assets / "head.npz").unlink()
    with pytest.raises(WeightsError, match="missing"):
        weights.asset_path("head.npz")


def test_a_missing_or_damaged_manifest_is_named(assets):
    (assets / "MANIFEST.json").write_text("{")
    with pytest.raises(WeightsError, match="damaged"):
        weights.asset_path("head.npz")
    (assets / "MANIFEST.json").unlink()
    with pytest.raises(WeightsError, match="missing"):
        weights.asset_path("head.npz")


def test_a_new_file_needs_licence_and_card(assets, capsys):
    (assets / "speech.wav").write_bytes(b"RIFF")
    before = listed(assets)
    assert weights.main(["speech.wav", "--licence", "CC0-1.0"]) == 2
    assert "--card" in capsys.readouterr().err
    assert listed(assets) == before
    assert weights.main(["nothing.npz"]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_every_asset_of_the_library_is_listed_and_whole():
    manifest = listed(weights.ASSETS)
    on_disk = {path.name for path in weights.ASSETS.iterdir() if path.suffix in (".npz", ".safetensors", ".wav")}
    assert on_disk == set(manifest)
    for name, entry in manifest.items():
        assert weights.asset_path(name).is_file()
        assert entry["licence"]
        assert (weights.ASSETS.parent / entry["card"]).is_file(), f"the card of {name} is missing"
