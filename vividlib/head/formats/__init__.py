"""Heads of other people's making, behind the same door as ours.

`load` recognises by content, whatever a file is called:

- an npz of this library (`vividlib.head.model.save`),
- FaceVerse v2, v3 or v4 (.npy),
- ICT-FaceKit's folder FaceXModel, or the checkout around it,
- FLAME (.pkl or .npz).

Nothing that a file holds is ever run; see `vividlib.head.formats.pickles`.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from vividlib.errors import HeadError
from vividlib.head import model
from vividlib.head.formats import faceverse, flame, ict
from vividlib.head.formats.cache import cached
from vividlib.head.formats.pickles import read_arrays
from vividlib.head.formats.raw import RawHead
from vividlib.types import HeadModel

_NPY, _ZIP = b"\x93NUMPY", b"PK\x03\x04"


def load(path: Path | str | None = None) -> HeadModel:
    """Read a head in any of the known formats; without a path, the default head of the library.

    The first time, another head than ours takes some seconds, for its landmarks are looked for on renders of
    it. The result is kept in the user's cache folder (see `vividlib.head.formats.cache`).

    Raises
    ------
    HeadError
        If the file is missing, damaged, of no known format, or shows no face.
    WeightsError
        If the default head is missing or damaged.
    """
    if path is None:
        return model.load()
    path = Path(path)
    if not path.exists():
        raise HeadError(f"{path} does not exist; give a head file, or ICT-FaceKit's folder.")
    if path.is_file() and _is_ours(path):
        return model.load(path)
    from vividlib.head.formats.complete import complete  # MediaPipe is slow to import, and a cached head needs none

    return cached(path, lambda: complete(read(path)))


def read(path: Path) -> RawHead:
    """What a file of another head says, in its own axes and units.

    Raises
    ------
    HeadError
        If the file is damaged or of no known format.
    """
    if path.is_dir():
        folder = ict.find_folder(path)
        if folder is None:
            raise HeadError(f"{path} is no head: ICT-FaceKit's folder FaceXModel has {ict.NEUTRAL} in it.")
        return ict.read(folder)
    content = _content(path)
    for reader in (faceverse, flame):
        if reader.is_content(content):
            return reader.read(path, content)
    known = ", ".join(sorted(content)[:12])
    raise HeadError(
        f"{path} is none of the heads that are known (FaceVerse v2 to v4, ICT-FaceKit, FLAME, vividlib); "
        f"it holds {known}."
    )


def _is_ours(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return "identity_basis.npy" in archive.namelist()


def _content(path: Path) -> dict:
    """The named arrays of an .npy, .npz or pickle file, told apart by their first bytes."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise HeadError(f"{path} cannot be read ({error}).") from error
    if data.startswith(_ZIP):
        try:
            with np.load(path, allow_pickle=False) as file:
                return dict(file)
        except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
            raise HeadError(f"{path} is damaged ({error}); download it again from its authors.") from error
    return read_arrays(_after_header(data, path) if data.startswith(_NPY) else data, path)


def _after_header(data: bytes, path: Path) -> bytes:
    """The pickle inside an .npy file that holds one dictionary."""
    stream = io.BytesIO(data)
    try:
        version = npy.read_magic(stream)
        reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, kind = reader(stream)
    except (ValueError, EOFError) as error:
        raise HeadError(f"{path} is damaged ({error}); download it again from its authors.") from error
    if kind != object or shape != ():
        raise HeadError(f"{path} holds one array {shape}, not the named arrays of a head; give FaceVerse's model file.")
    return stream.read()
