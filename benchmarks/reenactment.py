"""People made to do what they did: ``python -m benchmarks.reenactment FOLDER --weights FILE [--sheets FOLDER]``.

FOLDER holds ``anchors`` and ``long``. The first frame of each clip of a person nobody learned from (`clips.HELD_OUT`) is
the photo; other frames of the clip are fitted one by one and drawn, by the analytic motion alone and by the networks,
and held against the real ones on a square of 256 px about the head, as far as the picture shows it. Motion is read
from the frames that are drawn, so this measures drawing, not tracking; poses beyond what the renderer allows are left
out. Writes benchmarks/results/reenactment.json.

- ``psnr`` dB, ``ssim`` and ``l1`` (of 255) of the whole square; ``mouth_l1`` and ``eyes_l1`` near lips and lids
- ``psnr_head`` dB, of what the driven mesh covers: cameras, chests and backgrounds move in these clips, and nothing that
  draws from the motion of a head can know how
- ``akd``: mean distance of MediaPipe's landmarks, px at 256
- ``opening``: mean gap between the lips, as MediaPipe sees it, by that of the real frames; under 1 is mumbling
- ``csim``: cosine of face embeddings (`benchmarks.embeddings`, which says what to install; None without): about 0.82
  between strangers, 0.98 of one person on two days
- ``sharpness``: that of the made frames by that of the real ones; under 1 is blurred
- ``unrest``: mean change from a frame to the next by that of the real ones, over consecutive frames
- ``still``: whether the photo's own motion gives the photo, bit for bit

Every clip counts alike within a person, and every person alike.
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from safetensors.torch import load_file
from scipy.spatial.transform import Rotation

from benchmarks.common import write
from benchmarks.embeddings import embedder
from vividlib.backend import each_frame
from vividlib.head.model import load
from vividlib.media.video import read_video
from vividlib.mesh_to_video.composite import composite
from vividlib.mesh_to_video.dense_motion import Drawn, draw
from vividlib.mesh_to_video.network_sizes import FAST
from vividlib.mesh_to_video.networks import with_weights
from vividlib.mesh_to_video.patch import Square, cut
from vividlib.mesh_to_video.refine import Refiner
from vividlib.mesh_to_video.scene import Scene
from vividlib.mesh_to_video.seen import SHEET
from vividlib.metrics.akd import akd
from vividlib.metrics.csim import csim
from vividlib.metrics.psnr import psnr
from vividlib.metrics.sharpness import sharpness
from vividlib.metrics.ssim import ssim
from vividlib.reconstruction.fit import fit_portrait
from vividlib.reconstruction.landmarks import find_faces, find_portrait
from vividlib.training.clips import HELD_OUT
from vividlib.training.fitted import fitted, too_far
from vividlib.training.video_pairs import inside, looked_at, patch_scene, truth_patch
from vividlib.training.video_photos import gap
from vividlib.types import Face, HeadModel

CLIPS_EACH = 3  # of an anchor
SPREAD, NEXT = 8, 6  # frames over the whole clip, and consecutive ones from its middle
LONGEST = 150  # frames of a clip


def people(folder: Path) -> dict[str, list[Path]]:
    """Clips of those held out; vox_10 is vox_06 again."""
    found = {}
    for person in sorted(HELD_OUT - {"vox_10"}):
        clips = sorted((folder / "anchors" / person).glob("*.mp4"))
        found[person] = clips[:: max(1, len(clips) // CLIPS_EACH)][:CLIPS_EACH] or [folder / "long" / f"{person}.mp4"]
    return found


class Posed(NamedTuple):
    """A clip's first frame as the photo, and other frames of it: as they are, and where its mesh goes for them."""

    face: Face
    scene: Scene
    square: Square
    here: tuple[np.ndarray, np.ndarray]  # of the square, what the picture shows
    some: list[int]  # of the others, those that are spread over the clip
    moves: dict[int, np.ndarray]  # 6 each, as asked of the renderer: rotation vector, radians, and metres
    drawn: dict[int, Drawn]
    truths: dict[int, np.ndarray]  # h w 3 uint8
    heads: dict[int, np.ndarray]  # what the driven mesh covers, h w bool
    masks: dict[int, np.ndarray]  # as `looked_at` has them

    def patch(self, picture: np.ndarray) -> np.ndarray:
        """The square of a picture of the scene."""
        return cut(picture, self.square)[self.here]


def posed(clip: Path, head: HeadModel) -> Posed:
    """Frames spread over a clip and consecutive ones, but for those to which the renderer cannot take the first."""
    frames = [frame for _, frame in islice(read_video(clip), LONGEST)]
    face = fit_portrait(find_portrait(frames[0]), head)
    scene, square, factor = patch_scene(face)
    middle = max(1, (len(frames) - NEXT) // 2)
    some = np.linspace(1, len(frames) - 1, SPREAD).round().astype(int).tolist()
    wanted = sorted({*some, *range(middle, min(middle + NEXT, len(frames)))})
    landmarks = {n: found[0] for n in wanted if (found := find_faces(frames[n]))}
    motion = fitted(face, np.stack(list(landmarks.values())), 25)
    reached = ~too_far(motion)
    turns = Rotation.from_quat(motion.head_rotation).as_rotvec()
    moves = dict(zip(landmarks, np.column_stack([turns, motion.head_translation])))
    drawn = {n: draw(scene, *now) for n, now, there in zip(landmarks, motion.frames(), reached) if there}
    here = np.ix_(inside(scene, square).any(1), inside(scene, square).any(0))
    heads = {n: (scene.part[one.fragments.triangle] != SHEET).astype(np.uint8) for n, one in drawn.items()}
    return Posed(
        face, scene, square, here, [n for n in some if n in drawn], moves, drawn,
        truths={n: truth_patch(frames[n], scene, square, factor)[here] for n in drawn},
        heads={n: cut(covered, square)[here] > 0 for n, covered in heads.items()},
        masks={n: looked_at(landmarks[n], scene, square, factor)[here] for n in drawn},
    )  # fmt: skip


def reenact(clip: Path, head: HeadModel, networks, embed=None) -> tuple[dict[str, dict[str, float]], np.ndarray]:
    """Figures by way of drawing, and a sheet: real frames, analytic ones, those of the networks."""
    shown = posed(clip, head)
    scene, truths = shown.scene, shown.truths
    refiner = Refiner(scene, networks, scene.layers)
    ways = {
        "analytic": lambda parts: each_frame(lambda one: composite(scene.layers, one), parts),
        "networks": lambda parts: each_frame(refiner.picture, parts),
    }
    still = draw(scene, shown.face.expression, (0, 0, 0, 1), (0, 0, 0), shown.face.gaze)
    figures, rows = {}, [np.hstack([truths[n] for n in shown.some])]
    for way, pictures in ways.items():
        made = dict(zip(truths, map(shown.patch, pictures(list(shown.drawn.values())))))
        figures[way] = judge(made, truths, shown.masks, shown.heads, shown.some, embed) | {
            "still": float(np.array_equal(pictures([still])[0], scene.layers.photo))
        }
        rows.append(np.hstack([made[n] for n in shown.some]))
    return figures, np.vstack(rows)


def judge(made: dict, truths: dict, masks: dict, heads: dict, some: list[int], embed=None) -> dict[str, float]:
    """Means over the frames of a clip (by number), of most figures over ``some`` of them; ``embed`` as from `embedder`."""
    found = {n: find_faces(made[n]) for n in some}
    real = {n: find_faces(truths[n]) for n in some}
    both = [n for n in some if found[n] and real[n]]
    steps = [n for n in made if n + 1 in made]

    def difference(n: int, part: int | None = None) -> float:
        error = np.abs(made[n].astype(float) - truths[n])
        return float((error if part is None else error[masks[n] == part]).mean())

    def likeness(n: int) -> float:
        return csim(embed(made[n], found[n][0]), embed(truths[n], real[n][0]))

    def change(of: dict) -> float:
        return float(np.mean([np.abs(of[n + 1].astype(float) - of[n]).mean() for n in steps]))

    return {
        "psnr": mean(psnr(made[n], truths[n]) for n in some),
        "psnr_head": mean(psnr(made[n], truths[n], heads[n]) for n in some),
        "ssim": mean(ssim(made[n], truths[n]) for n in some),
        "l1": mean(difference(n) for n in some),
        "mouth_l1": mean(difference(n, 1) for n in some),
        "eyes_l1": mean(difference(n, 2) for n in some),
        "akd": mean(akd(found[n][0], real[n][0]) for n in both),
        "opening": mean(gap(found[n][0]) for n in both) / mean(gap(real[n][0]) for n in both),
        "csim": mean(map(likeness, both)) if embed else np.nan,
        "sharpness": mean(sharpness(made[n]) for n in some) / mean(sharpness(truths[n]) for n in some),
        "unrest": change(made) / change(truths) if steps else np.nan,
    }


def mean(values) -> float:
    """Of those that are known; NaN where none is."""
    values = [value for value in values if not np.isnan(value)]
    return float(np.mean(values)) if values else np.nan


def known(values: dict[str, float]) -> dict[str, float | None]:
    """As JSON holds them: None where a clip had no two frames in a row, or nothing embeds faces."""
    return {name: None if np.isnan(value) else round(value, 4) for name, value in values.items()}


def summary(rows: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Means of rows, way by way."""
    return {way: {name: mean(row[way][name] for row in rows) for name in of} for way, of in rows[0].items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--sheets", type=Path, help="where pictures of every clip go")
    options = parser.parse_args()
    embed = embedder()
    head, networks = load(), with_weights(load_file(options.weights), FAST)
    each = {}
    for person, clips in people(options.folder).items():
        rows = []
        for clip in clips:
            figures, sheet = reenact(clip, head, networks, embed)
            rows.append(figures)
            if options.sheets:
                options.sheets.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(options.sheets / f"{person}_{clip.stem}.png"), sheet[..., ::-1])
        each[person] = summary(rows)
        print(person, each[person], flush=True)
    means = summary(list(each.values()))
    count = sum(each[p]["networks"]["psnr"] > each[p]["analytic"]["psnr"] for p in each)
    rounded = {person: {way: known(of) for way, of in ways.items()} for person, ways in each.items()}
    means = {way: known(of) for way, of in means.items()}
    write(
        "reenactment",
        {
            "people": len(each), "mean": means, "people_of_better_psnr": count, "each": rounded,
            "parameters": sum(p.numel() for p in networks.parameters()), "dtype": str(networks.dtype),
        },
    )  # fmt: skip


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
