import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from vividlib.audio_to_mesh.network import FRAMES_AHEAD, OFFSETS, SPOKEN, Heard, SpeechNetwork
from vividlib.audio_to_mesh.upper import BLINK_INDEX as BLINKS
from vividlib.head import model
from vividlib.training import clips, examples, train
from vividlib.training.__main__ import main
from vividlib.training.examples import lip_moves, parting


@pytest.fixture
def folder(tmp_path):
    """Clips of noise from three people whose mouths follow its loudness."""
    random = np.random.default_rng(0)
    pattern = random.normal(0, 1e-3, (40, 3))
    for number in range(12):
        loud = np.repeat(random.uniform(0, 1, 12), 10)
        blendshapes = np.zeros((120, 52), np.float32)
        blendshapes[:, 17] = loud / 2
        blendshapes[:, 41:45] = random.uniform(0, 0.3, (12, 4)).repeat(10, 0)  # brows
        begins = int(random.integers(20, 90))
        for eye in BLINKS:
            blendshapes[begins : begins + 12, eye] = np.hanning(12)
        samples = random.normal(0, 0.1, 120 * 320) * np.repeat(loud, 320)
        clips.save(tmp_path / "clips", f"clip{number}", clips.Clip(
            speaker=f"person{number % 3}", tracked=True, samples=samples.astype(np.float32), blendshapes=blendshapes,
            voiced=np.ones(120, np.float32), lip_offsets=(random.normal(size=(120, 1, 1)) * pattern).astype(np.float32),
            head_rotation=np.tile([0, 0, 0, 1], (120, 1)), head_translation=np.zeros((120, 3)),
            gaze=random.normal(0, 0.1, (6, 2)).repeat(20, 0),
            identity=np.zeros(80), phones=(),
        ))  # fmt: skip
    return tmp_path


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(examples, "BATCH", 3)
    monkeypatch.setattr(examples, "WINDOW", 40)
    monkeypatch.setattr(train, "SAVE_EVERY", 2)


def test_an_interrupted_training_continues_to_the_same_weights(folder, monkeypatch):
    train.train([folder / "clips"], folder / "whole", steps=4)
    save = train.save

    def save_and_stop(*arguments):
        save(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(train, "save", save_and_stop)
        train.train([folder / "clips"], folder / "parts", steps=4)
    train.train([folder / "clips"], folder / "parts", steps=4)
    whole, parts = (load_file(folder / name / "audio_to_mesh.safetensors") for name in ("whole", "parts"))
    assert all((whole[name] == parts[name]).all() for name in whole)
    assert [row["step"] for row in json.loads((folder / "parts" / "losses.json").read_text())] == [2, 4]
    SpeechNetwork.from_weights(whole)


def losses_of(folder, change, **known):
    """The losses where the network gives the truth, changed; ``known`` replaces fields of the truth."""
    head = model.load()
    found = examples.read_examples([folder / "clips"], head)
    moves = lip_moves(head)
    network = train.build(found, 4, moves, parting())
    batch = examples.Batches(found, seed=0).at(0)
    late = {
        name: torch.roll(getattr(batch, name), FRAMES_AHEAD, 1) for name in ("curves", "offsets", "closed", "voiced")
    }
    shares = late["offsets"] @ torch.linalg.pinv(1000 * network.basis.flatten(1))
    certain = {name: 40 * late[name] - 20 for name in ("closed", "voiced")}
    heard = Heard(
        torch.logit(late["curves"].clamp(1e-6, 1 - 1e-6)), certain["voiced"], certain["closed"],
        torch.zeros_like(batch.closed), shares, torch.zeros(3, 40, 1),
    )  # fmt: skip
    sounds = torch.zeros(3, 40, len(examples.CLASSES))
    return train.Losses(network, found, moves)(change(heard), sounds, replace(batch, **known))


def test_the_truth_costs_nothing_at_the_lips_and_every_fault_costs(folder):
    truth = losses_of(folder, lambda heard: heard)
    assert truth["curves"] < 1e-4 and truth["velocity"] < 0.01
    jaw = SPOKEN.index("jawOpen")

    def wider(heard):
        shapes = heard.shapes.clone()
        shapes[..., jaw] += 1
        return heard._replace(shapes=shapes)

    assert losses_of(folder, wider)["lips"] > truth["lips"] + 0.05
    assert losses_of(folder, wider, closed=torch.ones(3, 40))["closure"] > 0.01

    def trembling(heard):
        return heard._replace(shapes=heard.shapes + (torch.arange(40) % 2).view(1, -1, 1))

    assert losses_of(folder, trembling)["velocity"] > truth["velocity"] + 0.05
    assert losses_of(folder, lambda h: h._replace(voice=-h.voice))["voice"] > 1
    assert losses_of(folder, lambda h: h._replace(closed=-h.closed))["closed"] > 1
    other = losses_of(folder, lambda h: h._replace(offsets=h.offsets + torch.eye(OFFSETS)[0]))
    assert other["lips"] > truth["lips"]


def test_the_teeth_cost_only_where_the_sounds_are_known(folder):
    def bites(heard):
        return heard._replace(bitten=heard.bitten + 20)

    unknown, never = torch.full((3, 40), torch.nan), torch.zeros(3, 40)
    assert losses_of(folder, bites, bitten=unknown)["bitten"] == 0
    assert losses_of(folder, bites, bitten=never)["bitten"] > 1


def test_the_network_is_told_what_parts_the_lips_of_the_default_head(folder):
    head = model.load()
    found = examples.read_examples([folder / "clips"], head)
    network = train.build(found, 4, lip_moves(head), parting())
    assert network.opening[SPOKEN.index("jawOpen")] > 10 and network.opening[SPOKEN.index("mouthClose")] < -10
    shapes = torch.zeros(len(SPOKEN))
    shapes[SPOKEN.index("jawOpen")] = 0.2
    moved = shapes @ lip_moves(head)
    assert float(moved @ parting()) == pytest.approx(float(shapes @ network.opening), rel=1e-5)


def test_no_clips_no_training(tmp_path, capsys):
    assert main(["train", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "prepare" in capsys.readouterr().err


def test_a_tool_that_is_not_installed_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "vividlib.training.prepare", None)  # as if one of its imports failed
    assert main(["prepare", str(tmp_path), str(tmp_path)]) == 2
    assert "vividlib[training]" in capsys.readouterr().err
