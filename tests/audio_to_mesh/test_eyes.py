import numpy as np
from scipy.spatial.transform import Rotation

from vividlib.audio_to_mesh.eyes import blinks, stay_on_target, wander
from vividlib.conventions import MOTION_RATE

TEN_MINUTES = 600 * MOTION_RATE


def test_blinks_are_as_many_and_as_quick_as_peoples():
    lids = blinks(TEN_MINUTES, np.random.default_rng(0))
    shut = np.diff((lids > 0.5).astype(int), prepend=0)
    starts, ends = np.flatnonzero(shut == 1), np.flatnonzero(shut == -1)
    assert 13 <= len(starts) / 10 <= 20  # a minute
    seconds = (ends - starts[: len(ends)]) / MOTION_RATE
    assert 0.1 <= seconds.min() and seconds.max() <= 0.4
    gaps = np.diff(starts) / MOTION_RATE
    assert gaps.min() > 0.7 and gaps.std() > 1  # neither a flutter nor a clock


def test_lids_close_faster_than_they_open():
    lids = blinks(TEN_MINUTES, np.random.default_rng(0))
    speed = np.diff(lids)
    assert speed.max() > 1.5 * -speed.min()


def test_no_blink_at_the_start_whatever_the_seed():
    for seed in range(200):
        assert blinks(MOTION_RATE, np.random.default_rng(seed))[: int(0.3 * MOTION_RATE)].max() == 0


def test_gaze_rests_on_the_viewer_and_jumps():
    gaze = wander(TEN_MINUTES, np.random.default_rng(0))
    away = np.linalg.norm(gaze, axis=1)
    assert away[:5].max() == 0
    assert 0.4 < (away == 0).mean() < 0.75
    assert np.degrees(away.max()) < 15
    still = np.linalg.norm(np.diff(gaze, axis=0), axis=1) == 0
    assert still.mean() > 0.85  # fixations, not a drift


def test_eyes_stay_on_the_viewer_while_the_head_turns():
    head = Rotation.from_euler("YXZ", [[10, 0, 0], [0, 8, 0], [-7, 5, 9]], degrees=True)
    gaze = stay_on_target(np.zeros((3, 2)), head.as_quat())
    yaw, pitch = gaze[:, 0].T
    looking = np.column_stack([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    np.testing.assert_allclose(head.apply(looking), [[0, 0, 1]] * 3, atol=1e-6)
    assert np.array_equal(gaze[:, 0], gaze[:, 1])
