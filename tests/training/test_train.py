import json

import numpy as np
import pytest
from safetensors.torch import load_file

from vividlib.audio_to_mesh.network import SpeechNetwork
from vividlib.errors import InputError
from vividlib.training import clips, train
from vividlib.training.__main__ import main


@pytest.fixture
def folder(tmp_path):
    """Clips of noise from three people whose mouths follow its loudness."""
    random = np.random.default_rng(0)
    for number in range(12):
        loud = np.repeat(random.uniform(0, 1, 12), 10)
        blendshapes = np.zeros((120, 52), np.float32)
        blendshapes[:, 17] = loud / 2
        samples = random.normal(0, 0.1, 120 * 320) * np.repeat(loud, 320)
        clips.save(tmp_path / "clips", f"clip{number}", clips.Clip(
            f"person{number % 3}", samples.astype(np.float32), blendshapes, np.ones(120, np.float32),
        ))  # fmt: skip
    return tmp_path


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(train, "BATCH", 3)
    monkeypatch.setattr(train, "WINDOW", 40)
    monkeypatch.setattr(train, "SAVE_EVERY", 2)


def test_clips_come_back_as_they_were_saved(folder):
    clip = clips.load(clips.path(folder / "clips", "clip0"))
    assert clip.samples.shape == (38400,) and clip.blendshapes.shape == (120, 52)
    assert clip.speaker == "person0" and not list(folder.rglob("*partial*"))


def test_an_interrupted_training_continues_to_the_same_weights(folder, monkeypatch):
    train.train([folder / "clips"], folder / "whole", ["person2"], steps=4)
    save = train._save

    def save_and_stop(*arguments):
        save(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(train, "_save", save_and_stop)
        train.train([folder / "clips"], folder / "parts", ["person2"], steps=4)
    train.train([folder / "clips"], folder / "parts", ["person2"], steps=4)
    whole, parts = (load_file(folder / name / "audio_to_mesh.safetensors") for name in ("whole", "parts"))
    assert all((whole[name] == parts[name]).all() for name in whole)
    assert [row["step"] for row in json.loads((folder / "parts" / "losses.json").read_text())] == [2, 4]
    SpeechNetwork.from_weights(whole)


def test_people_held_out_are_not_learned_from(folder):
    learned, check, strangers = train.split(train.read_examples([folder / "clips"]), ["person2"])
    assert {e.speaker for e in strangers} == {"person2"} and len(strangers) == 4
    assert "person2" not in {e.speaker for e in learned + check}
    assert len(learned) + len(check) == 8 and not {e.name for e in learned} & {e.name for e in check}


def test_an_empty_folder_is_refused_with_advice(tmp_path, capsys):
    with pytest.raises(InputError, match="prepare"):
        train.read_examples([tmp_path])
    assert main(["prepare", str(tmp_path), str(tmp_path)]) == 2
    assert "videos" in capsys.readouterr().err
