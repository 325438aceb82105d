"""The light of a photo is found from its skin, whatever else is in the way."""

import numpy as np
import pytest

from vividlib.geometry.mesh import vertex_normals
from vividlib.reconstruction.lighting import COSINE_LOBE, DARKEST, STRONGEST, basis, estimate, shade, smooth, uneven

EVEN = 3.545  # coefficient of light that gives a shading of 1
SKIN = np.array([0.5, 0.32, 0.25])


def sphere(count=4000):
    """Points spread evenly over the unit sphere."""
    index = np.arange(count) + 0.5
    height, angle = 1 - 2 * index / count, np.pi * (1 + 5**0.5) * index
    ring = np.sqrt(1 - height**2)
    return np.column_stack([ring * np.cos(angle), height, ring * np.sin(angle)])


@pytest.fixture
def light():
    """From above and from the person's left, a little warmer there."""
    coefficients = np.zeros((9, 3))
    coefficients[0] = EVEN
    coefficients[1] = 0.5
    coefficients[2] = 0.6
    coefficients[3] = [1.0, 0.9, 0.8]
    coefficients[7], coefficients[8] = 0.5, -0.4
    return coefficients


@pytest.fixture
def normals():
    points = sphere()
    return points[points[:, 2] > 0.2]


def true_shading(light, normals):
    shading = basis(normals) @ light
    return shading / shading.mean(0)


def test_the_basis_is_what_a_matt_surface_receives():
    ways = sphere(60_000)
    harmonics = basis(ways) / COSINE_LOBE
    for normal in sphere(12):
        received = (harmonics * np.clip(ways @ normal, 0, None)[:, None]).mean(0) * 4 * np.pi / np.pi
        np.testing.assert_allclose(basis(normal), received, atol=2e-3)
    np.testing.assert_allclose((harmonics.T @ harmonics) * 4 * np.pi / len(ways), np.eye(9), atol=2e-3)


def test_a_known_light_is_recovered(light, normals):
    colours = SKIN * true_shading(light, normals) * np.random.default_rng(0).normal(1, 0.02, (len(normals), 1))
    found = estimate(normals, colours, np.ones(len(normals)))
    np.testing.assert_allclose(basis(normals) @ found, true_shading(light, normals), rtol=0.03)
    scaled = light / (basis(normals) @ light).mean(0)
    np.testing.assert_allclose(found, scaled, atol=0.1 * EVEN)


def test_beard_highlights_and_glasses_do_not_count(light, normals):
    random = np.random.default_rng(0)
    colours = SKIN * true_shading(light, normals) * random.normal(1, 0.03, (len(normals), 1))
    beard = normals[:, 1] < -0.5
    colours[beard] = [0.05, 0.04, 0.04]
    colours[random.random(len(normals)) < 0.08] = 1
    colours[random.random(len(normals)) < 0.08] = 0.01
    assert beard.mean() > 0.15
    found = basis(normals) @ estimate(normals, colours, np.ones(len(normals)))
    skin = ~beard
    ratio = found[skin] / true_shading(light, normals)[skin]
    assert np.abs(ratio / np.median(ratio, 0) - 1).max() < 0.1


def test_what_a_one_sided_view_does_not_show_stays_in_bounds(light, normals):
    seen = normals[normals[:, 0] > 0.6]
    colours = SKIN * true_shading(light, seen) * np.random.default_rng(0).normal(1, 0.15, (len(seen), 1))
    found = estimate(seen, colours, np.ones(len(seen)))
    np.testing.assert_allclose(basis(seen) @ found, true_shading(light, seen), rtol=0.12)
    everywhere = basis(sphere()) @ found
    assert everywhere.min() > -0.5 and everywhere.max() < 2.5
    assert shade(found, sphere()).min() >= DARKEST


def test_shading_is_positive_and_the_mean_colour_stays(light, normals):
    light[3] *= 8
    assert shade(light, sphere()).min() == pytest.approx(DARKEST)
    colours = SKIN * true_shading(np.vstack([light[:3], light[3:] / 8]), normals)
    found = basis(normals) @ estimate(normals, colours, np.ones(len(normals)))
    np.testing.assert_allclose((colours / found).mean(0), colours.mean(0), rtol=0.02)


@pytest.mark.parametrize("count", [0, 1, 29])
def test_too_little_skin_is_taken_to_stand_in_even_light(count, normals):
    found = estimate(normals[:count], np.full((count, 3), 0.3), np.ones(count))
    np.testing.assert_allclose(shade(found, normals), 1, atol=1e-5)


def test_smoothing_keeps_what_is_even_and_reaches_what_has_no_weight(head):
    skin = head.regions["face"]
    weights = np.zeros(len(head.template))
    weights[skin[head.template[skin, 1] > 0.02]] = 1
    even = smooth(head, np.full((len(weights), 2), 0.7), weights, 0.01)
    np.testing.assert_allclose(even[skin], 0.7, atol=0.01)
    noise = np.random.default_rng(0).normal(0, 1, (len(weights), 1))
    assert (
        smooth(head, noise, weights, 0.02)[weights > 0].std()
        < smooth(head, noise, weights, 0.005)[weights > 0].std()
        < 0.7
    )


@pytest.fixture
def colours(head):
    return np.tile(SKIN, (len(head.template), 1))


@pytest.mark.parametrize("factor", [0.4, 2.2])
def test_a_shadow_or_a_rim_light_on_one_cheek_is_light(head, colours, factor):
    cheek = (head.template[:, 0] > 0.025) & (np.abs(head.template[:, 1]) < 0.03)
    colours[cheek] *= factor
    light = uneven(head, colours, np.ones(len(colours)))
    middle = cheek & (head.template[:, 0] > 0.035) & (np.abs(head.template[:, 1]) < 0.02)
    middle &= np.isin(np.arange(len(middle)), head.regions["face"])
    assert middle.sum() > 20
    np.testing.assert_allclose((colours / light)[middle], np.tile(SKIN, (middle.sum(), 1)), rtol=0.25)
    np.testing.assert_allclose(light[head.mirror[middle]], 1, atol=0.1)
    assert 1 / STRONGEST <= light.min() and light.max() <= STRONGEST


def test_alike_sides_and_small_things_are_no_light(head, colours):
    normals = vertex_normals(head.template, head.faces)
    colours *= 1 + 0.3 * normals[:, 1:2]  # from above
    np.testing.assert_allclose(uneven(head, colours, np.ones(len(colours))), 1, atol=1e-3)
    mole = np.linalg.norm(head.template - head.template[head.landmark_vertices[205, 0]], axis=1) < 0.003
    colours[mole] *= 0.2
    assert 0.7 < uneven(head, colours, np.ones(len(colours))).min() < 1
