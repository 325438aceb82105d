import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from vividlib.audio_to_mesh import nods
from vividlib.audio_to_mesh.head_codebook import POSE
from vividlib.audio_to_mesh.network import FRAMES_AHEAD
from vividlib.conventions import MOTION_RATE
from vividlib.metrics.beats import beat_align, motion_beats

MINUTE = 60 * MOTION_RATE


def talking(frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Loudness of four syllables a second, in phrases of three seconds with pauses of one."""
    times = np.arange(frames) / MOTION_RATE
    voice = ((times % 4) < 3).astype(np.float32)
    return 20 * voice * np.abs(np.sin(4 * np.pi * times)) - 40, voice


def beaten(level: np.ndarray, voice: np.ndarray, poses: np.ndarray, seed: int = 0, sizes=()) -> np.ndarray:
    """Poses with holds and nods, made in chunks of the given sizes and a last one."""
    state, parts, first = nods.begin(), [], 0
    for size in [*sizes, len(voice)]:
        part = slice(first, first + size)
        if len(voice[part]):
            state, made = nods.step(state, seed, level[part], voice[part], poses[part])
            parts.append(made)
        first += size
    return np.concatenate(parts)


def nodded(level: np.ndarray, voice: np.ndarray) -> np.ndarray:
    """Degrees down of a head that is else at rest."""
    return np.degrees(beaten(level, voice, np.zeros((len(voice), POSE)))[:, 0])


def wandering(frames: int) -> np.ndarray:
    """A head that knows of no voice."""
    return 0.1 * gaussian_filter1d(np.random.default_rng(1).normal(size=(frames, POSE)), 8, axis=0)


def test_chunks_of_any_size_give_the_same_beats():
    heard, poses = talking(MINUTE), wandering(MINUTE)
    whole = beaten(*heard, poses)
    assert np.degrees(np.abs(whole - poses).max()) > 0.5
    for sizes in ([1] * 1500, np.random.default_rng(0).choice([1, 2, 7, 100, 300], 40)):
        assert np.array_equal(beaten(*heard, poses, sizes=sizes), whole)


def test_a_head_slows_down_as_a_syllable_sets_in_and_then_catches_up():
    level, voice = np.full(4 * MOTION_RATE, -60.0), np.ones(4 * MOTION_RATE)
    level[MOTION_RATE:][: MOTION_RATE // 4] = -20
    steady = np.zeros((len(voice), POSE))
    steady[:, 1] = np.arange(len(voice))
    late = steady[:, 1] - beaten(level, voice, steady)[:, 1]
    assert 1 < late.max() <= nods.LATEST and late.min() == 0
    sets_in = MOTION_RATE + FRAMES_AHEAD
    assert 0.02 <= (np.diff(late).argmax() - sets_in) / MOTION_RATE <= 0.08
    assert np.diff(late).max() < 0.6  # it never stands still, let alone turns back
    assert np.abs(late[sets_in + nods.REST_BETWEEN :]).max() == 0
    assert np.array_equal(beaten(level, np.zeros(len(voice)), steady), steady)  # nobody speaks


def test_heads_are_slowest_where_syllables_set_in():
    random = np.random.default_rng(2)
    starts = np.cumsum(random.integers(40, 70, 400))
    level, poses = np.full(starts[-1] + MOTION_RATE, -60.0), wandering(starts[-1] + MOTION_RATE)
    for start in starts:
        level[start : start + 10] = -20
    heard = (starts + FRAMES_AHEAD) / MOTION_RATE + 0.05  # near its vowel

    def score(curves: np.ndarray) -> float:
        return beat_align(heard, motion_beats(Rotation.from_rotvec(curves[:, :3]).as_quat(), MOTION_RATE))

    assert score(beaten(level, np.ones(len(level)), poses)) > 1.2 * score(poses)


def test_a_nod_begins_with_the_syllable_and_is_over_soon():
    level, voice = np.full(10 * MOTION_RATE, -60.0), np.ones(10 * MOTION_RATE)
    for second in (3, 6):
        level[second * MOTION_RATE :][: MOTION_RATE // 4] = -20
    down = nodded(level, voice)
    for second in (3, 6):
        at = second * MOTION_RATE
        assert np.abs(down[at - 20 : at]).max() < 0.01
        assert down[at : at + MOTION_RATE // 2].max() > 0.2
        fastest = (np.diff(down[at : at + MOTION_RATE // 2]).argmax() - FRAMES_AHEAD) / MOTION_RATE
        assert 0.1 <= fastest <= 0.2
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
