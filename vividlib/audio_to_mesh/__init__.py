"""Stage one: a voice to the motion of a face."""

from vividlib.audio_to_mesh.performance import speak

__all__ = ["speak"]
