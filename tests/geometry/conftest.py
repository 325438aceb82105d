"""Every rasteriser there is; for those that are not installed, a stand-in that keeps to their documentation."""

import importlib
import sys

import pytest

from tests.geometry import doubles
from vividlib import backend as backends

ADAPTER = "vividlib.geometry.raster_"


@pytest.fixture(params=["numpy", "numba", "pytorch3d", "nvdiffrast"])
def backend(request, monkeypatch):
    """The name of a backend that can be used."""
    yield from usable(request.param, monkeypatch)


@pytest.fixture(params=["numpy", "numba"])
def exact(request):
    """The name of a backend that holds to the top-left rule."""
    return request.param


@pytest.fixture
def device(backend):
    """Where tensors have to be for the backend."""
    return importlib.import_module(ADAPTER + backend).DEVICE if backend == "nvdiffrast" else "cpu"


def usable(name, monkeypatch):
    """Yield the name, with a stand-in for the time of a test where the library is missing."""
    if backends.available()[name] == "yes":
        yield name
        return
    adapter = ADAPTER + name
    doubles.install(monkeypatch, name)
    monkeypatch.setattr(backends, "_cuda", lambda: "yes")
    monkeypatch.setattr(importlib.import_module(adapter), "DEVICE", "cpu")
    yield name
    sys.modules.pop(adapter)
