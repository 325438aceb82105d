"""The regression finds the habit of a detector that has one."""

import numpy as np

from vividlib.head.embed import twins
from vividlib.head.model import landmarks_of, load, person
from vividlib.reconstruction import correction
from vividlib.reconstruction.solve import EYES, LIPS
from vividlib.training.landmarks import fit, looseness


def test_a_known_habit_is_unlearned(monkeypatch):
    """A detector that shows two thirds of what is personal, and moves bare heads besides."""
    head, rng = load(), np.random.default_rng(0)
    people = [person(head, rng.normal(0, 0.7, len(head.identity_basis))) for _ in range(400)]
    true = 1000 * landmarks_of(head, np.array(people)) * [1, -1, -1]
    mean, bare = true.mean(0), np.arange(400) % 2 == 0
    detected = mean + (true - mean) * 2 / 3
    detected[bare, :, 1] += np.linspace(-2, 2, 478)
    arrays = fit(detected[:300], true[:300], bare[:300], twins(landmarks_of(head, head.template)), np.ones(478))
    monkeypatch.setattr(correction, "_map", lambda: tuple(arrays.values()))
    fresh = np.flatnonzero(~bare)[150:]
    corrected = correction.correct(detected[fresh])

    def off(points):
        difference = (points - true[fresh])[..., :2]
        return np.linalg.norm(difference - difference.mean(1, keepdims=True), axis=2).mean()

    assert off(corrected) < 0.35 * off(detected[fresh])


def test_lips_lids_and_irises_stay_where_they_are_seen():
    loose = looseness(load())
    assert not loose[np.concatenate([*LIPS, *EYES, range(468, 478)])].any()
    assert (loose[[10, 152, 234, 454, 4]] == 1).all()  # forehead, chin, cheeks, tip of the nose
