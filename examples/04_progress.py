"""Watch a long call, and stop it: python examples/04_progress.py PHOTO SPEECH OUTPUT.mp4 [SECONDS]"""

import sys
import time

import vividlib as vv

photo, speech, output = sys.argv[1:4]
end = time.monotonic() + float(sys.argv[4] if len(sys.argv) > 4 else 3600)


def progress(stage: str, done: int, total: int) -> None:
    print(f"\r{stage} {done}/{total} ", end="", flush=True)
    if time.monotonic() > end:
        raise vv.Cancelled("Out of time.")


try:
    vv.animate(photo, speech, output, progress=progress)
except vv.Cancelled as reason:
    print(f"\n{reason} Nothing was written.")
