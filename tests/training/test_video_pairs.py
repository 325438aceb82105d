"""Pairs fit together, and what lies beyond the picture does not count."""

import numpy as np
import pytest

from vividlib.errors import InputError
from vividlib.mesh_to_video.networks import frame_of
from vividlib.training.video_batches import find_pairs, read_pair
from vividlib.training.video_pairs import BEYOND, prepare


def test_pairs_show_the_same_place(batch):
    """The frames are one photo, darker: the analytic frame has the photo's light."""
    truth, made = batch.truth, frame_of(batch.photo, batch.driven)
    light = (made * batch.weight).sum((1, 2, 3)) / (truth * batch.weight).sum((1, 2, 3))
    for pair, wanted in ((0, 1 / 0.9), (1, 1 / 0.8)):
        assert float(light[pair]) == pytest.approx(wanted, rel=0.03)
        assert (light[pair] * truth[pair] - made[pair]).abs().mean() < 0.02


def test_what_lies_beyond_the_picture_does_not_count(video_pairs):
    for pair in find_pairs(video_pairs):
        *_, looked_at = read_pair(pair)
        assert set(np.unique(looked_at)) <= {0, 1, 2, BEYOND}
        assert 0.02 < np.isin(looked_at, (1, 2)).mean() < 0.2


@pytest.mark.parametrize("asked", [(0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_no_pairs_are_not_prepared(tmp_path, asked):
    with pytest.raises(InputError, match="at least one"):
        prepare(tmp_path, tmp_path / "pairs", *asked)
