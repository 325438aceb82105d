"""Processes that share slow work, one on each core."""

from __future__ import annotations

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor

import torch
from threadpoolctl import threadpool_limits

from vividlib.backend import cores


def workers() -> ProcessPoolExecutor:
    """What runs jobs in a process for every core; they end with the one that began them, however that ends."""
    return ProcessPoolExecutor(cores(), multiprocessing.get_context("spawn"), initializer=_begin)


def _begin() -> None:
    threadpool_limits(1)
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)
