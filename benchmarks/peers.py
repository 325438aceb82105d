"""A frame of ours beside a frame of public peers' networks, on the same machine: ``python -m benchmarks.peers FOLDER``.

FOLDER holds clones of KwaiVGI/LivePortrait, OpenTalker/SadTalker and Rudrabha/Wav2Lip. Their networks are built as their
own configurations say, without weights, in float32, at their own sizes, and only what they do anew for every frame is
timed: warping and generation, not the search for faces, nor pasting back, nor encoding. Ours is a whole frame with
all of that but the search: motion sampled, drawn, mended by the networks that ship if any do, put into the photo and
encoded as H.264; and the same by photo and mesh alone. Writes benchmarks/results/peers.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.common import ROOT, measure, write
from vividlib.mesh_to_video.trained import chosen, load_networks

SIZE, FPS, FRAMES = 512, 25, 100
REPEATS = 5


def wav2lip(folder: Path):
    """96 px of the mouth."""
    import torch

    sys.path.insert(0, str(folder / "Wav2Lip"))
    from models.wav2lip import Wav2Lip

    network, voice, face = Wav2Lip().eval(), torch.rand(1, 1, 80, 16), torch.rand(1, 6, 96, 96)
    return lambda: network(voice, face)


def sadtalker(folder: Path):
    """256 px: coefficients to keypoints, warped and generated."""
    import torch
    import yaml

    sys.path.insert(0, str(folder / "SadTalker"))
    from src.facerender.modules.generator import OcclusionAwareSPADEGenerator
    from src.facerender.modules.mapping import MappingNet

    given = yaml.safe_load((folder / "SadTalker/src/config/facerender.yaml").read_text("utf-8"))["model_params"]
    mapping = MappingNet(**given["mapping_params"]).eval()
    generator = OcclusionAwareSPADEGenerator(**given["generator_params"], **given["common_params"]).eval()
    photo, coefficients = torch.rand(1, 3, 256, 256), torch.rand(1, 70, 27)
    here, there = ({"value": torch.rand(1, 15, 3) - 0.5} for _ in range(2))

    def frame():
        mapping(coefficients)
        generator(photo, here, there)

    return frame


def liveportrait(folder: Path):
    """512 px: the photo's feature volume warped and generated."""
    import torch
    import yaml

    sys.path.insert(0, str(folder / "LivePortrait"))
    from src.modules.spade_generator import SPADEDecoder
    from src.modules.warping_network import WarpingNetwork

    given = yaml.safe_load((folder / "LivePortrait/src/config/models.yaml").read_text("utf-8"))["model_params"]
    warping = WarpingNetwork(**given["warping_module_params"]).eval()
    generator = SPADEDecoder(**given["spade_generator_params"]).eval()
    volume = torch.rand(1, 32, 16, 64, 64)
    here, there = (torch.rand(1, 21, 3) - 0.5 for _ in range(2))
    return lambda: generator(feature=warping(volume, kp_source=here, kp_driving=there)["out"])


PEERS = {"Wav2Lip, 96 px of the mouth": wav2lip, "SadTalker, 256 px": sadtalker, "LivePortrait, 512 px": liveportrait}


def ours(name: str | None) -> dict[str, float]:
    """A frame of a talking astronaut, 512 px, as it is written to a file, by these networks."""
    from skimage.data import astronaut

    from vividlib.media.video import VideoWriter
    from vividlib.mesh_to_video.render import Renderer
    from vividlib.pipeline import carry_mood, load_speech, reconstruct, speak
    from vividlib.weights import asset_path

    face = reconstruct(astronaut())
    motion = carry_mood(face, speak(load_speech(asset_path("speech.wav")), face=face))
    part, renderer = motion.at(np.arange(FRAMES) / FPS), Renderer(face, SIZE, load_networks(name))

    def video():
        with (
            tempfile.TemporaryDirectory() as folder,
            VideoWriter(Path(folder, "a.mp4"), renderer.width, renderer.height, FPS) as out,
        ):
            for frame in renderer.frames(part):
                out.write(frame)

    return per_frame(measure(video, REPEATS, 1), FRAMES)


def per_frame(measured: dict[str, float], frames: int) -> dict[str, float]:
    return {
        "median_ms": measured["median_ms"] / frames,
        "quartiles_ms": [value / frames for value in measured["quartiles_ms"]],
        "frames_per_second": round(1e3 * frames / measured["median_ms"], 2),
    }


def alone(name: str, folder: Path) -> dict[str, float]:
    """One peer in a process of its own, because they name their packages alike."""
    command = [sys.executable, "-m", "benchmarks.peers", str(folder), "--peer", name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--peer", choices=PEERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        import torch

        frame = PEERS[options.peer](options.folder)
        with torch.inference_mode():
            print(json.dumps(per_frame(measure(frame, REPEATS, 1), 1)))
        return
    own = {
        f"vividlib, 512 px, whole frame encoded, {name or 'photo and mesh alone'}": ours(name)
        for name in dict.fromkeys([chosen("auto"), None])
    }
    peers = {name: alone(name, options.folder) for name in PEERS}
    first = next(iter(own.values()))
    times = {name: round(one["median_ms"] / first["median_ms"], 1) for name, one in peers.items()}
    write("peers", own | peers | {"times_our_first": times})


if __name__ == "__main__":
    main()
