"""``vividlib demo``: the astronaut says the sample sentence."""

from __future__ import annotations

from pathlib import Path

from vividlib import pipeline, weights
from vividlib.errors import BackendError, OutputError
from vividlib.types import Progress


def demo(folder: str | Path, progress: Progress | None = None) -> list[Path]:
    """Write demo.mp4, demo.csv and demo.glb; their paths.

    The photo is scikit-image's picture of Eileen Collins (NASA, public domain), the voice
    ``assets/speech.wav``.

    Raises
    ------
    BackendError
        If scikit-image is not installed.
    OutputError
        If the folder cannot be written to.
    """
    try:
        from skimage.data import astronaut
    except ImportError as error:
        raise BackendError('The demo takes its photo from scikit-image: pip install "vividlib[demo]".') from error
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be created ({error.strerror}); choose another folder.") from error
    video, take, head = (folder / f"demo{suffix}" for suffix in (".mp4", ".csv", ".glb"))
    voice = weights.asset_path("speech.wav")
    face = pipeline.reconstruct(astronaut())
    motion = pipeline.carry_mood(face, pipeline.speak(voice, progress=progress))
    pipeline.save_motion(motion, take)
    pipeline.save_motion(motion, head, face)
    pipeline.render(face, motion, progress=progress).save(video, audio=voice)
    return [video, take, head]
