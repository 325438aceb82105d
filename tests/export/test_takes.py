import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import vividlib as vv
from vividlib.errors import InputError, MotionError
from vividlib.export import npz
from vividlib.export.takes import with_take
from vividlib.types import Motion


def saved(folder, turns, shifts=None):
    """The file of a motion whose head turns by so many radians, frame by frame."""
    rotation = Rotation.from_rotvec(np.outer(turns, [0, 1, 0])).as_quat()
    path = folder / "take.npz"
    npz.write(Motion(np.zeros((len(turns), 52)), rotation, shifts, rate=25), path)
    return path


def test_the_head_of_a_file_is_that_of_its_motion(tmp_path):
    turns = 0.2 * np.sin(np.arange(50) / 5)
    controls = vv.Controls(mouth=1.5, head=saved(tmp_path, turns))
    read = with_take(controls)
    assert read.head_file is None and read.mouth == 1.5
    np.testing.assert_allclose(Rotation.from_quat(read.head.head_rotation).as_rotvec()[:, 1], turns, atol=1e-3)
    assert with_take(read) is read


@pytest.mark.parametrize("head", ["codebook", "still"])
def test_heads_that_are_no_file_stay(head):
    controls = vv.Controls(head=head)
    assert with_take(controls) is controls


@pytest.mark.parametrize("turned", [0, 0.3])
def test_a_take_in_which_nothing_moves_is_refused(tmp_path, turned):
    with pytest.raises(MotionError, match="does not move"):
        with_take(vv.Controls(head=saved(tmp_path, np.full(50, turned))))


def test_a_head_that_shifts_only_is_a_take(tmp_path):
    shifts = np.outer(np.sin(np.arange(50) / 5), [0.01, 0, 0])
    assert np.ptp(with_take(vv.Controls(head=saved(tmp_path, np.zeros(50), shifts))).head.head_translation[:, 0]) > 0.01


def test_what_is_too_short_or_no_motion_is_refused(tmp_path):
    with pytest.raises(InputError, match="at least 1 s"):
        with_take(vv.Controls(head=saved(tmp_path, np.arange(20) / 99)))
    (tmp_path / "broken.npz").write_bytes(b"whatever")
    with pytest.raises(MotionError):
        with_take(vv.Controls(head=tmp_path / "broken.npz"))
