import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from vividlib.audio_to_mesh import nods
from vividlib.audio_to_mesh.controls import Controls
from vividlib.audio_to_mesh.features import MEL_BANDS, MELS_PER_FRAME
from vividlib.audio_to_mesh.head import EASE, Head
from vividlib.audio_to_mesh.limits import LARGEST, LEAST, Limits, limits_of
from vividlib.conventions import MOTION_RATE
from vividlib.types import Motion

MINUTE = 60 * MOTION_RATE
ANY = limits_of(None)
TIGHT = Limits(-LARGEST * [0.3, 0.3, 0.3, 0.3, 0.3, 0.3], LARGEST * [1, 0.4, 0.3, 0.3, 1, 1])


def take(size=0.15):
    times = np.arange(200) / 25
    poses = np.column_stack([np.sin((1 + axis / 4) * times) for axis in range(6)]) * ([size] * 3 + [size / 10] * 3)
    return Motion(np.zeros((200, 52)), Rotation.from_rotvec(poses[:, :3]).as_quat(), poses[:, 3:], rate=25)


KINDS = {"codebook": "codebook", "still": "still", "take": take()}


def heard(frames):
    """Loudness and voice: syllables in phrases."""
    times = np.arange(frames) / MOTION_RATE
    voice = ((times % 4) < 3).astype(np.float32)
    return 20 * voice * np.abs(np.sin(4 * np.pi * times)) - 40, voice


def moved(controls, frames=MINUTE, seed=0, limits=ANY, sizes=(), rest=(0, 0, 0)):
    """Poses (T, 6): rotation vector and translation, made in chunks of the given sizes and a last one."""
    loudness, voice = heard(frames)
    mel = torch.from_numpy(np.repeat(loudness, MELS_PER_FRAME)[:, None] / 20).float().expand(-1, MEL_BANDS)
    head, parts, first = Head(controls, limits, np.array(rest)), [], 0
    state = head.begin(seed)
    for size in [*sizes, frames]:
        if first >= frames:
            break
        part = slice(first, min(frames, first + size))
        state, rotation, translation = head.step(
            state, mel[MELS_PER_FRAME * part.start : MELS_PER_FRAME * part.stop], loudness[part], voice[part]
        )
        assert rotation.dtype == translation.dtype == np.float32
        parts.append(np.column_stack([Rotation.from_quat(rotation).as_rotvec(), translation]))
        first = part.stop
    return np.concatenate(parts)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(2))
def test_chunks_of_any_size_give_the_same_head(kind, seed):
    controls = Controls(head=KINDS[kind], distance=0.02)
    sizes = np.random.default_rng(seed).choice([1, 2, 3, 5, 50, 300], 60)
    assert np.abs(moved(controls, seed=seed, sizes=sizes) - moved(controls, seed=seed)).max() < 1e-6


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limits", [ANY, TIGHT], ids=["any", "tight"])
@pytest.mark.parametrize("distance", [-0.05, 0, 0.05])
def test_nothing_leaves_the_limits(kind, limits, distance):
    for size in (0.15, 2):
        head = take(size) if kind == "take" else kind
        poses = moved(Controls(head=head, head_strength=2, distance=distance), 3 * MINUTE, limits=limits)
        assert limits.share(poses).max() < 1 + 1e-6  # of float32
        assert kind == "still" or limits.share(poses).max(0)[:3].min() > 0.3  # and what is left is used


def test_a_photo_that_hardly_lets_heads_bow_does_not_hold_them_up():
    """Nods as deep as elsewhere would take more than all the way down, and the photo's own pose with it."""
    worst = Limits(-LARGEST * LEAST**2, LARGEST * LEAST**2)
    poses = moved(Controls(head_strength=2), 3 * MINUTE, limits=worst)
    assert worst.share(poses).max() < 1 + 1e-6
    pitch = poses[:, 0] / worst.high[0]
    assert abs(pitch.mean()) < 0.35 and pitch.max() > 0.4


def test_nods_are_laid_on_what_is_drawn(monkeypatch):
    nodding, step = moved(Controls()), nods.step
    monkeypatch.setattr(nods, "step", lambda *given: step(*given[:-1], 0.0))
    added = np.degrees(nodding - moved(Controls()))
    assert 0.5 < added[:, 0].max() < np.degrees(nods.DEPTH) and added[:, 0].min() > -1e-4  # down
    assert np.abs(added[:, 1:]).max() < 1e-4


def test_levels_of_speed_are_heard():
    slow, fast = (np.abs(np.diff(moved(Controls(head_speed=speed))[:, :3], axis=0)).mean() for speed in (1, 5))
    assert fast > 1.5 * slow


def test_heads_move_in_their_style_and_by_how_the_photo_shows_them():
    plain = moved(Controls())
    unmet = 1  # the synthetic voices have no head
    for same in (Controls(style=unmet), Controls(style=2, style_strength=0)):
        assert np.array_equal(moved(same), plain)
    for other in (moved(Controls(style=2)), moved(Controls(), rest=(0.1, 0.4, 0))):
        assert np.degrees(np.abs(other - plain)[:, :3]).mean() > 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_every_head_begins_in_the_pose_of_the_photo_and_never_jumps(kind):
    for seed in range(5):
        poses = moved(Controls(head=KINDS[kind], distance=-0.05), seed=seed)
        assert np.degrees(np.abs(poses[0, :3]).max()) < 0.05 and np.abs(poses[0, 3:]).max() < 1e-4
        assert np.degrees(np.abs(np.diff(poses[:, :3], axis=0)).max()) < 1.5
        assert np.abs(np.diff(poses[:, 3:], axis=0)).max() < 0.005


def test_a_still_head_breathes_and_so_do_the_others():
    still = moved(Controls(head="still"))
    assert 0.0005 < still[:, 4].max() < 0.001 and 0.1 < np.degrees(np.ptp(still[:, 0])) < 0.3
    for kind in ("codebook", KINDS["take"]):
        assert np.array_equal(moved(Controls(head=kind, head_strength=0)), still)


def test_strength_is_that_of_the_motion_and_not_of_the_breath():
    still, weak, plain = (moved(Controls(head=take(0.1), head_strength=strength)) for strength in (0, 0.5, 1))
    np.testing.assert_allclose(weak - still, (plain - still) / 2, atol=2e-3)
    assert (plain - still)[:, :3].std() > 0.01


def test_a_take_is_followed():
    motion = take(0.1)
    poses = moved(Controls(head=motion), 7 * MOTION_RATE) - moved(Controls(head="still"), 7 * MOTION_RATE)
    own = Rotation.from_quat(motion.head_rotation[::5]).as_rotvec()
    follows = poses[:: MOTION_RATE // 5][: len(own), :3]
    settled = slice(int(EASE * 5) + 1, None)
    for axis in range(3):
        assert np.corrcoef(follows[settled, axis], own[: len(follows)][settled, axis])[0, 1] > 0.999


@pytest.mark.parametrize("metres", [-0.03, 0.03])
def test_distance_is_eased_in_and_kept(metres):
    depth = moved(Controls(head="still", distance=metres))[:, 5] - moved(Controls(head="still"))[:, 5]
    np.testing.assert_allclose(depth[int(EASE * MOTION_RATE) :], -metres, atol=1e-6)
    assert depth[0] == 0 and np.abs(np.diff(depth, 2)).max() < 1e-4
    nearest = moved(Controls(head="still", distance=0.05), limits=TIGHT)[:, 5]
    assert 0.5 < nearest.min() / TIGHT.low[5] < 1  # as far as the photo can show
