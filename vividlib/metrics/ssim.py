"""Structural similarity of pictures (Wang et al., "Image quality assessment", IEEE TIP 2004): 1 where they are the same."""

from __future__ import annotations

import numpy as np


def ssim(found: np.ndarray, truth: np.ndarray, peak: float = 255) -> float:
    """Mean over all pixels and channels, with the paper's Gaussian window (1.5 px).

    Parameters
    ----------
    found, truth : (H, W, C), of the same unit, 11 px or more on each side
    peak : the highest value that a pixel can have
    """
    from skimage.metrics import structural_similarity  # of the extra "test"; nothing at run time needs it

    return float(
        structural_similarity(
            found.astype(np.float64), truth.astype(np.float64), data_range=peak, channel_axis=-1,
            gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        )
    )  # fmt: skip
