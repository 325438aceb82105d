"""Text files of other programs, read within bounds: tables, JSON, and numbers out of either.

Whatever is wrong with a file is a `MotionError` that names the place; no file makes memory grow beyond a small
multiple of its own size, and that size is bounded.
"""

from __future__ import annotations

import csv
import io
import json
import os
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import numpy as np

from vividlib.errors import MotionError
from vividlib.media.files import open_input

MAX_BYTES = 512 * 2**20
"""Larger files are refused: over two hours of Live Link at 60 frames a second."""

MAX_FRAMES = 2_000_000
"""Longer motions are refused: over nine hours at 60 frames a second."""

_HUGE = 1e30  # no time and no value is as large; float32, which motions are made of, ends at 3e38


@contextmanager
def open_text(path: str | Path) -> Iterator[TextIO]:
    """Open a text file, UTF-8 with or without a byte order mark; line ends are left to the reader.

    Raises
    ------
    MotionError
        If it is missing, empty, too large or, while the block reads, no text.
    """
    with open_input(path, MotionError) as file:
        check_size(file, path)
        try:
            yield io.TextIOWrapper(file, "utf-8-sig", newline="")
        except UnicodeDecodeError as error:
            raise MotionError(f"{path} is no text in UTF-8 ({error.reason}); export it again.") from error


def check_size(file: io.BufferedIOBase, path: str | Path) -> None:
    """Refuse a file of more than `MAX_BYTES` before any of it is read."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size > MAX_BYTES:
        raise MotionError(f"{path} has {size >> 20} MiB, more than {MAX_BYTES >> 20}; cut the take into shorter ones.")


def read_table(
    path: str | Path, kind: str, columns: Callable[[list[str]], Sequence[str]], time: Callable[[str], float] = float
) -> dict[str, np.ndarray]:
    """Columns of a comma-separated table by name.

    Parameters
    ----------
    path
        The file; its first line names the columns.
    kind
        What the messages call such a file.
    columns
        Given the names in the file, those to read, the time first.
    time
        Reads the cells of the first of ``columns``.

    Returns
    -------
    dict
        Name -> values (T,) float64, finite, in the order of ``columns``.

    Raises
    ------
    MotionError
        If a column is missing, or a row is broken.
    """
    with open_text(path) as text:
        rows = csv.reader(text)
        try:
            header = [name.strip() for name in next(rows, [])]
            wanted = columns(header)
            for name in wanted:
                if header.count(name) != 1:
                    lack = "names twice" if name in header else "lacks"
                    raise MotionError(f"{path} is no {kind}: it {lack} the column {name}; export the take again.")
            places = [header.index(name) for name in wanted]
            values = array("d")
            for row in rows:
                if row:  # not an empty line at the end
                    _append(values, row, header, places, time)
        except UnicodeDecodeError:
            raise
        except (csv.Error, ValueError, OverflowError) as error:
            place = f"{path}, line {rows.line_num}"
            raise MotionError(f"{place}: {error}; delete the line or export the take again.") from error
    if not values:
        raise MotionError(f"{path} holds no frames; export the take again.")
    return dict(zip(wanted, np.array(values).reshape(-1, len(wanted)).T))


def _append(values: array, row: list[str], header: list[str], places: list[int], time: Callable) -> None:
    if len(row) != len(header):
        raise ValueError(f"has {len(row)} cells, the first line {len(header)}")
    cells = [time(row[places[0]]), *(float(row[place]) for place in places[1:])]
    if not all(-_HUGE < cell < _HUGE for cell in cells):
        raise ValueError("holds NaN, infinite or huge values")
    values.extend(cells)


def read_json(path: str | Path, kind: str):
    """What a JSON file holds; one value a line is a list of them.

    Raises
    ------
    MotionError
        If it is no JSON, or too deeply nested.
    """
    with open_text(path) as file:
        text = file.read()
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as whole:
        lines = [line for line in text.splitlines() if line.strip()]
        try:
            if len(lines) > 1:
                return [json.loads(line) for line in lines]
        except (ValueError, RecursionError):
            pass  # what is wrong with the whole says more
        raise MotionError(f"{path} is no {kind} ({whole}); export it again.") from whole


def numbers(value, shape: tuple[int | None, ...], path: str | Path, what: str) -> np.ndarray:
    """Nested lists of numbers as a float64 array of ``shape``, where None is any length.

    Raises
    ------
    MotionError
        If rows differ in length, or something is no finite number.
    """
    wanted = " x ".join("any" if size is None else str(size) for size in shape)
    try:
        result = np.asarray(value, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise MotionError(f"{path}: {what} is no table of numbers, {wanted}; export it again.") from error
    if result.ndim != len(shape) or any(want not in (None, has) for want, has in zip(shape, result.shape)):
        raise MotionError(f"{path}: {what} has shape {result.shape}, not {wanted}; export it again.")
    return finite(result, path, what)


def finite(values: np.ndarray, path: str | Path, what: str) -> np.ndarray:
    """The values as they are, if none is NaN, infinite or huge."""
    if not (np.abs(values) < _HUGE).all():
        raise MotionError(f"{path}: {what} holds NaN, infinite or huge values; export it again.")
    return values
