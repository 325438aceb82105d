"""What tracking gives on real video: ``python -m benchmarks.tracking FOLDER [--landmarks CACHE] [--only PART ...]``.

FOLDER holds the clips named below. MediaPipe's landmarks are kept in CACHE, so that a second run only fits.
Writes benchmarks/results/tracking.json, unless only some parts are asked for:

- ``curves``: Pearson's correlation, clip by clip, of fitted shapes with plain distances between detected landmarks
  (px over the distance between the outer corners of the eyes in that frame, corrected for nothing else), as
  `fit_landmarks` gives them, so after smoothing. Clips in which a gesture does not occur do not count; the
  distances alone say whether it does. Then lag, and how much of the height of blinks and of lips that open and
  close is left, between the landmarks of the fitted mesh, before and after smoothing.
- ``identity``: how much closer the heads of one person from different clips are than those of two persons.
- ``jitter``: still pictures with sensor noise as videos: how far pose and shapes tremble.
- ``speed``: frames a second of detection, of fitting, and of `track_video`, which also decodes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from unittest import mock

import cv2
import numpy as np

from benchmarks.common import measure, write
from vividlib.conventions import ARKIT
from vividlib.geometry.camera import head_to_camera, project
from vividlib.head.model import deform, landmarks_of, load
from vividlib.media.image import load_image
from vividlib.media.video import read_video
from vividlib.metrics.jitter import pose_jitter, shape_jitter
from vividlib.metrics.lag import best_lag
from vividlib.metrics.peaks import peaks_kept
from vividlib.metrics.separation import separation
from vividlib.metrics.vertex_error import vertex_error
from vividlib.reconstruction import track
from vividlib.reconstruction.landmarks import track_faces
from vividlib.reconstruction.solve import solve
from vividlib.types import Camera, HeadModel, Motion

PEOPLE = {
    "id00": "000 022 044", "id01": "000 024 048", "id02": "000 033 066", "id04": "000 030 060",
    "id05": "000 010 020", "id11": "000 029 058", "id12": "000 033 066", "id13": "000 021 042",
    "id14": "000 009 018", "id15": "000 014 028", "id17": "000 033 066", "id20": "000 028 056",
    "id21": "000 033 066", "id23": "000 020 040", "id24": "000 033 066", "id26": "000 029 058",
}  # fmt: skip
PEOPLE = {name: [f"anchors/{name}/{clip}" for clip in clips.split()] for name, clips in PEOPLE.items()}
PEOPLE["grid_s1"] = [f"grid_s1/{clip}" for clip in ("bbaf2n", "brbg5a", "lgaz9a", "pbav2n", "prbj7a", "sgapzn")]
"""Clips of one person: anchors on different days of some 1.2 s, a laboratory speaker of 3 s."""
LONG = (
    "english_anchor head_motion_only presenter_1 presenter_2 presenter_3 retalk_1 retalk_2 retalk_4 retalk_5 vox_01 "
    "vox_02 vox_03 vox_04 vox_05 vox_06 vox_07 vox_08 vox_09 vox_11 vox_12 weekly_address"
)  # vox_10 is vox_06 once more
CLIPS = [*(f"long/{name}" for name in LONG.split()), *(clip for clips in PEOPLE.values() for clip in clips)]
FRAMES = 200  # of a clip at most

GESTURES = {
    "jaw": (["jawOpen"], "chin_3d", 1),
    "jaw, in the picture": (["jawOpen"], "chin", 1),
    "jaw, by the lips": (["jawOpen"], "lip_gap", 1),
    "lips": ([], "lip_gap", 1),
    "blink": (["eyeBlinkLeft", "eyeBlinkRight"], "lids", -1),
    "smile": (["mouthSmileLeft", "mouthSmileRight"], "mouth_width", 1),
    "pucker": (["mouthPucker", "mouthFunnel"], "mouth_width", -1),
}  # shapes whose mean (or the mesh's own distance) is held against a distance, and its sign
SHUT = 0.5  # a blink takes the opening of the lids below this share of its median
MOVES = 0.05  # any other gesture occurs where the distance varies by so much of the eyes' (5th to 95th percentile)
LAG = 4  # frames
PEAKS = {"blinks": ("lids", -1), "lips_open": ("lip_gap", 1), "lips_close": ("lip_gap", -1)}
PEAK = 0.03  # of the eyes' distance: some 3 mm
VALLEY = 12  # frames in which a peak has its valleys

STILLS = "art_1 art_5 art_10 art_14 sad_full3 sad_happy sad_people_0 sad_sad"
NOISES = (2, 4)  # standard deviation of sensor noise, of 255
SIZE = 512  # px, longer side of the stills
STILL_FRAMES, RATE, SETTLED = 100, 25, 10  # frames; 1/s; frame from which the detector's own filter has settled

TIMED = ("long/vox_09", "long/retalk_5")  # 108 frames of 224 px, 122 of 524 px
REPEATS = 5


class Landmarks:
    """Detected landmarks (T 478 3 px, NaN where lost) and frame rate, by name; detected once and kept."""

    def __init__(self, folder: Path, cache: Path):
        self.folder, self.cache = folder, cache
        cache.mkdir(parents=True, exist_ok=True)

    def of_clip(self, clip: str) -> tuple[np.ndarray, float]:
        def frames():
            video = read_video(self.folder / f"{clip}.mp4")
            return video.fps, (frame for _, frame in video)

        landmarks, rate = self._kept(clip.replace("/", "__"), frames)
        return landmarks[:FRAMES], rate

    def of_still(self, name: str, noise: float) -> tuple[np.ndarray, float]:
        def frames():
            image = load_image(self.folder / "portraits" / f"{name}.jpg")
            zoom = SIZE / max(image.shape[:2])
            image = cv2.resize(image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
            return RATE, noisy(image, noise)

        return self._kept(f"still__{name}__{noise}", frames)

    def _kept(self, name: str, frames) -> tuple[np.ndarray, float]:
        path = self.cache / f"{name}.npz"
        if not path.exists():
            rate, pictures = frames()
            found = [np.full((478, 3), np.nan) if points is None else points for points in track_faces(pictures)]
            np.savez(path, landmarks=np.array(found, np.float32), fps=float(rate))
        with np.load(path) as kept:
            return kept["landmarks"].astype(np.float64), float(kept["fps"])


def noisy(image: np.ndarray, noise: float) -> Iterator[np.ndarray]:
    """A still picture as a camera sees it, frame by frame."""
    rng = np.random.default_rng(0)
    for _ in range(STILL_FRAMES):
        yield np.clip(np.rint(image + rng.normal(0, noise, image.shape)), 0, 255).astype(np.uint8)


def fit(landmarks: np.ndarray, rate: float, head: HeadModel, smoothed: bool = True) -> Motion:
    """`fit_landmarks`, with its smoothing or without."""
    found = [None if np.isnan(points).any() else points for points in landmarks]
    if smoothed:
        return track.fit_landmarks(found, rate, head)
    with mock.patch.object(track, "smooth", lambda curves, rate: np.asarray(curves, np.float64)):
        return track.fit_landmarks(found, rate, head)


def distances(points: np.ndarray) -> dict[str, np.ndarray]:
    """Distances between landmarks (T 478 2 or 3), in those between the outer corners of the eyes.

    In the picture, but for ``chin_3d``, which a nod does not shorten.
    """

    def between(first: int, second: int) -> np.ndarray:
        return np.linalg.norm(points[:, first, :axes] - points[:, second, :axes], axis=1)

    axes = 2
    eyes = between(33, 263)
    plain = {
        "lip_gap": between(13, 14) / eyes,
        "chin": between(2, 152) / eyes,  # from under the nose
        "lids": (between(159, 145) + between(386, 374)) / 2 / eyes,
        "mouth_width": between(61, 291) / eyes,
    }
    axes = 3
    return plain | {"chin_3d": between(2, 152) / between(33, 263)}


def mesh_distances(motion: Motion, neutral: np.ndarray, head: HeadModel) -> dict[str, np.ndarray]:
    """The same distances between the landmarks of the fitted mesh, seen as the camera sees it."""
    vertices = deform(head, neutral, motion.blendshapes, motion.gaze)
    points = head_to_camera(landmarks_of(head, vertices), motion.head_rotation, motion.head_translation)
    return distances(project(Camera(1.0, (0.0, 0.0)), points)[0])


def occurs(gesture: str, distance: np.ndarray) -> bool:
    if gesture == "blink":
        return bool(distance.min() < SHUT * np.median(distance))
    return bool(np.subtract(*np.percentile(distance, [95, 5])) > MOVES)


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson's; 0 where a curve does not move at all."""
    return float(np.corrcoef(first, second)[0, 1]) if first.std() and second.std() else 0.0


def curves(landmarks: Landmarks, head: HeadModel) -> dict:
    clips, pairs = {}, {gesture: ([], []) for gesture in GESTURES}
    kept = {name: {"before": [], "after": []} for name in PEAKS}
    for clip in CLIPS:
        points, rate = landmarks.of_clip(clip)
        seen = ~np.isnan(points[:, 0, 0])
        plain = distances(points[seen])
        neutral = track._one_identity(points[seen], head).astype(np.float32)
        for stage in ("before", "after"):
            motion = fit(points, rate, head, smoothed=stage == "after")
            mesh = mesh_distances(motion, neutral, head)
            for name, (distance, sign) in PEAKS.items():
                kept[name][stage].extend(peaks_kept(sign * mesh[distance][seen], sign * plain[distance], PEAK, VALLEY))
        clips[clip] = {}
        for gesture, (shapes, distance, sign) in GESTURES.items():
            if occurs(gesture, plain[distance]):
                curve = np.mean([motion[shape] for shape in shapes], 0) if shapes else sign * mesh[distance]
                clips[clip][gesture] = round(correlation(curve[seen], sign * plain[distance]), 3)
                pairs[gesture][0].append(sign * plain[distance])
                pairs[gesture][1].append(curve[seen])
    summary = {}
    for gesture, pair in pairs.items():
        found = [clip[gesture] for clip in clips.values() if gesture in clip]
        summary[gesture] = {
            "clips": len(found),
            "of": len(clips),
            "quantiles_10_50": quantiles(found, [0.1, 0.5]),
            "lag_frames": round(best_lag(*pair, LAG)[0], 2),
        }
    heights = {
        name: {"peaks": len(stages["after"])}
        | {f"{stage}_smoothing": quantiles(shares, [0.1, 0.5]) for stage, shares in stages.items()}
        for name, stages in kept.items()
    }
    return {"correlation": summary, "height_left_quantiles_10_50": heights, "clips": clips}


def identity(landmarks: Landmarks, head: HeadModel) -> dict:
    """Coefficients of the frames that tracking takes the identity from (their mean), and its neutral heads."""
    people, coefficients, neutrals = [], [], []
    for person, clips in PEOPLE.items():
        for clip in clips:
            points, _ = landmarks.of_clip(clip)
            points = points[~np.isnan(points[:, 0, 0])]
            probes = np.unique(np.linspace(0, len(points) - 1, track.PROBES).round().astype(int))
            people.append(person)
            coefficients.append(np.mean([solve(head, points[i][None]).identity for i in probes], 0))
            neutrals.append(track._one_identity(points, head)[head.regions["face"]])
    table = np.array(coefficients)
    apart = np.linalg.norm(table[:, None] - table, axis=2)
    meshes = np.array([[vertex_error(one, other) for other in neutrals] for one in neutrals])
    return {
        "people": len(PEOPLE), "clips": len(people),
        "coefficients": {name: round(value, 3) for name, value in separation(apart, people).items()},
        "neutral_face_mm": {name: round(value, 3) for name, value in separation(meshes, people).items()},
    }  # fmt: skip


def jitter(landmarks: Landmarks, head: HeadModel) -> dict:
    results, worst = {}, {}
    for name in STILLS.split():
        for noise in NOISES:
            points, rate = landmarks.of_still(name, noise)
            for stage in ("before", "after"):
                motion = fit(points, rate, head, smoothed=stage == "after")
                for part, start in (("whole", 0), ("settled", SETTLED)):
                    index, shape = shape_jitter(motion.blendshapes[start:])
                    row = {"pose_deg": pose_jitter(motion.head_rotation[start:]), "shape": shape}
                    row = {key: round(value, 4) for key, value in row.items()} | {"of": ARKIT[index]}
                    results.setdefault(f"{name}, noise {noise}", {})[f"{stage}_smoothing, {part}"] = row
    for case in next(iter(results.values())):
        worst[case] = {
            key: quantiles([still[case][key] for still in results.values()], [0.5, 1.0])
            for key in ("pose_deg", "shape")
        }
    return {"median_and_worst": worst, "stills": results}


def speed(landmarks: Landmarks, head: HeadModel) -> dict:
    results = {}
    for clip in TIMED:
        path = landmarks.folder / f"{clip}.mp4"
        frames = [frame for _, frame in read_video(path)]
        found = list(track_faces(frames))
        height, width = frames[0].shape[:2]
        results[f"{clip}, {len(frames)} frames of {width}x{height}"] = {
            name: frames_per_second(measure(call, REPEATS, 1), len(frames))
            for name, call in (
                ("detect", partial(_exhaust, frames)),
                ("fit", partial(track.fit_landmarks, found, RATE, head)),
                ("track_video", partial(track.track_video, path, head)),
            )
        }
    return results


def _exhaust(frames: list[np.ndarray]) -> None:
    for _ in track_faces(frames):
        pass


def frames_per_second(timing: dict, frames: int) -> dict:
    upper, lower = timing["quartiles_ms"]
    median, *quartiles = (round(1000 * frames / ms, 1) for ms in (timing["median_ms"], lower, upper))
    return {"median_fps": median, "quartiles_fps": quartiles, "repeats": timing["repeats"]}


def quantiles(values: list[float], shares: list[float]) -> list[float]:
    return np.quantile(values, shares).round(4).tolist()


PARTS = {"curves": curves, "identity": identity, "jitter": jitter, "speed": speed}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the shared data: anchors, grid_s1, long, portraits")
    parser.add_argument("--landmarks", type=Path, help="where detected landmarks are kept; default: nowhere")
    parser.add_argument("--only", nargs="*", choices=PARTS, help="print these parts and write nothing")
    options = parser.parse_args()
    head = load()
    with tempfile.TemporaryDirectory() as nowhere:
        landmarks = Landmarks(options.folder, options.landmarks or Path(nowhere))
        results = {part: PARTS[part](landmarks, head) for part in options.only or PARTS}
    if options.only:
        print(json.dumps(results, indent=2))
    else:
        write("tracking", results)


if __name__ == "__main__":
    main()
