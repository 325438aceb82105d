import numpy as np
import pytest
import torch

from vividlib.audio_to_mesh import head_window
from vividlib.audio_to_mesh.features import MEL_BANDS, MELS_PER_FRAME
from vividlib.audio_to_mesh.head_codebook import LATENT, POSE, SHIFTS, TURNS, UNIT, coded
from vividlib.audio_to_mesh.head_sampler import (
    BANDS,
    BRAKING,
    GUIDANCE,
    LEVELS,
    MEMORY,
    WIDTH,
    HeadSampler,
    begin,
    compiled_weights,
    load_sampler,
    load_windows,
    sound_of,
    step,
)
from vividlib.audio_to_mesh.splines import KNOT
from vividlib.conventions import MOTION_RATE

MINUTE = 60 * MOTION_RATE
WIDE = np.array([np.radians(15)] * 3 + [0.02, 0.015, 0.06])
NEUTRAL = np.zeros(WIDTH, np.float32)


def talking(frames: int) -> tuple[torch.Tensor, np.ndarray]:
    """Syllables of a noise in phrases of five seconds with pauses of one."""
    times = np.arange(frames * MELS_PER_FRAME) / (MOTION_RATE * MELS_PER_FRAME)
    voice = (times % 6) < 5
    loud = np.where(voice, np.abs(np.sin(4 * np.pi * times)), 0)
    bands = np.random.default_rng(0).uniform(0.3, 1, (len(times), MEL_BANDS))
    return torch.from_numpy(3 * loud[:, None] * bands - 2).float(), voice[::MELS_PER_FRAME].astype(np.float32)


def moved(heard, level=2, seed=0, limits=WIDE, sizes=()) -> np.ndarray:
    """Poses, made in chunks of the given sizes and a last one."""
    state, parts, first = begin(), [], 0
    for size in [*sizes, len(heard[1])]:
        stop = min(first + size, len(heard[1]))
        if stop > first:
            mel = heard[0][MELS_PER_FRAME * first : MELS_PER_FRAME * stop]
            state, poses = step(state, seed, mel, heard[1][first:stop], level, NEUTRAL, -limits, limits)
            parts.append(poses)
        first = stop
    return np.concatenate(parts)


def speed(poses: np.ndarray) -> float:
    return np.degrees(np.abs(np.diff(poses[:, :3], axis=0))).mean() * MOTION_RATE


@pytest.mark.parametrize("seed", range(2))
def test_chunks_of_any_size_give_the_same_head(seed):
    mel, _ = talking(MINUTE)
    heard = mel, (np.arange(MINUTE) // 120 % 2).astype(np.float32)  # pauses in which a head settles
    sizes = np.random.default_rng(seed).choice([1, 2, 3, 4, 50, 300], 40)
    for chunks in (sizes, np.minimum(sizes, 7).repeat(20)):
        assert np.array_equal(moved(heard, level=4, seed=seed, sizes=chunks), moved(heard, level=4, seed=seed))


def test_a_state_can_be_used_twice():
    (mel, voice), state = talking(MINUTE), begin()
    given = mel[: MELS_PER_FRAME * 300], voice[:300], 2, NEUTRAL, -WIDE, WIDE
    state, _ = step(state, 0, *given)
    once, again = (step(state, 0, *given)[1] for _ in range(2))
    assert np.array_equal(once, again)


def test_seeds_differ_and_a_seed_repeats():
    heard = talking(MINUTE // 2)
    one, again, other = (moved(heard, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(one, again)
    assert np.degrees(np.abs(one - other)[:, :3]).mean() > 1


@pytest.mark.parametrize("share", (1, 0.2))
def test_nothing_leaves_the_limits_and_what_is_left_is_used(share):
    poses = moved(talking(5 * MINUTE), level=4, limits=share * WIDE)
    reached = np.abs(poses).max(0) / (share * WIDE)
    assert reached.max() <= 1 + 1e-6
    assert reached[:3].min() > 0.4


def test_levels_go_from_slow_to_fast():
    heard = talking(2 * MINUTE)
    speeds = [speed(moved(heard, level)) for level in range(LEVELS)]
    assert speeds[4] > 1.8 * speeds[0]
    assert speeds[3] > speeds[1]


def test_a_head_settles_where_nobody_speaks():
    mel, voice = talking(2 * MINUTE)
    silent = torch.full_like(mel, -2), np.zeros_like(voice)
    assert speed(moved(silent, level=3)) < 0.75 * speed(moved((mel, voice), level=3))


def test_a_head_comes_back_and_does_not_drift():
    poses = moved(talking(10 * MINUTE), level=2)
    minutes = poses.reshape(10, MINUTE, POSE)
    assert np.degrees(np.abs(minutes[:, :, :3].mean(1))).max() < 8
    assert np.degrees(np.abs(poses[:, :3].mean(0))).max() < 3
    assert np.degrees(minutes[5:, :, :3].std((0, 1))).max() < 8


def test_motion_has_no_steps():
    poses = np.degrees(moved(talking(2 * MINUTE), level=2)[:, :3])
    assert np.abs(np.diff(poses, axis=0)).max() < 2
    assert np.abs(np.diff(poses, 2, axis=0)).max() < 0.5


def test_the_codebooks_name_what_heads_do():
    times = np.arange(300) * KNOT / MOTION_RATE
    sizes = np.array([0.08, 0.1, 0.05, 0.008, 0.004, 0.01])
    poses = sizes * np.sin(2 * np.pi * np.outer(times, [0.4, 0.3, 0.5, 0.25, 0.3, 0.2]) + np.arange(6))
    curve = torch.from_numpy(poses / UNIT).float()[None]
    sampler = load_sampler()
    for book, part, most in ((sampler.turns, TURNS, np.radians(0.3)), (sampler.shifts, SHIFTS, 0.002)):
        codes, decoded = coded(book, curve[..., part])
        error = (decoded[0] - curve[0, : decoded.shape[1], part]).numpy() * UNIT[part]
        assert np.sqrt((error**2).mean()) < most
        assert len(np.unique(codes)) > 30


def test_one_window_compiled_is_the_network():
    """The oracle twin of `head_window`: PyTorch, over a stretch longer than the memory."""
    torch.manual_seed(0)
    sampler, count = HeadSampler(3).eval(), MEMORY + 20
    for part in (sampler.turns.codes, sampler.shifts.codes, sampler.turn.moves, sampler.turn.common):
        part.normal_()
    for block in sampler.blocks:
        torch.nn.init.normal_(block.bias, std=0.3)
    weights, memory = compiled_weights(sampler), head_window.Memory(*(part.copy() for part in begin().memory))
    sound, level = torch.randn(1, count, KNOT * BANDS), torch.randint(LEVELS, (1, count))
    last, latents = torch.randn(1, count, 2, POSE), torch.randn(1, count, 2 * LATENT)
    with torch.inference_mode():
        condition = sampler.condition(torch.tensor([1]), torch.randn(1, 3))
        features, _ = sampler(
            sound.expand(2, -1, -1), torch.tensor([True, False]), last.expand(2, -1, -1, -1),
            latents.expand(2, -1, -1), level.expand(2, -1), condition.expand(2, -1), sampler.nothing(2),
        )  # fmt: skip
        logits = sampler.turn(features).numpy()
    for window in range(count):
        x = head_window.given(
            weights, sound[0, window].numpy(), weights.levels[level[0, window]] + condition[0].numpy(),
            last[0, window].numpy(), latents[0, window].numpy(),
        )  # fmt: skip
        seen = head_window.features(weights.blocks, weights.norm, x, memory)
        np.testing.assert_allclose(seen, features[:, window], atol=1e-5)
        for row in range(2):
            np.testing.assert_allclose(head_window.logits(weights.turns, seen[row]), logits[row, window], atol=1e-4)


def test_one_window_drawn_is_what_the_network_expects_most():
    """The other half of the oracle: guidance, limits, shifts that know the turn, and decoding, with an empty nucleus."""
    torch.manual_seed(1)
    sampler = load_sampler()
    weights = compiled_weights(sampler)._replace(nucleus=0.0)
    wide, tight = torch.full((POSE,), 20.0), torch.full((POSE,), 1.0)
    held, unlike = 0, 0
    for number in range(40):
        room = tight if number % 2 else wide
        last = torch.randn(POSE).clamp(-0.8, 0.8) + torch.stack([torch.zeros(POSE), 0.3 * torch.randn(POSE)])
        sound, latents = torch.randn(1, 1, KNOT * BANDS) - 1, torch.randn(2 * LATENT)
        memory = head_window.Memory(*(part.copy() for part in begin().memory))
        after, chosen = head_window.following(
            weights, memory, sound[0, 0].numpy(), weights.levels[2], last.numpy(), latents.numpy(),
            -room.numpy(), room.numpy(), np.full(2, 0.5),
        )  # fmt: skip
        with torch.inference_mode():
            features, _ = sampler(
                sound.expand(2, -1, -1), torch.tensor([True, False]), last.expand(2, 1, -1, -1),
                latents.expand(2, 1, -1), torch.full((2, 1), 2), torch.zeros(2, WIDTH), sampler.nothing(2),
            )  # fmt: skip
            seen = features[:, 0]
            for book, choice, part, own in (
                (sampler.turns, sampler.turn, TURNS, slice(0, LATENT)),
                (sampler.shifts, sampler.shift, SHIFTS, slice(LATENT, None)),
            ):
                heard, deaf = choice(seen)
                ends = last[1, part] + BRAKING * (last[1, part] - last[0, part] + book.moves())
                outside = (ends.abs() >= room[part]).any(1)
                expected = ((1 - GUIDANCE) * deaf + GUIDANCE * heard).masked_fill(outside, -torch.inf)
                assert not outside.all()
                latent = book.codes[expected.argmax()]
                made = torch.minimum(book.decode(last[:, part], latent), room[part]).maximum(-room[part])
                np.testing.assert_allclose(chosen[own], latent, atol=1e-6)
                np.testing.assert_allclose(after[1, part], made, atol=1e-4)
                held += bool(outside[heard.argmax()])
                unlike += int(heard.argmax() != ((1 - GUIDANCE) * deaf + GUIDANCE * heard).argmax())
                seen = torch.cat([seen, latent.expand(2, -1)], 1)
        np.testing.assert_array_equal(after[0], last[1])
    assert held > 3 and unlike > 3  # limits and guidance did matter


def test_a_course_is_window_after_window():
    weights, rest, room, count = load_windows(), begin(), np.full(POSE, 20, np.float32), MEMORY + 5
    random = np.random.default_rng(0)
    sounds = random.normal(-1, 0.5, (count, KNOT * BANDS)).astype(np.float32)
    conditions, uniforms = weights.levels[random.integers(0, LEVELS, count)], random.random((count, 2))
    last, latents, found = rest.last, rest.latents, []
    for sound, condition, uniform in zip(sounds, conditions, uniforms):
        last, latents = head_window.following(
            weights, rest.memory, sound, condition, last, latents, -room, room, uniform
        )
        found.append(last[1])
    course, *state = head_window.course(
        weights, begin().memory, sounds, conditions, rest.last, rest.latents, -room, room, uniforms
    )
    assert np.array_equal(course, found)
    assert np.array_equal(state[0], last) and np.array_equal(state[1], latents)


def test_a_head_that_no_code_can_stop_is_held_at_the_limit():
    weights, rest, room = load_windows(), begin(), np.ones(POSE, np.float32)
    for way in (-1, 1):
        last = np.float32(way) * np.outer([-2, 0.9], np.ones(POSE)).astype(np.float32)
        after, _ = head_window.following(
            weights, rest.memory, np.zeros(KNOT * BANDS, np.float32), weights.levels[2], last, rest.latents, -room, room,
            np.full(2, 0.5),
        )  # fmt: skip
        assert (way * after[1]).max() == 1 and (way * after[1] == 1).sum() >= 3


def test_turns_and_shifts_are_drawn_by_numbers_of_their_own():
    weights, rest, room, drawn = load_windows(), begin(), np.full(POSE, 20, np.float32), {}
    for uniform in ((0.1, 0.1), (0.1, 0.9), (0.9, 0.1)):
        memory = head_window.Memory(*(part.copy() for part in rest.memory))
        drawn[uniform] = head_window.following(
            weights, memory, np.zeros(KNOT * BANDS, np.float32), weights.levels[2], rest.last, rest.latents, -room, room,
            np.array(uniform),
        )[1]  # fmt: skip
    one, shifted, turned = drawn.values()
    assert np.array_equal(one[:LATENT], shifted[:LATENT]) and not np.array_equal(one[LATENT:], shifted[LATENT:])
    assert not np.array_equal(one[:LATENT], turned[:LATENT])


def test_only_the_likeliest_codes_that_stay_inside_are_drawn():
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, 100).astype(np.float32)
    ends = random.uniform(-1, 1, (100, 3)).astype(np.float32)
    low, high = np.full(3, -0.8, np.float32), np.full(3, 0.8, np.float32)
    inside = (np.abs(ends) < 0.8).all(1)
    share = np.where(inside, np.exp(logits), 0) / np.exp(logits[inside]).sum()
    order = np.argsort(-share)
    nucleus = set(order[: np.searchsorted(share[order].cumsum(), 0.9) + 1].tolist())
    uniform = (np.arange(20000) + 0.5) / 20000
    found = np.array([head_window.drawn(logits, ends, low, high, 0.9, u) for u in uniform])
    assert set(found.tolist()) == nucleus
    counted = np.bincount(found, minlength=100) / len(found)
    np.testing.assert_allclose(counted[list(nucleus)], share[list(nucleus)] / share[list(nucleus)].sum(), atol=1e-3)
    back = head_window.drawn(logits, ends + 5, low, high, 0.9, 0.5)
    assert back == ends.max(1).argmin()


def test_sound_is_heard_window_by_window():
    mel = torch.randn(1, 3 * KNOT * MELS_PER_FRAME, MEL_BANDS)
    whole = sound_of(mel)
    assert whole.shape == (1, 3, KNOT * BANDS)
    assert torch.equal(whole[:, 1:2], sound_of(mel[:, KNOT * MELS_PER_FRAME : 2 * KNOT * MELS_PER_FRAME]))
