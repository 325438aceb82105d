"""The network looks where it should, and says nothing before it has learned."""

import numpy as np
import torch

from vividlib.reconstruction.correction import RANK, normalise
from vividlib.reconstruction.landmark_network import (
    CROP,
    EXTENT,
    LandmarkNetwork,
    crop,
    load_network,
    mirrored,
)


def test_untrained_it_leaves_landmarks_alone():
    network = LandmarkNetwork().eval()
    network.basis.normal_()
    found = network(torch.rand(2, CROP, CROP) * 255, torch.randn(2, 478, 3), torch.randn(2, RANK))
    assert found.shape == (2, 478, 3) and not found.any()


def test_brightness_and_contrast_hardly_matter():
    network = load_network()
    rng = np.random.default_rng(0)
    picture = torch.from_numpy(rng.normal(128, 40, (1, CROP // 8, CROP // 8)).astype(np.float32))
    crops = torch.nn.functional.interpolate(picture[None], (CROP, CROP), mode="bicubic")[0]
    faces, scores = (torch.from_numpy(rng.normal(0, 0.5, (1, *s)).astype(np.float32)) for s in ((478, 3), (RANK,)))
    with torch.inference_mode():
        one, other, flat = (network(c, faces, scores) for c in (crops, 0.8 * crops + 30, torch.full_like(crops, 99)))
    assert (one - other).abs().mean() < 0.2 * (one - flat).abs().mean()


def test_a_crop_shows_a_landmark_where_it_says():
    """A white dot at a landmark of a face, rolled, moved and of any size, is found at its place of the upright face."""
    rng = np.random.default_rng(1)
    upright = rng.normal(0, 0.6, (478, 3))
    upright[[33, 133, 362, 263]] = [[-0.6, -0.4, 0], [-0.3, -0.4, 0], [0.3, -0.4, 0], [0.6, -0.4, 0]]
    for size, angle in ((90.0, 0.3), (300.0, -0.2)):
        roll = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        points = upright.copy()
        points[:, :2] = size * upright[:, :2] @ roll.T + 900
        points[:, 2] *= size
        image = np.zeros((1800, 1800, 3), np.uint8)
        x, y = points[1, :2].round().astype(int)
        reach = int(size / 10)
        image[y - reach : y + reach + 1, x - reach : x + reach + 1] = 255
        found = crop(image, points).astype(float)
        rows, columns = np.mgrid[:CROP, :CROP]
        at = np.array([(found * columns).sum(), (found * rows).sum()]) / found.sum()
        place = normalise(points[None])[0][0, 1, :2] / EXTENT
        np.testing.assert_allclose((at + 0.5) / CROP * 2 - 1, place, atol=0.01)


def test_mirroring_twice_changes_nothing():
    points, twin = torch.randn(2, 478, 3), load_network().twin
    torch.testing.assert_close(mirrored(mirrored(points, twin), twin), points)
