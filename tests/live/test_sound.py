import io
import sys
import threading

import numpy as np
import pytest

from vividlib.errors import BackendError
from vividlib.live import sound
from vividlib.live.sound import Playout, pcm


def block(values) -> np.ndarray:
    return np.asarray(values, np.float32)[:, None]


def taken(playout: Playout, count: int, heard: float) -> list[float]:
    out = np.full((count, playout.channels), np.nan, np.float32)
    playout.take(out, heard)
    return out[:, 0].tolist()


def test_raw_samples_are_little_endian_16_bit():
    data = np.array([0, 16384, -32768, 32767], "<i2").tobytes()
    assert np.concatenate([*pcm(io.BytesIO(data))]).tolist() == [0, 0.5, -1, 32767 / 32768]
    chunks = [*pcm(io.BytesIO(bytes(2 * 1000 + 1)))]  # the last byte is half a sample
    assert [len(chunk) for chunk in chunks] == [320, 320, 320, 40] and chunks[0].dtype == np.float32
    assert [*pcm(io.BytesIO(b""))] == []


def test_a_pipe_may_be_cut_between_the_bytes_of_a_sample():
    data = np.arange(1000, dtype="<i2").tobytes()
    pipe = io.BytesIO(data)
    pipe.read = lambda size, read=pipe.read: read(min(size, 7))
    chunks = [*pcm(pipe)]
    assert np.array_equal(np.concatenate(chunks) * 32768, np.arange(1000)) and len(chunks) > 200


def test_what_is_written_is_heard_in_order_with_silence_where_nothing_is():
    playout = Playout(10, 1)
    playout.write(block([1, 2, 3]))
    playout.write(block([4]))
    playout.write(block([]))
    assert taken(playout, 2, 0) == [1, 2]
    assert taken(playout, 4, 0.2) == [3, 4, 0, 0]
    assert taken(playout, 2, 0.6) == [0, 0]


def test_the_position_is_what_was_heard():
    playout = Playout(10, 1)
    assert playout.position(5.0) < 0
    playout.write(block(range(8)))
    taken(playout, 4, 5.3)  # will be heard in 0.3 s
    assert playout.position(5.0) == pytest.approx(-0.3)
    taken(playout, 4, 5.7)
    assert playout.position(5.4) == pytest.approx(0.1)
    assert playout.position(5.9) == pytest.approx(0.6)


def test_the_position_waits_where_sound_is_missing_and_goes_on_after_the_end():
    playout = Playout(10, 1)
    playout.write(block(range(4)))
    taken(playout, 8, 0.0)
    assert playout.position(0.2) == pytest.approx(0.2)
    assert playout.position(3.0) == pytest.approx(0.4)
    playout.write(block(range(4)))
    taken(playout, 4, 3.1)
    assert playout.position(3.3) == pytest.approx(0.6)
    playout.end()
    assert playout.position(9.0) == pytest.approx(0.8 + 9.0 - 3.5)


def test_who_writes_waits_for_the_sound_card():
    playout, written = Playout(10, 1), []

    def write():
        for number in range(4):
            playout.write(block(np.full(10, number)))  # a second each
            written.append(number)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    heard = []
    while len(heard) < 40:
        values = taken(playout, 5, 0.0)
        assert len(playout._blocks) <= 2
        heard += values if any(values) or len(heard) < 10 else []
    assert [value for value in heard if value] == [1.0] * 10 + [2.0] * 10 + [3.0] * 10
    writer.join(60)
    assert written == [0, 1, 2, 3]


def test_without_sounddevice_or_portaudio_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(BackendError, match=r"vividlib\[live\]"):
        next(sound.microphone())
    with pytest.raises(BackendError, match=r"vividlib\[live\]"):
        sound.Loudspeaker(16_000, 1)

    class Finder:
        def find_spec(self, name, path=None, target=None):
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice")
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    with pytest.raises(BackendError, match="libportaudio2"):
        sound.sound_device()
