"""Every core has a process of its own, and none outlives the one that began it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from vividlib.training.workers import workers


def test_a_process_computes_on_one_core():
    with workers() as pool:
        assert pool.submit(torch.get_num_threads).result() == 1


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="whether a process runs is read in /proc")
def test_processes_end_with_the_one_that_began_them(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import os, time\n"
        "from vividlib.training.workers import workers\n"
        "if __name__ == '__main__':\n"
        "    pool = workers()\n"
        "    print(pool.submit(os.getpid).result(), flush=True)\n"
        "    time.sleep(600)\n"
    )
    source = Path(__file__).parents[2]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    environment = {**os.environ, "PYTHONPATH": str(source)}
    with subprocess.Popen([sys.executable, script], **pipes, cwd=source, env=environment) as began:
        worker = int(began.stdout.readline())
        began.kill()
    for _ in range(100):
        if not _runs(worker):
            return
        time.sleep(0.1)
    raise AssertionError("the worker is still there")


def _runs(process: int) -> bool:
    """Whether it is there, and not only as an entry that nobody has collected."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
