"""What a file that shows a head shows: whose, in which colours, and moved by which shapes."""

from __future__ import annotations

import numpy as np

from vividlib.head import model
from vividlib.types import Face, HeadModel


def shown(whose: Face | HeadModel | None) -> tuple[HeadModel, np.ndarray]:
    """The head and its vertices at rest (V, 3 metres): a person's, a head's own, or the default head's."""
    if isinstance(whose, Face):
        return whose.head, whose.neutral
    head = whose or model.load()
    return head, head.template


def texture_of(whose: Face | HeadModel | None, size: int = 1024) -> np.ndarray | None:
    """The photo (size, size, 3 uint8 sRGB) without its light in the head's UV; None where there is no photo."""
    if not isinstance(whose, Face):
        return None
    from vividlib.reconstruction.texture import unwrap  # here, because OpenCV takes its time to load

    return unwrap(whose, size)


def rig_shapes(head: HeadModel, neutral: np.ndarray) -> np.ndarray:
    """The blendshapes (52, V, 3 metres) as a rig needs them that only adds them up: fitted to this person's eyes."""
    return head.blendshapes * model.shape_scale(head, neutral)[:, None, None]
