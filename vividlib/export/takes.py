"""A reference take for the head: from the file of a motion, or from a video, which is tracked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vividlib import export
from vividlib.audio_to_mesh.controls import Controls, check_controls
from vividlib.errors import MotionError
from vividlib.types import Progress


def with_take(controls: Controls, progress: Progress | None = None) -> Controls:
    """Controls whose head, where it was a file, is the motion of the file.

    Parameters
    ----------
    controls
        Any; without a file they stay the same.
    progress
        Called as ``progress("track", frames done, frames)`` for a video.

    Raises
    ------
    MotionError, VideoError, NoFaceError, InputError
        If the file holds no head motion, or too little.
    """
    check_controls(controls)
    path = controls.head_file
    if path is None:
        return controls
    if path.suffix.lower() in export.MOTION_SUFFIXES:
        motion = export.load(path)
        if not (np.ptp(motion.head_rotation, 0).any() or np.ptp(motion.head_translation, 0).any()):
            raise MotionError(f"{path}: the head of this motion does not move; hand in another, or choose still.")
    else:
        from vividlib.head.model import load  # here, because OpenCV and MediaPipe take their time to load
        from vividlib.reconstruction.track import track_video

        motion = track_video(path, load(), progress)
    return replace(controls, head=motion)
