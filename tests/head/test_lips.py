"""Offsets at the lip landmarks become offsets of lip vertices, on every head."""

from dataclasses import replace

import numpy as np
import pytest

from vividlib.conventions import LIP_LANDMARKS, LIPS
from vividlib.geometry.mesh import edges
from vividlib.head import model
from vividlib.head.lips import spread
from vividlib.head.model import deform, landmarks_of

UPPER = [k for k, landmark in enumerate(LIP_LANDMARKS) if landmark in (*LIPS[0][11:], *LIPS[1][11:])]


@pytest.fixture(params=["low", "medium", "high"])
def any_head(request):
    return model.load(detail=request.param)


def moved_vertices(offsets, head):
    still = np.zeros((*offsets.shape[:-2], 52), np.float32)
    return deform(head, head.template, still, lip_offsets=offsets) - head.template


def test_nothing_stays_nothing_and_shapes_are_those_of_a_motion(any_head):
    offsets = np.zeros((3, 40, 3))
    assert spread(offsets, any_head).shape == (3, len(any_head.lips), 3)
    assert not spread(offsets, any_head).any()


def test_inner_landmarks_go_where_they_should_and_outer_ones_part_of_the_way(any_head):
    # Two waves around each loop, as mouths bend.
    angle = np.tile(np.linspace(0, 2 * np.pi, 20, endpoint=False), 2)
    offsets = 0.001 * np.stack([np.cos(2 * angle), np.sin(2 * angle), np.ones(40)], 1)
    got = landmarks_of(any_head, moved_vertices(offsets, any_head))[LIP_LANDMARKS]
    assert np.linalg.norm(got - offsets, axis=1)[20:].max() < 0.00015
    outer = (got[:20] * offsets[:20]).sum(1) / (offsets[:20] ** 2).sum(1)
    assert outer.min() > 0.25 and 0.6 < outer.mean() < 0.95


def test_the_lips_part_where_only_one_of_them_moves(any_head):
    offsets = np.zeros((40, 3))
    offsets[UPPER] = [0, 0.002, 0]
    got = landmarks_of(any_head, moved_vertices(offsets, any_head))
    assert got[13, 1] > 0.0015 and abs(got[14, 1]) < 0.0002


def test_no_vertex_goes_far_beyond_its_landmarks_and_none_next_to_the_lips_moves(any_head):
    moved = moved_vertices(np.full((40, 3), 0.001), any_head)
    assert moved.max() < 0.00101 and moved[any_head.lips].min() > 0.00049
    others = np.setdiff1d(np.arange(len(moved)), any_head.lips)
    assert not moved[others].any()


def test_landmarks_that_tremble_against_each_other_pull_no_teeth(head):
    offsets = np.zeros((40, 3))
    offsets[20:, 1] = 0.001 * (-1) ** np.arange(20)
    assert moved_vertices(offsets, head)[:, 1].max() < 0.0009


def test_left_mirrors_right(any_head):
    template = landmarks_of(any_head, any_head.template)[LIP_LANDMARKS]
    twin = np.linalg.norm(template[:, None] * [-1, 1, 1] - template, axis=2).argmin(1)
    offsets = np.random.default_rng(0).normal(size=(40, 3)) / 1000
    mirrored = offsets[twin] * [-1, 1, 1]
    one, other = moved_vertices(offsets, any_head), moved_vertices(mirrored, any_head)
    np.testing.assert_allclose(other, one[any_head.mirror] * [-1, 1, 1], atol=1e-4)


def test_the_skin_does_not_crease_where_the_lips_end(head):
    """An edge of the mesh turns by little where the lips end, for offsets of the usual half millimetre."""
    moved = moved_vertices(np.full((40, 3), [0, 0, 0.0005]), head)
    first, second = edges(head.faces).T
    ends = np.isin(first, head.lips) != np.isin(second, head.lips)
    before = (head.template[first] - head.template[second])[ends]
    after = before + (moved[first] - moved[second])[ends]
    cosine = (before * after).sum(1) / np.linalg.norm(before, axis=1) / np.linalg.norm(after, axis=1)
    assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 25


def test_lips_with_vertices_that_nothing_joins_to_a_landmark(head):
    """As in ICT-FaceKit's, of which one vertex is in no triangle of the lips."""
    far = int(np.argmax(head.template[:, 1]))
    other = replace(head, regions=head.regions | {"lips": np.append(head.lips, far)})
    offsets = np.random.default_rng(6).normal(0, 1e-3, (40, 3))
    moved = spread(offsets, other)
    np.testing.assert_allclose(moved[:-1], spread(offsets, head), atol=1e-7)
    assert not moved[-1].any()
