"""What can only be seen on a GPU: ``python -m benchmarks.gpu_visit SOURCES`` on a machine with CUDA, its compiler
and what vividlib requires.

SOURCES is a folder with the sources of nvdiffrast, outside this repository. They are built in a temporary folder,
never installed; every test of the rasterisers runs with it; then it is timed against Numba on the same machine.
Writes benchmarks/results/raster_gpu.json, also where tests fail.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import numpy as np

from benchmarks.common import ROOT, measure, write
from benchmarks.raster import SIZE, batch, grid
from vividlib import backend
from vividlib.errors import BackendError
from vividlib.geometry.raster import Fragments, antialias, derivatives, interpolate, rasterize, sample

BATCHES = (1, 16, 64)
CHANNELS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", type=Path)
    sources = parser.parse_args().sources.resolve()
    if sources.is_relative_to(ROOT) or not (sources / "nvdiffrast").is_dir():
        sys.exit(f"{sources} does not hold nvdiffrast's sources outside of this repository; put them elsewhere.")
    try:
        backend.device("cuda")
    except BackendError as error:
        sys.exit(f"{error} What this measures, only a machine with CUDA can show.")
    with tempfile.TemporaryDirectory() as folder:
        site = build(sources, Path(folder))
        sys.path.insert(0, str(site))
        write(
            "raster_gpu",
            {
                "nvdiffrast": metadata.version("nvdiffrast"),
                "tests": tested(site),
                "pixels": [SIZE, SIZE],
                "frames": {str(frames): timed(frames) for frames in BATCHES},
            },
        )


def build(sources: Path, folder: Path) -> Path:
    """Build from a copy of the sources; the folder to import from."""
    copy, site = folder / "sources", folder / "site"
    shutil.copytree(sources, copy, ignore=shutil.ignore_patterns(".git"))
    pip = [sys.executable, "-m", "pip", "install", "--no-build-isolation", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(site), str(copy)], check=True)
    return site


def tested(site: Path) -> str:
    """The last line of pytest on the rasterisers, all of it printed."""
    paths = os.pathsep.join([str(site), str(ROOT)])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/geometry"]
    run = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, check=False
    )
    print(run.stdout, run.stderr)
    return run.stdout.strip().splitlines()[-1] if run.stdout.strip() else run.stderr[-200:]


def timed(frames: int) -> dict:
    """Milliseconds a batch: on the GPU operator by operator, forwards and backwards, and by Numba from arrays."""
    import torch

    rng = np.random.default_rng(0)
    points, faces = grid(105, rng)
    places = batch(points, frames, rng)
    attributes = rng.normal(size=(len(points), CHANNELS)).astype(np.float32)
    at, carried, square = (torch.from_numpy(a).cuda() for a in (places, attributes, (points[:, :2] + 0.5) / SIZE))
    triangles = torch.from_numpy(faces).cuda()
    texture = torch.rand(1024, 1024, 3, device="cuda")
    seen = rasterize(at, triangles, SIZE, SIZE)
    uv = interpolate(square, triangles, seen)
    steps = derivatives(square, triangles, seen, at, triangles)

    def waited(function):
        def call():
            function()
            torch.cuda.synchronize()

        return measure(call)

    def there_and_back():
        moving = at.clone().requires_grad_()
        fragments = rasterize(moving, triangles, SIZE, SIZE)
        picture = sample(texture, interpolate(square, triangles, fragments))
        antialias(picture, moving, triangles, fragments).square().mean().backward()

    def numba(points: np.ndarray) -> Fragments:
        return rasterize(points, faces, SIZE, SIZE, backend="numba")

    return {
        "rasterize": waited(lambda: rasterize(at, triangles, SIZE, SIZE)),
        f"interpolate_{CHANNELS}_channels": waited(lambda: interpolate(carried, triangles, seen)),
        "sample_bilinear": waited(lambda: sample(texture, uv)),
        "sample_mipmapped": waited(lambda: sample(texture, uv, steps)),
        "picture_and_gradient_of_vertices": waited(there_and_back),
        "numba_rasterize_batched": measure(lambda: numba(places), 10, 1),
        "numba_rasterize_one_by_one": measure(lambda: [numba(each) for each in places], 10, 1),
    }


if __name__ == "__main__":
    main()
