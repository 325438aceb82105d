"""A photo in layers: the person, a plate of what lies behind it, and what goes on behind the head.

With a matte and a plate a photo is ``person + (1 - matte) * plate`` (Porter and Duff, "Compositing digital images",
SIGGRAPH 1984). The other way round, ``person = photo - (1 - matte) * plate`` is exact whatever the matte and the plate
are: laid over the plate where it was, the person gives the photo again. So the plate stands still, what the head uncovers
is painted in once, and single hairs that the matte misses go with the head as what they differ from the plate by.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

LEAST, MOST = 0.3, 0.7  # of the person mask: a pixel is background under the one and all person over the other
MISSED = 0.5  # of the head that the person mask has to see
SURE = 0.1  # of the head's size inside the outline of its mesh: that is the person, whatever the mask says
BAND = 0.03  # of the head's size, beyond the matte: hair that it misses, and light that hair throws
LIVELY = 20.0  # levels of 255 by which a lively background varies
RIM = 0.006  # of the head's size: pixels right beside the mesh may still show it
FILLED = 512  # px, longer side at which holes are filled: deep inside they are smooth anyway
REACH = 4  # px that the filling looks around


@dataclass(frozen=True, eq=False)
class Layers:
    """A photo, and what it is made of."""

    photo: np.ndarray  # H W 3 uint8
    matte: np.ndarray  # H W uint8, 255 where the person covers a pixel
    plate: np.ndarray  # H W 3 uint8, the photo without the person

    @property
    def person(self) -> np.ndarray:
        """Where anything of the person is (H W bool); elsewhere photo and plate are the same."""
        return (self.matte > 0) | (self.photo != self.plate).any(-1)


def separate(photo: np.ndarray, person: np.ndarray, head: np.ndarray, size: float) -> Layers:
    """Take a person out of a photo.

    Parameters
    ----------
    photo : H W 3 uint8
    person : H W float32 in [0, 1], mask of persons
    head : H W bool, where the head of this person is
    size : of the head in px
    """
    matte = np.clip((person - LEAST) / (MOST - LEAST), 0, 1)
    # A mask that misses most of a head tells nothing of its outline either.
    matte[head if matte[head].mean() < MISSED else ~dilated(~head, SURE * size)] = 1
    matte *= dilated(_own(matte > 0.5, head), BAND * size)
    covered = (matte > 0) | head
    hole = dilated(covered, BAND * size)
    # A lively background beside the matte is mostly itself; what is painted in there would be seen as a halo.
    hole &= dilated(covered, BAND * size / 2) | (liveliness(photo, ~hole, BAND * size) < LIVELY)
    # Where nothing but the person is seen there is nothing to tell what is behind.
    plate = photo if hole.all() else np.where(hole[..., None], _filled(photo, hole), photo)
    return Layers(photo, (matte * 255).round().astype(np.uint8), plate)


def of_larger(layers: Layers, photo: np.ndarray) -> Layers:
    """The layers of the same photo with more pixels."""
    size = photo.shape[1::-1]
    matte, plate = (cv2.resize(layer, size, interpolation=cv2.INTER_LINEAR) for layer in (layers.matte, layers.plate))
    hole = cv2.resize(layers.person.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    return Layers(np.ascontiguousarray(photo), matte, np.where(hole[..., None], plate, photo))


def behind(layers: Layers, head: np.ndarray, size: float) -> np.ndarray:
    """Hair, neck and clothes as they go on behind the head (H W 4 uint8), the fourth channel as in a matte.

    Parameters
    ----------
    head, size : as for `separate`
    """
    hole = dilated(head, RIM * size)
    if hole.all():
        hole = head
    return np.dstack([_filled(layers.photo, hole), _filled(layers.matte, hole)])


def dilated(mask: np.ndarray, radius: float) -> np.ndarray:
    """The largest of a mask (H W bool, uint8 or float32) within a radius in px, at least 1."""
    side = 2 * max(1, round(radius)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    values = mask.astype(np.uint8) if mask.dtype == bool else mask
    return cv2.dilate(values, disc).astype(mask.dtype)


def liveliness(photo: np.ndarray, background: np.ndarray, radius: float) -> np.ndarray:
    """Standard deviation (H W, levels of 255) of the background (H W bool) within about a radius in px."""
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32)
    share, first, second = (cv2.GaussianBlur(background * grey**power, (0, 0), max(radius, 1)) for power in (0, 1, 2))
    share = np.maximum(share, 1e-6)
    return np.sqrt(np.maximum(second / share - (first / share) ** 2, 0))


def _own(persons: np.ndarray, head: np.ndarray) -> np.ndarray:
    """Of several persons (H W bool) the one whose head it is; the head itself where none is seen there."""
    _, labels = cv2.connectedComponents(persons.astype(np.uint8))
    inside = labels[head & persons]
    return labels == np.bincount(inside).argmax() if len(inside) else head


def _filled(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The image (H W or H W 3 uint8) with its hole painted in from around it (Telea, J. Graphics Tools 2004)."""
    height, width = hole.shape
    factor = min(1, FILLED / max(height, width))
    small = max(1, round(width * factor)), max(1, round(height * factor))
    reduced = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    touched = cv2.resize(hole.astype(np.float32), small, interpolation=cv2.INTER_AREA) > 0
    filled = cv2.inpaint(reduced, touched.astype(np.uint8), REACH, cv2.INPAINT_TELEA)
    filled = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(hole.reshape(hole.shape + (1,) * (image.ndim - 2)), filled, image)
