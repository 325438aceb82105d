"""Files of assets/: verified against their manifest; weights are read without pickle.

assets/MANIFEST.json says of each file ``{name: {"sha256", "licence", "card"}}``, where ``card`` is the
page of docs/ that tells how it was made. After adding or changing a file::

    python -m vividlib.weights head.npz --licence CC0-1.0 --card docs/head.md
    python -m vividlib.weights                         # every file that the manifest already lists
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vividlib.errors import WeightsError

if TYPE_CHECKING:
    import torch

MANIFEST = "MANIFEST.json"


def _assets_folder() -> Path:
    """Inside the package when installed from a wheel, beside it in a checkout."""
    package = Path(__file__).parent
    inside = package / "assets"
    return inside if inside.is_dir() else package.parent / "assets"


ASSETS = _assets_folder()


def asset_path(name: str) -> Path:
    """Where a file of assets/ lies; its checksum is verified once per process.

    Parameters
    ----------
    name
        As in the manifest, e.g. ``"head.npz"``.

    Raises
    ------
    WeightsError
        If the manifest does not list the file, or the file is missing or differs from its checksum.
    """
    return _verified(ASSETS, name)


def load_weights(name: str) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file of assets/, on the CPU. Raises as `asset_path`."""
    from safetensors.torch import load_file

    return load_file(asset_path(name))


def manifest() -> dict[str, dict[str, str]]:
    """What the manifest says of each file of assets/: sha256, licence and card.

    Raises
    ------
    WeightsError
        If the manifest is missing or damaged.
    """
    return _read_manifest(ASSETS)


@functools.cache
def _verified(folder: Path, name: str) -> Path:
    entry = _read_manifest(folder).get(name)
    if entry is None:
        raise WeightsError(
            f"{MANIFEST} does not list {name!r}. If you made this file, run "
            f"`python -m vividlib.weights {name} --licence ... --card docs/...`; otherwise update vividlib."
        )
    path = folder / name
    if not path.is_file():
        raise WeightsError(f"{path} is missing; reinstall vividlib, or restore assets/ from the repository.")
    if _sha256(path) != entry["sha256"]:
        raise WeightsError(
            f"{path} does not match its checksum: it is damaged or was changed. Reinstall vividlib; "
            f"if you changed it on purpose, run `python -m vividlib.weights {name}`."
        )
    return path


def _read_manifest(folder: Path) -> dict[str, dict[str, str]]:
    try:
        return json.loads((folder / MANIFEST).read_text("utf-8"))
    except FileNotFoundError:
        raise WeightsError(f"{folder / MANIFEST} is missing; reinstall vividlib.") from None
    except json.JSONDecodeError as problem:
        raise WeightsError(f"{folder / MANIFEST} is damaged ({problem}); reinstall vividlib.") from None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def update_manifest(folder: Path, names: list[str], licence: str | None = None, card: str | None = None) -> None:
    """Write the checksums of ``names`` into the manifest of ``folder``.

    Licence and card of a file that is already listed stay unless they are given anew.

    Raises
    ------
    WeightsError
        If a file is missing, or is new and has no licence or card.
    """
    entries = _read_manifest(folder) if (folder / MANIFEST).exists() else {}
    for name in names:
        if not (folder / name).is_file():
            raise WeightsError(f"{folder / name} does not exist; write it first, or take it out of {MANIFEST}.")
        entry = entries.setdefault(name, {})
        entry |= {key: value for key, value in {"licence": licence, "card": card}.items() if value}
        missing = [f"--{key}" for key in ("licence", "card") if key not in entry]
        if missing:
            raise WeightsError(f"{name} is new in {MANIFEST}: say {' and '.join(missing)} as well.")
        entry["sha256"] = _sha256(folder / name)
    draft = folder / (MANIFEST + ".draft")
    draft.write_text(json.dumps(entries, indent=2, sort_keys=True) + "\n", "utf-8")
    os.replace(draft, folder / MANIFEST)


def main(arguments: list[str] | None = None) -> int:
    """``python -m vividlib.weights``."""
    parser = argparse.ArgumentParser(prog="python -m vividlib.weights", description=update_manifest.__doc__)
    parser.add_argument("names", nargs="*", help="files of assets/ (default: all that the manifest lists)")
    parser.add_argument("--licence", help="SPDX identifier, e.g. Apache-2.0")
    parser.add_argument("--card", help="page that tells how it was made, e.g. docs/head.md")
    given = parser.parse_args(arguments)
    try:
        update_manifest(ASSETS, given.names or list(manifest()), given.licence, given.card)
    except WeightsError as problem:
        print(problem, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
