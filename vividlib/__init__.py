"""One photo and a voice become a talking head.

::

    import vividlib as vv

    vv.animate("photo.jpg", "speech.wav", "out.mp4")

    face = vv.reconstruct("photo.jpg")
    motion = vv.speak("speech.wav", seed=0)
    vv.save_motion(motion, "take.csv")  # Live Link Face
    vv.render(face, vv.carry_mood(face, motion), size=512).save("out.mp4", audio="speech.wav")

Names are loaded when they are first used, so that ``import vividlib`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from vividlib import live
    from vividlib.audio_to_mesh.controls import Controls
    from vividlib.audio_to_mesh.stream import Performer
    from vividlib.checkup import doctor
    from vividlib.errors import Cancelled, FitWarning, VividError
    from vividlib.head.formats import load as load_head
    from vividlib.media.audio import load_speech
    from vividlib.pipeline import (
        animate,
        carry_mood,
        load_motion,
        reconstruct,
        render,
        save_face,
        save_motion,
        speak,
        track,
    )  # fmt: skip
    from vividlib.types import Face, HeadModel, Motion, Portrait, Progress, Speech

_MODULES = {
    "vividlib.pipeline": (
        "animate", "carry_mood", "load_head", "load_motion", "reconstruct", "render", "save_face", "save_motion", "speak", "track",
    ),
    "vividlib.audio_to_mesh.controls": ("Controls",),
    "vividlib.audio_to_mesh.stream": ("Performer",),
    "vividlib.media.audio": ("load_speech",),
    "vividlib.types": ("Face", "HeadModel", "Motion", "Portrait", "Progress", "Speech"),
    "vividlib.errors": ("Cancelled", "FitWarning", "VividError"),
    "vividlib.checkup": ("doctor",),
}  # fmt: skip
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "Cancelled", "Controls", "Face", "FitWarning", "HeadModel", "Motion", "Performer", "Portrait", "Progress", "Speech", "VividError",
    "__version__", "animate", "carry_mood", "doctor", "live", "load_head", "load_motion", "load_speech", "reconstruct",
    "render", "save_face", "save_motion", "speak", "track",
]  # fmt: skip


def __getattr__(name: str):
    if name == "live":
        return import_module("vividlib.live")
    if name not in _HOME:
        raise AttributeError(f"module 'vividlib' has no attribute {name!r}")
    globals()[name] = getattr(import_module(_HOME[name]), name)
    return globals()[name]


def __dir__():
    return sorted(__all__)
