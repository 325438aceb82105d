import numpy as np
import pytest
from scipy.optimize import minimize

from vividlib.conventions import ARKIT, ARKIT_INDEX, LIP_LANDMARKS
from vividlib.export import mixtures
from vividlib.head import visemes
from vividlib.head.lips import spread
from vividlib.head.model import deform, landmarks_of
from vividlib.metrics.mouth import lip_gap, lip_vertices, opening
from vividlib.types import Motion


def _speech(count=20, seed=0):
    """Blendshapes that a speaker might have, at random."""
    random = np.random.default_rng(seed)
    return np.float32(random.uniform(0, 0.6, (count, 52)) * random.integers(0, 2, (count, 52)))


def test_without_lip_offsets_nothing_changes(motion):
    assert mixtures.fold_lips(motion) is motion


def test_offsets_that_shapes_can_make_become_these_shapes(head):
    before = _speech()
    after = before.copy()
    after[:, ARKIT_INDEX["mouthFunnel"]] += 0.3
    after[:, ARKIT_INDEX["mouthUpperUpLeft"]] += 0.2
    offsets = landmarks_of(head, np.tensordot(after - before, head.blendshapes, 1))[:, LIP_LANDMARKS]
    folded = mixtures.fold_lips(Motion(before, lip_offsets=offsets))
    assert folded.lip_offsets.shape == (20, 0, 3)
    wanted = deform(head, head.template, before, lip_offsets=offsets)[:, head.lips]
    got = deform(head, head.template, folded.blendshapes)[:, head.lips]
    assert np.linalg.norm(got - wanted, axis=-1).mean() < 3e-4  # metres; offsets fade at the lips' rim, shapes do not


def test_any_offsets_come_nearer_and_only_the_mouth_moves(head):
    random = np.random.default_rng(1)
    offsets = random.normal(0, 1e-3, (20, 40, 3)) + random.normal(0, 3e-3, (20, 1, 3))
    motion = Motion(_speech(), lip_offsets=offsets)
    folded = mixtures.fold_lips(motion)
    assert folded.blendshapes.min() >= 0 and folded.blendshapes.max() <= 1
    still = [not name.startswith(("jaw", "mouth")) for name in ARKIT]
    assert np.array_equal(folded.blendshapes[:, still], motion.blendshapes[:, still])
    moved = np.einsum("tk,kvc->tvc", folded.blendshapes - motion.blendshapes, head.blendshapes[:, head.lips])
    wanted = spread(offsets, head)
    assert ((moved - wanted) ** 2).sum() < 0.6 * (wanted**2).sum()
    frame, *_ = np.nonzero(((moved - wanted) ** 2).sum((1, 2)) > (wanted**2).sum((1, 2)))
    assert not len(frame)


def test_closed_lips_stay_closed(head):
    """Offsets that close what blendshapes leave open, as the network gives them on p, b and m."""
    random = np.random.default_rng(3)
    blendshapes = np.zeros((40, 52), np.float32)
    blendshapes[:, ARKIT_INDEX["jawOpen"]] = random.uniform(0.02, 0.15, 40)
    blendshapes[:, ARKIT_INDEX["mouthFunnel"]] = random.uniform(0, 0.3, 40)
    offsets = random.normal(0, 2e-4, (40, 40, 3)).astype(np.float32)
    apart = lip_gap(blendshapes, head) / 1000 + 1e-3
    offsets[:, [*range(1, 10), *range(21, 30)], 1] += apart[:, None]  # the lower lip
    before = opening(lip_vertices(blendshapes, head, offsets), head)
    folded = mixtures.fold_lips(Motion(blendshapes, lip_offsets=offsets))
    after = opening(lip_vertices(folded.blendshapes, head), head)
    assert (before < 0.5).all()
    assert (after - before).max() < 0.5  # mm


@pytest.mark.parametrize("table", [visemes.VISEMES, visemes.VOWELS])
def test_a_mixture_of_visemes_looks_the_same_again(table):
    random = np.random.default_rng(2)
    shares = random.dirichlet(np.full(len(table), 0.4), 30)
    blendshapes = np.stack([visemes.mixture(dict(zip(table, row)), table) for row in shares])
    weights = mixtures.viseme_weights(blendshapes, table)
    assert weights.min() >= 0 and weights.sum(1).max() < 1 + 1e-4
    again = np.stack([visemes.mixture(dict(zip(table, row)), table) for row in weights.astype(float)])
    shapes, moved = mixtures._lower_face()
    distance = np.sqrt((((again - blendshapes)[:, shapes] @ moved) ** 2).sum(1))
    assert distance.max() < 1e-4  # metres


def test_no_other_shares_come_nearer():
    blendshapes = _speech(4, seed=3)
    weights = mixtures.viseme_weights(blendshapes, visemes.VISEMES)
    shapes, moved = mixtures._lower_face()
    rows = np.stack([visemes.row(mixture) for mixture in visemes.VISEMES.values()])[:, shapes] @ moved * 1e3
    for row, weight in zip(blendshapes[:, shapes] @ moved * 1e3, weights):

        def distance(w, row=row):
            return ((w @ rows - row) ** 2).sum()

        whole = {"type": "eq", "fun": lambda w: w.sum() - 1}
        best = minimize(distance, np.full(15, 1 / 15), bounds=[(0, 1)] * 15, constraints=whole, method="SLSQP")
        assert distance(weight) < best.fun * (1 + 1e-3) + 1e-6


def test_a_mouth_at_rest_is_silent():
    weights = mixtures.viseme_weights(np.zeros((2, 52)), visemes.VISEMES)
    assert np.allclose(weights, np.eye(15)[0], atol=1e-6)
    assert np.allclose(mixtures.viseme_weights(np.zeros((2, 52)), visemes.VOWELS), 0, atol=1e-6)
