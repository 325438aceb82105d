import numpy as np
from scipy.spatial.transform import Rotation

from vividlib.audio_to_mesh import sway
from vividlib.conventions import MOTION_RATE

MINUTE = 60 * MOTION_RATE


def talking(frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Loudness of four syllables a second, in phrases of three seconds with pauses of one."""
    times = np.arange(frames) / MOTION_RATE
    voice = ((times % 4) < 3).astype(np.float32)
    return 20 * voice * np.abs(np.sin(4 * np.pi * times)) - 40, voice


def swayed(level: np.ndarray, voice: np.ndarray, seed: int = 0, sizes=()) -> tuple[np.ndarray, np.ndarray]:
    """Rotation and translation, made in chunks of the given sizes and a last one."""
    state, parts, first = sway.begin(), [], 0
    for size in [*sizes, len(voice)]:
        part = slice(first, first + size)
        if len(voice[part]):
            state, *made = sway.step(state, seed, level[part], voice[part])
            parts.append(made)
        first += size
    return tuple(np.concatenate(column) for column in zip(*parts))


def degrees(rotation: np.ndarray) -> np.ndarray:
    """Yaw, pitch, roll."""
    return Rotation.from_quat(rotation).as_euler("YXZ", degrees=True)


def test_head_moves_as_much_as_a_speakers():
    rotation, translation = swayed(*talking(10 * MINUTE))
    yaw, pitch, roll = degrees(rotation).std(0)
    assert 1.5 < yaw < 4 and 1.5 < pitch < 4 and 0.7 < roll < 1.6
    assert 0.001 < translation.std(0).max() < 0.004


def test_chunks_of_any_size_give_the_same_head():
    heard = talking(MINUTE)
    whole = swayed(*heard)
    for sizes in ([1] * 1500, np.random.default_rng(0).choice([1, 2, 7, 100, 300], 40)):
        for one, other in zip(whole, swayed(*heard, sizes=sizes)):
            assert np.abs(one - other).max() < 1e-6


def test_head_begins_at_rest_and_never_turns_far():
    for seed in range(20):
        rotation, translation = swayed(*talking(MINUTE), seed)
        np.testing.assert_allclose(rotation[0], [0, 0, 0, 1], atol=1e-6)
        np.testing.assert_allclose(translation[0], 0, atol=1e-6)
        assert np.abs(degrees(rotation)).max() < 12


def test_head_moves_slowly_and_smoothly():
    rotation, _ = swayed(*talking(10 * MINUTE))
    speed = np.diff(degrees(rotation), axis=0) * MOTION_RATE
    assert np.abs(speed).max() < 60  # degrees a second
    power = np.abs(np.fft.rfft(degrees(rotation), axis=0)) ** 2
    frequency = np.fft.rfftfreq(len(rotation), 1 / MOTION_RATE)
    assert power[frequency > 4].sum() < 0.01 * power.sum()


def test_a_listener_moves_less_than_a_speaker():
    silent = np.full(10 * MINUTE, -100.0), np.zeros(10 * MINUTE)
    listening, speaking = (degrees(swayed(*heard)[0]).std(0)[0] for heard in (silent, talking(10 * MINUTE)))
    assert 0.4 < listening / speaking < 0.8


def nods(level: np.ndarray, voice: np.ndarray) -> np.ndarray:
    """Pitch in degrees that the voice adds to a head in silence."""
    quiet = degrees(swayed(np.full(len(level), -100.0), voice)[0])[:, 1]
    return degrees(swayed(level, voice)[0])[:, 1] - quiet


def test_nods_follow_syllables_with_weight_within_half_a_second():
    level, voice = np.full(10 * MOTION_RATE, -60.0), np.ones(10 * MOTION_RATE)
    for second in (3, 6):
        level[second * MOTION_RATE :][: MOTION_RATE // 4] = -20
    nodded = nods(level, voice)
    for second in (3, 6):
        assert np.abs(nodded[second * MOTION_RATE - 20 : second * MOTION_RATE]).max() < 0.01
        assert nodded[second * MOTION_RATE :][: MOTION_RATE // 2].max() > 0.2
    assert np.abs(nods(level, np.zeros(len(level)))).max() < 1e-6  # nobody speaks


def test_what_is_loud_is_judged_by_the_last_seconds():
    """A quiet speaker after a loud noise nods again when the noise is forgotten, as one who was quiet all along."""
    level, voice = talking(MINUTE)
    louder = level.copy()
    louder[: 5 * MOTION_RATE] += 60
    late = slice(12 * MOTION_RATE, None)
    assert np.abs(nods(level, voice)[late]).max() > 0.5
    np.testing.assert_allclose(nods(louder, voice)[late], nods(level, voice)[late], atol=1e-3)
