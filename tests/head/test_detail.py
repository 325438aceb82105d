"""Three levels of detail are one head."""

import numpy as np
import pytest

from vividlib.conventions import ARKIT_INDEX
from vividlib.errors import HeadError
from vividlib.geometry.raster import rasterize
from vividlib.head import model, soundness

LEVELS = ("low", "medium", "high")
COUNTS = {"low": (2500, 3500), "medium": (5000, 8000), "high": (18_000, 26_000)}


@pytest.fixture(params=LEVELS)
def level(request):
    return model.load(detail=request.param)


def landmarks(head, vertices):
    return np.einsum("lkc,lk->lc", vertices[head.landmark_vertices], head.landmark_weights)


def test_levels_have_their_sizes_and_the_same_names(head):
    for detail in LEVELS:
        level = model.load(detail=detail)
        low, high = COUNTS[detail]
        assert low < len(level.template) < high
        assert level.regions.keys() == head.regions.keys() and level.joints.keys() == head.joints.keys()
        assert len(level.identity_basis) == len(head.identity_basis)
    with pytest.raises(HeadError, match="low, medium, high"):
        model.load(detail="huge")


def test_indices_are_in_range_and_every_vertex_is_used(level):
    count = len(level.template)
    assert set(np.unique(level.faces)) == set(range(count))
    assert set(np.unique(level.uv_faces)) == set(range(len(level.uv)))
    assert level.faces.shape == level.uv_faces.shape
    for part in (*level.regions.values(), *level.joints.values(), level.landmark_vertices):
        assert len(part) and part.min() >= 0 and part.max() < count
    assert level.blendshapes.shape == (52, count, 3) and level.albedo.shape == (count, 3)


def test_the_surface_is_a_surface(level):
    """Every edge has two triangles, or one at an open border, and is walked in both directions."""
    edges = np.concatenate([level.faces[:, [0, 1]], level.faces[:, [1, 2]], level.faces[:, [2, 0]]])
    assert len(np.unique(edges, axis=0)) == len(edges)
    _, count = np.unique(np.sort(edges, 1), axis=0, return_counts=True)
    assert count.max() == 2


def test_left_mirrors_right(level):
    assert (level.mirror[level.mirror] == np.arange(len(level.mirror))).all()
    assert np.abs(level.template[level.mirror] * [-1, 1, 1] - level.template).max() < 1e-5


@pytest.mark.parametrize("shape", [None, "jawOpen", "mouthSmileLeft", "browInnerUp", "eyeBlinkLeft"])
def test_landmarks_and_joints_are_where_the_medium_head_has_them(head, level, shape):
    row = np.zeros(52, np.float32)
    if shape:
        row[ARKIT_INDEX[shape]] = 1
    random = np.random.default_rng(0).normal(0, 1, len(head.identity_basis)).astype(np.float32)

    def posed(head):
        person = head.template + np.tensordot(random, head.identity_basis, 1)
        return person, landmarks(head, model.deform(head, person, row))

    (person, here), (original, there) = posed(level), posed(head)
    off = np.linalg.norm(here - there, axis=1)
    assert off.max() < 3e-3 and off.mean() < 3e-4
    for name in head.joints:
        np.testing.assert_allclose(model.joint(level, person, name), model.joint(head, original, name), atol=1e-5)


def test_lips_meet_at_rest_and_loops_run_along_edges(level):
    assert soundness.lip_gap(level, level.template)[0] < 2e-4
    edges = {tuple(sorted(pair)) for face in level.faces.tolist() for pair in zip(face, face[1:] + face[:1])}
    for name in ("lips_inner", "lips_outer", "eyelid_edge_left", "eyelid_edge_right"):
        loop = level.regions[name].tolist()
        assert all(tuple(sorted(pair)) in edges for pair in zip(loop, loop[1:] + loop[:1])), name


def visible(head, region_names, **amounts):
    row = np.zeros(52, np.float32)
    for name, amount in amounts.items():
        row[ARKIT_INDEX[name]] = amount
    faces = np.isin(head.faces, np.concatenate([head.regions[name] for name in region_names])).all(1)
    points = model.deform(head, head.template, row) * [2000, -2000, 1] + [256, 320, 0]
    triangle = rasterize(points, head.faces, 512, 512).triangle
    return int(faces[triangle[triangle >= 0]].sum())


def test_closed_lids_and_lips_hide_what_is_behind_them(level):
    eyes, mouth = ("eyeball_left", "eyeball_right"), ("teeth_upper", "teeth_lower", "tongue", "mouth_cavity")
    assert visible(level, eyes) > 500
    assert visible(level, eyes, eyeBlinkLeft=1, eyeBlinkRight=1) == 0
    for shapes in (
        {},
        {"mouthRollLower": 1, "mouthRollUpper": 1},
        {"mouthShrugUpper": 1},
        {"jawOpen": 1, "mouthClose": 1},
    ):
        assert visible(level, mouth, **shapes) == 0, shapes
    assert visible(level, mouth, jawOpen=0.5) > 300
    assert visible(level, ("tongue",), tongueOut=1, jawOpen=0.4) > visible(level, ("tongue",), jawOpen=0.4) + 200


def test_the_layout_of_the_texture_is_the_same(head, level):
    """A point of the texture shows the same place of the head."""
    size = 256

    def places(head):
        points = np.pad(head.uv * size, ((0, 0), (0, 1)))
        fragments = rasterize(points, head.uv_faces, size, size)
        from vividlib.geometry.raster import interpolate

        corner = np.zeros((len(head.uv), 3), np.float32)
        corner[head.uv_faces.ravel()] = head.template[head.faces.ravel()]
        return interpolate(corner, head.uv_faces, fragments), fragments.triangle >= 0

    (here, covered), (there, known) = places(level), places(head)
    both = covered & known
    assert both.mean() > 0.95 * known.mean()
    assert np.median(np.linalg.norm(here[both] - there[both], axis=1)) < 1e-3
