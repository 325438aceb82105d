import numpy as np
from scipy.spatial.transform import Rotation

from vividlib.audio_to_mesh.sway import onsets, sway
from vividlib.conventions import MOTION_RATE

MINUTE = 60 * MOTION_RATE


def talking(frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Loudness of four syllables a second, in phrases of three seconds with pauses of one."""
    times = np.arange(frames) / MOTION_RATE
    voice = ((times % 4) < 3).astype(np.float32)
    return 20 * voice * np.abs(np.sin(4 * np.pi * times)) - 40, voice


def degrees(rotation: np.ndarray) -> np.ndarray:
    """Yaw, pitch, roll."""
    return Rotation.from_quat(rotation).as_euler("YXZ", degrees=True)


def test_head_moves_as_much_as_a_speakers():
    rotation, translation, _ = sway(*talking(10 * MINUTE), np.random.default_rng(0))
    yaw, pitch, roll = degrees(rotation).std(0)
    assert 1.5 < yaw < 4 and 1.5 < pitch < 4 and 0.7 < roll < 1.6
    assert translation.std(0).max() < 0.004


def test_head_begins_and_ends_at_rest_and_never_turns_far():
    for seed in range(20):
        for frames in (10, 70, MINUTE):
            rotation, translation, brows = sway(*talking(frames), np.random.default_rng(seed))
            for end in (0, -1):
                np.testing.assert_allclose(rotation[end], [0, 0, 0, 1], atol=1e-6)
                np.testing.assert_allclose(translation[end], 0, atol=1e-6)
            assert np.abs(degrees(rotation)).max() < 12
            assert 0 <= brows.min() and brows.max() < 0.3


def test_head_moves_slowly_and_smoothly():
    rotation, _, _ = sway(*talking(10 * MINUTE), np.random.default_rng(0))
    speed = np.diff(degrees(rotation), axis=0) * MOTION_RATE
    assert np.abs(speed).max() < 60  # degrees a second
    power = np.abs(np.fft.rfft(degrees(rotation), axis=0)) ** 2
    frequency = np.fft.rfftfreq(len(rotation), 1 / MOTION_RATE)
    assert power[frequency > 4].sum() < 0.01 * power.sum()


def test_beats_fall_on_rises_of_the_voice_and_not_into_silence():
    level, voice = talking(MINUTE)
    beats = np.flatnonzero(onsets(level, voice))
    assert len(beats) > 30
    assert voice[beats].all()
    assert onsets(np.full(100, -100.0), np.zeros(100)).max() == 0
