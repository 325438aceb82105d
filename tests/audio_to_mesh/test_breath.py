import numpy as np
import pytest

from vividlib.audio_to_mesh import breath
from vividlib.audio_to_mesh.breath import DEEPEST, LONGEST, SHORTEST
from vividlib.conventions import MOTION_RATE

MINUTE = 60 * MOTION_RATE
SILENCE = np.zeros(10 * MINUTE)


def breathed(voice, seed=0, sizes=()):
    """Lungs (T) in [0, 1] and poses (T, 6), made in chunks of the given sizes and a last one."""
    state, parts, first = breath.begin(seed), [], 0
    for size in [*sizes, len(voice)]:
        if first >= len(voice):
            break
        state, poses = breath.step(state, seed, voice[first : first + size])
        parts.append(poses)
        first += size
    poses = np.concatenate(parts)
    return poses[:, 0] / DEEPEST[0], poses


def peaks(lungs):
    """Frames at which the lungs are full."""
    return np.flatnonzero((lungs[1:-1] > lungs[:-2]) & (lungs[1:-1] >= lungs[2:]) & (lungs[1:-1] > 0.2)) + 1


@pytest.mark.parametrize("seed", range(3))
def test_at_rest_there_is_a_breath_every_three_to_five_seconds(seed):
    lungs, _ = breathed(SILENCE, seed)
    between = np.diff(peaks(lungs)) / MOTION_RATE
    assert 0.8 * SHORTEST < between.min() and between.max() < 1.2 * LONGEST
    assert between.std() > 0.3 and 3.5 < between.mean() < 4.5


def test_it_is_small_and_up_and_back():
    lungs, poses = breathed(SILENCE)
    assert lungs.min() >= 0 and 0.8 < lungs.max() <= 1
    assert 0.2 <= np.degrees(-poses[:, 0].min()) <= 0.3  # the face rises
    assert 0.0006 < poses[:, 4].max() < 0.001 and -0.001 < poses[:, 5].min() < 0
    assert not poses[:, [1, 2, 3]].any() and not poses[0].any()


def test_who_speaks_breathes_in_quickly_in_pauses_and_slowly_out():
    times = np.arange(10 * MINUTE) / MOTION_RATE
    voice = ((times % 4.4) < 4).astype(float)
    lungs, _ = breathed(voice)
    lungs = lungs[MINUTE:]
    pauses = np.flatnonzero(np.diff(voice[MINUTE:]) < 0)[:-1]
    full = peaks(lungs)
    after = np.array([full[full > pause][0] - pause for pause in pauses]) / MOTION_RATE
    assert len(full) == pytest.approx(len(pauses), abs=2) and after.max() < 1.3
    rising = np.diff(lungs) > 1e-4
    assert rising.mean() < 0.35  # at rest it is nearly half
    assert 0.4 < (np.diff(breathed(SILENCE)[0]) > 1e-4).mean() < 0.6


def test_a_voice_without_pauses_breathes_all_the_same():
    full = peaks(breathed(np.ones(2 * MINUTE))[0])
    assert 5 < np.diff(full).max() / MOTION_RATE < 8


@pytest.mark.parametrize("voice", [SILENCE, (np.arange(10 * MINUTE) % 200 < 170).astype(float)], ids=["rest", "speech"])
def test_nothing_steps(voice):
    lungs, _ = breathed(voice)
    speed = np.diff(lungs) * MOTION_RATE
    assert np.abs(speed).max() < 2.2  # of the lungs in a second
    assert np.abs(np.diff(speed)).max() < 0.15


@pytest.mark.parametrize("seed", range(3))
def test_chunks_of_any_size_give_the_same_breath(seed):
    random = np.random.default_rng(seed)
    voice = np.repeat(random.random(100), 30)
    whole = breathed(voice, seed)[1]
    assert np.abs(breathed(voice, seed, random.choice([1, 2, 7, 100], 60))[1] - whole).max() < 1e-12
    assert np.abs(breathed(voice, seed + 1)[1] - whole).max() > 1e-4


def test_an_hour_later_it_is_as_deep_as_at_first():
    lungs, _ = breathed(np.zeros(60 * MINUTE))
    first, last = lungs[: 10 * MINUTE], lungs[-10 * MINUTE :]
    assert last.max() == pytest.approx(first.max(), abs=0.05) and last.mean() == pytest.approx(first.mean(), abs=0.05)
