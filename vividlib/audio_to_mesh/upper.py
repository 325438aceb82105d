"""The upper half of the face: brows, squints, cheeks, blinks and gaze, sampled from what people do while they talk.

The second of VividTalk's branches (arXiv 2312.01841, section 3.2). A voice does not tell what brows and eyes do: a
regression would average them away. So this branch gives a distribution in every frame and the motion is drawn from it,
by a seed. Blinks and saccades are events (`vividlib.audio_to_mesh.eyes`). All else is a mixture density network
(Bishop, 1994) around an autoregression: each of COMPONENTS is a spline (Unser, "Splines: a perfect fit for signal and
image processing", 1999) whose next coefficient is what the last ones lead to, plus a step from a mixture of KINDS of
normals, such as holding still and moving, whose weights, means and scales are heard. The poles of the autoregression
are real and positive, so nothing oscillates. `vividlib.training.upper` learns all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from scipy.signal import lfilter
from scipy.special import expit, softmax
from torch import nn
from torch.nn import functional as F

from vividlib.audio_to_mesh import eyes, noise, splines
from vividlib.audio_to_mesh.controls import Controls
from vividlib.conventions import ARKIT, ARKIT_INDEX
from vividlib.head.gaze import eye_shapes

UPPER = [name for name in ARKIT if name.startswith(("brow", "eyeSquint", "eyeWide", "cheekSquint", "noseSneer"))]
"""The blendshapes that are sampled as curves; eyeBlink and eyeLook follow from events."""
UPPER_INDEX = [ARKIT_INDEX[name] for name in UPPER]
BLINK_INDEX = [ARKIT_INDEX["eyeBlinkLeft"], ARKIT_INDEX["eyeBlinkRight"]]
WIDE = [UPPER.index("eyeWideLeft"), UPPER.index("eyeWideRight")]

COMPONENTS, KINDS, POLES = 10, 2, 3
HEARD = 8
"""Directions of the trunk's features that the upper face listens to: more told nothing of people not learned from."""
SMALLEST = float(np.log(0.001))
"""Logarithm of the smallest scale of a step: what trackers hold still would else be infinitely likely."""
BLINKS, TARGETS = 128, 256
"""How many blinks and targets of saccades are kept to draw from."""

OUTPUTS = 3 + 3 * COMPONENTS * KINDS


class Chances(NamedTuple):
    """What the upper face is drawn from."""

    blink: torch.Tensor  # B T, added to the logit of a blink
    saccade: torch.Tensor  # B T, added to the logit of a saccade
    stray: torch.Tensor  # B T, logit that a saccade from elsewhere does not lead back to the viewer
    weight: torch.Tensor  # B T COMPONENTS KINDS, logits of the kinds of steps
    mean: torch.Tensor  # B T COMPONENTS KINDS
    scale: torch.Tensor  # B T COMPONENTS KINDS, logarithms of standard deviations


class UpperFace(nn.Module):
    """From the trunk's features and a style to `Chances`; as made, eyes as in the literature under still brows.

    Parameters
    ----------
    width : channels of the trunk
    style : numbers in a style; zeros are the neutral one
    """

    def __init__(self, width: int = 256, style: int = 16):
        super().__init__()
        self.hear = nn.Linear(width, HEARD)
        self.out = nn.Linear(HEARD, OUTPUTS)
        self.style = nn.Linear(style, OUTPUTS, bias=False)
        for part in (self.out.weight, self.out.bias, self.style.weight):
            nn.init.zeros_(part)
        self.blink_age = nn.Parameter(torch.tensor([-9.0, -7.0, -5.8, -5.4, -5.2, -5.0, -4.8, -4.8]))
        self.saccade_age = nn.Parameter(torch.tensor([-5.0, -4.2, -4.0, -4.0, -4.0, -4.0, -4.0, -4.0]).tile(2, 1))
        self.pole = nn.Parameter(torch.tensor([3.0, 0.0, -2.0]).tile(COMPONENTS, 1))  # logits
        self.register_buffer("shapes", torch.zeros(COMPONENTS, len(UPPER)))
        # Seconds and depth: VanderWerf et al. (2003); radians: Lee et al. (2002).
        self.register_buffer("blinks", torch.tensor([0.1, 0.04, 0.2, 1.0]).tile(BLINKS, 1))
        around = torch.arange(TARGETS) * (2 * np.pi / TARGETS)
        self.register_buffer("targets", 0.07 * torch.stack([around.cos(), around.sin() / 2], 1))

    def forward(self, trunk: torch.Tensor, style: torch.Tensor) -> Chances:
        """(B, T, width) features and (B, style) to what is drawn from."""
        return self.chances(self.hear(trunk), style.unsqueeze(1))

    def chances(self, heard: torch.Tensor, style: torch.Tensor) -> Chances:
        """(..., HEARD) and (..., style) to what is drawn from."""
        out = self.out(heard) + self.style(style)
        steps = out[..., 3:].unflatten(-1, (3, COMPONENTS, KINDS))
        weight, mean, scale = steps.unbind(-3)
        return Chances(*out[..., :3].unbind(-1), weight, mean, scale.clamp(min=SMALLEST))

    def feedback(self) -> torch.Tensor:
        """The autoregression as polynomials (COMPONENTS, 1 + POLES), as `scipy.signal.lfilter` takes them."""
        poles = torch.sigmoid(self.pole)
        polynomial = torch.ones(COMPONENTS, 1)
        for pole in poles.unbind(1):
            polynomial = F.pad(polynomial, (0, 1)) - pole.unsqueeze(1) * F.pad(polynomial, (1, 0))
        return polynomial


@dataclass(frozen=True, eq=False)
class State:
    """What the upper face to come depends on, of what was before it."""

    seed: int
    frame: int
    blink: eyes.Blink
    look: eyes.Look
    regression: np.ndarray  # the filters of the autoregression: COMPONENTS POLES
    spline: np.ndarray  # of `splines.draw`


def begin(seed: int) -> State:
    """A face at rest with open eyes on the viewer."""
    viewer = (0.0, 0.0)
    return State(
        seed=seed,
        frame=0,
        blink=eyes.Blink(0, 0.1, 0.05, 0.2, 0.0),  # of no depth: nobody begins with closed eyes
        look=eyes.Look(0, viewer, viewer),
        regression=np.zeros((COMPONENTS, POLES)),
        spline=splines.begin(COMPONENTS),
    )


def step(
    upper: UpperFace, state: State, trunk: torch.Tensor, style: torch.Tensor, head_rotation: np.ndarray,
    controls: Controls,
) -> tuple[State, np.ndarray, np.ndarray]:  # fmt: skip
    """The next frames; whatever the chunks, the same.

    Parameters
    ----------
    upper : the learned distribution, in evaluation mode
    state : from `begin` or the step before
    trunk : (T, width) float32, what the network has heard, at MOTION_RATE
    style : (style,) float32
    head_rotation : (T, 4) quaternions, against which the eyes turn
    controls : of which ``upper_face``, ``blink_rate`` and ``gaze`` count here

    Returns
    -------
    state : for the next step
    blendshapes : (T, 52) float32 in [0, 1], 0 but for brows, eyes, cheekSquint and noseSneer
    gaze : (T, 2, 2) float32 radians
    """
    count = len(head_rotation)
    if not count:
        return state, np.zeros((0, 52), np.float32), np.zeros((0, 2, 2), np.float32)
    with torch.inference_mode():
        chances = Chances(*(part[0].double().numpy() for part in upper(trunk.unsqueeze(0), style.unsqueeze(0))))
        by_age = [eyes.chances(row) for row in (upper.blink_age, *upper.saccade_age)]
        feedback, shapes, blinks, targets = (
            part.double().numpy() for part in (upper.feedback(), upper.shapes, upper.blinks, upper.targets)
        )
    random = noise.uniform(state.seed, noise.EYES, state.frame, count, 7)
    blink, lids = eyes.blink(
        state.blink, state.frame, chances.blink, random[:, :3], by_age[0], blinks, controls.blink_rate
    )
    look, target = eyes.look(
        state.look, state.frame, chances.saccade, expit(chances.stray), random[:, 3:], np.stack(by_age[1:]), targets
    )
    curves, regression, spline = _curves(state, chances, feedback)
    gaze = eyes.stay_on_target(target * controls.upper_face + controls.gaze, head_rotation)
    sampled = np.clip(curves @ shapes * controls.upper_face, 0, 1)
    sampled[:, WIDE] *= 1 - lids[:, None]  # lids that close are not wide open
    blendshapes = eye_shapes(gaze)
    blendshapes[:, UPPER_INDEX] = sampled
    blendshapes[:, BLINK_INDEX] = lids[:, None]
    return State(state.seed, state.frame + count, blink, look, regression, spline), blendshapes, gaze


def _curves(state: State, chances: Chances, feedback: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The components (T, COMPONENTS), and the state of their two filters after them."""
    count = len(chances.blink)
    knots, first = splines.knots(state.frame, count), splines.coefficients_before(state.frame)
    kind_of = noise.uniform(state.seed, noise.STEP_KINDS, first, len(knots), COMPONENTS)[..., None]
    size = noise.normal(state.seed, noise.STEPS, first, len(knots), COMPONENTS)
    weights = softmax(chances.weight[knots], axis=-1)
    kind = (kind_of > weights.cumsum(-1)[..., :-1]).sum(-1, keepdims=True)
    mean, scale = (np.take_along_axis(part[knots], kind, -1)[..., 0] for part in (chances.mean, chances.scale))
    steps = mean + np.exp(scale) * size
    coefficients, regression = np.zeros((len(knots), COMPONENTS)), state.regression.copy()
    if len(knots):
        for index, polynomial in enumerate(feedback):
            coefficients[:, index], regression[index] = lfilter(
                [1], polynomial, steps[:, index], zi=state.regression[index]
            )
    curves, spline = splines.draw(state.spline, state.frame, count, coefficients)
    return curves, regression, spline
