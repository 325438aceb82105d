"""What phase one and two learn, of heads that follow a voice."""

import json
from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from vividlib.audio_to_mesh import head_sampler as runtime
from vividlib.audio_to_mesh import head_window
from vividlib.audio_to_mesh.features import MELS_PER_FRAME, relative_log_mel
from vividlib.audio_to_mesh.head_codebook import CODES, SHIFTS, TURNS, UNIT, PoseCodebook, coded
from vividlib.audio_to_mesh.head_sampler import LEVELS
from vividlib.audio_to_mesh.network import FRAMES_AHEAD
from vividlib.audio_to_mesh.splines import KNOT
from vividlib.conventions import MOTION_RATE, SAMPLE_RATE
from vividlib.training import head_sampler
from vividlib.training.clips import HEADS_LENT, HELD_OUT
from vividlib.training.examples import clip_mel
from vividlib.training.head_curves import coefficients
from vividlib.training.head_poses import MIRROR, PoseClip

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


@pytest.fixture(scope="module")
def courses(books):
    random = np.random.default_rng(0)
    return [head_sampler.course(one, books, np.array([5, 10, 20, 30.0]), random) for one in CLIPS]


def test_the_codebook_follows_heads_for_seconds(books):
    untrained = PoseCodebook(CODES[0])
    untrained.codes.normal_()
    curve = torch.from_numpy(coefficients(clip(99).poses)[None, :, TURNS])
    errors = []
    for book in (books[0], untrained):
        _, decoded = coded(book, curve)
        errors.append(float((decoded - curve[:, : decoded.shape[1]]).square().mean().sqrt()))
    assert errors[0] < 0.5 < errors[1]  # UNITs; the head bows by 5


def test_nobody_held_out_is_learned_from(courses, books, monkeypatch, tmp_path):
    clips = [replace(CLIPS[0], speaker=speaker) for speaker in ("somebody", *sorted(HELD_OUT))]
    asked = Mock(side_effect=lambda known, part, codes, steps, seed: PoseCodebook(codes))
    monkeypatch.setattr(head_codebook, "read", lambda folders: clips)
    monkeypatch.setattr(head_codebook, "learn", asked)
    head_codebook.train([], tmp_path)
    assert all([clip.speaker for clip in call.args[0]] == ["somebody"] for call in asked.call_args_list)

    made, batches = [], head_sampler.Batches
    monkeypatch.setattr(head_sampler, "Batches", lambda own, *rest: made.append(own) or batches(own, *rest))
    stranger, check = min(head_sampler.STRANGERS), head_sampler.CHECK[0]
    everybody = [replace(courses[0], speaker=speaker) for speaker in ("somebody", *HEADS_LENT, stranger, check)]
    head_sampler.learn(everybody, books, ["neutral"], steps=1)
    assert [{one.speaker for one in own} for own in made] == [{"somebody", *HEADS_LENT}, {check}, {stranger}]


def test_levels_part_slow_from_fast():
    edges = head_sampler.level_edges(CLIPS)
    assert len(edges) == LEVELS - 1 and (np.diff(edges) > 0).all()
    doubled = head_sampler.speeds(2 * coefficients(CLIPS[0].poses))
    np.testing.assert_allclose(doubled, 2 * head_sampler.speeds(coefficients(CLIPS[0].poses)))
    # Who was filmed for nine times as long counts three times as much as another.
    slow, fast = (
        replace(CLIPS[0], speaker=name, poses=size * CLIPS[0].poses) for name, size in (("a", 0.01), ("b", 1))
    )
    below = [(head_sampler.level_edges([slow, *[fast] * many]) < 0.5).mean() for many in (1, 9)]
    assert below == [0.5, 0.25]


def test_batches_are_the_same_for_a_seed_and_step_and_hear_what_the_head_did(courses):
    batches = [head_sampler.Batches(courses, ["neutral"], seed) for seed in (0, 0, 1)]
    one, same, other = (own.at(3) for own in batches)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert one["sound"].shape != other["sound"].shape or not torch.equal(one["sound"], other["sound"])
    # The louder, the more the head has bowed a little later.
    loud, bowed = one["sound"].mean(-1), one["last"][:, :, 1, 0]
    together = np.corrcoef(loud[:, :-3].flatten(), bowed[:, 3:].flatten())[0, 1]
    assert together > 0.5


def only(one: head_sampler.Course, copy: int) -> head_sampler.Course:
    """One of the copies of a clip."""
    return replace(
        one, **{name: getattr(one, name)[copy : copy + 1] for name in ("phase", "rest", "codes", "last", "level")}
    )


@pytest.mark.parametrize("phase", head_sampler.PHASES)
def test_a_window_is_learned_with_the_sound_that_a_stream_draws_it_by(courses, monkeypatch, phase):
    """Whose windows begin ``phase`` frames before the clip, as if there had been so much silence before."""
    number = next(number for number, one in enumerate(CLIPS) if not one.voiced[:10].any())  # loudest where both hear
    one, course = CLIPS[number], only(courses[number], phase)
    row = head_sampler._row(course, course.windows, np.random.default_rng(0))
    learned = head_sampler.sound_of(head_sampler.relative_log_mel(row["mel"][None]))[0]

    mel = F.pad(clip_mel(one.samples, len(one.poses)), (0, 0, MELS_PER_FRAME * phase, MELS_PER_FRAME * FRAMES_AHEAD))
    relative, heard, state = relative_log_mel(mel[None])[0], [], runtime.begin()
    runtime.load_windows()  # which calls it, too

    def spy(weights, memory, sounds, conditions, last, latents, *others):
        heard.extend(sounds)
        return np.zeros((len(sounds), 6)), last, latents

    monkeypatch.setattr(head_window, "course", spy)
    frames, anything = phase + len(one.poses), np.zeros(runtime.WIDTH, np.float32)
    runtime.step(
        state, 0, relative[MELS_PER_FRAME * FRAMES_AHEAD :], np.ones(frames), 2, anything, -np.ones(6), np.ones(6)
    )
    assert course.windows > 60
    heard, learned = np.array(heard)[1:61], learned[1:60].numpy()
    np.testing.assert_allclose(learned, heard[:-1], atol=0.02)
    assert np.abs(learned - heard[1:]).mean() > 0.1  # the next window's is another


def test_what_a_window_is_learned_from_is_what_came_before_it(books, courses):
    for one in courses[:3]:
        for part, (book, own) in enumerate(zip(books, (TURNS, SHIFTS))):
            with torch.inference_mode():
                after = book.decode(one.last[..., own], book.codes[one.codes[..., part]])
            np.testing.assert_allclose(after[:, :-1], one.last[:, 1:, 1, own], atol=1e-4)
            np.testing.assert_array_equal(one.last[:, 1:, 0], one.last[:, :-1, 1])
        for copy, start in ((0, 0), (1, 1), (5, 7)):
            row = head_sampler._row(one, 20, Mock(integers=Mock(side_effect=(copy, start))))
            np.testing.assert_array_equal(row["codes"], one.codes[copy, start : start + 20])
            np.testing.assert_array_equal(row["before"][1:], one.codes[copy, start : start + 19])
            assert (row["before"][0] == (one.codes[copy, start - 1] if start else -1)).all()


def test_half_of_a_course_is_seen_in_a_mirror(books, monkeypatch):
    monkeypatch.setattr(head_sampler, "LARGER", (1, 1))
    monkeypatch.setattr(head_sampler, "UNLIKE", 0)
    clip = replace(CLIPS[0], rest=np.array([0.1, 0.2, 0.3], np.float32))
    one = head_sampler.course(clip, books, np.array([5, 10, 20, 30.0]), np.random.default_rng(0))
    assert len(one.rest) == 2 * len(head_sampler.PHASES) and one.phase.tolist() == 2 * [*head_sampler.PHASES]
    own, mirrored = (
        (rest.numpy().mean(0), last[..., 0, :].numpy().mean((0, 1)))
        for rest, last in zip(one.rest.chunk(2), one.last.chunk(2))
    )
    np.testing.assert_allclose(mirrored[0], own[0] * MIRROR[:3])
    np.testing.assert_allclose(mirrored[1], own[1] * MIRROR, atol=0.2)


def test_the_level_of_a_window_is_the_speed_of_its_own_step(books, monkeypatch):
    monkeypatch.setattr(head_sampler, "SPEEDS", KNOT / MOTION_RATE)
    edges = np.array([2, 5, 10, 20.0])
    one = head_sampler.course(CLIPS[0], books, edges, np.random.default_rng(0))
    speed = np.degrees(one.last.diff(dim=2)[:, 1:, 0, :3].norm(dim=-1).numpy() * UNIT[0]) * MOTION_RATE / KNOT
    same = [
        (np.digitize(speed, edges) == one.level[:, :-1].numpy())[:, 1:-1].mean(),
        (np.digitize(speed, edges)[:, 1:] == one.level[:, :-2].numpy()).mean(),
        (np.digitize(speed, edges)[:, :-1] == one.level[:, 1:-1].numpy()).mean(),
    ]
    assert same[0] > max(same[1:]) + 0.05


def test_a_batch_holds_the_deaf_the_neutral_and_those_whose_voice_is_anothers(courses, monkeypatch):
    monkeypatch.setattr(head_sampler, "ELSEWHERE", ("person3",))
    long = [replace(one, speaker=f"long{number}") for number, one in enumerate(courses[:2])]
    short = [
        replace(one, codes=one.codes[:, :20], last=one.last[:, :20], level=one.level[:, :20]) for one in courses[2:]
    ]
    batches = head_sampler.Batches(long + short, ["neutral", "person1", "person2", "long0"], 0)
    assert batches.chance[:2].sum() == pytest.approx(head_sampler.LONG_SHARE)
    assert batches.chance.sum() == pytest.approx(1)
    made = [batches.at(step) for step in range(20)]
    known, style = (torch.cat([one[name] for one in made]) for name in ("known", "style"))
    elsewhere = batches.chance[[one.speaker == "person3" for one in batches.courses]].sum()
    assert (~known).float().mean() == pytest.approx(1 - (1 - elsewhere) * (1 - head_sampler.DEAF_SHARE), abs=0.06)
    monkeypatch.setattr(head_sampler, "ELSEWHERE", ())
    known = torch.cat([batches.at(step)["known"] for step in range(20)])
    assert (~known).float().mean() == pytest.approx(head_sampler.DEAF_SHARE, abs=0.05)
    assert 0.5 < (style == 0).float().mean() < 0.9 and set(style.tolist()) == {0, 1, 2, 3}


def test_the_sampler_learns_that_heads_follow_the_voice(books, courses, monkeypatch):
    monkeypatch.setattr(head_sampler, "WINDOWS", 512)
    monkeypatch.setattr(head_sampler, "CHECK", ("person3",))
    monkeypatch.setattr(head_sampler, "STRANGERS", ("person2",))
    sampler, log = head_sampler.learn(courses, books, ["neutral", "person0", "person3", "elsewhere"], steps=120)
    assert sampler.styles.weight.detach().any(1).tolist() == [False, True, False, False]  # who is met has a style
    assert log[-1]["strangers"]["heard"] < log[-1]["strangers"]["deaf"] - 0.05
    assert log[-1]["strangers"]["heard"] < log[0]["strangers"]["heard"]
    json.dumps(log)
