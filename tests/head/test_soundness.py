"""The head holds together: every shape alone, and mixtures as speech makes them."""

import numpy as np
import pytest

from vividlib.conventions import ARKIT, ARKIT_INDEX
from vividlib.head import model, soundness
from vividlib.head.visemes import VISEMES, mixture

SIDES = ("left", "right")
LAP = 1.0e-3
"""Metres by which lips, or closed lids, may lap: about 0.5 mm does at rest, by design."""

MEANINGLESS_ALONE = ("mouthClose",)
EMOTION = ("mouthSmile", "mouthFrown", "mouthPress", "mouthDimple", "cheekSquint", "browDown")
LIDS = ("eyeSquint", "eyeWide", "eyeLookDown", "eyeLookUp")


@pytest.fixture(scope="module")
def zones(head):
    return {name: soundness.zone(head, name) for name in ("lips", "eyelids_left", "eyelids_right")}


def speech_like(count: int, looks: bool = True, seed: int = 1) -> np.ndarray:
    """Mixtures of two visemes with some emotion and a blink under way, and ``looks`` up, down or wide, (count, 52)."""
    random = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        first, second = random.choice(list(VISEMES), 2, replace=False)
        share = random.uniform()
        row = mixture({first: share, second: 1 - share})
        amounts = {name: random.uniform(0, 0.4) for name in random.choice(EMOTION, 2, replace=False)}
        amounts |= {random.choice(LIDS): random.uniform(0, 0.6) * looks, "eyeBlink": random.uniform()}
        for name, amount in amounts.items():
            for side in ("Left", "Right"):
                row[ARKIT_INDEX[name + side]] = max(row[ARKIT_INDEX[name + side]], amount)
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize("name", [name for name in ARKIT if name not in MEANINGLESS_ALONE])
def test_no_shape_alone_folds_or_crosses_lips_or_lids(head, zones, name):
    for amount in (0.25, 0.5, 0.75, 1):
        row = np.zeros(52, np.float32)
        row[ARKIT_INDEX[name]] = amount
        face = model.deform(head, head.template, row)
        for zone in zones.values():
            assert soundness.folds(zone, face) == 0
            assert soundness.crossing(zone, face) < LAP


@pytest.mark.parametrize("detail", model.DETAILS)
def test_mixtures_as_speech_makes_them_fold_nowhere(detail):
    head = model.load(detail=detail)
    faces = model.deform(head, head.template, speech_like(200, looks=False))
    for region in ("lips", "eyelids_left", "eyelids_right"):
        zone = soundness.zone(head, region)
        assert max(soundness.folds(zone, face) for face in faces) == 0, region


def test_harder_mixtures_hold_together(head, zones):
    rows = speech_like(200)
    faces = model.deform(head, head.template, rows)
    crossing = np.array([[soundness.crossing(zone, face) for zone in zones.values()] for face in faces])
    folds = np.array([[soundness.folds(zone, face) for zone in zones.values()] for face in faces])
    assert crossing.max() < 1.3 * LAP
    assert max(soundness.lip_gap(head, face)[1] for face in faces) < 2 * LAP
    assert (folds[:, 0] == 0).all()
    # In a deep blink with the gaze turned up or down a few small triangles of a lid may still crease.
    assert folds[:, 1:].max() <= 3 and (folds[:, 1] > 0).mean() < 0.06


def test_people_keep_their_lids_outside_their_eyeballs_and_their_lips_together(head, zones):
    random = np.random.default_rng(2)
    inside = []
    for _ in range(60):
        person = model.person(head, random.normal(0, 1, len(head.identity_basis)).astype(np.float32))
        assert soundness.lip_gap(head, person)[0] < 2e-4
        for side in SIDES:
            centre = model.joint(head, person, f"eye_{side}")
            ball, lids = (
                np.linalg.norm(person[head.regions[f"{part}_{side}"]] - centre, axis=1)
                for part in ("eyeball", "eyelids")
            )
            inside.append(ball.max() - lids.min())
    assert np.max(inside) < 7e-4 and np.quantile(inside, 0.95) < 1e-4


def test_each_way_in_which_people_differ_folds_nothing(head, zones):
    for way in np.concatenate([head.identity_basis, -head.identity_basis]):
        person = head.template + 2 * way
        for zone in zones.values():
            assert soundness.folds(zone, person) == 0
            assert soundness.crossing(zone, person) < LAP


def test_folds_and_crossings_are_seen_where_they_are(head, zones):
    lips = head.template.copy()
    lips[head.regions["lips_upper"], 1] -= 0.008
    assert soundness.crossing(zones["lips"], lips) > 0.9 * LAP
    assert soundness.lip_gap(head, lips)[1] > 0.007
    turned = head.template.copy()
    turned[head.regions["lips_outer"], 1] = turned[head.regions["lips_inner"], 1].mean()
    turned[head.regions["lips_outer"], 2] -= 0.01
    assert soundness.folds(zones["lips"], turned) > 0


@pytest.mark.parametrize("name", ["mouthSmile", "mouthPress", "mouthFrown", "mouthStretch", "mouthDimple", "mouthRoll", "mouthShrug", "mouthPucker", "cheekPuff"])  # fmt: skip
def test_shapes_that_leave_the_lips_together_do_so_alone_and_summed(head, name):
    chosen = np.array([full.startswith(name) for full in ARKIT], np.float32)
    assert soundness.lip_gap(head, model.deform(head, head.template, chosen))[0] < 2e-4
    chosen += [full.startswith("mouthSmile") for full in ARKIT]
    assert soundness.lip_gap(head, model.deform(head, head.template, np.clip(chosen, 0, 1)))[0] < 2e-4


@pytest.mark.parametrize("amount", [0.1, 0.25, 0.5, 0.75, 1])
def test_mouth_close_shuts_what_the_jaw_opens_at_every_amount(head, amount):
    row = np.zeros(52, np.float32)
    row[[ARKIT_INDEX["jawOpen"], ARKIT_INDEX["mouthClose"]]] = amount
    gap, lap = soundness.lip_gap(head, model.deform(head, head.template, row))
    assert gap < 5e-4 and lap < 1.5e-3


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("look", ["Down", "Up", "In", "Out"])
@pytest.mark.parametrize("blink", [0, 0.25, 0.5, 0.75, 1])
def test_lids_stay_outside_the_eyeball_whatever_the_gaze(head, side, look, blink):
    row = np.zeros(52, np.float32)
    row[ARKIT_INDEX[f"eyeLook{look}{side.title()}"]] = 1
    row[ARKIT_INDEX[f"eyeBlink{side.title()}"]] = blink
    face = model.deform(head, head.template, row)
    centre = model.joint(head, head.template, f"eye_{side}")
    radius = np.linalg.norm(head.template[head.regions[f"eyeball_{side}"]] - centre, axis=1).max()
    assert np.linalg.norm(face[head.regions[f"eyelids_{side}"]] - centre, axis=1).min() > radius


@pytest.mark.parametrize("other", ["eyeLookDown", "eyeSquint", "eyeWide", "eyeLookUp", "browDown"])
def test_a_blink_closes_what_other_shapes_leave_open_and_no_more(head, other):
    edge = head.regions["eyelid_edge_left"]
    top, bottom = edge[head.template[edge, 1].argmax()], edge[head.template[edge, 1].argmin()]

    def opening(**amounts):
        row = np.zeros(52, np.float32)
        for name, amount in amounts.items():
            row[ARKIT_INDEX[name]] = amount
        face = model.deform(head, head.template, row)
        return face[top, 1] - face[bottom, 1]

    shut = opening(eyeBlinkLeft=1)
    assert opening(eyeBlinkLeft=1, **{f"{other}Left": 1}) == pytest.approx(shut, abs=2e-4)
    half, full = opening(**{f"{other}Left": 1}), opening(eyeBlinkLeft=0.5, **{f"{other}Left": 1})
    assert full == pytest.approx((half + shut) / 2, abs=3e-4)


def test_the_iris_stays_in_view_when_the_eye_looks_down(head):
    from vividlib.geometry.raster import rasterize
    from vividlib.head.anatomy import EYE_SEGMENTS, eye_ring

    row = np.zeros(52, np.float32)
    iris = head.regions["eyeball_left"][: eye_ring(np.radians(22))[0] + EYE_SEGMENTS]
    faces = np.isin(head.faces, iris).all(1)

    def visible(amount):
        row[ARKIT_INDEX["eyeLookDownLeft"]] = amount
        points = model.deform(head, head.template, row) * [4000, -4000, 1] + [128, 384, 0]
        triangle = rasterize(points, head.faces, 512, 512).triangle
        return faces[triangle[triangle >= 0]].sum()

    assert visible(1) > 0.35 * visible(0)
