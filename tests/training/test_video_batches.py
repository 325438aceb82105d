"""Mirrored, recoloured and blurred pairs are pairs; couples are neighbours."""

import numpy as np
import pytest
import torch

from vividlib.errors import InputError
from vividlib.mesh_to_video.networks import frame_of
from vividlib.training import video_batches as video


def test_mirrored_pairs_are_pairs(video_pairs, batch):
    mirror = video.Batches(video.find_pairs(video_pairs), 0).mirror
    turned = video.mirrored(batch, mirror)
    torch.testing.assert_close(
        frame_of(turned.photo, turned.driven).flip(-1), frame_of(batch.photo, batch.driven), atol=1e-4, rtol=0
    )
    again = video.mirrored(turned, mirror)
    for part, other in zip((*again.photo, *again.driven, *again[2:]), (*batch.photo, *batch.driven, *batch[2:])):
        torch.testing.assert_close(part, other, atol=1e-4, rtol=0)
    # A face is nearly its own mirror image, and so are normalised coordinates: left lips stay on the left.
    photo, other = batch.photo, turned.photo
    assert (other.lips[0, 0, 0] < 128) == (photo.lips[0, 0, 0] < 128)
    both = (photo.texture[0, 3] > 0) & (other.texture[0, 3] > 0)
    assert (photo.texture[0, 0] - other.texture[0, 0])[both].abs().mean() < 0.12


def test_recoloured_and_blurred_pairs_are_pairs(batch):
    """The same is done to both sides: had the truth been what the photo gives, it still would be."""
    drawn = batch._replace(truth=frame_of(batch.photo, batch.driven))
    other, blurred = video.recoloured(drawn, np.random.default_rng(1)), video.blurred(drawn, 2.0)
    assert (other.truth - drawn.truth).abs().mean() > 0.02
    torch.testing.assert_close(frame_of(other.photo, other.driven), other.truth, atol=1e-4, rtol=0)
    assert (blurred.truth - drawn.truth).abs().mean() > 0.005
    assert (frame_of(blurred.photo, blurred.driven) - blurred.truth).abs().mean() < 0.005


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
