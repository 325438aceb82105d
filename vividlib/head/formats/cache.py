"""Finished heads of other formats, kept in the user's cache folder, since finding landmarks takes a while."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

from vividlib.errors import HeadError
from vividlib.head import model
from vividlib.types import HeadModel
from vividlib.weights import asset_path

EDITION = 1
"""Raised whenever heads come out differently, so that older ones are made again."""

log = logging.getLogger(__name__)


def folder() -> Path:
    """Where heads are kept: vividlib/heads in the user's cache folder (XDG_CACHE_HOME, LOCALAPPDATA or ~/.cache)."""
    place = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    return (Path(place) if place else Path.home() / ".cache") / "vividlib" / "heads"


def cached(source: Path, make: Callable[[], HeadModel]) -> HeadModel:
    """The head that ``make`` makes of a source, from the cache where it was made before.

    A cache that cannot be read or written is done without.
    """
    path = folder() / f"{_digest(source)}.npz"
    if path.exists():
        try:
            return model.load(path)
        except HeadError as error:
            log.info("making %s again: %s", path, error)
    head = make()
    unfinished = path.with_suffix(f".{os.getpid()}.npz")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            model.save(head, unfinished)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except (OSError, HeadError) as error:
        log.info("%s is not kept for the next time: %s", source, error)
    return head


def _digest(source: Path) -> str:
    """What a finished head depends on: the default head and the source's content; of a folder its files' names,
    sizes and times."""
    digest = hashlib.sha256(EDITION.to_bytes() + asset_path("head.npz").read_bytes())
    if source.is_file():
        digest.update(source.read_bytes())
    else:
        for path in sorted(source.rglob("*.obj")):
            about = path.stat()
            digest.update(f"{path.name} {about.st_size} {about.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]
