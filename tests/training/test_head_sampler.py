"""What phase one and two learn, of heads that follow a voice."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from vividlib.audio_to_mesh.head_codebook import CODES, SHIFTS, TURNS, UNIT, PoseCodebook, coded
from vividlib.audio_to_mesh.head_sampler import LEVELS
from vividlib.conventions import MOTION_RATE, SAMPLE_RATE
from vividlib.training import head_sampler
from vividlib.training.head_curves import coefficients
from vividlib.training.head_poses import PoseClip

pytest.importorskip("vector_quantize_pytorch", reason="phase one needs vector-quantize-pytorch: vividlib[training]")
from vividlib.training import head_codebook

SECONDS = 6


def clip(number: int) -> PoseClip:
    """A head that bows while a noise is loud."""
    random = np.random.default_rng(number)
    frames = SECONDS * MOTION_RATE
    loud = np.repeat(random.integers(0, 2, 12), frames // 12).astype(np.float32)
    late = np.convolve(loud, np.hanning(27) / np.hanning(27).sum())[:frames]
    poses = np.zeros((frames, 6), np.float32)
    poses[:, 0] = 0.1 * late
    poses[:, 1:] = 0.2 * UNIT[1:] * np.cumsum(random.normal(size=(frames, 5)), 0) / 7
    samples = random.normal(0, 0.1, frames * SAMPLE_RATE // MOTION_RATE) * np.repeat(loud + 0.01, 320)
    return PoseClip(
        f"clip{number}", f"person{number % 4}", samples.astype(np.float32), loud, np.zeros(3, np.float32), poses
    )


CLIPS = [clip(number) for number in range(16)]


@pytest.fixture(scope="module")
def books() -> nn.ModuleList:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(head_codebook, "BATCH", 32)
        return nn.ModuleList(
            head_codebook.learn(CLIPS, part, codes, steps=240) for part, codes in zip((TURNS, SHIFTS), CODES)
        )


def test_the_codebook_follows_heads_for_seconds(books):
    untrained = PoseCodebook(CODES[0])
    untrained.codes.normal_()
    curve = torch.from_numpy(coefficients(clip(99).poses)[None, :, TURNS])
    errors = []
    for book in (books[0], untrained):
        _, decoded = coded(book, curve)
        errors.append(float((decoded - curve[:, : decoded.shape[1]]).square().mean().sqrt()))
    assert errors[0] < 0.5 < errors[1]  # UNITs; the head bows by 5


def test_levels_part_slow_from_fast():
    edges = head_sampler.level_edges(CLIPS)
    assert len(edges) == LEVELS - 1 and (np.diff(edges) > 0).all()
    doubled = head_sampler.speeds(2 * coefficients(CLIPS[0].poses))
    np.testing.assert_allclose(doubled, 2 * head_sampler.speeds(coefficients(CLIPS[0].poses)))


def test_batches_are_the_same_for_a_seed_and_step_and_hear_what_the_head_did(books):
    random = np.random.default_rng(0)
    courses = [head_sampler.course(one, books, np.array([5, 10, 20, 30.0]), random) for one in CLIPS]
    batches = [head_sampler.Batches(courses, ["neutral"], seed) for seed in (0, 0, 1)]
    one, same, other = (own.at(3) for own in batches)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert one["sound"].shape != other["sound"].shape or not torch.equal(one["sound"], other["sound"])
    # The louder, the more the head has bowed a little later.
    loud, bowed = one["sound"].mean(-1), one["last"][:, :, 1, 0]
    together = np.corrcoef(loud[:, :-3].flatten(), bowed[:, 3:].flatten())[0, 1]
    assert together > 0.5


def test_the_sampler_learns_that_heads_follow_the_voice(books, monkeypatch):
    monkeypatch.setattr(head_sampler, "WINDOWS", 512)
    monkeypatch.setattr(head_sampler, "CHECK", ("person3",))
    monkeypatch.setattr(head_sampler, "STRANGERS", ("person2",))
    random = np.random.default_rng(0)
    courses = [head_sampler.course(one, books, np.array([5, 10, 20, 30.0]), random) for one in CLIPS]
    _, log = head_sampler.learn(courses, books, ["neutral", "person0", "person1"], steps=120)
    assert log[-1]["strangers"]["heard"] < log[-1]["strangers"]["deaf"] - 0.05
    assert log[-1]["strangers"]["heard"] < log[0]["strangers"]["heard"]
    json.dumps(log)
