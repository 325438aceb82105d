"""Coefficients as found become those most likely of a person; the mesh stays as it was seen."""

from dataclasses import replace

import numpy as np

from vividlib.head.model import landmarks_of, person
from vividlib.reconstruction import fit, identity
from vividlib.reconstruction.identity import likely
from vividlib.reconstruction.solve import solve


def test_each_likely_coefficient_is_a_mixture_of_those_found(head, monkeypatch):
    share, found = np.random.default_rng(0).normal(size=(2, 80, 80))
    monkeypatch.setattr(identity, "_share", lambda: share)
    np.testing.assert_allclose(likely(head, found[0]), [row @ found[0] for row in share])


def test_what_differs_between_pictures_of_one_person_is_discounted(head):
    """Of each direction in which people differ no more is believed than was found, and of none the opposite."""
    random = np.random.default_rng(0)
    found = random.normal(size=(200, len(head.identity_basis)))
    told = np.array([likely(head, one) for one in found])
    share = np.linalg.norm(told, axis=1) / np.linalg.norm(found, axis=1)
    assert 0.1 < share.mean() < 0.8
    strengths = np.linalg.eigvals(np.array([likely(head, one) for one in np.eye(len(head.identity_basis))]))
    assert strengths.real.min() > -1e-6 and strengths.real.max() < 1


def test_heads_with_another_basis_keep_what_was_found(head):
    for name, count in (("FLAME", 80), ("vivid, but of seven", 7)):
        found = np.random.default_rng(0).normal(size=count)
        other = replace(head, name=name, identity_basis=head.identity_basis[:count])
        np.testing.assert_array_equal(likely(other, found), found)


def test_the_mesh_is_made_of_what_was_seen(head, face):
    seen = face.portrait.landmarks[None]
    found = solve(head, seen)
    np.testing.assert_allclose(face.identity, likely(head, found.identity), atol=1e-5)
    raw, averaged = (fit.refine(head, person(head, one), found) for one in (found.identity, face.identity))
    apart = [
        np.linalg.norm((landmarks_of(head, one) - landmarks_of(head, face.neutral))[:468], axis=1).mean()
        for one in (raw, averaged)
    ]
    assert apart[0] < apart[1]
