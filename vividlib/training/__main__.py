"""``python -m vividlib.training``: from videos and texts to the weights of assets/."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vividlib.errors import VividError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m vividlib.training", description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    prepare = steps.add_parser("prepare", help="track videos of speaking people; can be stopped and continued")
    prepare.add_argument("videos", type=Path, help="a folder for each person, or of one person")
    prepare.add_argument("out", type=Path, help="where landmarks, tracks and, in OUT/clips, the clips go")
    prepare.add_argument(
        "--each", nargs="+", default=[], metavar="NAME", help="folders whose videos each show another person"
    )
    synthesize = steps.add_parser("synthesize", help="make speech with known sounds (needs espeak-ng, flite, festival)")
    synthesize.add_argument("out", type=Path, help="where the clips go")
    negatives = steps.add_parser("negatives", help="make music and noises that move no mouth (needs fluidsynth)")
    negatives.add_argument("out", type=Path, help="where the clips go")
    negatives.add_argument("--held-out", action="store_true", help="the instruments and noises kept for measuring")
    phones = steps.add_parser("phones", help="learn what the lips do for each sound, from clips of known words")
    phones.add_argument("clips", type=Path, nargs="+", help="folders OUT/clips that prepare wrote")
    landmarks = steps.add_parser("landmarks", help="learn how MediaPipe's landmarks stray, from rendered heads")
    landmarks.add_argument("videos", type=Path, help="videos of people, a folder for each")
    landmarks.add_argument("out", type=Path, help="a .npz file")
    network = steps.add_parser(
        "landmark-network", help="learn what the pixels tell of landmarks besides, once these are"
    )
    network.add_argument("videos", type=Path, help="videos of people, a folder for each")
    network.add_argument("out", type=Path, help="a folder for rendered heads, checkpoints and weights")
    identity = steps.add_parser("identity", help="learn how people differ, and pictures of one person")
    identity.add_argument("videos", type=Path, help="videos of people, a folder for each")
    identity.add_argument("portraits", type=Path, help="pictures, each of somebody else")
    identity.add_argument("out", type=Path, help="a .npz file")
    sentence = steps.add_parser("sentence", help="make the sample sentence of assets/ (needs flite)")
    sentence.add_argument("out", type=Path, help="a .wav file")
    train = steps.add_parser("train", help="train the network; continues from its checkpoint")
    train.add_argument(
        "clips",
        type=Path,
        nargs="+",
        help="folders of clips: OUT/clips of prepare, and those of synthesize and negatives",
    )
    train.add_argument("--out", type=Path, required=True, help="for checkpoints and the weights")
    train.add_argument("--steps", type=int, default=4000, help="of gradient descent (default: 4000)")
    head = steps.add_parser("head", help="learn codebooks of head motion, and which code comes next for a voice")
    head.add_argument("clips", type=Path, nargs="+", help="folders OUT/clips of prepare")
    head.add_argument("--styles", type=Path, required=True, help="the styles.json that train has left")
    head.add_argument("--out", type=Path, required=True, help="for codebooks and the weights")
    pairs = steps.add_parser("video-pairs", help="fit pairs of frames for the networks that draw; can be continued")
    pairs.add_argument("videos", type=Path, help="a folder for each person; videos directly in it show one each")
    pairs.add_argument("out", type=Path, help="where the pairs go, a folder for each person")
    pairs.add_argument("--videos-each", type=int, default=24, help="of a person at most (default: 24)")
    pairs.add_argument("--photos", type=int, default=1, help="frames of a video that serve as the photo (default: 1)")
    pairs.add_argument("--frames", type=int, default=5, help="other frames for each photo (default: 5)")
    video = steps.add_parser("video", help="train the networks that draw; continues from its checkpoint")
    video.add_argument("pairs", type=Path, help="the folder that video-pairs wrote")
    video.add_argument("--out", type=Path, required=True, help="for checkpoints and the weights")
    video.add_argument("--steps", type=int, default=8000, help="of gradient descent (default: 8000)")
    video.add_argument("--size", choices=("fast", "full"), default="fast", help="of the networks (default: fast)")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and run one step of the recipe."""
    given = _parser().parse_args(arguments)
    try:
        if given.step == "prepare":
            from vividlib.training.prepare import prepare

            prepare(given.videos, given.out, each=given.each)
        elif given.step == "synthesize":
            from vividlib.training.synthesize import synthesize

            print(f"{synthesize(given.out)} clips in {given.out}")
        elif given.step == "negatives":
            from vividlib.training.negatives import negatives

            print(f"{negatives(given.out, held_out=given.held_out)} clips in {given.out}")
        elif given.step == "phones":
            from vividlib.training.phones import learn

            print("lips {:.3f} mm from those filmed; {:.3f} mm with targets by hand".format(*learn(given.clips)))
        elif given.step == "landmarks":
            from vividlib.training.landmarks import learn

            learn(given.videos, given.out)
        elif given.step == "landmark-network":
            from vividlib.training.landmark_network import draw_heads, train

            given.out.mkdir(parents=True, exist_ok=True)
            if not (heads := given.out / "heads.npz").exists():
                draw_heads(given.videos, heads)
            train(heads, given.out)
        elif given.step == "identity":
            from vividlib.training.identity import learn

            learn(given.videos, given.portraits, given.out)
        elif given.step == "sentence":
            from vividlib.training.sentence import write_sentence

            for phone in write_sentence(given.out):
                print(f"{phone.start:.3f} {phone.end:.3f} {phone.symbol}")
        elif given.step == "head":
            from vividlib.training import head_codebook, head_sampler

            head_codebook.train(given.clips, given.out)
            head_sampler.train(given.clips, given.styles, given.out)
        elif given.step == "video-pairs":
            from vividlib.training.video_pairs import prepare as prepare_pairs

            prepare_pairs(given.videos, given.out, given.videos_each, given.photos, given.frames)
        elif given.step == "video":
            from vividlib.training import video as second_stage

            second_stage.train(given.pairs, given.out, given.steps, given.size)
        else:
            from vividlib.training.train import train

            train(given.clips, given.out, given.steps)
    except VividError as problem:
        print(problem, file=sys.stderr)
        return 2
    except ModuleNotFoundError as missing:
        print(f"{missing.name} is missing; run: pip install 'vividlib[training]'", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
