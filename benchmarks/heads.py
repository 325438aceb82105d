"""Fit and animate portraits with another head: ``python -m benchmarks.heads HEAD FOLDER OUT.png``.

HEAD is a FaceVerse file, ICT-FaceKit's folder or a FLAME file. The first ten pictures of FOLDER with one face are
used. Each row of the sheet shows one person: the photo's own expression, at rest, jaw open, rounded, a bilabial,
lids closed, head turned; below them the last row again with the default head. Writes
benchmarks/results/heads_NAME.json with landmark errors and times of both heads.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

import vividlib as vv
from benchmarks.common import write
from benchmarks.portraits import row
from vividlib.errors import VividError
from vividlib.media.image import load_image, save_image
from vividlib.reconstruction.fit import fit_portrait, landmark_error
from vividlib.reconstruction.landmarks import find_portrait


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("head", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--only", nargs="*", help="file names without suffix, instead of the first ten")
    parser.add_argument("--size", type=int, default=768, help="longer side of the frames, px")
    options = parser.parse_args()
    start = time.perf_counter()
    heads = {"other": vv.load_head(options.head), "default": vv.load_head()}
    results, rows = {"load_s": round(time.perf_counter() - start, 1), "head": heads["other"].name}, []
    for path in sorted(options.folder.iterdir()):
        if len(rows) == 10:
            break
        if options.only and path.stem not in options.only:
            continue
        try:
            portrait = find_portrait(load_image(path))
        except VividError:
            continue
        results[path.stem] = {}
        for name, head in heads.items():
            start = time.perf_counter()
            face = fit_portrait(portrait, head)
            seconds = time.perf_counter() - start
            results[path.stem][name] = {"landmark_error": round(landmark_error(face), 4), "fit_s": round(seconds, 2)}
            if name == "other":
                rows.append(row(face, options.size))
        print(path.stem, results[path.stem], flush=True)
    save_image(options.sheet, np.vstack([*rows, row(face, options.size)]))
    write(f"heads_{heads['other'].name}", results)


if __name__ == "__main__":
    main()
