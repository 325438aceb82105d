"""One tree of exceptions, and one warning. Every message says what was wrong and what to do next.

A command line turns each of these into one line and exit code 2; anything else that escapes is a
bug of the library.
"""


class VividError(Exception):
    """Base of everything the library raises on purpose."""


class InputError(VividError):
    """Something that was handed in cannot be used."""


class ImageError(InputError):
    """An image is unreadable, empty or truncated."""


class AudioError(InputError):
    """Audio is unreadable, empty, silent, too short or holds NaN."""


class VideoError(InputError):
    """A video is unreadable or holds no frames."""


class MotionError(InputError):
    """A motion file is malformed, or a motion does not fit what it is played on."""


class HeadError(InputError):
    """A head model lacks something it needs."""


class FaceError(InputError):
    """A picture holds no face that can be reconstructed."""


class NoFaceError(FaceError):
    """No face was found."""


class SeveralFacesError(FaceError):
    """More than one face was found and none was chosen. ``boxes`` lists them as (x, y, w, h) px."""

    def __init__(self, message: str, boxes: list[tuple[int, int, int, int]]):
        super().__init__(message)
        self.boxes = boxes


class FaceTooSmallError(FaceError):
    """The face has too few pixels."""


class FaceTurnedError(FaceError):
    """The face looks too far away from the camera."""


class OutputError(VividError):
    """An output cannot be written: unknown suffix, no permission, no space."""


class WeightsError(VividError):
    """A file of assets/ is missing or does not match its checksum."""


class BackendError(VividError):
    """A device or rasteriser was asked for that is not there; the message says why."""


class Cancelled(VividError):
    """Raised by a caller's progress callback to stop a long call. Partial output is removed."""


class FitWarning(UserWarning):
    """A face was reconstructed, but probably poorly. A warning, not an error: filter it with Python's `warnings`."""
