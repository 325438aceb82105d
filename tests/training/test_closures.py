import numpy as np
import pytest

from vividlib.conventions import SAMPLE_RATE
from vividlib.training.closures import end_at_burst
from vividlib.training.visemes import Phone

PHONES = [Phone("a", 0.0, 0.3), Phone("p", 0.3, 0.45), Phone("a", 0.45, 0.8), Phone("", 0.8, 1.0)]


def spoken(burst: float, murmur: float = 0.0) -> np.ndarray:
    """A buzz that stops at 0.3 s, breath from ``burst``, the buzz again at 0.45 s; a low voice in between."""
    times = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    random = np.random.default_rng(0)
    buzz = sum(np.sin(2 * np.pi * 120 * k * times) / k for k in range(1, 40))
    buzz *= (times < 0.3) | ((times > 0.45) & (times < 0.8))
    breath = 0.2 * random.normal(size=len(times)) * ((times > burst) & (times < 0.45))
    closed = murmur * np.sin(2 * np.pi * 120 * times) * ((times > 0.3) & (times < 0.45))
    return (0.1 * (buzz + breath + closed) + 1e-4 * random.normal(size=len(times))).astype(np.float32)


@pytest.mark.parametrize("burst", [0.36, 0.41])
@pytest.mark.parametrize("murmur", [0.0, 0.5])
def test_a_stop_ends_where_its_burst_is_heard_and_the_next_sound_begins_there(burst, murmur):
    parted = end_at_burst(spoken(burst, murmur), PHONES)
    assert parted[1].end == pytest.approx(burst, abs=0.006)
    assert parted[2].start == parted[1].end
    assert [parted[0], parted[3]] == [PHONES[0], PHONES[3]]
    assert [p.symbol for p in parted] == [p.symbol for p in PHONES]


def test_other_sounds_and_stops_without_a_burst_stay_as_they_are():
    for symbol in ("t", "f", "w"):
        phones = [PHONES[0], Phone(symbol, 0.3, 0.45), *PHONES[2:]]
        assert end_at_burst(spoken(0.36), phones) == phones
    assert end_at_burst(np.zeros(SAMPLE_RATE, np.float32), PHONES) == PHONES
