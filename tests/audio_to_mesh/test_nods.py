import numpy as np

from vividlib.audio_to_mesh import nods
from vividlib.conventions import MOTION_RATE

MINUTE = 60 * MOTION_RATE


def talking(frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Loudness of four syllables a second, in phrases of three seconds with pauses of one."""
    times = np.arange(frames) / MOTION_RATE
    voice = ((times % 4) < 3).astype(np.float32)
    return 20 * voice * np.abs(np.sin(4 * np.pi * times)) - 40, voice


def nodded(level: np.ndarray, voice: np.ndarray, seed: int = 0, sizes=()) -> np.ndarray:
    """Degrees down, made in chunks of the given sizes and a last one."""
    state, parts, first = nods.begin(), [], 0
    for size in [*sizes, len(voice)]:
        part = slice(first, first + size)
        if len(voice[part]):
            state, made = nods.step(state, seed, level[part], voice[part])
            parts.append(made)
        first += size
    return np.degrees(np.concatenate(parts))


def test_chunks_of_any_size_give_the_same_nods():
    heard = talking(MINUTE)
    whole = nodded(*heard)
    assert whole.max() > 0.5
    for sizes in ([1] * 1500, np.random.default_rng(0).choice([1, 2, 7, 100, 300], 40)):
        np.testing.assert_allclose(nodded(*heard, sizes=sizes), whole, atol=1e-9)


def test_a_nod_begins_with_the_syllable_and_is_over_soon():
    level, voice = np.full(10 * MOTION_RATE, -60.0), np.ones(10 * MOTION_RATE)
    for second in (3, 6):
        level[second * MOTION_RATE :][: MOTION_RATE // 4] = -20
    down = nodded(level, voice)
    for second in (3, 6):
        at = second * MOTION_RATE
        assert np.abs(down[at - 20 : at]).max() < 0.01
        assert down[at : at + MOTION_RATE // 2].max() > 0.2
        fastest = np.diff(down[at : at + MOTION_RATE // 2]).argmax() / MOTION_RATE
        assert 0.06 <= fastest <= 0.24  # that is 0.14 s before, since loudness is known 0.08 s ahead
        assert np.abs(down[at + MOTION_RATE :][:MOTION_RATE]).max() < 0.01
    assert np.abs(nodded(level, np.zeros(len(level)))).max() == 0  # nobody speaks


def test_nods_are_of_several_sizes_and_never_larger_than_two():
    tops = nodded(*talking(10 * MINUTE))
    peaks = tops[1:-1][(tops[1:-1] > tops[:-2]) & (tops[1:-1] >= tops[2:])]
    assert peaks.std() > 0.2 * peaks.mean()
    assert tops.max() <= np.degrees(nods.DEPTH)


def test_what_is_loud_is_judged_by_the_last_seconds():
    """A quiet speaker after a loud noise nods again when the noise is forgotten, as one who was quiet all along."""
    level, voice = talking(MINUTE)
    louder = level.copy()
    louder[: 5 * MOTION_RATE] += 60
    late = slice(12 * MOTION_RATE, None)
    assert np.abs(nodded(level, voice)[late]).max() > 0.5
    np.testing.assert_allclose(nodded(louder, voice)[late], nodded(level, voice)[late], atol=1e-3)
