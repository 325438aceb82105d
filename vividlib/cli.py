"""The command line: arguments in, one call of the library, one line out."""

from __future__ import annotations

import argparse
import contextlib
import math
import sys
import warnings
from dataclasses import fields
from pathlib import Path

from tqdm import tqdm

import vividlib as vv
from vividlib.errors import FitWarning, VividError
from vividlib.mesh_to_video import trained


def main(arguments: list[str] | None = None) -> int:
    """Run ``vividlib ARGUMENTS``; the exit code: 0, 2 for a `VividError`, 130 when interrupted."""
    given = parser().parse_args(arguments)
    bars = _Bars(quiet=given.quiet)
    try:
        with _warnings_in_one_line():
            written = given.run(given, bars)
    except VividError as problem:
        bars.close()
        print("vividlib: error:", " ".join(str(problem).split()), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        bars.close()
        print("vividlib: interrupted", file=sys.stderr)
        return 130
    bars.close()
    if written and not given.quiet:
        print("\n".join(str(path) for path in written))
    return 0


@contextlib.contextmanager
def _warnings_in_one_line():
    """Print each of our own warnings as errors are printed; others stay as they are."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", FitWarning)
        usual = warnings.showwarning

        def show(message, category, *place):
            if issubclass(category, FitWarning):
                print("vividlib: warning:", message, file=sys.stderr)
            else:
                usual(message, category, *place)

        warnings.showwarning = show
        yield


def parser() -> argparse.ArgumentParser:
    """The parser of every command; a parsed command has its function as ``run``."""
    top = argparse.ArgumentParser(prog="vividlib", description="One photo and a voice become a talking head.")
    top.add_argument("--version", action="version", version=f"vividlib {vv.__version__}")
    commands = top.add_subparsers(metavar="COMMAND", required=True)

    def command(name, run, summary, *shared):
        new = commands.add_parser(name, help=summary, description=summary, parents=shared)
        new.add_argument("--quiet", action="store_true", help="no progress bar, and no line at the end")
        new.set_defaults(run=run)
        return new

    photo, video, speech, head = _photo_options(), _video_options(), _speech_options(), _head_option()

    new = command("animate", _animate, "make a photo speak", photo, video, speech, head)
    new.add_argument("speech", metavar="SPEECH", help="sound file with one voice")
    _output(new, "video: .mp4")

    new = command("reconstruct", _reconstruct, "photo to a textured head with 52 morph targets", photo, head)
    new.add_argument("--texture", metavar="PX", type=int, default=1024, help="side of the texture (default: 1024)")
    _output(new, "head: .glb, or .obj (the mesh alone)")

    new = command("speak", _speak, "speech to motion", speech)
    new.add_argument("speech", metavar="SPEECH", help="sound file with one voice")
    _output(new, "motion: .npz, .csv (Live Link Face), .glb (animated head) and more: docs/rigs.md")

    new = command("track", _track, "video to motion, by fitting the head to each frame", head)
    new.add_argument("video", metavar="VIDEO", help="video of one face")
    _output(new, "motion: .npz, .csv (Live Link Face), .glb (animated head) and more: docs/rigs.md")

    new = command("render", _render, "play a motion on a photo", photo, video, head)
    new.add_argument("motion", metavar="MOTION", help="motion: .npz, .csv of Live Link Face and more: docs/rigs.md")
    new.add_argument("--audio", metavar="SPEECH", help="sound of the video, which then lasts as long")
    _output(new, "video: .mp4")

    new = command("live", _live, "send the face to a running program, frame by frame", speech)
    new.add_argument(
        "source",
        metavar="SPEECH",
        help="sound file; or motion file; or mic, the microphone; or -, standard input: raw 16 kHz mono s16le samples",
    )
    new.add_argument(
        "--to",
        metavar="ADDRESS",
        action="append",
        required=True,
        help="livelink://HOST[:11111][?subject=NAME], vmc://HOST[:39539][?clips=vrm, perfect-sync or arkit], "
        "vts://HOST[:8001] or ifacialmocap://HOST[:49983]; may be given several times",
    )
    new.add_argument("--fps", metavar="N", type=float, default=60, help="frames a second (default: 60)")
    new.add_argument("--play", action="store_true", help="play the sound, and keep the face in step with it")
    new.add_argument("--retarget", metavar="TABLE", help="how the rig differs: a .toml file or the name of a preset")

    new = command("convert", _convert, "a motion from one file format to another")
    new.add_argument("motion", metavar="MOTION", help="motion in any format that is read")
    new.add_argument("output", metavar="FILE", type=Path, help="the suffix chooses the format")
    new.add_argument("--format", metavar="NAME", help="another format of that suffix; see docs/rigs.md")
    new.add_argument("--fps", metavar="N", type=float, help="frames a second (default: as they are)")
    new.add_argument("--head", metavar="PATH", help="head to show: your own .glb or .vrm, or a head as for reconstruct")

    command("doctor", _doctor, "what is installed, and which backend will be used and why")

    new = command("demo", _demo, "animate scikit-image's astronaut with the sample sentence")
    new.add_argument("-o", "--output", metavar="FOLDER", type=Path, default=Path("out"), help="default: out")
    return top


def _photo_options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument("photo", metavar="PHOTO", help="picture of one person")
    options.add_argument("--face", metavar="N", type=int, help="which face of several, 0 is the largest")
    options.add_argument(
        "--more", metavar="PHOTO", nargs="+", default=[], help="the same person from other sides, to shape the head by"
    )
    return options


def _video_options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument(
        "--size", metavar="PX", type=_size, default=512, help="longer side of the video, or `photo` (default: 512)"
    )
    options.add_argument("--fps", metavar="N", type=float, default=25, help="frames a second (default: 25)")
    options.add_argument(
        "--networks", metavar="NAME", type=_networks, default=trained.DEFAULT,
        help="that mend each frame: fast; auto, the best that are installed; or none, which takes a third of the time "
        f"(default: {trained.DEFAULT or 'none'})",
    )  # fmt: skip
    options.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")
    return options


def _speech_options() -> argparse.ArgumentParser:
    """The seed, and every field of `vividlib.Controls` by its own name; but --head is the head to fit elsewhere."""
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument("--seed", metavar="N", type=int, default=0, help="of blinks, gaze, brows, head (default: 0)")
    options.add_argument("--mouth", metavar="X", type=float, help="strength of the mouth, 0 to 2 (default: 1)")
    options.add_argument(
        "--upper-face", metavar="X", type=float, help="of brows, squints and gaze, 0 to 2 (default: 1)"
    )
    options.add_argument("--blink-rate", metavar="X", type=float, help="factor on how often the eyes blink, 0 to 5")
    options.add_argument("--smoothing", metavar="SECONDS", type=float, help="of the mouth, 0 to 0.5 (default: 0)")
    options.add_argument(
        "--no-close-in-silence", dest="close_in_silence", action="store_false", default=None,
        help="let the mouth move where nobody speaks, too",
    )  # fmt: skip
    options.add_argument(
        "--gain", metavar="SHAPE=X", type=_setting, action="append",
        help="factor on one blendshape, such as jawOpen=1.2; may be given several times",
    )  # fmt: skip
    options.add_argument(
        "--offset", metavar="SHAPE=X", type=_setting, action="append",
        help="added to one blendshape; may be given several times",
    )  # fmt: skip
    options.add_argument("--style", metavar="N", type=int, help="whose manner; 0 is neutral (default)")
    options.add_argument("--style-strength", metavar="X", type=float, help="how much of it, 0 to 2 (default: 1)")
    options.add_argument(
        "--head-motion", metavar="codebook|still|FILE",
        help="where it comes from: drawn for the voice (default), none but breath, or as in a motion file or a video",
    )  # fmt: skip
    options.add_argument("--head-strength", metavar="X", type=float, help="of the head's motion, 0 to 2 (default: 1)")
    options.add_argument("--head-speed", metavar="N", type=int, help="of the head, 1 (slow) to 5 (fast) (default: 3)")
    options.add_argument(
        "--gaze", metavar=("YAW", "PITCH"), nargs=2, type=_radians,
        help="where the eyes rest instead of on the viewer: degrees to the person's left, up to 20, and upwards, up to 14",
    )  # fmt: skip
    options.add_argument(
        "--distance", metavar="METRES", type=float, help="farther than in the photo, or nearer (below 0), up to 0.05"
    )
    return options


def _radians(degrees: str) -> float:
    try:
        return math.radians(float(degrees))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{degrees!r} is no number of degrees") from None


def _setting(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not SHAPE=NUMBER, such as jawOpen=1.2") from None


def _controls(given: argparse.Namespace) -> vv.Controls:
    options = {field.name: field.name for field in fields(vv.Controls)} | {"head": "head_motion"}
    asked = {name: getattr(given, option) for name, option in options.items()}
    asked = {name: dict(value) if name in ("gain", "offset") and value else value for name, value in asked.items()}
    return vv.Controls(**{name: value for name, value in asked.items() if value is not None})


def _head_option() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument(
        "--head", metavar="PATH", help="head to fit: FaceVerse .npy, ICT-FaceKit's folder, FLAME .pkl or .npz, or .npz"
    )
    return options


def _output(command: argparse.ArgumentParser, what: str) -> None:
    command.add_argument("-o", "--output", metavar="FILE", type=Path, required=True, help=what)


def _size(text: str) -> int | None:
    if text == "photo":
        return None
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number of pixels nor the word photo")
    return int(text)


def _networks(text: str) -> str | None:
    if text not in ("auto", "none", *trained.TRAINED):
        raise argparse.ArgumentTypeError(f"{text!r} is none of auto, {', '.join(trained.TRAINED)} and none")
    return None if text == "none" else text


def _animate(given, progress):
    vv.animate(
        given.photo, given.speech, given.output, size=given.size, fps=given.fps, networks=given.networks,
        seed=given.seed, controls=_controls(given), more=given.more, face=given.face, head=given.head,
        device=given.device, progress=progress,
    )  # fmt: skip
    return [given.output]


def _reconstruct(given, progress):
    from vividlib import pipeline

    pipeline.check_output(given.output, pipeline.FACE_WRITERS)
    pipeline.check_texture_size(given.texture)
    face = pipeline.reconstruct(given.photo, more=given.more, face=given.face, head=given.head)
    pipeline.save_face(face, given.output, texture=given.texture)
    return [given.output]


def _speak(given, progress):
    from vividlib import pipeline

    pipeline.check_motion_output(given.output)
    motion = pipeline.speak(given.speech, seed=given.seed, controls=_controls(given), progress=progress)
    pipeline.save_motion(motion, given.output)
    return [given.output]


def _track(given, progress):
    from vividlib import pipeline

    pipeline.check_motion_output(given.output)
    pipeline.save_motion(pipeline.track(given.video, head=given.head, progress=progress), given.output)
    return [given.output]


def _render(given, progress):
    from vividlib import pipeline

    pipeline.check_output(given.output, pipeline.VIDEO_SUFFIXES)
    motion = pipeline.load_motion(given.motion)
    if given.audio:
        pipeline.load_speech(given.audio)
    face = pipeline.reconstruct(given.photo, more=given.more, face=given.face, head=given.head)
    frames = pipeline.render(
        face, motion, size=given.size, fps=given.fps, networks=given.networks, device=given.device, progress=progress
    )
    frames.save(given.output, audio=given.audio)
    return [given.output]


def _live(given, progress):
    played = vv.live.broadcast(
        given.source, given.to, fps=given.fps, play_sound=given.play, retarget=given.retarget, seed=given.seed,
        controls=_controls(given), progress=progress,
    )  # fmt: skip
    return [f"{played.sent} frames sent, {played.late} dropped because they were late"]


def _convert(given, progress):
    from vividlib import pipeline
    from vividlib.media.video import frame_rate

    pipeline.check_motion_output(given.output, given.format, given.head)
    rate = None if given.fps is None else float(frame_rate(given.fps))
    motion = pipeline.load_motion(given.motion)
    if rate:
        motion = motion.resample(rate)
    notes = pipeline.save_motion(motion, given.output, head=given.head, format=given.format)
    if not given.quiet:
        print(*(f"vividlib: note: {note}\n" for note in notes), sep="", end="", file=sys.stderr)
    return [given.output]


def _doctor(given, progress):
    print(vv.doctor())


def _demo(given, progress):
    from vividlib.demo import demo

    return demo(given.output, progress=progress)


class _Bars:
    """Progress as one tqdm bar a stage, on a terminal's stderr."""

    def __init__(self, quiet: bool):
        self._disable = True if quiet else None  # None: unless there is no terminal
        self._stage = self._bar = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage != self._stage:
            self.close()
            self._stage, self._bar = stage, tqdm(desc=stage, disable=self._disable)
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._stage = self._bar = None
