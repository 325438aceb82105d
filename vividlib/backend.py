"""Which device and which rasteriser will be used, and why; how loops are compiled and frames shared out."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock, Thread
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from vividlib.errors import BackendError

if TYPE_CHECKING:
    import torch

Frame, Drawn = TypeVar("Frame"), TypeVar("Drawn")
_THREADS_LOCK = Lock()

RASTERIZERS = ("nvdiffrast", "numba", "pytorch3d", "numpy")
"""nvdiffrast on CUDA, numba on the CPU; PyTorch3D and NumPy where they are asked for."""


class Choice(NamedTuple):
    """What was chosen, and the reason in words."""

    name: str
    reason: str


def available() -> dict[str, str]:
    """For each thing that can speed the library up: ``"yes"``, or the reason why it is not used."""
    return {
        "numpy": "yes",
        "numba": _importable("numba"),
        "nvdiffrast": _usable("nvdiffrast"),
        "pytorch3d": _importable("pytorch3d"),
        "cuda": _cuda(),
    }


def device(name: str = "auto") -> torch.device:
    """The torch device called ``name``; ``"auto"`` takes CUDA where there is one, else the CPU.

    Raises
    ------
    BackendError
        If torch does not know the device, or CUDA was asked for and is not there.
    """
    import torch

    cuda = _cuda()
    if name == "auto":
        return torch.device("cuda" if cuda == "yes" else "cpu")
    try:
        chosen = torch.device(name)
    except RuntimeError:
        raise BackendError(f"There is no device called {name!r}; use auto, cpu, cuda or cuda:N.") from None
    if chosen.type not in ("cpu", "cuda"):
        raise BackendError(f"vividlib runs on cpu and cuda, not on {name!r}; use auto, cpu, cuda or cuda:N.")
    if chosen.type == "cuda" and cuda != "yes":
        raise BackendError(f"The device {name!r} cannot be used: {cuda}. Use cpu or auto.")
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise BackendError(f"There is no {name}: this machine has {torch.cuda.device_count()} GPU(s), from cuda:0.")
    return chosen


def rasterizer(name: str = "auto", device: str = "cpu") -> Choice:
    """The rasteriser to use, with the reason.

    Parameters
    ----------
    name
        One of `RASTERIZERS`, or ``"auto"``: the fastest that is there for data on ``device``.
    device
        ``"cpu"`` or ``"cuda"``.

    Raises
    ------
    BackendError
        If the one asked for is unknown or cannot be used.
    """
    if name != "auto" and name not in RASTERIZERS:
        raise BackendError(f"There is no rasteriser called {name!r}; use auto, {', '.join(RASTERIZERS)}.")
    if name != "auto":
        state = _usable(name)
        if state != "yes":
            raise BackendError(f"The rasteriser {name!r} cannot be used: {state}. Use auto or numpy.")
        return Choice(name, "asked for")
    missing = ""
    if device == "cuda":
        state = _usable("nvdiffrast")
        if state == "yes":
            return Choice("nvdiffrast", "the fastest on CUDA")
        missing = f"; nvdiffrast is not used: {state}"
    state = _usable("numba")
    if state == "yes":
        return Choice("numba", f"the fastest on the CPU{missing}")
    return Choice("numpy", f"slow; numba is not used: {state}{missing}")


def compiled(function: Callable) -> Callable:
    """A function compiled by Numba that releases the GIL, its code kept for later processes where a folder can be
    written to."""
    from numba import njit

    try:
        return njit(cache=True, nogil=True)(function)
    except RuntimeError:  # neither the code's folder nor the home folder is writable, as in many containers
        return njit(nogil=True)(function)


def each_frame(draw: Callable[[Frame], Drawn], frames: Sequence[Frame]) -> list[Drawn]:
    """What ``draw`` makes of every frame, on all cores where there are several frames."""
    if len(frames) == 1:
        return [draw(frames[0])]
    from numba import get_num_threads

    with ThreadPoolExecutor(get_num_threads()) as pool:
        return list(pool.map(draw, frames))


def ahead(
    draw: Callable[..., Drawn], frames: Iterable[tuple], threads: int, begin: Callable[[], None] | None = None
) -> Iterator[Drawn]:
    """What ``draw`` makes of the arguments of every frame, in order, so many ahead of what is asked for.

    Parameters
    ----------
    frames : arguments of ``draw``; these must not be overwritten when the next ones come
    threads : how many frames are made at a time
    begin : done in each of these first
    """
    with ThreadPoolExecutor(threads, initializer=begin) as pool:
        waiting: deque[Future] = deque()
        for frame in frames:
            waiting.append(pool.submit(draw, *frame))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def cores() -> int:
    """How many cores this process may use, where the system says so; else how many there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def one_core() -> None:
    """Have torch compute on the calling thread alone.

    Where every core makes a frame of its own, torch's threads would only wait for each other, and spin while they do.
    """
    import torch

    with _THREADS_LOCK:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        # That holds for this thread and for all that begin after it; they shall have what there was.
        others = Thread(target=torch.set_num_threads, args=(threads,))
        others.start()
        others.join()


def _usable(name: str) -> str:
    if name != "nvdiffrast":
        return _importable(name)
    cuda = _cuda()
    return _importable(name) if cuda == "yes" else f"needs CUDA: {cuda}"


def _importable(module: str) -> str:
    if importlib.util.find_spec(module) is None:
        return "not installed"
    try:
        importlib.import_module(module)
    except (ImportError, OSError) as problem:  # OSError: a shared library that does not load
        return f"installed, but does not import ({problem})"
    return "yes"


def _cuda() -> str:
    import torch

    if not torch.backends.cuda.is_built():
        return f"torch {torch.__version__} is built without CUDA"
    if not torch.cuda.is_available():
        return "torch sees no usable NVIDIA GPU or driver"
    return "yes"
