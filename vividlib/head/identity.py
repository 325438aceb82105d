"""How heads differ: principal components of many sampled people.

A person is sampled as MakeHuman makes one: a convex mixture of origins, gender, age, muscle and weight,
plus local changes of single features, and plus what real people have beyond that (`vividlib.head.people`).
Everything is linear in the targets, so the components of thousands of people come from a small matrix of mixing
weights and never from the meshes themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from vividlib.head import makehuman
from vividlib.head.makehuman import AGES, GENDERS, MUSCLES, ORIGINS, WEIGHTS

LEFT_OUT = (
    "head-trans", "neck-trans", "ear-shape-pointed", "ear-shape-triangle", "asymm-", "chin-triangle",
    "head-triangular", "head-invertedtriangular", "head-diamond",
)  # fmt: skip
"""Changes that only move the head on its joint, or that nobody has."""

SPREADS = {
    "asym-": 0.1, "eye-height": 0.15, "eye-scale": 0.12, "eye-push": 0.15, "mouth-angles": 0.12, "mouth-dimples": 0.15,
    "laugh-lines": 0.15, "mouth-trans-out": 0.04, "nose-trans-out": 0.04, "head-angle": 0.04, "head-age": 0.15,
    "neck-scale-vert": 0.12, "measure-neck-height": 0.1, "neck-": 0.15,
}  # fmt: skip
SPREAD = 0.22
"""Standard deviation of a local change, where 1 is the extreme that MakeHuman allows."""

SIDES_DIFFER = 0.1
"""Standard deviation by which the left and the right feature differ, as a share of the spread."""


def read_fields(
    data: Path, gather: Callable[[np.ndarray], np.ndarray], vertex_count: int
) -> tuple[dict, dict[str, tuple[np.ndarray, ...]]]:
    """Displacements of the head by phenotype key, and by local change."""

    def field(path):
        return gather(makehuman.read_target(path, vertex_count))

    phenotypes = {key: field(path) for key, path in makehuman.phenotype_files(data).items()}
    local = {
        name: tuple(field(path) for path in paths)
        for name, paths in makehuman.local_changes(data).items()
        if not any(part in name for part in LEFT_OUT)
    }
    return phenotypes, local


def mixture(origin: np.ndarray, gender: float, age: float, muscle: float, weight: float) -> dict:
    """Mixing weights of the phenotype targets.

    Parameters
    ----------
    origin
        (3,) shares of `makehuman.ORIGINS`, sum 1.
    gender, age, muscle, weight
        In [0, 1]; 0.5 is in the middle (an age of 0.5 is a young adult).
    """
    shares = dict(zip(ORIGINS, origin)) | dict(zip(GENDERS, (1 - gender, gender)))
    for labels, value in ((AGES, age), (MUSCLES, muscle), (WEIGHTS, weight)):
        shares |= dict(zip(labels, (max(0, 1 - 2 * value), 1 - abs(2 * value - 1), max(0, 2 * value - 1))))
    keys = [(o, g, a) for o in ORIGINS for g in GENDERS for a in AGES]
    keys += [(g, a, m, w) for g in GENDERS for a in AGES for m in MUSCLES for w in WEIGHTS]
    return {key: float(np.prod([shares[label] for label in key])) for key in keys}


def average(phenotypes: dict) -> np.ndarray:
    """The displacement of an average young adult: all origins, both genders, average muscle and weight."""
    weights = mixture(np.full(3, 1 / 3), 0.5, 0.5, 0.5, 0.5)
    return sum(weight * phenotypes[key] for key, weight in weights.items())


def sample_people(count: int, phenotypes: dict, local: dict, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Mixing weights of random people (count, M) and the displacements they mix (M, V, 3)."""
    columns = [(key, 0) for key in phenotypes] + [(name, k) for name, pair in local.items() for k in range(len(pair))]
    place = {column: index for index, column in enumerate(columns)}
    weights = np.zeros((count, len(columns)))
    for row in weights:
        origin = rng.dirichlet([0.7] * 3)
        age = rng.choice([rng.uniform(0.1, 0.5), rng.uniform(0.4, 1)], p=[0.15, 0.85])
        muscle, weight = np.clip(rng.normal(0.5, 0.17, 2), 0, 1)
        for key, value in mixture(origin, rng.beta(0.6, 0.6), age, muscle, weight).items():
            row[place[key, 0]] = value
        common = {}
        for name, pair in local.items():
            spread = next((value for part, value in SPREADS.items() if part in name), SPREAD)
            value = rng.normal(0, spread)
            if name[:2] in ("l-", "r-"):
                value = common.setdefault(name[2:], value) + rng.normal(0, SIDES_DIFFER * spread)
            value = np.clip(value, -1, 1)
            if value > 0:
                row[place[name, 0]] = value
            elif len(pair) == 2:
                row[place[name, 1]] = -value
    fields = np.stack(
        [(phenotypes.get(name) if not k and name in phenotypes else local[name][k]) for name, k in columns]
    )
    return weights, fields


def with_displacements(
    weights: np.ndarray, fields: np.ndarray, more: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Give each person of `sample_people` a random share, normally distributed, of ``more`` displacements (N, V, 3)."""
    return np.hstack([weights, rng.normal(size=(len(weights), len(more)))]), np.concatenate([fields, more])


def principal_components(
    weights: np.ndarray, fields: np.ndarray, mirror: np.ndarray, importance: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Principal components of ``weights @ fields`` and its mirror image, each scaled to one standard deviation.

    With the mirror images every component is either symmetric or antisymmetric, exactly.

    Parameters
    ----------
    weights, fields
        From `sample_people`: (S, M) and (M, V, 3).
    mirror
        (V,): the vertex on the other side of each.
    importance
        (V,): how much the error at a vertex counts.

    Returns
    -------
    components
        (count, V, 3) metres.
    share
        (count,) share of the weighted variance that each explains, falling.
    """
    centred = weights - weights.mean(0)
    flipped = fields[:, mirror] * [-1, 1, 1]
    halves = [_components(centred, (fields + sign * flipped) / 2, importance, count) for sign in (1, -1)]
    components, variance = (np.concatenate(parts) for parts in zip(*((half, each) for half, each, _ in halves)))
    largest = np.argsort(-variance, kind="stable")[:count]
    return components[largest], variance[largest] / sum(total for *_, total in halves)


def _components(
    centred: np.ndarray, fields: np.ndarray, importance: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Components (count, V, 3), the weighted variance (count,) of each, and that of all there are."""
    flat = fields.reshape(len(fields), -1)
    weighed = flat * np.repeat(np.sqrt(importance), 3)
    values, vectors = np.linalg.eigh(weighed @ weighed.T)
    root = vectors * np.sqrt(np.maximum(values, 0))  # root @ root.T is the Gram matrix
    left, singular, _ = np.linalg.svd(centred @ root, full_matrices=False)
    scores = left[:, :count] * np.sqrt(len(centred))
    components = (scores.T @ centred / len(centred)) @ flat
    return components.reshape(-1, *fields.shape[1:]), singular[:count] ** 2, (singular**2).sum()
