"""Pickles are read as arrays; what would run is refused before it runs."""

import io
import pickle
import pickletools
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from vividlib.errors import HeadError
from vividlib.head.formats.pickles import read_arrays

PATH = Path("head.pkl")


class _Runs:
    """Creates a file when it is unpickled."""

    def __init__(self, path, call):
        self.path, self.call = path, call

    def __reduce__(self):
        return self.call(self.path)


CALLS = {
    "os.system": lambda path: (__import__("os").system, (f"touch {path}",)),
    "exec": lambda path: (exec, (f"open({str(path)!r}, 'w').close()",)),
    "open": lambda path: (open, (str(path), "w")),
    "getattr": lambda path: (getattr, (Path(path), "touch")),
    "mkdir": lambda path: (__import__("os").mkdir, (str(path),)),
    "numpy.save": lambda path: (np.save, (str(path), 1)),
    "numpy.memmap": lambda path: (np.memmap, (str(path), "u1", "w+", 0, (4,))),
}


@pytest.mark.parametrize("name", CALLS)
def test_code_is_refused_and_does_not_run(name, tmp_path):
    target = tmp_path / "it_ran"
    data = pickle.dumps({"v_template": np.zeros(3), "bad": _Runs(target, CALLS[name])})
    with pytest.raises(HeadError, match="Nothing in it was run"):
        read_arrays(data, PATH)
    assert not target.exists()


def test_that_code_would_have_run(tmp_path):
    pickle.loads(pickle.dumps(_Runs(tmp_path / "it_ran", CALLS["mkdir"])))
    assert (tmp_path / "it_ran").exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", ["f4", "<f8", ">f8", "i4", "u4", "?", "u1", "S3", "U3"])
def test_arrays_of_every_type_come_back(kind, protocol):
    array = np.arange(12).reshape(3, 4).astype(kind)
    content = {"c": array, "fortran": np.asfortranarray(array), "scalar": array.ravel()[1], "empty": array[:0]}
    back = read_arrays(pickle.dumps(content, protocol), PATH)
    for name, wanted in content.items():
        np.testing.assert_array_equal(back[name], wanted)
        assert np.asarray(back[name]).shape == np.shape(wanted)


@pytest.mark.parametrize("make", [sparse.csc_matrix, sparse.csr_matrix])
def test_sparse_matrices_become_arrays(make):
    dense = np.array([[0, 1.5, 0], [0, 0, 2], [3, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(read_arrays(pickle.dumps({"J": make(dense)}), PATH)["J"], dense)


def test_arrays_of_chumpy_are_read_without_chumpy(monkeypatch):
    module = types.ModuleType("chumpy.ch")
    module.Ch = type("Ch", (), {"__module__": "chumpy.ch"})
    monkeypatch.setitem(sys.modules, "chumpy", types.ModuleType("chumpy"))
    monkeypatch.setitem(sys.modules, "chumpy.ch", module)
    array = module.Ch()
    array.x = np.arange(6.0).reshape(2, 3)
    data = pickle.dumps({"shapedirs": array}, protocol=2)
    monkeypatch.undo()
    np.testing.assert_array_equal(read_arrays(data, PATH)["shapedirs"], np.arange(6.0).reshape(2, 3))


def test_texts_of_python_2_are_read():
    written_by_python_2 = b"(dp0\nS'bs_style'\np1\nS'lbs'\np2\nsS'f'\np3\nI7\ns."
    assert read_arrays(written_by_python_2, PATH) == {"bs_style": "lbs", "f": 7}


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_pickle_is_refused(share):
    data = pickle.dumps({"v_template": np.zeros((100, 3)), "f": np.zeros((50, 3), int)})
    with pytest.raises(HeadError):
        read_arrays(data[: int(share * len(data))], PATH)


def test_what_holds_no_names_is_refused():
    for content in (np.zeros(3), [1, 2], "text", None):
        with pytest.raises(HeadError, match="named arrays"):
            read_arrays(pickle.dumps(content), PATH)


def test_changed_bytes_give_arrays_or_our_error():
    random = np.random.default_rng(0)
    content = {"a": np.arange(20.0), "s": sparse.csc_matrix(np.eye(3)), "names": ["x", "y"]}
    good = pickle.dumps(content, protocol=2)
    for _ in range(500):
        data = bytearray(good)
        for position in random.integers(0, len(data), 3):
            data[position] = random.integers(256)
        try:
            read_arrays(bytes(data), PATH)
        except HeadError:
            pass


def test_nothing_of_numpy_or_scipy_is_called_by_the_pickle():
    """Every name that the pickle holds is answered by one of ours."""
    from vividlib.head.formats import pickles

    data = pickle.dumps({"a": np.arange(3.0), "s": sparse.csc_matrix(np.eye(3))}, protocol=2)
    names = [tuple(a.split(" ")) for op, a, _ in pickletools.genops(io.BytesIO(data)) if op.name == "GLOBAL"]
    assert len(names) >= 4
    for module, name in names:
        found = pickles._find(module, name)
        assert found.__module__ == pickles.__name__, (module, name)
