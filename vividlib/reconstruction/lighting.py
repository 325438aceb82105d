"""The light of a photo, from the skin that it shows.

Far light falls on a matt surface as a polynomial of second order in the normal, to a few per cent: nine
coefficients of spherical harmonics a channel (Ramamoorthi and Hanrahan, "An efficient representation for irradiance
environment maps", SIGGRAPH 2001; Basri and Jacobs, "Lambertian reflectance and linear subspaces", PAMI 2003).
Shadows that nose or hair cast, and lights that graze one cheek, are none of that: the other side of the face tells.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from vividlib.geometry.mesh import edges
from vividlib.types import HeadModel

COSINE_LOBE = np.float32([1, 2 / 3, 2 / 3, 2 / 3, 1 / 4, 1 / 4, 1 / 4, 1 / 4, 1 / 4])
"""What a matt surface keeps of each harmonic of the light: A_l / pi of the paper, equation 8."""
EVEN = 1 / 0.282095  # coefficient of Y_00 at which light from everywhere gives a shading of 1

ROUNDS = 20
SPREAD = 4.685  # robust deviations at which a sample counts for nothing: Tukey's biweight, 95 % efficiency
DEVIATION = (0.02, 0.2)  # of a sample from the shading, as its share: noise of any camera, and the first guess
PRICE, COLOUR_PRICE = 0.1, 2.0
"""Of light that differs from way to way, and of its colour differing, against the squared deviation of the samples:
what a one-sided or unclear view does not tell stays even light."""
FEWEST = 30  # samples that make an estimate
DARKEST = 0.4  # shading; less is taken for this, so that noise is not blown up, and a polynomial may be negative

REACH = 0.015  # metres over which the sides of a face are compared
STRONGEST = 6.0  # factor by which they may differ for the light


def basis(normals: np.ndarray) -> np.ndarray:
    """Shading (..., 9) of unit normals (..., 3) by each harmonic of the light: Y_00, Y_1-1, Y_10, Y_11, ..., Y_22."""
    x, y, z = np.moveaxis(np.asarray(normals, np.float32), -1, 0)
    harmonics = [
        np.full_like(x, 0.282095),
        0.488603 * y, 0.488603 * z, 0.488603 * x,
        1.092548 * x * y, 1.092548 * y * z, 0.315392 * (3 * z * z - 1), 1.092548 * x * z, 0.546274 * (x * x - y * y),
    ]  # fmt: skip
    return np.stack(harmonics, -1) * COSINE_LOBE


def estimate(normals: np.ndarray, colours: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The light on a surface that has one colour almost everywhere.

    Iteratively reweighted least squares, with Tukey's biweight on the deviation relative to the shading: brows,
    beards, frames of glasses, highlights and cast shadows end up with little weight or none. Colour and light cannot
    be told apart; the light is scaled so that the mean shading of the samples that count is 1 in each channel.
    Divided by its shading, the surface then keeps the mean colour that it has in the photo.

    Parameters
    ----------
    normals
        (N, 3) units.
    colours
        (N, 3) linear RGB.
    weights
        (N,) how much each sample counts at first, at least 0.

    Returns
    -------
    numpy.ndarray
        (9, 3) coefficients of the light, in the order of `basis`; even light where fewer than 30 samples count.
    """
    used = (weights > 0) & (colours.min(1) > 0)
    if used.sum() < FEWEST:
        return np.vstack([np.full((1, 3), EVEN), np.zeros((8, 3))])
    design, colours, weights = basis(normals[used]).astype(float), colours[used].astype(float), weights[used]
    trust, deviation = weights, DEVIATION[1]
    for _ in range(ROUNDS):
        light = _solve(design, colours, trust, deviation**2)
        shading = np.maximum(design @ light, DARKEST * np.average(design @ light, axis=0, weights=trust))
        off = np.abs(colours / shading - 1).max(1)
        deviation = np.clip(1.4826 * _median(off, weights), *DEVIATION)
        trust = weights * np.clip(1 - (off / (SPREAD * deviation)) ** 2, 0, 1) ** 2
    return light / np.average(design @ light, axis=0, weights=trust)


def shade(light: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Shading (..., 3), linear and at least `DARKEST`, of unit normals (..., 3) in a light as from `estimate`."""
    return np.maximum(basis(normals) @ light.astype(np.float32), np.float32(DARKEST))


def uneven(head: HeadModel, colours: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Light at each vertex (V 3, 1 / `STRONGEST` to `STRONGEST`) beyond the harmonics: cast shadows and rim lights.

    A face has one colour on both sides, but for small things. Where its sides differ over more than `REACH` metres,
    the side that is less like the whole of the face gives way: what it is darker or brighter by is light.

    Parameters
    ----------
    colours
        (V, 3) linear RGB without the shading, positive.
    weights
        (V,) in [0, 1], how well the photo shows the face there.
    """
    face, strange = head.regions["face"], np.log(colours)
    seen = face[weights[face] > 0.5]
    if not len(seen):
        return np.ones_like(colours)
    strange = ((strange - np.median(strange[seen], 0)) ** 2).sum(1) + 1e-6
    share = strange / (strange + strange[head.mirror])
    both = np.zeros(len(weights))
    both[face] = (weights * weights[head.mirror])[face]
    most = np.log(STRONGEST)
    difference = np.clip(np.log(colours / colours[head.mirror]), -most, most)
    return np.exp(smooth(head, difference * share[:, None], both, REACH))


def smooth(head: HeadModel, values: np.ndarray, weights: np.ndarray, length: float) -> np.ndarray:
    """Diffuse values (V, C) along the surface over about ``length`` metres, and on to where their weights (V) are 0.

    Minimises the weighted squared distance to the values plus the squared slope along the edges.
    """
    first, second = edges(head.faces).T
    step = np.linalg.norm(head.template[first] - head.template[second], axis=1)
    link = (length / np.maximum(step, 1e-3)) ** 2 / 6  # six neighbours share the work
    ends = np.r_[first, second], np.r_[second, first]
    links = sparse.coo_array((np.r_[link, link], ends), (len(weights), len(weights)))
    system = sparse.diags_array(weights + links.sum(1) + 1e-6) - links  # 1e-6: a part without weights stays solvable
    return splu(system.tocsc()).solve(values.astype(float) * weights[:, None])


def _solve(design: np.ndarray, colours: np.ndarray, weights: np.ndarray, noise: float) -> np.ndarray:
    """Weighted ridge regression (9 3): the brightness of the light first, then what each channel departs from it."""
    price = noise * weights.sum() * np.diag([0.0] + [1.0] * 8)
    weighted = design * weights[:, None]
    gram, means = weighted.T @ design, np.average(colours, axis=0, weights=weights)
    moments = weighted.T @ (colours / means)
    grey = moments.mean(1, keepdims=True)
    tint = np.linalg.solve(gram + COLOUR_PRICE * price, moments - grey)
    return (np.linalg.solve(gram + PRICE * price, grey) + tint) * means


def _median(values: np.ndarray, weights: np.ndarray) -> float:
    order = values.argsort()
    total = weights[order].cumsum()
    return float(values[order][np.searchsorted(total, total[-1] / 2)])
