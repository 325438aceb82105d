"""Reads arrays out of pickles without running what is in them.

A pickle is a program: loading one calls whatever it names. Here every name stands for one of a few inert
records, which only keep what they are given; arrays are then rebuilt from the records' bytes. Any other
name is refused before anything is called.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from pathlib import Path

import numpy as np

from vividlib.errors import HeadError

LARGEST = 1e8
"""Numbers in the largest sparse matrix that is written out; FLAME's has 25 thousand."""


class _Record:
    """Keeps what a pickle would have built an object from."""

    def __init__(self, *arguments):
        self.arguments, self.state = arguments, None

    def __setstate__(self, state):
        self.state = state


class _Type(_Record):
    """numpy.dtype"""

    def value(self) -> np.dtype:
        code = _text(self.arguments[0])
        if code[:1] == "O":
            return np.dtype(object)
        if code.lstrip("<>=|")[:1] not in tuple("biufSU"):
            raise ValueError(f"an array of type {code!r}")
        order = _text(self.state[1]) if self.state else "="
        return np.dtype(code).newbyteorder(order if order in "<>" else "=")


class _Array(_Record):
    """numpy.ndarray"""

    def value(self):
        _, shape, kind, fortran, data = self.state
        kind = kind.value()
        if kind == object:
            items = [_plain(item) for item in data]
            return items[0] if shape == () else items
        return np.frombuffer(_bytes(data), kind).reshape(shape, order="F" if fortran else "C")


class _Buffer(_Record):
    """numpy.ndarray, as pickles of the fifth kind make it."""

    def value(self):
        data, kind, shape, order = self.arguments
        return np.frombuffer(_bytes(data), kind.value()).reshape(shape, order=order)


class _Scalar(_Record):
    """A number of numpy's."""

    def value(self):
        kind, data = self.arguments
        return np.frombuffer(_bytes(data), kind.value())[0]


class _Sparse(_Record):
    """A sparse matrix of scipy's, in columns or in rows. scipy trusts its indices; NumPy looks at them."""

    def value(self) -> np.ndarray:
        state = _plain(self.state)
        rows, columns = state.get("_shape", state.get("shape"))
        if rows * columns > LARGEST:
            raise ValueError(f"a matrix of {rows} x {columns}")
        starts, inner = state["indptr"], state["indices"]
        counts = np.diff(starts)
        if counts.min() < 0 or counts.sum() != len(inner):
            raise ValueError("a sparse matrix whose parts do not fit")
        outer = np.repeat(np.arange(len(counts)), counts)
        dense = np.zeros((rows, columns))
        np.add.at(dense, (inner, outer) if len(starts) == columns + 1 else (outer, inner), state["data"])
        return dense


class _Chumpy(_Record):
    """An array that chumpy would differentiate: FLAME's older files hold some."""

    def value(self) -> np.ndarray:
        return np.asarray(_plain(self.state)["x"])


class _Bytes(_Record):
    """Bytes, as Python 3 writes them for Python 2."""

    def value(self) -> bytes:
        return self.arguments[0].encode("latin-1") if self.arguments else b""


def _reconstruct(kind: type, *_arguments) -> _Record:
    """What copyreg and numpy call to make an object that a state then fills."""
    if not (isinstance(kind, type) and issubclass(kind, _Record)):
        raise pickle.UnpicklingError("it rebuilds an object that is no array")
    return kind()


_ALLOWED = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _reconstruct for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _Scalar for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _Buffer for core in ("core", "_core")},
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    **{
        (f"scipy.sparse.{module}", f"{kind}_matrix"): _Sparse
        for kind in ("csc", "csr") for module in (kind, f"_{kind}")
    },
    ("chumpy.ch", "Ch"): _Chumpy,
    ("chumpy.reordering", "Select"): _Chumpy,
    ("copy_reg", "_reconstructor"): _reconstruct,
    ("copyreg", "_reconstructor"): _reconstruct,
    ("__builtin__", "object"): _Record,
    ("builtins", "object"): _Record,
    ("_codecs", "encode"): _Bytes,
    ("__builtin__", "bytes"): _Bytes,
}  # fmt: skip


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str):
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no array")
        return _ALLOWED[module, name]

    def persistent_load(self, identity):
        raise pickle.UnpicklingError("it refers to something outside the file")


def read_arrays(data: bytes, path: Path) -> dict:
    """The dictionary that a pickle holds, with numbers, texts, lists and arrays as values.

    Parameters
    ----------
    data
        The pickle.
    path
        Where it comes from, for messages.

    Raises
    ------
    HeadError
        If the pickle is damaged, holds no dictionary, or names anything but arrays. Nothing in it is run.
    """
    try:
        _check(data)
        content = _plain(_Unpickler(io.BytesIO(data), encoding="latin1").load())
    except (
        pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError,
        UnicodeError, MemoryError, RecursionError,
    ) as error:  # fmt: skip
        raise HeadError(
            f"{path} cannot be read as a head: {error or type(error).__name__}. Nothing in it was run; "
            "download the file again from its authors."
        ) from error
    if not isinstance(content, dict):
        raise HeadError(f"{path} holds no named arrays, so it is no head; give the model file of its authors.")
    return content


def _check(data: bytes) -> None:
    """Walk through a pickle without obeying it: every length has to be true, and every note numbered in order.

    What loads pickles believes these numbers, and would set aside the memory for them.
    """
    for count, (step, argument, _) in enumerate(pickletools.genops(data)):
        if step.name in ("PUT", "BINPUT", "LONG_BINPUT") and argument > count:
            raise pickle.UnpicklingError("its notes are not numbered in order")


def _plain(value):
    """What a record stands for, all the way down."""
    if isinstance(value, _Record):
        if not hasattr(value, "value"):
            raise ValueError("an object that is no array")
        return value.value()
    if isinstance(value, dict):
        return {_text(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _bytes(value) -> bytes:
    """An array's memory; in pickles of Python 2 it is a text."""
    value = _plain(value)
    return value.encode("latin-1") if isinstance(value, str) else value


def _text(value) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(_plain(value))
