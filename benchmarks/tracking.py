"""What tracking gives on real video: ``python -m benchmarks.tracking FOLDER [--landmarks CACHE] [--only PART ...]``.

FOLDER holds the clips named below. MediaPipe's landmarks are kept in CACHE, so that a second run only fits.
Writes benchmarks/results/tracking.json, unless only some parts are asked for:

- ``curves``: Pearson's correlation, clip by clip, of fitted shapes with plain distances between detected landmarks
  (px over the distance between the outer corners of the eyes in that frame, corrected for nothing else), as
  `fit_landmarks` gives them, so after smoothing. Clips in which a gesture does not occur do not count; the
  distances alone say whether it does. Then lag, and how much of the height of blinks and of lips that open and
  close is left, between the landmarks of the fitted mesh, before and after smoothing; and of nods and turns, in the
  fitted pose after smoothing, against parabolas through 0.4 s of it before.
- ``identity``: how much closer the heads of one person from different clips are than those of two persons: `SAME` clips
  of each person of whom `vividlib.training.identity` has learned nothing (the basis of the default head has).
- ``jitter``: still pictures with sensor noise as videos: how far pose and shapes tremble, and the tremble that
  smoothing counts on (`track.REGIONS`, `TURN`, `SHIFT`) as found.
- ``nods``: of nods and turns by one degree, added to the fitted poses of the stills, the share of their height left.
- ``speed``: frames a second of detection, of fitting, and of `track_video`, which also decodes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
from scipy.signal import savgol_filter
from scipy.spatial.transform import Rotation

from benchmarks.common import measure, write
from vividlib.conventions import ARKIT
from vividlib.geometry.camera import head_to_camera, project
from vividlib.head.model import deform, landmarks_of, load, person
from vividlib.media.image import load_image
from vividlib.media.video import read_video
from vividlib.metrics.jitter import pose_jitter, shape_jitter
from vividlib.metrics.lag import best_lag
from vividlib.metrics.peaks import peaks_kept
from vividlib.metrics.separation import separation
from vividlib.metrics.vertex_error import vertex_error
from vividlib.reconstruction import fit as fit_module
from vividlib.reconstruction import track
from vividlib.reconstruction.landmarks import track_faces
from vividlib.reconstruction.smooth import noise_level
from vividlib.reconstruction.solve import Solution
from vividlib.training.clips import HELD_OUT
from vividlib.training.identity import COMPARED
from vividlib.types import Camera, HeadModel, Motion

ANCHORS = {
    "id00": "000 044", "id02": "000 066", "id05": "000 020", "id12": "000 066", "id14": "000 018", "id17": "000 066",
    "id20": "000 056", "id24": "000 066", "id26": "000 058",
}  # fmt: skip
"""Clips of some 1.2 s."""
LONG = (
    "english_anchor head_motion_only presenter_1 presenter_2 presenter_3 retalk_1 retalk_2 retalk_4 retalk_5 vox_01 "
    "vox_02 vox_03 vox_04 vox_05 vox_06 vox_07 vox_08 vox_09 vox_11 vox_12"
)  # vox_10 is vox_06 once more
CLIPS = [
    *(f"long/{name}" for name in LONG.split()),
    *(f"anchors/{name}/{clip}" for name, clips in ANCHORS.items() for clip in clips.split()),
    *(f"grid_s1/{clip}" for clip in ("bbaf2n", "lgaz9a", "sgapzn")),
]
FRAMES = 200  # of a clip at most
SAME = 8  # clips of each person whose heads are compared

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
TURNS = {"turns": 0, "nods": 1}  # columns of `angles`
TURN = 0.8  # degrees from which they count
NOD_SECONDS = (0.4, 0.8, 1.6)  # how long nods of one degree take

STILLS = "art_1 art_5 art_6 art_7 art_12 art_16 sad_happy1 sad_art_5"
NOISES = (2, 4)  # standard deviation of sensor noise, of 255
STILL_VIDEOS = [(name, noise) for name in STILLS.split() for noise in NOISES]
SIZE = 512  # px, longer side of the stills
STILL_FRAMES, RATE = 100, 25  # frames; 1/s

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
            return video.fps, (frame for _, frame in islice(video, FRAMES))

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


@dataclass(frozen=True, eq=False)
class Fit:
    """`fit_landmarks` of the frames that show a face: before smoothing, after it, and what it was made of."""

    before: Motion
    after: Motion
    neutral: np.ndarray  # V 3
    solutions: list[Solution]


def fit(landmarks: np.ndarray, rate: float, head: HeadModel) -> Fit:
    seen = landmarks[~np.isnan(landmarks[:, 0, 0])]
    _, neutral = track.read_person(seen, head)
    with mock.patch.object(track, "_to_motion", wraps=track._to_motion) as to_motion:
        after, _ = track.follow(list(seen), rate, head, neutral)
    solutions = to_motion.call_args.args[1]
    return Fit(unsmoothed(head, solutions, rate), after, neutral.astype(np.float32), solutions)


def unsmoothed(head: HeadModel, solutions: list[Solution], rate: float) -> Motion:
    with mock.patch.object(track, "smooth", lambda curves, *_: np.asarray(curves, np.float64)):
        return track._to_motion(head, solutions, rate)


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


def angles(motion: Motion) -> np.ndarray:
    """Turn and nod of the head, degrees (T 2)."""
    return Rotation.from_quat(motion.head_rotation).as_euler("YXZ", degrees=True)[:, :2]


def turns_kept(angle: np.ndarray, reference: np.ndarray) -> list[float]:
    """Of turns to either side."""
    return [share for sign in (1, -1) for share in peaks_kept(sign * angle, sign * reference, TURN, VALLEY)]


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson's; 0 where a curve does not move at all."""
    return float(np.corrcoef(first, second)[0, 1]) if first.std() and second.std() else 0.0


def curves(landmarks: Landmarks, head: HeadModel) -> dict:
    clips, pairs = {}, {gesture: ([], []) for gesture in GESTURES}
    kept = {name: {"before": [], "after": []} for name in PEAKS} | {name: {"after": []} for name in TURNS}
    for clip in CLIPS:
        points, rate = landmarks.of_clip(clip)
        points = points[~np.isnan(points[:, 0, 0])]
        plain, fitted = distances(points), fit(points, rate, head)
        motion = fitted.after
        for stage in ("before", "after"):
            mesh = mesh_distances(getattr(fitted, stage), fitted.neutral, head)
            for name, (distance, sign) in PEAKS.items():
                kept[name][stage].extend(peaks_kept(sign * mesh[distance], sign * plain[distance], PEAK, VALLEY))
        window = 2 * round(0.2 * rate) + 1
        for name, axis in TURNS.items():
            kept[name]["after"].extend(
                turns_kept(angles(motion)[:, axis], savgol_filter(angles(fitted.before)[:, axis], window, 2))
            )
        clips[clip] = {}
        for gesture, (shapes, distance, sign) in GESTURES.items():
            if occurs(gesture, plain[distance]):
                curve = np.mean([motion[shape] for shape in shapes], 0) if shapes else sign * mesh[distance]
                clips[clip][gesture] = round(correlation(curve, sign * plain[distance]), 3)
                pairs[gesture][0].append(sign * plain[distance])
                pairs[gesture][1].append(curve)
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


def strangers(folder: Path) -> dict[str, list[str]]:
    """`SAME` clips of each person from whom the matrix of `vividlib.reconstruction.identity` was not learned."""
    found = {}
    for own in sorted([*(folder / "anchors").iterdir(), folder / "grid_s1"]):
        clips = sorted(own.glob("*.mp4"))
        if own.name in COMPARED | HELD_OUT and len(clips) >= SAME:
            picks = np.linspace(0, len(clips) - 1, SAME).round().astype(int)
            found[own.name] = [str(clips[i].relative_to(folder).with_suffix("")) for i in picks]
    return found


def identity(landmarks: Landmarks, head: HeadModel) -> dict:
    """Of what is read from each clip: the coefficients, the faces that they make, and these bent to the landmarks.

    Coefficients are compared by their cosine, as Tuan Tran, Hassner, Masi and Medioni compare them ("Regressing robust and
    discriminative 3D morphable models with a very deep neural network", CVPR 2017), and by their plain distance.
    """
    people, coefficients, as_found, unbent, neutrals = [], [], [], [], []
    for who, clips in strangers(landmarks.folder).items():
        for clip in clips:
            points, _ = landmarks.of_clip(clip)
            points = points[~np.isnan(points[:, 0, 0])]
            with mock.patch.object(fit_module, "likely", wraps=fit_module.likely) as weigh:
                found, neutral = track.read_person(points, head)
            as_found.append(weigh.call_args.args[1])
            people.append(who)
            coefficients.append(found)
            unbent.append(person(head, found)[head.regions["face"]])
            neutrals.append(neutral[head.regions["face"]])
    distances = {}
    for name, rows in (("coefficients", coefficients), ("coefficients_as_found", as_found)):
        table = np.array(rows)
        ways = table / np.linalg.norm(table, axis=1, keepdims=True)
        distances |= {f"{name}_cosine": 1 - ways @ ways.T, name: np.linalg.norm(table[:, None] - table, axis=2)}
    distances |= {
        name: np.array([[vertex_error(one, other) for other in faces] for one in faces])
        for name, faces in (("face_of_coefficients_mm", unbent), ("neutral_face_mm", neutrals))
    }
    return {"people": len(set(people)), "clips": len(people)} | {
        name: {key: round(value, 3) for key, value in separation(distance, people).items()}
        for name, distance in distances.items()
    }


def jitter(landmarks: Landmarks, head: HeadModel) -> dict:
    results, worst, trembles = {}, {}, {}
    for name, noise in STILL_VIDEOS:
        points, rate = landmarks.of_still(name, noise)
        fitted = fit(points, rate, head)
        for stage in ("before", "after"):
            motion = getattr(fitted, stage)
            index, shape = shape_jitter(motion.blendshapes)
            row = {"pose_deg": pose_jitter(motion.head_rotation), "shape": shape}
            row = {key: round(value, 4) for key, value in row.items()} | {"of": ARKIT[index]}
            results.setdefault(f"{name}, noise {noise}", {})[f"{stage}_smoothing"] = row
        for part, value in tremble(fitted, rate, head).items():
            trembles.setdefault(part, []).append(value)
    for case in next(iter(results.values())):
        worst[case] = {
            key: quantiles([still[case][key] for still in results.values()], [0.5, 1.0])
            for key in ("pose_deg", "shape")
        }
    found = {part: quantiles(values, [0.5, 1.0]) for part, values in trembles.items()}
    return {"median_and_worst": worst, "tremble_median_and_worst": found, "stills": results}


def tremble(fitted: Fit, rate: float, head: HeadModel) -> dict[str, float]:
    """Standard deviations before smoothing for every metre by which the single landmarks stray, as `track` counts."""
    noise = noise_level(np.concatenate([s.residual / s.scale[:, None, None] for s in fitted.solutions]), rate)
    turns = Rotation.from_quat(fitted.before.head_rotation)
    columns = np.column_stack([(turns.mean().inv() * turns).as_rotvec(), fitted.before.head_translation])
    names = ["turn_x", "turn_y", "turn_z", "shift_x", "shift_y", "shift_z"]
    values = dict(zip(names, columns.std(0) / noise))
    for name, places in zip(("mouth", "left_lids", "right_lids", "brows"), _region_places(fitted, head)):
        values[name] = np.sqrt(places.var(0).mean()) / noise
    return {name: round(float(value), 1) for name, value in values.items()}


def _region_places(fitted: Fit, head: HeadModel) -> list[np.ndarray]:
    with mock.patch.object(track, "smooth", side_effect=lambda curves, *_: curves) as smoothing:
        track._steady(head, np.concatenate([s.expression for s in fitted.solutions]), RATE, 0.0)
    return [call.args[3] for call in smoothing.call_args_list]


def nods(landmarks: Landmarks, head: HeadModel) -> dict:
    """Raised cosines about the head's x and y axes on top of the fitted poses, whose noise they share."""
    kept = {f"{name}, {seconds} s": [] for seconds in NOD_SECONDS for name in ("nod", "turn")}
    for name, noise in STILL_VIDEOS:
        points, rate = landmarks.of_still(name, noise)
        solutions = fit(points, rate, head).solutions
        still = Rotation.from_matrix(np.concatenate([s.rotation for s in solutions]))
        time = np.arange(len(still)) / rate
        for seconds in NOD_SECONDS:
            away = np.abs(time[:, None] - [1.1, 2.9])
            angle = (np.cos(np.pi * away / seconds) ** 2 * (away < seconds / 2)).sum(1)
            for motion_name, axis in (("nod", 0), ("turn", 1)):
                turned = (Rotation.from_rotvec(angle[:, None] * np.eye(3)[axis], degrees=True) * still).as_matrix()
                ends = np.cumsum([len(s.rotation) for s in solutions])[:-1]
                moved = [replace(s, rotation=part) for s, part in zip(solutions, np.split(turned, ends))]
                after = Rotation.from_quat(track._to_motion(head, moved, rate).head_rotation)
                got = (after * still.mean().inv()).as_rotvec(degrees=True)[:, axis]
                kept[f"{motion_name}, {seconds} s"].extend(peaks_kept(got, angle, 0.5, round(seconds * rate)))
    return {"height_left_quantiles_10_50": {name: quantiles(shares, [0.1, 0.5]) for name, shares in kept.items()}}


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


PARTS = {"curves": curves, "identity": identity, "jitter": jitter, "nods": nods, "speed": speed}


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
