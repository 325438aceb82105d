"""The doors of the library: opening what is read, and replacing what is written only when it is whole."""

from __future__ import annotations

import errno
import io
import os
import secrets
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from vividlib.errors import InputError, OutputError

Source = str | os.PathLike | bytes | BinaryIO
"""What can be read: a path, the bytes of a file, or a binary file object (read from its beginning)."""

_ADVICE = {
    errno.ENOSPC: "the disk is full; free some space or write to another disk",
    errno.EDQUOT: "the disk quota is used up; free some space or write to another disk",
    errno.EFBIG: "the file grew larger than the file system or a limit allows; write to another disk",
    errno.EACCES: "permission is denied; choose another folder",
    errno.EPERM: "permission is denied; choose another folder",
    errno.EROFS: "the disk is read-only; choose another folder",
}

# What NumPy and zipfile raise on damaged archives.
_DAMAGE = (
    OSError, EOFError, ValueError, TypeError, AttributeError, LookupError, RuntimeError, MemoryError, OverflowError,
    SyntaxError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def source_name(source: Source) -> str:
    """How messages call ``source``: its path, or what kind of thing it is."""
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "the data"


@contextmanager
def open_input(source: Source, error: type[InputError]) -> Iterator[BinaryIO]:
    """Open ``source`` for reading; a file object of the caller's stays open.

    Everything is read through a file object, never by name: names that look like addresses
    cannot make a decoder reach for the network or for other files.

    Raises
    ------
    InputError
        Of the class ``error``, if there is no such file, or it is empty or cannot be read.
    """
    name = source_name(source)
    if isinstance(source, bytes):
        if not source:
            raise error(f"{name}: there are no bytes; hand in the contents of a file.")
        yield io.BytesIO(source)
    elif isinstance(source, (str, os.PathLike)):
        path = Path(source)
        if not path.is_file():
            raise error(f"{name} is {'not a file' if path.exists() else 'not there'}; check the path.")
        try:
            file = path.open("rb")
        except OSError as reason:
            raise error(f"{name} cannot be opened ({reason.strerror}); check its permissions.") from reason
        with file:
            if not os.fstat(file.fileno()).st_size:
                raise error(f"{name} is empty; save or download it again.")
            yield file
    elif hasattr(source, "read"):
        if source.seekable():
            source.seek(0)
        yield source
    else:
        raise error(f"Cannot read a {type(source).__name__}; hand in a path, bytes or a binary file object.")


def read_arrays(source: Source, error: type[InputError]) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by name. Nothing is unpickled.

    Raises
    ------
    InputError
        Of the class ``error``, if the file is missing, damaged or something else.
    """
    with open_input(source, error) as file:
        try:
            with np.load(file, allow_pickle=False) as arrays:
                return dict(arrays)
        except _DAMAGE as reason:
            raise error(f"{source_name(source)} is damaged or no .npz; make it again or copy it anew.") from reason


def check_suffix(path: str | os.PathLike, allowed: Collection[str]) -> str:
    """The suffix of ``path`` in lower case, dot included.

    Raises
    ------
    OutputError
        If it is not one of ``allowed``, which the message lists.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in allowed:
        kind = f"ends in {suffix}" if suffix else "has no suffix"
        raise OutputError(f"{os.fspath(path)} {kind}; use one of {', '.join(sorted(allowed))}.")
    return suffix


def check_writable(path: str | os.PathLike) -> None:
    """See early whether a file can be written at ``path``; nothing is created.

    Raises
    ------
    OutputError
        If its folder is missing or read-only, or something other than a writable file is there.
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise OutputError(f"{os.fspath(path)}: the folder {target.parent} does not exist; create it first.")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise OutputError(f"{os.fspath(path)}: the folder {target.parent} is read-only; choose another.")
    if target.exists() and not target.is_file():
        raise OutputError(f"{os.fspath(path)} is not a file; choose another name.")
    if target.exists() and not os.access(target, os.W_OK):
        raise OutputError(f"{os.fspath(path)} is read-only; choose another name or change its permissions.")


@contextmanager
def atomic_output(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path beside ``path`` that replaces it when the block ends well.

    After any exception the temporary file is gone and what was at ``path`` before is untouched.

    Raises
    ------
    OutputError
        For what `check_writable` finds, and for any OSError inside the block, such as a full disk.
    """
    check_writable(path)
    # Beside the file itself, not beside a link to it: a rename works only within one disk.
    target = Path(os.path.realpath(path))
    partial = target.with_name(f".{secrets.token_hex(8)}{Path(path).suffix}")
    try:
        yield partial
        os.replace(partial, target)
    except OSError as error:
        advice = _ADVICE.get(error.errno, f"{error.strerror or error}; choose another place")
        raise OutputError(f"{os.fspath(path)} could not be written: {advice}.") from error
    finally:
        partial.unlink(missing_ok=True)
