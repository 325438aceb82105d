import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vividlib.audio_to_mesh import eyes
from vividlib.audio_to_mesh.eyes import Blink, Look, chances, stay_on_target
from vividlib.conventions import MOTION_RATE
from vividlib.metrics.blinks import find_blinks
from vividlib.metrics.saccades import find_saccades

TEN_MINUTES = 600 * MOTION_RATE
BLINKS = np.array([[0.1, 0.04, 0.2, 1.0], [0.08, 0.0, 0.15, 0.8]])
TARGETS = np.radians([[5.0, 0.0], [-5.0, 3.0]])
OPEN = Blink(0, 0.1, 0.04, 0.2, 0.0)
VIEWER = Look(0, (0.0, 0.0), (0.0, 0.0))
NEVER_SOON = chances(np.array([-12, -9, -6.0, -5, -5, -5, -5, -5]))


def blinked(frames=TEN_MINUTES, seed=0, rate=1.0, heard=None, by_age=NEVER_SOON):
    random = np.random.default_rng(seed).random((frames, 3))
    return eyes.blink(OPEN, 0, np.zeros(frames) if heard is None else heard, random, by_age, BLINKS, rate)[1]


def looked(frames=TEN_MINUTES, seed=0, stray=0.3):
    random = np.random.default_rng(seed).random((frames, 4))
    by_age = np.stack([NEVER_SOON, NEVER_SOON + 1])
    return eyes.look(VIEWER, 0, np.zeros(frames), np.full(frames, stray), random, by_age, TARGETS)[1]


def test_an_event_comes_as_often_as_its_chance_says():
    by_age = chances(np.full(len(eyes.AGES), -3.0))
    waits = []
    for seed in range(300):
        random = np.random.default_rng(seed).random(2000)
        waits.append(eyes.first_event(by_age, 0, np.zeros(2000), random))
    assert np.mean(waits) == pytest.approx(np.exp(3.0), rel=0.15)  # of a geometric distribution: (1 - p) / p
    assert eyes.first_event(by_age, 0, np.zeros(2000), np.random.default_rng(0).random(2000), rate=0.0) == 2000


def test_ages_between_the_learned_ones_are_interpolated_and_older_ones_alike():
    logits = np.arange(len(eyes.AGES), dtype=float)
    by_age = chances(logits)
    np.testing.assert_allclose(by_age[np.round(eyes.AGES * MOTION_RATE).astype(int)], logits, atol=0.05)
    assert (by_age[int(9 * MOTION_RATE) :] == logits[-1]).all() and (np.diff(by_age) >= 0).all()


def test_blinks_are_those_that_people_made():
    found = find_blinks(blinked(), MOTION_RATE)
    assert 8 < len(found.start) / 10 < 25  # a minute
    assert np.diff(found.start).min() > 0.25
    assert np.median(found.closing) == pytest.approx(0.09, abs=0.02)
    assert np.median(found.opening) == pytest.approx(0.175, abs=0.05)
    assert found.depth.max() <= 1 and 0.3 < (found.depth < 0.9).mean() < 0.7


def test_what_is_heard_makes_eyes_blink():
    heard = np.where(np.arange(TEN_MINUTES) < TEN_MINUTES // 2, -2.0, 1.0)
    found = find_blinks(blinked(heard=heard), MOTION_RATE)
    early = (found.start < 300).sum()
    assert early < 0.25 * (len(found.start) - early)


def test_a_blink_begins_only_when_the_last_is_over():
    eager = chances(np.full(len(eyes.AGES), 3.0))
    lids = blinked(500, by_age=eager)
    assert lids.max() <= 1 and len(find_blinks(lids, MOTION_RATE).start) >= 20
    assert blinked(MOTION_RATE, by_age=eager)[: int(0.3 * MOTION_RATE)].max() == 0  # nor does one at the beginning


def test_lids_close_faster_than_they_open():
    speed = np.diff(blinked())
    assert speed.max() > 1.3 * -speed.min()


def test_gaze_rests_on_the_viewer_and_jumps():
    gaze = looked()
    away = np.linalg.norm(gaze, axis=1)
    assert away[:5].max() == 0
    assert 0.3 < (away == 0).mean() < 0.9
    assert np.degrees(away.max()) < 10
    still = np.linalg.norm(np.diff(gaze, axis=0), axis=1) == 0
    assert still.mean() > 0.85  # fixations, not a drift
    found = find_saccades(gaze, MOTION_RATE)
    ends = np.vstack([TARGETS, [[0, 0]]])
    far = np.linalg.norm(found.target[:, None] - ends, axis=2).min(1)
    assert len(found.start) > 40 and np.degrees(np.quantile(far, 0.9)) < 1.5  # where people look, a little changed


def test_eyes_that_never_stray_come_back_each_time():
    gaze = looked(stray=0.0)
    at_viewer = np.linalg.norm(gaze, axis=1) == 0
    leaves, returns = (np.diff(at_viewer.astype(int)) == way for way in (-1, 1))
    assert leaves.sum() > 20 and abs(leaves.sum() - returns.sum()) <= 1
    assert len(find_saccades(gaze, MOTION_RATE).start) <= leaves.sum() + returns.sum()


def test_larger_saccades_last_longer_on_the_main_sequence():
    frames = np.arange(10)
    for size in (2.0, 30.0):
        step = eyes._saccade(Look(0, (0.0, 0.0), (np.radians(size), 0.0)), frames)[:, 0]
        lasts = (step < np.radians(size) - 1e-9).sum() / MOTION_RATE
        assert lasts == pytest.approx(0.021 + 0.0022 * size, abs=1 / MOTION_RATE)


def test_chunks_of_any_size_give_the_same_eyes():
    random = np.random.default_rng(3).random((3000, 7))
    by_age = np.stack([NEVER_SOON, NEVER_SOON])

    def made(sizes):
        blink, look, lids, gaze, first = OPEN, VIEWER, [], [], 0
        for size in [*sizes, 3000]:
            own, still = random[first : first + size], np.zeros(len(random[first : first + size]))
            blink, lid = eyes.blink(blink, first, still, own[:, :3], NEVER_SOON, BLINKS, 1.0)
            look, where = eyes.look(look, first, still, still + 0.3, own[:, 3:], by_age, TARGETS)
            lids.append(lid)
            gaze.append(where)
            first += len(own)
        return np.concatenate(lids), np.concatenate(gaze)

    whole = made([])
    for sizes in ([1] * 2000, np.random.default_rng(0).integers(0, 200, 30)):
        for one, other in zip(whole, made(sizes)):
            assert np.array_equal(one, other)


def test_eyes_stay_on_the_viewer_while_the_head_turns():
    head = Rotation.from_euler("YXZ", [[10, 0, 0], [0, 8, 0], [-7, 5, 9]], degrees=True)
    gaze = stay_on_target(np.zeros((3, 2)), head.as_quat())
    np.testing.assert_allclose(head.apply(eyes.direction_of(gaze[:, 0])), [[0, 0, 1]] * 3, atol=1e-6)
    assert np.array_equal(gaze[:, 0], gaze[:, 1])


def test_where_eyes_look_is_found_again_from_gaze_and_head():
    head = Rotation.from_euler("YXZ", [[10, 0, 0], [0, 8, 0], [-7, 5, 9]], degrees=True).as_quat()
    target = np.radians([[3.0, 1.0], [-8.0, 2.0], [0.0, -4.0]])
    np.testing.assert_allclose(eyes.seen_from_camera(stay_on_target(target, head)[:, 0], head), target, atol=1e-6)
