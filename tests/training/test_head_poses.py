import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt
from scipy.spatial.transform import Rotation

from vividlib.audio_to_mesh import splines
from vividlib.audio_to_mesh.head_codebook import UNIT
from vividlib.conventions import ARKIT_INDEX, MOTION_RATE
from vividlib.errors import InputError
from vividlib.training import clips
from vividlib.training.head_curves import coefficients, poses_of
from vividlib.training.head_poses import read, without_mouth

FRAMES = 20 * MOTION_RATE
RANDOM = np.random.default_rng(0)


def smooth(columns: int, hertz: float) -> np.ndarray:
    """Random curves (FRAMES, columns) of standard deviation 1 below a frequency."""
    curves = sosfiltfilt(butter(2, hertz, fs=MOTION_RATE, output="sos"), RANDOM.normal(size=(FRAMES, columns)), axis=0)
    return curves / curves.std(0)


def test_what_follows_from_the_mouth_is_taken_away_and_nothing_else():
    chatter = butter(2, (2.0, 5.0), "band", fs=MOTION_RATE, output="sos")
    head, jaw = 0.05 * smooth(6, 1.0), sosfiltfilt(chatter, RANDOM.normal(size=(FRAMES, 1)), axis=0)
    leaking = head + 0.1 * jaw
    cleaned = without_mouth([leaking], [jaw])[0]
    before, after = ((poses - head)[50:-50].std(0).max() for poses in (leaking, cleaned))
    assert after < 0.4 * before
    np.testing.assert_allclose(without_mouth([head], [np.zeros((FRAMES, 1))])[0], head)
    slow = 3 * smooth(1, 0.1)  # who turns to somebody may open the mouth for as long
    both = without_mouth([leaking + 0.1 * slow], [jaw + slow])[0]
    assert np.abs(both - head - 0.1 * slow)[50:-50].std(0).max() < 0.4 * before


@pytest.fixture
def folder(tmp_path):
    """Two clips of one person whose camera stands to the side."""
    turns = Rotation.from_rotvec([0, 0.3, 0]) * Rotation.from_rotvec(0.05 * smooth(3, 1.0))
    blendshapes = np.zeros((FRAMES, 52), np.float32)
    blendshapes[:, ARKIT_INDEX["jawOpen"]] = 0.2
    for number, shift in enumerate((0.0, 0.2)):
        clips.save(tmp_path, f"clip{number}", clips.Clip(
            speaker="person", tracked=True, samples=np.zeros(FRAMES * 320, np.float32), blendshapes=blendshapes,
            voiced=np.ones(FRAMES, np.float32), lip_offsets=np.zeros((FRAMES, 40, 3), np.float32),
            head_rotation=turns.as_quat().astype(np.float32),
            head_translation=np.full((FRAMES, 3), shift, np.float32), gaze=np.zeros((FRAMES, 2), np.float32),
            identity=np.zeros(80, np.float32), phones=(),
        ))  # fmt: skip
    return tmp_path


def test_poses_are_relative_to_how_a_person_rests(folder):
    found = read([folder])
    assert len(found) == 2 and {clip.speaker for clip in found} == {"person"}
    for clip in found:
        assert clip.poses.shape == (FRAMES, 6)
        np.testing.assert_allclose(clip.poses.mean(0), 0, atol=2e-3)
        np.testing.assert_allclose(clip.rest, [0, 0.3, 0], atol=0.02)
        assert 0.02 < clip.poses[:, :3].std() < 0.06


def test_a_mirror_turns_left_into_right_and_back(folder):
    clip = read([folder])[0]
    other = clip.mirrored
    np.testing.assert_allclose(other.poses[:, [1, 2, 3]], -clip.poses[:, [1, 2, 3]])
    np.testing.assert_allclose(other.poses[:, [0, 4, 5]], clip.poses[:, [0, 4, 5]])
    np.testing.assert_allclose(other.mirrored.poses, clip.poses)
    np.testing.assert_allclose(other.rest, clip.rest * [1, -1, -1])


def test_a_folder_without_clips_is_an_error(tmp_path):
    with pytest.raises(InputError, match="prepare"):
        read([tmp_path])


@pytest.mark.parametrize("phase", (0, 1, 3))
def test_coefficients_are_those_of_the_curves_that_are_drawn(phase):
    poses = 0.05 * smooth(6, 2.0)
    found = coefficients(poses, phase)
    drawn, _ = splines.draw(
        splines.begin(6), 0, phase + FRAMES, found[2:] * UNIT
    )  # the third begins `phase` frames before
    known = 2 * splines.KNOT  # frames to which the first two add
    np.testing.assert_allclose(drawn[phase:][known:], poses_of(found, FRAMES, phase)[known:], atol=1e-6)


@pytest.mark.parametrize("phase", (0, 1, 3))
def test_splines_follow_heads_closely(phase):
    poses = 0.05 * smooth(6, 2.0)
    made = poses_of(coefficients(poses, phase), FRAMES, phase)
    assert np.degrees(np.sqrt(np.mean((made - poses) ** 2))) < 0.1
    shuffled = poses_of(coefficients(poses, phase)[::-1], FRAMES, phase)
    assert np.degrees(np.sqrt(np.mean((shuffled - poses) ** 2))) > 1
