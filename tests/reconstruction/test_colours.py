"""Colours of what no photo shows follow from what it does show."""

import numpy as np
import pytest

from vividlib.geometry.mesh import vertex_normals
from vividlib.reconstruction.colours import MOUTH, hidden_colours


@pytest.fixture(scope="module")
def visible(head):
    seen = vertex_normals(head.template, head.faces)[:, 2] > 0.3
    for name in (*MOUTH, "eyelids_left", "eyelids_right"):
        seen[head.regions[name]] = False
    return seen


def linear(colours):
    value = colours / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def photo(head, light):
    """The model's own colours in a light, as sampled from a photo (V 3 sRGB)."""
    value = np.clip(head.albedo * light, 0, 1)
    return 255 * np.where(value <= 0.0031308, 12.92 * value, 1.055 * value ** (1 / 2.4) - 0.055)


def test_what_is_seen_keeps_its_colour(head, visible):
    sampled = np.random.default_rng(0).uniform(0, 255, head.template.shape)
    colours = hidden_colours(head, head.template, sampled, visible)
    np.testing.assert_allclose(colours[visible], sampled[visible], atol=1e-4)


def test_the_mouth_stands_in_the_light_of_the_photo(head, visible):
    bright, dim = (hidden_colours(head, head.template, photo(head, light), visible) for light in (0.9, 0.3))
    teeth = head.regions["teeth_upper"]
    np.testing.assert_allclose(linear(dim[teeth]), linear(bright[teeth]) / 3, rtol=0.05)
    warm = hidden_colours(head, head.template, photo(head, np.array([0.9, 0.6, 0.3])), visible)[teeth].mean(0)
    assert warm[0] > warm[1] > warm[2]
    lower = head.regions["teeth_lower"]
    assert bright[teeth].max() > bright[lower].max() > bright[head.regions["mouth_cavity"]].mean()


def test_hidden_skin_continues_the_skin_around_it(head, visible):
    sampled = np.zeros(head.template.shape)
    sampled[visible] = [200, 150, 120]
    colours = hidden_colours(head, head.template, sampled, visible)
    lids = np.setdiff1d(
        np.concatenate([head.regions["eyelids_left"], head.regions["eyelids_right"]]),
        np.concatenate([head.regions["eyelid_edge_left"], head.regions["eyelid_edge_right"]]),
    )
    ears = head.regions["face"][~visible[head.regions["face"]]]
    for part in (lids, np.setdiff1d(ears, np.concatenate([head.regions[name] for name in MOUTH]))):
        assert np.abs(np.median(colours[part], 0) - [200, 150, 120]).max() < 5
