"""Background stillness: how much a picture changes where nobody is, in levels of 255."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.ndimage import distance_transform_edt

AROUND = 0.08
"""Of the head's size: so far around the person hair and clothes may move."""


def background_stillness(frames: Iterable[np.ndarray], photo: np.ndarray, person: np.ndarray, head: float) -> float:
    """Mean absolute change from the photo outside the person, in levels of 255, over all frames; 0 is still.

    Parameters
    ----------
    frames : each H W 3 uint8, one at a time
    photo : H W 3 uint8, what the frames would be if nothing moved
    person : H W bool, where persons are in the photo
    head : size of the head, px; the person counts as wider by `AROUND` of it

    Raises
    ------
    ValueError
        If there are no frames, or no background.
    """
    outside = distance_transform_edt(~person) > AROUND * head if person.any() else ~person
    if not outside.any():
        raise ValueError("The person covers the whole picture; take one that shows background.")
    still = photo[outside].astype(np.int16)
    changes = [np.abs(frame[outside] - still).mean() for frame in frames]
    if not changes:
        raise ValueError("A clip without frames does not move; pass at least one frame.")
    return float(np.mean(changes))
