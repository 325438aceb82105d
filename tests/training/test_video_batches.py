"""Mirrored, recoloured and blurred pairs are pairs; couples are neighbours."""

import numpy as np
import pytest
import torch

from vividlib.errors import InputError
from vividlib.mesh_to_video.warp import lay
from vividlib.training import video_batches as video


def analytic(batch):
    driven = batch.driven
    return lay(batch.photo.layers, driven.flow, driven.occlusion, driven.fill)


def test_mirrored_pairs_are_pairs(video_pairs, batch):
    mirror = video.Batches(video.find_pairs(video_pairs), 0).mirror
    turned = video.mirrored(batch, mirror)
    torch.testing.assert_close(analytic(turned).flip(-1), analytic(batch), atol=1e-4, rtol=0)
    again = video.mirrored(turned, mirror)
    for part, other in zip((*again.photo, *again.driven, *again[2:]), (*batch.photo, *batch.driven, *batch[2:])):
        torch.testing.assert_close(part, other, atol=1e-4, rtol=0)
    # A face is nearly its own mirror image, and so are normalised coordinates: left lips stay on the left.
    photo, other = batch.photo, turned.photo
    assert (other.lips[0, 0, 0] < 128) == (photo.lips[0, 0, 0] < 128)
    both = (photo.texture[0, 3] > 0) & (other.texture[0, 3] > 0)
    assert (photo.texture[0, 0] - other.texture[0, 0])[both].abs().mean() < 0.12


def test_recoloured_and_blurred_pairs_are_pairs(batch):
    """The same is done to both sides: what told them apart before, tells them apart after."""
    other = video.recoloured(batch, np.random.default_rng(1))
    assert (other.truth - batch.truth).abs().mean() > 0.02
    before, after = analytic(batch) - batch.truth, analytic(other) - other.truth
    assert after.abs().mean() < 1.5 * before.abs().mean()
    blurred = video.blurred(batch, 2.0)
    assert (analytic(blurred) - blurred.truth).abs().mean() < 1.5 * before.abs().mean()


def test_couples_are_neighbouring_frames_of_one_photo(video_pairs):
    pairs = video.find_pairs(video_pairs)
    assert [tuple(pair.driven.stem for pair in couple) for couple in video.couples(pairs)] == 2 * [
        ("clip_0_1", "clip_0_2")
    ]
    batch = video.Batches(pairs, 0).at(3)
    assert len(batch.truth) == video.SINGLES + 2 * video.COUPLES
    # The second of a couple is the darker one here.
    light = batch.truth[video.SINGLES :].mean((1, 2, 3))
    assert (light[1::2] < light[::2]).all()


def test_a_folder_without_pairs_is_refused(tmp_path):
    with pytest.raises(InputError, match="No pairs"):
        video.find_pairs(tmp_path)
