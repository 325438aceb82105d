import errno
import io

import pytest

from vividlib.errors import ImageError, OutputError
from vividlib.media.files import atomic_output, check_suffix, check_writable, open_input


def test_suffix_is_lowered_and_the_message_lists_what_is_allowed():
    assert check_suffix("take.MP4", {".mp4", ".mov"}) == ".mp4"
    with pytest.raises(OutputError, match=r"\.avi.*\.mov, \.mp4"):
        check_suffix("take.avi", {".mp4", ".mov"})
    with pytest.raises(OutputError, match="no suffix"):
        check_suffix("take", {".mp4"})


def test_places_that_cannot_be_written_are_found_before_work(tmp_path):
    with pytest.raises(OutputError, match="does not exist"):
        check_writable(tmp_path / "missing" / "a.mp4")
    with pytest.raises(OutputError, match="not a file"):
        check_writable(tmp_path)
    check_writable(tmp_path / "a.mp4")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failing_write_leaves_what_was_there(tmp_path, error):
    target = tmp_path / "a.txt"
    target.write_text("before")
    with pytest.raises(error), atomic_output(target) as partial:
        partial.write_text("half")
        raise error
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_a_write_that_ends_well_replaces_the_file_behind_a_link(tmp_path):
    target, link = tmp_path / "real.txt", tmp_path / "link.txt"
    target.write_text("before")
    link.symlink_to(target)
    with atomic_output(link) as partial:
        assert partial.suffix == ".txt" and partial.parent == tmp_path
        partial.write_text("after")
        assert target.read_text() == "before"
    assert target.read_text() == "after" and link.is_symlink()


def test_a_full_disk_says_what_to_do(tmp_path):
    with pytest.raises(OutputError, match="disk is full; free"), atomic_output(tmp_path / "a.bin"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not list(tmp_path.iterdir())


def test_inputs_are_paths_bytes_or_file_objects(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    handle = io.BytesIO(b"abc")
    handle.read()
    for source in (path, str(path), b"abc", handle):
        with open_input(source, ImageError) as file:
            assert file.read() == b"abc"
    assert not handle.closed


def test_inputs_that_are_not_there_raise_the_callers_error(tmp_path):
    empty = tmp_path / "empty"
    empty.touch()
    for source, words in [
        (tmp_path / "none", "not there"),
        (tmp_path, "not a file"),
        (empty, "is empty"),
        (b"", "no bytes"),
        ("http://example.com/a.jpg", "not there"),
        ("nul\0", "not there"),
        (3, "Cannot read a int"),
    ]:
        with pytest.raises(ImageError, match=words), open_input(source, ImageError):
            pass
