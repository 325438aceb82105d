import numpy as np
import pytest

from vividlib.conventions import ARKIT_INDEX
from vividlib.metrics.lip_gap import lip_gap


def shown(**shapes: float) -> np.ndarray:
    row = np.zeros((1, 52), np.float32)
    for name, value in shapes.items():
        row[0, ARKIT_INDEX[name]] = value
    return row


def test_rest_is_closed_and_the_jaw_opens(head):
    assert lip_gap(shown(), head) == 0
    assert lip_gap(shown(jawOpen=1), head) > 15


def test_mouth_close_closes_an_open_jaw(head):
    assert lip_gap(shown(jawOpen=0.6, mouthClose=0.6), head) == pytest.approx(0, abs=2)
