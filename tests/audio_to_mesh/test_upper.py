import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from vividlib.audio_to_mesh import splines
from vividlib.audio_to_mesh import upper as upper_face
from vividlib.audio_to_mesh.controls import Controls
from vividlib.audio_to_mesh.eyes import seen_from_camera
from vividlib.audio_to_mesh.upper import BLINK_INDEX, COMPONENTS, UPPER, UPPER_INDEX, UpperFace, begin, step
from vividlib.conventions import ARKIT, ARKIT_INDEX, MOTION_RATE
from vividlib.head.gaze import gaze_of
from vividlib.metrics.blinks import blink_rate

MINUTE = 60 * MOTION_RATE
NEUTRAL = torch.zeros(16)
PLAIN = Controls()


@pytest.fixture(scope="module")
def upper() -> UpperFace:
    """One that listens: brows step more, and eyes blink more, where the first feature is high."""
    torch.manual_seed(0)
    made = UpperFace().eval()
    with torch.no_grad():
        made.hear.weight.zero_()
        made.hear.bias.zero_()
        made.hear.weight[0, 0] = 1
        made.out.bias[3:].view(3, COMPONENTS, 2)[2] = torch.tensor([-4.0, -2.5])
        made.out.weight[0, 0] = 1.0
        made.out.weight[3:].view(3, COMPONENTS, 2, -1)[2, ..., 0] = 1.0
        made.style.weight[0, 0] = -2.0
        made.shapes.normal_(0, 0.1)
    return made


def heard(frames: int, seed: int = 0):
    """Trunk features, and the rotation of a head that turns from side to side."""
    times = np.arange(frames) / MOTION_RATE
    turning = Rotation.from_rotvec(np.outer(np.sin(times), [0.05, 0.1, 0.02])).as_quat()
    return torch.randn(frames, 256, generator=torch.Generator().manual_seed(seed)), turning


def performed(upper, frames, sizes=None, seed=0, controls=PLAIN, style=NEUTRAL, trunk=None):
    """Blendshapes and gaze, made in chunks of the given sizes and a last one."""
    own, rotation = heard(frames)
    trunk = own if trunk is None else trunk
    state, parts, first = begin(seed), [], 0
    for size in [*(sizes if sizes is not None else []), frames]:
        part = slice(first, min(frames, first + size))
        state, *made = step(upper, state, trunk[part], style, rotation[part], controls)
        parts.append(made)
        first = part.stop
    return [np.concatenate(column) for column in zip(*parts)]


@pytest.mark.parametrize("seed", range(3))
def test_chunks_of_any_size_give_the_same_face(upper, seed):
    sizes = np.random.default_rng(seed).choice([0, 1, 2, 3, 5, 50, 300, 1000], 60)
    whole = performed(upper, MINUTE, seed=seed)
    for one, other in zip(whole, performed(upper, MINUTE, sizes, seed)):
        assert one.dtype == other.dtype == np.float32
        assert np.abs(one - other).max() < 1e-5
    assert whole[0][:, UPPER_INDEX].std(0).min() > 0.01 and whole[0][:, BLINK_INDEX].max() > 0.9


def test_seeds_give_other_faces_and_the_same_seed_the_same(upper):
    faces = [performed(upper, MINUTE, seed=seed) for seed in (0, 1, 2, 0)]
    for index in range(2):
        assert np.array_equal(faces[0][index], faces[3][index])
        for other in faces[1:3]:
            assert not np.array_equal(faces[0][index], other[index])
    brow = [face[0][:, ARKIT_INDEX["browInnerUp"]] for face in faces[:3]]
    assert np.abs(np.corrcoef(brow)[np.triu_indices(3, 1)]).mean() < 0.5


def test_the_voice_is_listened_to(upper):
    trunk = torch.zeros(8 * MINUTE, 256)
    trunk[4 * MINUTE :, 0] = 1
    shapes = performed(upper, len(trunk), trunk=trunk)[0]
    quiet, lively = shapes[: 4 * MINUTE], shapes[4 * MINUTE :]
    assert blink_rate(lively[:, 0], MOTION_RATE) > 1.5 * blink_rate(quiet[:, 0], MOTION_RATE)
    speed = [np.abs(np.diff(part[:, UPPER_INDEX], axis=0)).mean() for part in (quiet, lively)]
    assert speed[1] > 1.5 * speed[0]


def test_a_style_has_its_own_habits(upper):
    calm = NEUTRAL.clone()
    calm[0] = 1
    rates = [blink_rate(performed(upper, 4 * MINUTE, style=style)[0][:, 0], MOTION_RATE) for style in (NEUTRAL, calm)]
    assert rates[1] < 0.5 * rates[0]


def test_controls(upper):
    plain, strong, still, sleepless, nervous = (
        performed(upper, 2 * MINUTE, controls=Controls(upper_face=strength, blink_rate=rate))
        for strength, rate in ((1, 1), (2, 1), (0, 1), (1, 0), (1, 3))
    )
    assert not still[0][:, UPPER_INDEX].any() and still[0][:, 0].max() > 0.9
    assert strong[0][:, UPPER_INDEX].std() > 1.3 * plain[0][:, UPPER_INDEX].std()
    assert np.array_equal(strong[0][:, 0], plain[0][:, 0])  # blinks are no stronger
    assert not sleepless[0][:, BLINK_INDEX].any()
    assert blink_rate(nervous[0][:, 0], MOTION_RATE) > 1.7 * blink_rate(plain[0][:, 0], MOTION_RATE)


@pytest.mark.parametrize("gaze", [(0.0, 0.0), (0.3, -0.2)])
def test_eyes_rest_where_they_are_asked_to_while_the_head_turns(upper, gaze):
    relative = performed(upper, 2 * MINUTE, controls=Controls(gaze=gaze, upper_face=0))[1]
    assert np.abs(relative[:, 0] - relative[:, 1]).max() == 0 and relative.std(0).max() > 0.05
    looking = seen_from_camera(relative[:, 0], heard(2 * MINUTE)[1])
    np.testing.assert_allclose(looking, np.tile(gaze, (len(looking), 1)), atol=1e-6)


def test_gaze_moves_all_that_the_eyes_look_at_and_nothing_else(upper):
    plain, aside = (performed(upper, MINUTE, controls=Controls(gaze=gaze)) for gaze in ((0, 0), (0.2, 0.1)))
    others = UPPER_INDEX + BLINK_INDEX
    assert np.array_equal(plain[0][:, others], aside[0][:, others])
    at, beside = (seen_from_camera(one[1][:, 0], heard(MINUTE)[1]) for one in (plain, aside))
    np.testing.assert_allclose(beside - at, np.tile([0.2, 0.1], (MINUTE, 1)), atol=1e-6)


def test_only_the_upper_face_moves_and_all_of_it_within_its_range(upper):
    shapes, gaze = performed(upper, 2 * MINUTE, controls=Controls(upper_face=2, blink_rate=1))
    looking = [index for index, name in enumerate(ARKIT) if name.startswith("eyeLook")]
    mouth = sorted(set(range(52)) - set(UPPER_INDEX) - set(BLINK_INDEX) - set(looking))
    assert not shapes[:, mouth].any()
    assert 0 <= shapes.min() and shapes.max() <= 1
    assert np.abs(gaze_of(shapes) - gaze).max() < 1e-5
    assert len(UPPER) == 13


def test_eyes_that_close_are_not_wide_open(upper):
    shapes = performed(upper, 2 * MINUTE)[0]
    closed = shapes[:, 0] > 0.95
    wide = shapes[:, ARKIT_INDEX["eyeWideLeft"]]
    assert wide[closed].max() < 0.06 < wide.max()


def test_it_begins_at_rest(upper):
    for seed in range(20):
        shapes, gaze = performed(upper, 10, seed=seed)
        assert not shapes[:, BLINK_INDEX].any()
        assert np.abs(gaze[0]).max() < 1e-6
        assert shapes[0, UPPER_INDEX].max() < 0.02


def test_curves_are_smooth_and_do_not_oscillate(upper):
    curves = performed(upper, 8 * MINUTE)[0][:, UPPER_INDEX]
    power = (np.abs(np.fft.rfft(curves - curves.mean(0), axis=0)) ** 2).sum(1)
    frequency = np.fft.rfftfreq(len(curves), 1 / MOTION_RATE)
    assert power[frequency > 8].sum() < 0.01 * power.sum()
    impulse = np.zeros(200)
    impulse[0] = 1
    for polynomial in upper.feedback().detach().numpy():
        response = upper_face.lfilter([1], polynomial, impulse)
        assert response.min() > -1e-9 and response[-1] < 0.01


def test_splines_add_up_to_a_constant():
    impulses = np.zeros(100)
    impulses[:: splines.KNOT] = 1
    np.testing.assert_allclose(np.convolve(impulses, splines.SPLINE)[12:100], 1, atol=1e-12)


def test_the_state_stays_small(upper):
    """Flat memory: what is carried after an hour is what was carried after a second."""

    def size(value) -> int:
        if isinstance(value, np.ndarray):
            return value.size
        return sum(map(size, vars(value).values())) if hasattr(value, "__dict__") else 1

    trunk, rotation = heard(MINUTE)
    state, sizes = begin(0), []
    for _ in range(60):
        state, *_ = step(upper, state, trunk, NEUTRAL, rotation, PLAIN)
        sizes.append(size(state))
    assert state.frame == 60 * MINUTE and max(sizes) == sizes[0] == size(begin(0))
