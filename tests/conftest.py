"""What many tests need: small motions, and the real head, face and voice, made once a session."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vividlib.types import Motion


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Recordings that are not part of the repository."""
    folder = os.environ.get("VIVIDLIB_DATA")
    if not folder:
        pytest.skip("VIVIDLIB_DATA names no folder with recordings")
    return Path(folder)


@pytest.fixture
def motion() -> Motion:
    """Two seconds at 30 Hz in which everything but the lip offsets moves."""
    random = np.random.default_rng(3)
    frames = 60
    return Motion(
        blendshapes=random.uniform(0, 1, (frames, 52)),
        head_rotation=Rotation.from_rotvec(random.normal(0, 0.2, (frames, 3))).as_quat(),
        head_translation=random.normal(0, 0.01, (frames, 3)),
        gaze=random.normal(0, 0.2, (frames, 2, 2)),
        rate=30,
    )


@pytest.fixture(scope="session")
def head():
    from vividlib.head import model

    return model.load()


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """512 x 512 photo of one smiling face."""
    return pytest.importorskip("skimage.data").astronaut()


@pytest.fixture(scope="session")
def face(astronaut):
    from vividlib import pipeline

    return pipeline.reconstruct(astronaut)
