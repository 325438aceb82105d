"""How every benchmark here measures and what it writes down.

Run one from the root of the repository: ``python -m benchmarks.raster``. It prints its results and
writes them to benchmarks/results/NAME.json, with the hardware, the versions and the commit. Timings of
two machines, or of two commits on a busy machine, do not compare; ratios within one file do.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vividlib.backend import cores

ROOT = Path(__file__).parent.parent


def measure(function: Callable[[], object], repeats: int = 30, warm_up: int = 3) -> dict[str, float]:
    """Time a call in milliseconds: median and quartiles over ``repeats``, after ``warm_up`` untimed calls."""
    for _ in range(warm_up):
        function()
    milliseconds = np.empty(repeats)
    for index in range(repeats):
        start = time.perf_counter()
        function()
        milliseconds[index] = (time.perf_counter() - start) * 1e3
    return spread(milliseconds)


def mean_and_error(values) -> dict[str, float]:
    """Mean of values, at least two, and its standard error."""
    return {"mean": float(np.mean(values)), "standard_error": float(np.std(values, ddof=1) / len(values) ** 0.5)}


def spread(milliseconds: np.ndarray) -> dict[str, float]:
    """Median and quartiles of times."""
    lower, median, upper = np.quantile(milliseconds, [0.25, 0.5, 0.75]).round(3).tolist()
    return {"median_ms": median, "quartiles_ms": [lower, upper], "repeats": len(milliseconds)}


def write(name: str, results: dict) -> Path:
    """Print ``results`` and write them to benchmarks/results/``name``.json with `environment`."""
    path = ROOT / "benchmarks" / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    text = json.dumps({"results": results, "environment": environment()}, indent=2)
    path.write_text(text + "\n", "utf-8")
    print(text)
    return path


def environment() -> dict:
    """Hardware, versions and commit of this run."""
    import torch

    packages = ("numpy", "scipy", "numba", "torch", "mediapipe", "av")
    return {
        "commit": _commit(),
        "cpu": _cpu(),
        "cores": cores(),
        "torch_threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {package: _version(package) for package in packages},
    }


def _version(package: str) -> str | None:
    """None where it is not installed, as on a GPU machine that needs only some of them."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The commit, with "+changes" where tracked files under vividlib/ or benchmarks/*.py differ from it.

    None where this is a copy without the repository.
    """
    if not (ROOT / ".git").exists():
        return None

    def git(*arguments: str) -> str:
        run = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
        return run.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "vividlib", "benchmarks/*.py")
    return git("rev-parse", "--short=12", "HEAD") + ("+changes" if changed else "")


def _cpu() -> str:
    """The CPU's name; Python's own `platform` does not know it on Linux."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
