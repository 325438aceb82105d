"""The networks of the second stage as ONNX, for programs that draw the mesh themselves: in C++, C# or a browser.

Two graphs, float32, opset 18, every input and output with the same free batch size::

    photo.onnx  photo, photo_texture -> known                 once a photo
    frame.onnx  known, photo, photo_texture, photo_lips,      each frame, or some at once
                flow, occlusion, fill, texture, lips          of the driven mesh
                -> flow_correction, occlusion_correction, residual, picture

The warp between motion and generator is inside (GridSample), so that a frame is one call and nothing travels between
processor and GPU halfway. What stays outside is what a graphics program does best: drawing the driven mesh into the
five inputs, as `vividlib.mesh_to_video.patch` does. ``picture`` is the patch as it is to be seen, at 256 px. For
more pixels enlarge the corrections and correct flow and occlusion of the size wanted (a flow grows with the patch), lay
the photo out by them as `vividlib.mesh_to_video.warp.lay` does, and add the residual, enlarged.

What each tensor holds is written beside it in the file; metadata holds the sizes of networks, patch and grid, which
landmarks of MediaPipe the lips are, and the licence. Needs onnx and onnxscript: pip install vividlib[onnx].
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from vividlib import __version__
from vividlib.conventions import LIP_LANDMARKS
from vividlib.errors import BackendError
from vividlib.media.files import atomic_output, check_writable
from vividlib.mesh_to_video.motion_network import GRID
from vividlib.mesh_to_video.network_sizes import NetworkSizes
from vividlib.mesh_to_video.networks import Driven, Photo, VideoNetworks, loaded
from vividlib.mesh_to_video.patch import COARSE, SIDE

OPSET = 18  # GridSample came with 16; the exporter's own, which runtimes in browsers know, too
_LIPS = (len(LIP_LANDMARKS), 2), "px, x and y, at the landmarks of the lips"
_TEXTURE = (4, COARSE, COARSE), "place on the neutral head as a colour, and whether the head is seen; in [0, 1]"
PHOTO = {
    "photo": ((7, SIDE, SIDE), "photo (sRGB), matte, what is behind the person (sRGB); in [0, 1]"),
    "photo_texture": _TEXTURE,
    "photo_lips": _LIPS,
}
"""What is known of a photo: name -> shape behind the batch, and what it holds. In the order of `Photo`."""
DRIVEN = {
    "flow": ((2, SIDE, SIDE), "px, x and y: from each pixel to its place in the photo"),
    "occlusion": ((1, SIDE, SIDE), "1 where the photo shows it, 0 where the fill does"),
    "fill": ((4, SIDE, SIDE), "driven mesh where the photo does not show it: sRGB times cover, and cover; in [0, 1]"),
    "texture": _TEXTURE,
    "lips": _LIPS,
}
"""What is known of a frame. In the order of `Driven`."""
MADE = {
    "flow_correction": ((2, GRID, GRID), "px of the patch, to be added to the flow"),
    "occlusion_correction": ((1, GRID, GRID), "1 and this, cut to [0, 1], is to be multiplied with the occlusion"),
    "residual": ((3, SIDE, SIDE), "to be added to the frame that the corrected motion gives"),
    "picture": ((3, SIDE, SIDE), "that frame and the residual: sRGB in [0, 1]"),
}


def library():
    """The module of onnx.

    Raises
    ------
    BackendError
        If it is not installed, or onnxscript is not.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401 (torch exports through it)
    except ImportError as error:
        raise BackendError('ONNX needs onnx and onnxscript: pip install "vividlib[onnx]".') from error
    return onnx


def write(weights: dict[str, torch.Tensor], sizes: NetworkSizes, folder: str | Path, licence: str) -> list[Path]:
    """Write ``photo.onnx`` and ``frame.onnx`` to a folder.

    Parameters
    ----------
    weights : of `VideoNetworks`, as `vividlib.weights.load_weights` reads them
    sizes : of these networks
    licence : of the weights: an SPDX identifier, as in `vividlib.weights.manifest`

    Raises
    ------
    BackendError
        If onnx or onnxscript is not installed.
    WeightsError
        If the weights are not those of networks of these sizes.
    OutputError
        If a file cannot be written.
    """
    library()
    files = {name: Path(folder) / f"{name}.onnx" for name in ("photo", "frame")}
    for file in files.values():
        check_writable(file)
    networks = loaded(weights, sizes)
    known = {"known": ((sizes.photo, GRID, GRID), "what the generator has read of the photo")}
    seen = {name: PHOTO[name] for name in ("photo", "photo_texture")}
    models = {
        "photo": _model(networks.encoder, seen, known),
        "frame": _model(_Frame(networks), known | PHOTO | DRIVEN, MADE),
    }
    about = {
        "licence": licence, "vividlib": __version__, "side": str(SIDE), "grid": str(GRID),
        "sizes": json.dumps(asdict(sizes)), "lip_landmarks": json.dumps(LIP_LANDMARKS),
    }  # fmt: skip
    for name, model in models.items():
        library().helper.set_model_props(model, about)
        with atomic_output(files[name]) as draft:
            draft.write_bytes(model.SerializeToString())
    return list(files.values())


class _Frame(nn.Module):
    """Everything that is done for a frame."""

    def __init__(self, networks: VideoNetworks):
        super().__init__()
        self.networks = networks

    def forward(
        self, known, photo, photo_texture, photo_lips, flow, occlusion, fill, texture, lips
    ) -> tuple[torch.Tensor, ...]:
        photo, driven = Photo(photo, photo_texture, photo_lips), Driven(flow, occlusion, fill, texture, lips)
        correction, frame, residual = self.networks(known, photo, driven)
        return correction.flow, correction.occlusion, residual, (frame + residual).clamp(0, 1)


def _model(network: nn.Module, inputs: dict, outputs: dict):
    """The ModelProto of a network, told what its tensors hold instead of which lines of Python made its nodes."""
    batch = [torch.export.Dim("batch")] + [torch.export.Dim.AUTO] * (len(inputs) - 1)  # found to be the same
    program = torch.onnx.export(
        network.eval(),
        tuple(torch.zeros(2, *shape) for shape, _ in inputs.values()),  # of 1, it would be fixed
        dynamo=True,
        opset_version=OPSET,
        input_names=list(inputs),
        output_names=list(outputs),
        dynamic_shapes=tuple({0: size} for size in batch),
        verbose=False,
    )
    model = program.model_proto
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        part.ClearField("metadata_props")
    for tensor, (_, holds) in zip((*model.graph.input, *model.graph.output), (inputs | outputs).values()):
        tensor.ClearField("metadata_props")
        tensor.doc_string = holds
    return model
