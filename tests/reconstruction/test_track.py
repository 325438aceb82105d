"""A video of known motion is tracked back to that motion."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from skimage.data import astronaut

from vividlib.conventions import ARKIT_INDEX
from vividlib.errors import NoFaceError
from vividlib.geometry.camera import head_to_camera, project
from vividlib.head.model import deform, landmarks_of, load
from vividlib.media.video import VideoWriter
from vividlib.mesh_to_video.render import Renderer
from vividlib.metrics.jitter import pose_jitter, shape_jitter
from vividlib.metrics.peaks import peaks_kept
from vividlib.reconstruction.fit import fit_portrait
from vividlib.reconstruction.landmarks import find_portrait
from vividlib.reconstruction.track import fit_landmarks, track_video
from vividlib.types import Camera, Motion

FRAMES, FPS = 60, 30
NOISE = 0.1  # px, of landmarks


@pytest.fixture(scope="module")
def performance():
    """A mouth that opens and closes, two blinks, a head that shakes: as curves and as a video of the astronaut."""
    time = np.arange(FRAMES) / FPS
    blendshapes = np.zeros((FRAMES, 52), np.float32)
    blendshapes[:, ARKIT_INDEX["jawOpen"]] = 0.25 * (1 - np.cos(2 * np.pi * 1.5 * time))
    for start in (12, 40):
        for side in ("Left", "Right"):
            blendshapes[start : start + 5, ARKIT_INDEX[f"eyeBlink{side}"]] = [0.5, 1, 1, 1, 0.5]
    turn = Rotation.from_euler("Y", 7 * np.sin(2 * np.pi * 0.5 * time)[:, None], degrees=True)
    return Motion(blendshapes, turn.as_quat(), rate=FPS)


@pytest.fixture(scope="module")
def video(performance, tmp_path_factory):
    face = fit_portrait(find_portrait(astronaut()[:320, 60:380]), load())
    renderer = Renderer(face, 512)
    path = tmp_path_factory.mktemp("track") / "performance.mp4"
    with VideoWriter(path, renderer.width, renderer.height, FPS) as out:
        for shapes, turn in zip(performance.blendshapes, performance.head_rotation):
            out.write(renderer.frame(shapes, turn, gaze=face.gaze))
    return path


@pytest.fixture(scope="module")
def tracked(video):
    seen = []
    motion = track_video(video, load(), progress=lambda stage, done, total: seen.append((stage, done, total)))
    assert seen[-1] == ("track", FRAMES, FRAMES)
    return motion


def test_length_and_rate_are_the_videos(tracked):
    assert len(tracked) == FRAMES and tracked.rate == FPS


@pytest.mark.parametrize("name, least", [("jawOpen", 0.9), ("eyeBlinkLeft", 0.8), ("eyeBlinkRight", 0.8)])
def test_curves_are_followed_without_lag(performance, tracked, name, least):
    wanted, got = performance[name], tracked[name]
    assert np.corrcoef(wanted, got)[0, 1] > least
    lags = range(-3, 4)
    similar = [np.dot(wanted - wanted.mean(), np.roll(got - got.mean(), lag)) for lag in lags]
    assert lags[int(np.argmax(similar))] == 0


def test_the_head_turn_is_followed(performance, tracked):
    yaw = [Rotation.from_quat(m.head_rotation).as_euler("YXZ", degrees=True)[:, 0] for m in (performance, tracked)]
    assert np.corrcoef(yaw)[0, 1] > 0.98
    assert np.std(yaw[1]) == pytest.approx(np.std(yaw[0]), rel=0.3)


def test_lost_frames_are_bridged_and_none_is_an_error(tracked):
    head = load()
    landmarks = find_portrait(astronaut()).landmarks
    motion = fit_landmarks([landmarks, None, None, landmarks + [30, 0, 0]], 30, head)
    assert len(motion) == 4 and motion.rate == 30
    np.testing.assert_allclose(motion.blendshapes[1], motion.blendshapes[0], atol=0.02)
    shares = (motion.head_translation[:, 0] - motion.head_translation[0, 0]) / np.ptp(motion.head_translation[:, 0])
    np.testing.assert_allclose(shares, [0, 1 / 3, 2 / 3, 1], atol=1e-4)
    with pytest.raises(NoFaceError):
        fit_landmarks([None, None], 25, head)


def test_where_the_face_is_in_the_frame_is_where_the_head_is():
    still = find_portrait(astronaut()).landmarks
    aside = still + [30, -20, 0]
    nearer = (still - still.mean(0)) * 1.1 + still.mean(0)
    looking = still.copy()
    looking[468:, :2] += [2, -1]
    motion = fit_landmarks([*[still] * 60, *[aside] * 25, *[nearer] * 25, *[looking] * 25], 25, load())
    start, right, near = motion.head_translation[[20, 72, 97]]
    metre = right[0] / 30 - start[0] / 30
    assert 0.0005 < metre < 0.002  # a face 107 px high is about 20 cm high
    np.testing.assert_allclose(right - start, [30 * metre, 20 * metre, 0], atol=0.003)
    assert near[2] - start[2] == pytest.approx(1.2 * (1 - 1 / 1.1), abs=0.01)
    yaw, pitch = (motion.gaze[122] - motion.gaze[20]).T
    assert (yaw > 0.06).all() and (pitch > 0.02).all(), "to the right of the picture is to the person's left"


def detected(motion, noise, head):
    """Landmarks (T 478 3 px) of a moving head, 1000 px a metre, as a detector gives them: neighbours stray together."""
    vertices = deform(head, head.template, motion.blendshapes, motion.gaze)
    points = head_to_camera(landmarks_of(head, vertices), motion.head_rotation, motion.head_translation)
    seen = project(Camera(1000.0, (256.0, 256.0)), points)[0]
    apart = np.linalg.norm(seen[0, :, None] - seen[0], axis=2)
    together = np.linalg.cholesky(np.exp(-((apart / 20) ** 2) / 2) + 0.1 * np.eye(478))
    astray = noise * np.random.default_rng(0).normal(size=(3, len(seen), 478)) @ together.T
    return [*np.concatenate([seen, -1000 * points[..., 2:]], -1) + np.moveaxis(astray, 0, -1)]


def test_who_talks_all_the_time_is_not_taken_for_noise():
    head, time = load(), np.arange(100) / 25
    blendshapes = np.zeros((100, 52), np.float32)
    blendshapes[:, ARKIT_INDEX["jawOpen"]] = 0.05 * (1 + np.sin(2 * np.pi * 4.3 * time))
    nod = Rotation.from_euler("X", np.cos(2 * np.pi * 1.2 * time)[:, None] / 2, degrees=True)
    true = Motion(blendshapes, nod.as_quat(), rate=25)
    found = fit_landmarks(detected(true, NOISE, head), 25, head)
    pitch = [Rotation.from_quat(motion.head_rotation).as_rotvec(degrees=True)[:, 0] for motion in (true, found)]
    lips = [_lip_gap(motion, head) for motion in (true, found)]
    for (truth, got), least in ((lips, 0.001), (pitch, 0.5)):
        for sign in (1, -1):
            kept = peaks_kept(sign * got, sign * truth, least, 12)
            assert np.median(kept) > 0.9


def test_a_still_face_is_still():
    head = load()
    still = Motion(np.full((100, 52), 0.1, np.float32), np.tile([0, 0, 0, 1.0], (100, 1)), rate=25)
    found = fit_landmarks(detected(still, NOISE, head), 25, head)
    assert pose_jitter(found.head_rotation) < 0.05
    assert shape_jitter(found.blendshapes)[1] < 0.01
    assert found.gaze.std(0).max() < 0.001  # 0.003 rad before smoothing


def _lip_gap(motion, head):
    """Metres between the middles of the lips (T)."""
    points = landmarks_of(head, deform(head, head.template, motion.blendshapes, motion.gaze))
    return np.linalg.norm(points[:, 13] - points[:, 14], axis=1)


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_short_videos(frames):
    motion = fit_landmarks([find_portrait(astronaut()).landmarks] * frames, 24, load())
    assert len(motion) == frames and np.isfinite(motion.blendshapes).all()
