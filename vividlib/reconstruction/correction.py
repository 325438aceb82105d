"""Take MediaPipe's habits out of its landmarks.

Its network draws every face towards the faces that it knows: a smile comes out narrower, a frown and an odd
nose almost not at all, and the pose takes up what the face may not. How it does so was learned from rendered heads,
whose landmarks are known (`vividlib.training.landmarks`): a linear map from a face as detected to how far each of its
landmarks is astray, as active appearance models map residuals to updates (Cootes, Edwards and Taylor, "Active
appearance models", 1998, section 4), and what a small network sees in the picture besides
(`vividlib.reconstruction.landmark_network`). Lips and lids stay where they were seen: MediaPipe looks at them more
closely (Grishchenko et al., "Attention Mesh", 2020), and on photos it is right there.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from vividlib.errors import WeightsError
from vividlib.media.files import read_arrays
from vividlib.weights import asset_path

WEIGHTS = "landmark_correction.npz"
SKIN = 468  # landmarks before those of the irises
RANK = 200  # components of a face as it was detected
EYE_CORNERS = np.array([[33, 133], [362, 263]])  # right, left


def correct(image: np.ndarray, landmarks: np.ndarray, twice: bool = True) -> np.ndarray:
    """Landmarks as MediaPipe gives them to where they are on the face (B 478 3 px, float64).

    Parameters
    ----------
    image : H W 3 uint8, the picture that they were found in
    landmarks : B 478 3 px, faces of that picture
    twice : look at the mirrored picture too, which makes mirrored pictures agree and takes twice as long
    """
    from vividlib.reconstruction.landmark_network import astray  # here, because torch takes seconds to load

    faces, roll, size = normalise(landmarks)
    scores = scores_of(faces)
    return landmarks + size[:, None, None] * ((habit(scores) + astray(image, landmarks, faces, scores, twice)) @ roll)


def scores_of(faces: np.ndarray) -> np.ndarray:
    """Scores (B RANK) of normalised faces (B 478 3) in the components of the map."""
    mean, components, _ = _map()
    return (faces.reshape(len(faces), -1) - mean) @ components.T


def habit(scores: np.ndarray) -> np.ndarray:
    """How far landmarks of such faces (B RANK scores) are astray (B 478 3), whatever the picture shows."""
    _, _, response = _map()
    return (np.column_stack([np.ones(len(scores)), scores]) @ response).reshape(len(scores), -1, 3)


def normalise(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Faces (B 478 3) upright, about their own middle, in units of their own size; and how they were.

    Returns
    -------
    faces : B 478 3
    roll : B 3 3, from the picture to the upright face: ``faces = (landmarks - middle) @ roll.T / size``
    size : B, px, root mean square distance of the landmarks from their middle
    """
    landmarks = landmarks.astype(np.float64)
    centred = landmarks - landmarks[:, :SKIN].mean(1, keepdims=True)
    right, left = (landmarks[:, corners, :2].mean(1) for corners in EYE_CORNERS)
    across = (left - right) / np.linalg.norm(left - right, axis=1, keepdims=True)
    roll = np.tile(np.eye(3), (len(landmarks), 1, 1))
    roll[:, 0, :2] = across
    roll[:, 1, 0], roll[:, 1, 1] = -across[:, 1], across[:, 0]
    size = np.sqrt((centred[:, :SKIN, :2] ** 2).sum(2).mean(1))
    return centred @ np.swapaxes(roll, 1, 2) / size[:, None, None], roll, size


@cache
def _map() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean face (D), components (K D), and displacement for 1 and for each component (1 + K, D); D is 3 x 478."""
    arrays = read_arrays(asset_path(WEIGHTS), WeightsError)
    return tuple(arrays[name].astype(np.float64) for name in ("mean", "components", "response"))
