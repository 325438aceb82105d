"""Identity of a person in pictures: cosine of face embeddings (CSIM; Zakharov et al., ICCV 2019, section 4)."""

from __future__ import annotations

import numpy as np


def csim(found: np.ndarray, truth: np.ndarray) -> float:
    """Mean cosine of embeddings (..., C) of made pictures with those of real ones: 1 where they are the same person to
    the network that embedded them. Strangers have about 0 by ArcFace, about 0.8 by dlib's.

    Figures of two networks do not compare; papers use ArcFace (Deng et al., CVPR 2019).
    """
    found, truth = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (found, truth))
    return float((found.astype(np.float64) * truth).sum(-1).mean())
