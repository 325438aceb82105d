import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch

from vividlib import backend
from vividlib.errors import BackendError


def test_everything_is_there_or_has_a_reason():
    found = backend.available()
    assert set(found) == {"numpy", "numba", "nvdiffrast", "pytorch3d", "cuda"}
    assert found["numpy"] == "yes"
    assert all(found.values())


def test_what_does_not_import_says_why(tmp_path, monkeypatch):
    (tmp_path / "pytorch3d.py").write_text("raise ImportError('libcudart.so.12 is missing')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pytorch3d", raising=False)
    assert "libcudart.so.12" in backend.available()["pytorch3d"]


def test_auto_takes_what_there_is(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert backend.device() == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)
    assert backend.device() == torch.device("cuda")


@pytest.mark.parametrize("name", ["cuda", "cuda:1"])
def test_cuda_is_refused_with_the_reason_where_there_is_none(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BackendError, match="without CUDA|no usable NVIDIA"):
        backend.device(name)


@pytest.mark.parametrize("name", ["gpu", "", "mps", "cpu:x"])
def test_unknown_devices_are_refused(name):
    with pytest.raises(BackendError, match="auto, cpu, cuda"):
        backend.device(name)


def test_a_gpu_beyond_the_last_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert backend.device("cuda:0") == torch.device("cuda:0")
    with pytest.raises(BackendError, match="1 GPU"):
        backend.device("cuda:1")


def test_the_rasteriser_falls_back_with_a_reason(monkeypatch):
    assert backend.rasterizer().name == "numba"
    monkeypatch.setattr(backend, "_importable", lambda module: "not installed")
    name, reason = backend.rasterizer()
    assert name == "numpy" and "not installed" in reason
    with pytest.raises(BackendError, match="not installed"):
        backend.rasterizer("numba")


def test_on_cuda_nvdiffrast_is_taken_where_it_is_there(monkeypatch):
    name, reason = backend.rasterizer(device="cuda")
    assert name == "numba" and "nvdiffrast is not used: needs CUDA" in reason
    monkeypatch.setattr(backend, "_cuda", lambda: "yes")
    monkeypatch.setattr(backend, "_importable", lambda module: "yes")
    assert backend.rasterizer(device="cuda").name == "nvdiffrast"
    assert backend.rasterizer().name == "numba"
    assert backend.rasterizer("pytorch3d") == ("pytorch3d", "asked for")


def test_unknown_rasterisers_are_refused():
    with pytest.raises(BackendError, match="use auto, nvdiffrast, numba"):
        backend.rasterizer("vulkan")


def test_choosing_a_rasteriser_does_not_import_torch():
    code = "import sys; from vividlib import backend; backend.rasterizer(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_loops_are_compiled_where_nothing_can_be_kept(monkeypatch):
    from numba.core.caching import CacheImpl

    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    assert backend.compiled(lambda x: x + 1)(1) == 2


@pytest.mark.parametrize("threads", [1, 3])
def test_frames_made_ahead_come_in_order_and_no_more_are_read_than_needed(threads):
    read = []
    frames = ((read.append(i) or i, 10) for i in range(9))
    made = backend.ahead(lambda first, second: first + second, frames, threads)
    assert next(made) == 10 and len(read) == threads + 1
    assert list(made) == list(range(11, 19))


def test_a_frame_that_cannot_be_made_is_said():
    with pytest.raises(ZeroDivisionError):
        list(backend.ahead(lambda number: 1 / number, ((number,) for number in (2, 1, 0)), 2))


def test_threads_that_compute_alone_leave_the_others_as_they_are():
    def threads(barrier):
        torch.rand(100, 100) @ torch.rand(100, 100)
        barrier.wait(10)  # each in a thread of its own
        return torch.get_num_threads()

    def found(**how):
        barrier = Barrier(3)
        with ThreadPoolExecutor(3, **how) as pool:
            return list(pool.map(threads, [barrier] * 3))

    before = torch.get_num_threads()
    torch.set_num_threads(5)
    try:
        assert found(initializer=backend.one_core) == [1, 1, 1]
        assert found() == [5, 5, 5] and torch.get_num_threads() == 5
    finally:
        torch.set_num_threads(before)
