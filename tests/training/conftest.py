"""Pairs for the tests of the second stage's training."""

import numpy as np
import pytest


@pytest.fixture(scope="package")
def video_pairs(astronaut, head, tmp_path_factory):
    """A folder of two people of one video each: a photo that turns on the spot, darker from frame to frame."""
    from vividlib.reconstruction.landmarks import find_portrait
    from vividlib.training.filmed import save
    from vividlib.training.video_pairs import pairs_of
    from vividlib.training.video_photos import Other

    portrait = find_portrait(astronaut)
    darker = (np.ascontiguousarray((astronaut * (1 - 0.1 * i)).astype(np.uint8)) for i in (1, 2))
    others = {str(i): Other(image, portrait.landmarks) for i, image in enumerate(darker, 1)}
    folder = tmp_path_factory.mktemp("pairs")
    for person in ("anna", "id22"):
        for name, arrays in pairs_of(portrait, others, head):
            save(folder / person / f"clip_0{name and '_'}{name}.npz", **arrays)
    return folder


@pytest.fixture(scope="package")
def batch(video_pairs):
    """Both pairs of one of them: a couple of neighbouring frames."""
    from vividlib.training.video_batches import batch_of, find_pairs

    return batch_of(find_pairs(video_pairs)[:2])
