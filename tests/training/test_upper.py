"""People whose habits are known are made, and their habits learned."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from vividlib.audio_to_mesh import eyes, splines
from vividlib.audio_to_mesh import upper as upper_face
from vividlib.audio_to_mesh.controls import Controls
from vividlib.audio_to_mesh.upper import COMPONENTS, UPPER_INDEX, UpperFace
from vividlib.conventions import MOTION_RATE
from vividlib.metrics.blinks import blink_rate
from vividlib.training import habits
from vividlib.training import upper as training
from vividlib.training.clips import Clip

WIDTH = 12
PEOPLE = ["ann", "ben", "cem", "dag", "eva", "fay"]
SECONDS = 80


def speaker() -> UpperFace:
    """Blinks more, and moves the brows more, where the first feature is high; two shapes go together."""
    torch.manual_seed(0)
    made = UpperFace(WIDTH).eval()
    with torch.no_grad():
        made.hear.weight.zero_()
        made.hear.bias.zero_()
        made.hear.weight[0, 0] = 1
        made.out.weight[0, 0] = 1.2
        steps = made.out.bias[3:].view(3, COMPONENTS, 2)
        steps[0], steps[1], steps[2] = (torch.tensor(pair) for pair in ([2.0, 0.0], [0.0, 0.08], [-4.5, -3.0]))
        made.out.weight[3:].view(3, COMPONENTS, 2, -1)[2, ..., 0] = 0.8
        made.pole[:] = torch.tensor([2.5, 0.5, -2.0])
        made.shapes[0, [4, 5]] = 1.0
        made.shapes[1, 8] = 0.7
    return made


def perform(upper: UpperFace, trunk: torch.Tensor, seed: int) -> list[np.ndarray]:
    """Blendshapes, rotation, translation and gaze of somebody whose head turns slowly to and fro."""
    turned = np.outer(np.sin(np.arange(len(trunk)) / MOTION_RATE), [0.03, 0.06, 0.02])
    rotation = Rotation.from_rotvec(turned).as_quat().astype(np.float32)
    _, blendshapes, gaze = upper_face.step(
        upper, upper_face.begin(seed), trunk, torch.zeros(16), rotation, Controls()
    )  # fmt: skip
    return [blendshapes, rotation, np.zeros((len(trunk), 3), np.float32), gaze]


@pytest.fixture(scope="module")
def data():
    """What `fit` takes: features, styles and clips of some people, in clips of different lengths."""
    made, features, styles, filmed = speaker(), [], [], []
    for number, name in enumerate(PEOPLE):
        generator = torch.Generator().manual_seed(number)
        trunk = torch.randn(SECONDS, WIDTH, generator=generator).repeat_interleave(MOTION_RATE, 0)
        curves = perform(made, trunk, number)
        for first in range(0, len(trunk), 20 * MOTION_RATE):
            part = slice(first, first + 20 * MOTION_RATE)
            blendshapes, rotation, translation, gaze = (curve[part] for curve in curves)
            frames = len(blendshapes)
            clip = Clip(
                name, True, np.zeros(frames * 320, np.float32), np.ones(frames, np.float32), blendshapes,
                np.zeros((frames, 40, 3), np.float32), rotation, translation, gaze[:, 0], np.zeros(80, np.float32), (),
            )  # fmt: skip
            features.append(trunk[part])
            styles.append(torch.zeros(16))
            filmed.append(clip)
    return features, styles, filmed


@pytest.fixture(scope="module")
def learned(data):
    patch = pytest.MonkeyPatch()
    patch.setattr(training, "STEPS", 100)
    torch.manual_seed(1)
    upper = UpperFace(WIDTH)
    report = training.fit(upper, *data, held_out=["fay"])
    patch.undo()
    return upper.eval(), report


def test_blinks_are_as_quick_as_peoples_and_as_many_as_in_conversation(learned):
    lids = perform(learned[0], torch.zeros(900 * MOTION_RATE, WIDTH), 7)[0][:, 0]
    assert blink_rate(lids, MOTION_RATE) == pytest.approx(training.BLINKS_A_MINUTE, rel=0.15)
    np.testing.assert_allclose(learned[0].blinks[:, :3].mean(0), [0.1, 0.04, 0.2], atol=0.05)
    assert learned[0].blinks[:, 3].median() > 0.9


def test_when_the_next_blink_comes_is_learned(learned):
    """Chances by age as people's, but for their level."""
    learned_ages, truth = (upper.blink_age.detach().numpy() for upper in (learned[0], speaker()))
    difference = (learned_ages - truth)[2:]  # hardly a blink is younger
    assert np.abs(difference - difference.mean()).max() < 0.8


def test_the_voice_is_heard_where_it_tells_something(learned):
    upper, report = learned
    trunk = torch.zeros(600 * MOTION_RATE, WIDTH)
    trunk[300 * MOTION_RATE :, 0] = 1.5
    lids = perform(upper, trunk, 7)[0][:, 0]
    rates = [blink_rate(half, MOTION_RATE) for half in np.split(lids, 2)]
    assert rates[1] > 1.8 * rates[0]
    told = report["held out"]
    assert told["with voice"]["blink"] > told["without voice"]["blink"] + 1  # nats a minute
    assert told["with voice"]["curves"] > told["without voice"]["curves"] + 0.01
    assert told["without voice"]["curves"] > told["constant"]["curves"] + 0.02


def test_brows_go_as_far_and_as_fast_and_together(learned):
    trunk = torch.randn(600, WIDTH, generator=torch.Generator().manual_seed(9)).repeat_interleave(MOTION_RATE, 0)
    truth, made = (perform(upper, trunk, 7)[0][:, UPPER_INDEX] for upper in (speaker(), learned[0]))
    truth = np.clip(truth - np.median(truth, axis=0), 0, 1)  # how a person rests is not learned
    for index in (4, 5, 8):
        assert made[:, index].std() == pytest.approx(truth[:, index].std(), rel=0.35)
        speeds = [np.abs(np.diff(curves[:, index])).mean() for curves in (made, truth)]
        assert speeds[0] == pytest.approx(speeds[1], rel=0.35)
    correlation = [np.corrcoef(curves[:, [4, 5]].T)[0, 1] for curves in (made, truth)]
    assert correlation[0] == pytest.approx(correlation[1], abs=0.2)
    still = [index for index in range(len(UPPER_INDEX)) if truth[:, index].max() == 0]
    assert made[:, still].std(0).max() < 0.02


def test_people_held_out_are_not_learned_from(data, learned):
    kept = [index for index, clip in enumerate(data[-1]) if clip.speaker != "fay"]
    patch = pytest.MonkeyPatch()
    patch.setattr(training, "STEPS", 100)
    torch.manual_seed(1)
    again = UpperFace(WIDTH)
    training.fit(again, *([column[index] for index in kept] for column in data), held_out=["fay"])
    patch.undo()
    for name, value in learned[0].state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_an_age_that_is_not_known_is_integrated_out():
    """Of a process that never changes, an event is as likely whatever is known; of one that waits, it is not."""
    rows = training._by_row(torch.full((len(eyes.AGES),), -4.0))
    np.testing.assert_allclose(rows, -4.0, atol=1e-3)
    waits = training._by_row(torch.tensor([-9.0, -9.0, -9.0, -9.0, -2.0, -2.0, -2.0, -2.0]))
    known, unknown = waits[: eyes.OLDEST + 1], waits[eyes.OLDEST + 1 :]
    assert known[10] < -8 < unknown[0] < -2.2 and unknown[-1] == pytest.approx(-2, abs=0.01)
    # By simulation: of moments picked at random, how many have an event in their frame?
    chance = torch.sigmoid(known).numpy()
    random, age, events = np.random.default_rng(0), 0, 0
    for number in random.random(60_000):
        happens = number < chance[min(age, eyes.OLDEST)]
        events += happens
        age = 0 if happens else age + 1
    assert torch.sigmoid(unknown[0]) == pytest.approx(events / 60_000, rel=0.1)


def test_splines_go_through_curves_they_can_follow():
    times = np.arange(400) / MOTION_RATE
    curve = 0.3 * np.sin(2 * np.pi * 0.7 * times)[:, None]
    knots, known = habits._knots(curve, np.zeros(400, bool))
    made = np.convolve(knots[:, 0], splines.SPLINE)[:400]
    assert known[200] and not known[201] and not known[0] and not known[-4:].any()
    np.testing.assert_allclose(made[12:-12], curve[12:-12, 0], atol=0.005)
    hidden = np.zeros(400, bool)
    hidden[200:212] = True
    _, known = habits._knots(curve, hidden)
    assert not known[196] and known[180] and known[240]


def test_an_event_is_as_old_as_the_one_before_it():
    trials = habits._trials(np.array([3, 7]), np.ones(10, bool), 10).numpy()
    unknown = eyes.OLDEST + 1
    assert trials[:, 0].tolist() == [0, 0, 0, 1, 0, 0, 0, 1, 0, 0]
    assert trials[:, 2].tolist() == [unknown, unknown + 1, unknown + 2, unknown + 3, 1, 2, 3, 4, 1, 2]
