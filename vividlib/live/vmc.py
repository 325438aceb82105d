"""VMC, the Virtual Motion Capture protocol: OSC over UDP, for VSeeFace, Warudo, VNyan, EVMC4U and others.

A frame is /VMC/Ext/OK, /VMC/Ext/T (seconds), /VMC/Ext/Bone/Pos for Head, LeftEye and RightEye, /VMC/Ext/Blend/Val
for each clip and /VMC/Ext/Blend/Apply, in bundles that fit an Ethernet frame. Bones are those of Unity, whose space
is left-handed with +X to the avatar's own right: x of positions and y, z of quaternions change sign. The
translation of the head is not sent: a bone's position is relative to its parent in an avatar we do not know, so
positions are zero and a receiver that applies positions should be told not to.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.spatial.transform import Rotation

from vividlib.conventions import ARKIT
from vividlib.errors import BackendError, OutputError
from vividlib.export.mixtures import viseme_weights
from vividlib.head.model import gaze_rotation
from vividlib.head.visemes import VOWELS
from vividlib.live.link import UdpLink
from vividlib.types import Motion

PORT = 39539
LARGEST = 1400
"""Bytes of a datagram that no network splits."""

CLIPS = {
    "vrm": ("A", "I", "U", "E", "O", "Blink_L", "Blink_R"),
    "perfect-sync": tuple(name[0].upper() + name[1:] for name in ARKIT),
    "arkit": ARKIT,
}
"""Names of the blendshape clips an avatar may have: VRM's own, or the 52 in one of two spellings."""


class VMC(UdpLink):
    """A VMC performer.

    Parameters
    ----------
    host, port
        Where the receiving program runs and listens.
    clips
        What the avatar has: ``"vrm"`` (every VRM: five vowels and two blinks, under VRM 0 names, which VRM 1
        receivers translate), ``"perfect-sync"`` (the 52 as JawOpen ...) or ``"arkit"`` (the 52 as jawOpen ...).

    Raises
    ------
    OutputError
        If the host has no address, or there is no such set of clips.
    BackendError
        If python-osc is not installed.
    """

    def __init__(self, host: str = "localhost", port: int = PORT, clips: str = "vrm"):
        if clips not in CLIPS:
            raise OutputError(f"No set of clips is called {clips!r}; choose {', '.join(CLIPS)}.")
        datagrams(Motion(np.zeros((1, 52))), 0.0, clips)  # so that nothing is loaded while the first frame waits
        super().__init__(host, port)
        self._clips = clips

    def _datagrams(self, frame: Motion, seconds: float) -> list[bytes]:
        return datagrams(frame, seconds, self._clips)


def datagrams(frame: Motion, seconds: float, clips: str) -> list[bytes]:
    """One frame as OSC bundles of at most LARGEST bytes, to be sent in this order."""
    messages = [("/VMC/Ext/OK", 1), ("/VMC/Ext/T", seconds)]
    turns = {"Head": frame.head_rotation[0], "LeftEye": _eye(frame.gaze[0, 0]), "RightEye": _eye(frame.gaze[0, 1])}
    for bone, (x, y, z, w) in turns.items():
        messages.append(("/VMC/Ext/Bone/Pos", bone, 0.0, 0.0, 0.0, x, -y, -z, w))
    messages += [("/VMC/Ext/Blend/Val", clip, value) for clip, value in zip(CLIPS[clips], _values(frame, clips))]
    messages.append(("/VMC/Ext/Blend/Apply",))
    return _bundles([_message(*message) for message in messages])


def _values(frame: Motion, clips: str) -> np.ndarray:
    if clips != "vrm":
        return frame.blendshapes[0]
    blinks = frame["eyeBlinkLeft"], frame["eyeBlinkRight"]
    return np.concatenate([viseme_weights(frame.blendshapes, VOWELS)[0], *blinks])


def _eye(gaze: np.ndarray) -> np.ndarray:
    """The turn of an eye bone, a quaternion in our axes."""
    return Rotation.from_matrix(gaze_rotation(gaze)).as_quat()


def _message(address: str, *arguments: str | float):
    message = _osc().osc_message_builder.OscMessageBuilder(address)
    for argument in arguments:
        message.add_arg(argument if isinstance(argument, str | int) else float(argument))
    return message.build()


def _bundles(messages: list) -> list[bytes]:
    parts, size = [[]], 0
    for message in messages:
        needed = message.size + 4
        if parts[-1] and size + needed > LARGEST - 16:
            parts.append([])
            size = 0
        parts[-1].append(message)
        size += needed
    bundles = []
    for part in parts:
        bundle = _osc().osc_bundle_builder.OscBundleBuilder(_osc().osc_bundle_builder.IMMEDIATELY)
        for message in part:
            bundle.add_content(message)
        bundles.append(bundle.build().dgram)
    return bundles


@cache
def _osc():
    try:
        import pythonosc
        import pythonosc.osc_bundle_builder
        import pythonosc.osc_message_builder
    except ImportError as error:
        raise BackendError('VMC needs python-osc: pip install "vividlib[live]".') from error
    return pythonosc
