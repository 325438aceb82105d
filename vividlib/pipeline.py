"""The stages in order: what `import vividlib` offers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from vividlib import backend, export
from vividlib.audio_to_mesh.controls import DEFAULTS, Controls
from vividlib.conventions import ARKIT, ARKIT_INDEX
from vividlib.errors import InputError, SeveralFacesError
from vividlib.export import AVATARS, FACE_WRITERS
from vividlib.export.takes import with_take
from vividlib.head.formats import load as load_head
from vividlib.head.gaze import with_gaze
from vividlib.media.audio import load_speech
from vividlib.media.files import Source, check_suffix, check_writable
from vividlib.media.image import load_image
from vividlib.media.video import SUFFIXES as VIDEO_SUFFIXES
from vividlib.media.video import VideoWriter, frame_rate
from vividlib.mesh_to_video import trained
from vividlib.mesh_to_video.render import Renderer, check_size
from vividlib.reconstruction.fit import fit_portrait
from vividlib.reconstruction.landmarks import find_portrait
from vividlib.reconstruction.texture import check_texture_size
from vividlib.reconstruction.track import track_video
from vividlib.types import Face, HeadModel, Motion, Portrait, Progress, Speech, check_seed

_BATCH = 256  # frames whose motion is sampled at once

Photo = Source | np.ndarray | Portrait
"""A file, an array (H, W, 3) uint8 sRGB, or a portrait that was found before."""


def reconstruct(
    photo: Photo, *, more: Sequence[Photo] = (), face: int | None = None, head: HeadModel | str | Path | None = None
) -> Face:
    """Reconstruct the head of the person in a photo.

    Warns with `vividlib.FitWarning` where the face cannot be read well; see ``Face.confidence``.

    Parameters
    ----------
    photo
        The photo that is shown and animated: a file, an array (H, W, 3) uint8 sRGB, or a portrait that was
        found before.
    more
        Other photos of the same person, best from other sides: the shape of the head fits all of them. Nobody
        checks that it is the same person.
    face
        Which face of several in ``photo``, counted from 0, largest first. Each photo of ``more`` shows one.
    head
        The head to fit: as from `load_head`, or its file; None is the default head.

    Raises
    ------
    ImageError, NoFaceError, SeveralFacesError, FaceTooSmallError, FaceTurnedError, HeadError
        What is wrong with one of ``more`` names it by number: ``photo`` is the first, ``more[0]`` the second.
    """
    model = _head(head)
    shown = photo if isinstance(photo, Portrait) else find_portrait(load_image(photo), face=face)
    return fit_portrait(shown, model, [_another(one, number) for number, one in enumerate(more, 2)])


def _another(photo: Photo, number: int) -> Portrait:
    """The one person of a photo beside the first."""
    try:
        return photo if isinstance(photo, Portrait) else find_portrait(load_image(photo))
    except SeveralFacesError as error:
        raise SeveralFacesError(
            f"Photo {number} shows {len(error.boxes)} faces; crop it to the person of the first photo.", error.boxes
        ) from error
    except InputError as error:
        raise type(error)(f"Photo {number}: {error}") from error


def _head(head: HeadModel | str | Path | None) -> HeadModel:
    return head if isinstance(head, HeadModel) else load_head(head)


def speak(
    speech: Source | Speech, *, seed: int = 0, controls: Controls = DEFAULTS, face: Face | None = None,
    progress: Progress | None = None,
) -> Motion:  # fmt: skip
    """Turn a voice into face motion. The same speech and seed give the same motion, bit for bit.

    Parameters
    ----------
    speech
        A file, or a voice that was loaded before.
    seed
        Of blinks, gaze, brows and head motion: a whole number, 0 or more.
    controls
        Strength of mouth and upper face, blink rate, style, where the head's motion comes from and more.
    face
        Who will move: how a person speaks depends a little on the face, how far the head may move on what the photo
        can show. None is nobody in particular.
    progress
        See `vividlib.Progress`.

    Raises
    ------
    AudioError, InputError
    """
    check_seed(seed)
    voice = load_speech(speech)
    controls = with_take(controls, progress)
    from vividlib.audio_to_mesh import performance  # here, because torch takes seconds to load

    return performance.speak(voice, seed, controls, face, progress)


def track(video: str | Path, *, head: HeadModel | str | Path | None = None, progress: Progress | None = None) -> Motion:
    """Read the motion of the one face in a video, at the video's frame rate.

    Parameters
    ----------
    video
        The file.
    head
        The head to fit, as for `reconstruct`.
    progress
        See `vividlib.Progress`.

    Raises
    ------
    VideoError, NoFaceError, HeadError
    """
    return track_video(video, _head(head), progress=progress)


@dataclass(frozen=True, eq=False)
class Frames:
    """A video in the making: ``for frame in frames`` renders one (H, W, 3) uint8 image at a time."""

    renderer: Renderer
    motion: Motion
    fps: Fraction
    progress: Progress | None = None

    def __len__(self) -> int:
        return self._count(self.motion.duration)

    def __iter__(self) -> Iterator[np.ndarray]:
        return self._first(len(self))

    def save(self, path: str | Path, audio: Source | Speech | None = None) -> None:
        """Write the video; with ``audio`` it lasts as long as the audio does.

        Where the motion is shorter, its last frame is held. A file that was there before is replaced
        only when the new one is complete.

        Raises
        ------
        OutputError, AudioError
        """
        check_output(path, VIDEO_SUFFIXES)
        self._write(path, audio, self.motion.duration if audio is None else load_speech(audio).duration)

    def _write(self, path: str | Path, audio: Source | Speech | None, seconds: float) -> None:
        with VideoWriter(path, self.renderer.width, self.renderer.height, self.fps, audio) as writer:
            for frame in self._first(self._count(seconds)):
                writer.write(frame)

    def _count(self, seconds: float) -> int:
        return max(1, round(seconds * self.fps))

    def _first(self, count: int) -> Iterator[np.ndarray]:
        for start in range(0, count, _BATCH):
            indices = np.arange(start, min(start + _BATCH, count))
            part = self.motion.at(indices / float(self.fps))
            for index, frame in zip(indices, self.renderer.frames(part)):
                if self.progress:
                    self.progress("render", int(index), count)
                yield frame
        if self.progress:
            self.progress("render", count, count)


def render(
    face: Face, motion: Motion, *, size: int | None = 512, fps: float = 25, networks: str | None = trained.DEFAULT,
    device: str = "auto", progress: Progress | None = None,
) -> Frames:  # fmt: skip
    """Play a motion on a face. Nothing is drawn until the frames are asked for.

    Parameters
    ----------
    face
        As from `reconstruct`.
    motion
        Absolute: at zero blendshapes the face is neutral, whatever it does in the photo. Head turns are
        relative to the pose in the photo.
    size
        Longer side of the video, px; None keeps the photo's own.
    fps
        Frames a second, 1 to 240; 29.97 and its like mean the exact NTSC rates.
    networks
        Trained networks that mend each frame, by name (docs/mesh_to_video.md): ``"fast"``; ``"auto"``, the best whose
        weights are installed, if any are; or None: photo and mesh alone, which takes a third of the time.
    device
        ``"auto"``, ``"cpu"`` or ``"cuda"``: checked, although every stage of this version runs on the CPU.
    progress
        See `vividlib.Progress`.

    Raises
    ------
    InputError, OutputError, BackendError, WeightsError
    """
    backend.device(device)
    renderer = Renderer(face, size, trained.load_networks(networks))
    return Frames(renderer, motion, frame_rate(fps), progress)


def animate(
    photo: Photo | Face, speech: Source | Speech, output: str | Path, *, size: int | None = 512, fps: float = 25,
    networks: str | None = trained.DEFAULT, seed: int = 0, controls: Controls = DEFAULTS, more: Sequence[Photo] = (),
    face: int | None = None, head: HeadModel | str | Path | None = None, device: str = "auto",
    progress: Progress | None = None,
) -> None:  # fmt: skip
    """Make a photo speak: `reconstruct`, `speak` and `render` in one call.

    The mood of the photo (brows, eyes, part of a smile) stays while the person talks; see `carry_mood`.
    Everything that can be wrong with the inputs and the output is found before the work begins.

    Parameters
    ----------
    photo
        As for `reconstruct`; a Face that was reconstructed before spares doing it again.
    speech, seed, controls
        As for `speak`.
    output
        The video file, .mp4.
    size, fps, networks, device
        As for `render`.
    more, face, head
        As for `reconstruct`.
    progress
        See `vividlib.Progress`.

    Raises
    ------
    InputError, OutputError, BackendError, WeightsError
    """
    check_output(output, VIDEO_SUFFIXES)
    check_size(size)
    check_seed(seed)
    rate, voice = frame_rate(fps), load_speech(speech)
    backend.device(device)
    mending = trained.load_networks(networks)
    person = photo if isinstance(photo, Face) else reconstruct(photo, more=more, face=face, head=head)
    renderer = Renderer(person, size, mending)
    motion = carry_mood(person, speak(voice, seed=seed, controls=controls, face=person, progress=progress))
    # The file, not the voice, is what the video gets to hear: at its own quality.
    Frames(renderer, motion, rate, progress)._write(output, speech, voice.duration)


def _mood_shares() -> np.ndarray:
    """How much of each blendshape in the photo stays while the person talks (52,)."""
    # Speech needs the jaw and lips for itself; half a smile still reads as a smile and lets lips close.
    shares = {"brow": 1, "eyeSquint": 1, "eyeWide": 1, "cheekSquint": 1, "noseSneer": 1}
    shares |= {"mouthSmile": 0.5, "mouthFrown": 0.5, "mouthDimple": 0.5}
    return np.array([next((s for start, s in shares.items() if name.startswith(start)), 0) for name in ARKIT])


def carry_mood(face: Face, motion: Motion) -> Motion:
    """Lay a spoken motion over the mood of the photo.

    Brows, squint, wide eyes and nose stay as in the photo, a smile or frown stays by half, jaw and lips
    belong to the motion. Eyelids rest where they are in the photo and close from there. The motion's gaze
    is added to the photo's, eyeLook shapes included.

    Parameters
    ----------
    face
        Its ``expression`` and ``gaze`` are the photo's.
    motion
        A motion that knows nothing of the photo, as from `speak`.
    """
    mood = np.repeat((face.expression * _mood_shares())[None], len(motion), 0)
    for side in ("Left", "Right"):  # eyes that are wide in the photo close all the same
        mood[:, ARKIT_INDEX[f"eyeWide{side}"]] *= 1 - motion[f"eyeBlink{side}"]
    blendshapes = motion.blendshapes + mood
    for side in ("Left", "Right"):
        lid = ARKIT_INDEX[f"eyeBlink{side}"]
        rest = face.expression[lid]
        blendshapes[:, lid] = rest + (1 - rest) * motion.blendshapes[:, lid]
    gaze = motion.gaze + face.gaze
    return replace(motion, blendshapes=np.clip(with_gaze(blendshapes, gaze), 0, 1), gaze=gaze)


def load_motion(path: str | Path, *, format: str | None = None) -> Motion:
    """Read a motion from any of the files that docs/rigs.md lists.

    Parameters
    ----------
    path
        The file; its suffix and content tell the format.
    format
        Its name, such as ``"audio2face"``, where they do not.

    Raises
    ------
    MotionError, BackendError
    """
    return export.load(path, format)


def save_motion(
    motion: Motion, path: str | Path, face: Face | None = None, *, head: HeadModel | str | Path | None = None,
    format: str | None = None,
) -> tuple[str, ...]:  # fmt: skip
    """Write a motion for one of the programs that docs/rigs.md lists.

    Parameters
    ----------
    motion
        What to write.
    path
        Its suffix chooses the format.
    face
        Whose head a format with a head (.glb, .usda, .usdc, .usdz, .obj, .pc2) shows; None: the default head.
    head
        Instead of a face: a head as from `load_head`, or its file; or a user's own .glb or .vrm, whose morph
        targets and bones are then found by name.
    format
        Another format of that suffix by its name, such as ``"audio2face"``.

    Returns
    -------
    tuple of str
        What of the motion the file does not hold, and what of a user's file was not matched, a line each.

    Raises
    ------
    OutputError, InputError, BackendError
    """
    if face is not None and head is not None:
        raise InputError("A motion is shown on a face or on a head, not both; hand in one of them.")
    check_motion_output(path, format, head)
    whose = _avatar(head) or (load_head(head) if isinstance(head, (str, Path)) else head)
    return export.save(motion, path, face if whose is None else whose, format)


def check_motion_output(
    path: str | Path, format: str | None = None, head: HeadModel | str | Path | None = None
) -> None:  # fmt: skip
    """See early whether `save_motion` can write a motion like this.

    Raises
    ------
    OutputError, InputError, BackendError
    """
    check_writable(path)
    export.written_format(path, format, _avatar(head))


def _avatar(head: HeadModel | str | Path | None) -> Path | None:
    """A user's own GLB or VRM, if that is what ``head`` names."""
    suffix = Path(head).suffix.lower() if isinstance(head, (str, Path)) else ""
    if suffix in (".gltf", ".fbx"):
        raise InputError(f"{head}: an avatar is read from one file, .glb or .vrm; export it as that.")
    return Path(head) if suffix in AVATARS else None


def save_face(face: Face, path: str | Path, *, texture: int = 1024) -> None:
    """Write a person's neutral head: .glb, textured, with 52 morph targets; or .obj, the mesh alone.

    The texture is the photo without its light, so that a viewer's own lights look right from every side.

    Parameters
    ----------
    face
        As from `reconstruct`.
    path
        The file.
    texture
        Side of the texture, 64 to 8192 px.

    Raises
    ------
    OutputError, InputError
    """
    suffix = check_output(path, FACE_WRITERS)
    check_texture_size(texture)
    FACE_WRITERS[suffix](face, path, texture)


def check_output(path: str | Path, suffixes: Collection[str]) -> str:
    """See early whether an output can be written; its suffix in lower case.

    Raises
    ------
    OutputError
        If the suffix is not one of ``suffixes``, or the place cannot be written to.
    """
    check_writable(path)
    return check_suffix(path, suffixes)
