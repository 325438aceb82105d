import zipfile
from dataclasses import fields

import numpy as np
import pytest

from vividlib.errors import MotionError
from vividlib.export import npz
from vividlib.types import Motion


def test_every_field_comes_back_bit_for_bit(motion, tmp_path):
    npz.write(motion, tmp_path / "take.npz")
    again = npz.read(tmp_path / "take.npz")
    for field in fields(Motion):
        assert np.array_equal(getattr(again, field.name), getattr(motion, field.name)), field.name


def test_lip_offsets_are_kept(tmp_path):
    motion = Motion(np.zeros((3, 52)), lip_offsets=np.ones((3, 40, 3)))
    npz.write(motion, tmp_path / "take.npz")
    assert npz.read(tmp_path / "take.npz").lip_offsets.shape == (3, 40, 3)


def _save(path, **arrays):
    with open(path, "wb") as file:
        np.savez(file, **arrays)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"not a zip"),
        lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
        lambda path: path.unlink(),
        lambda path: _save(path, blendshapes=np.zeros((3, 52))),
        lambda path: np.save(path.open("wb"), np.zeros(3)),
        lambda path: _save(path, **{f.name: np.array([{}], object) for f in fields(Motion)}),
    ],
)
def test_anything_else_is_refused_as_a_motion_error(motion, tmp_path, spoil):
    path = tmp_path / "take.npz"
    npz.write(motion, path)
    spoil(path)
    with pytest.raises(MotionError):
        npz.read(path)


def test_lip_offsets_of_earlier_versions_are_refused_by_name(motion, tmp_path):
    stored = {field.name: getattr(motion, field.name) for field in fields(Motion)}
    _save(tmp_path / "old.npz", **stored | {"lip_offsets": np.zeros((len(motion), 300, 3))})
    with pytest.raises(MotionError, match=r"old\.npz.*300.*again"):
        npz.read(tmp_path / "old.npz")


def test_nan_is_refused(motion, tmp_path):
    path = tmp_path / "take.npz"
    spoiled = {field.name: getattr(motion, field.name) for field in fields(Motion)}
    spoiled["gaze"] = np.full_like(motion.gaze, np.nan)
    _save(path, **spoiled)
    with pytest.raises(MotionError, match="NaN"):
        npz.read(path)


def test_a_small_file_that_unpacks_to_a_huge_one_is_refused(tmp_path):
    path = tmp_path / "take.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(5):
            archive.writestr(f"{number}.npy", b"0" * 1000)
    path.write_bytes(path.read_bytes().replace((1000).to_bytes(4, "little"), (2**30).to_bytes(4, "little")))
    with pytest.raises(MotionError, match="cut"):
        npz.read(path)
