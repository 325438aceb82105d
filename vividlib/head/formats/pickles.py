"""Reads arrays out of pickles without unpickling them.

A pickle is a program: loading one calls whatever it names. Here its steps are read one by one, and those
that build texts, numbers, lists and dictionaries are obeyed. Every name stands for one of a few inert records,
which only keep what they are given; arrays are then rebuilt from the records' bytes. Any other name or step
is refused.
"""

from __future__ import annotations

import codecs
import io
import pickletools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vividlib.errors import HeadError

LARGEST = 1e8
"""Numbers in the largest sparse matrix that is written out; FLAME's has 25 thousand."""


class _Record:
    """Keeps what a pickle would have built an object from."""

    def __init__(self, *arguments):
        self.arguments, self.state = arguments, None


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
        raise TypeError("it rebuilds an object that is no array")
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


_VALUES = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
"""Steps that lay down what they hold."""

_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY = {"EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_DICT": dict}
_SHORT_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


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
        content = _plain(_build(data))
    except (
        ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, MemoryError, RecursionError,
    ) as error:  # fmt: skip
        raise HeadError(
            f"{path} cannot be read as a head: {error or type(error).__name__}. Nothing in it was run; "
            "download the file again from its authors."
        ) from error
    if not isinstance(content, dict):
        raise HeadError(f"{path} holds no named arrays, so it is no head; give the model file of its authors.")
    return content


def _steps(data: bytes) -> Iterator[tuple[str, object]]:
    """The steps of a pickle by their names in `pickletools`, with what each holds."""
    stream = io.BytesIO(data)
    while code := stream.read(1):
        step = pickletools.code2op.get(code.decode("latin-1"))
        if step is None:
            raise ValueError("it is no pickle, or damaged")
        if step.name == "STRING":  # pickletools takes it for ASCII
            yield step.name, codecs.escape_decode(stream.readline().strip()[1:-1])[0].decode("latin-1")
        else:
            yield step.name, step.arg.reader(stream) if step.arg else None
    raise ValueError("it ends too early")


def _build(data: bytes):
    """Obey the steps of a pickle as far as they are harmless."""
    stack, marks, notes = [], [], {}

    def since_mark() -> list:
        start = marks.pop()
        items = stack[start:]
        del stack[start:]
        return items

    for step, held in _steps(data):
        if step in _VALUES:
            stack.append(held)
        elif step in _CONSTANTS:
            stack.append(_CONSTANTS[step])
        elif step in _EMPTY:
            stack.append(_EMPTY[step]())
        elif step in ("PROTO", "FRAME"):
            pass
        elif step == "MARK":
            marks.append(len(stack))
        elif step in ("POP", "POP_MARK"):
            stack.pop() if step == "POP" else since_mark()
        elif step in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            notes[len(notes) if step == "MEMOIZE" else held] = stack[-1]
        elif step in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(notes[held])
        elif step in ("TUPLE", "LIST"):
            items = since_mark()
            stack.append(tuple(items) if step == "TUPLE" else items)
        elif step in _SHORT_TUPLES:
            items = [stack.pop() for _ in range(_SHORT_TUPLES[step])]
            stack.append(tuple(items[::-1]))
        elif step in ("APPEND", "APPENDS"):
            items = [stack.pop()] if step == "APPEND" else since_mark()
            stack[-1].extend(items)
        elif step in ("SETITEM", "SETITEMS", "DICT"):
            items = [stack.pop(-2), stack.pop()] if step == "SETITEM" else since_mark()
            if step == "DICT":
                stack.append({})
            stack[-1].update(zip(items[::2], items[1::2]))
        elif step in ("GLOBAL", "STACK_GLOBAL"):
            stack.append(_find(*held.split(" ", 1)) if step == "GLOBAL" else _find(stack.pop(-2), stack.pop()))
        elif step in ("REDUCE", "NEWOBJ"):
            arguments = stack.pop()
            stack.append(_called(stack.pop(), arguments))
        elif step == "BUILD":
            state = stack.pop()
            stack[-1].state = state
        elif step == "STOP":
            return stack.pop()
        else:
            raise ValueError(f"it takes a step, {step}, that no array needs")
    raise ValueError("it ends too early")


def _find(module: str, name: str):
    """The record that stands for a name."""
    if (module, name) not in _ALLOWED:
        raise ValueError(f"it asks for {module}.{name}, which is no array")
    return _ALLOWED[module, name]


def _called(record, arguments: tuple) -> _Record:
    if record not in _ALLOWED.values():
        raise TypeError("it calls what is no array")
    return record(*arguments)


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
