"""Learn what the upper face is drawn from: when people blink and look away, and how brows go on, given what is heard.

All by likelihood. Blinks and saccades are discrete-time survival data: each frame in which one could begin is a
Bernoulli trial (Singer and Willett, "It's about time", 1993). Clips begin in the middle of life: where the last event
lies before the clip, its age is integrated out over all that it may be (length-biased sampling: Cox, "Renewal theory",
1962, section 5.4). Brows and all else that moves are coefficients of splines under an autoregression, whose next step
has the likelihood of a mixture. Persons count by how much there is of them, but none for more than a minute, so that no
one's habits become everybody's.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection
from dataclasses import replace

import numpy as np
import torch
from scipy.optimize import brentq
from scipy.signal import lfilter
from scipy.special import expit
from torch.nn import functional as F

from vividlib.audio_to_mesh import eyes
from vividlib.audio_to_mesh.upper import COMPONENTS, HEARD, OUTPUTS, SMALLEST, Chances, UpperFace
from vividlib.conventions import MOTION_RATE
from vividlib.training.clips import Clip
from vividlib.training.habits import Example, Frames, Habits, example

ROWS = {"blink": 0, "saccade": 1, "stray": 2, "curves": 3}
"""The first of the outputs of `UpperFace` that each likelihood depends on."""
BLINKS_A_MINUTE = 26.0
"""Of people in conversation (Bentivoglio et al., 1997), and so of the neutral style. Those in studios blink more: when
and how is learned from them, but not how often."""
ENOUGH = 60 * MOTION_RATE  # frames of a person; who has more of them does not count more
EVERY = 4  # of so many persons, one tells how much to make of the voice

RATE, STEPS = 3e-2, 200  # of descending
RIDGES = 0.003, 0.03, 0.3, np.inf
"""Weights of the squares of what is made of the voice, from which the best is chosen; the last one makes it deaf."""
ALIKE = 0.05  # weight of the squares by which persons' habits differ from the neutral ones: a normal prior
SMOOTH = 5e-4  # weight of the squares of steps in an event's table, where few are seen
EVENT = 10.0  # weight of an event's likelihood against a knot's


def fit(
    upper: UpperFace,
    features: list[torch.Tensor],
    styles: list[torch.Tensor],
    clips: list[Clip],
    held_out: Collection[str],
    seed: int = 0,
) -> dict:
    """Learn the distribution of the upper face from tracked clips, in place.

    Parameters
    ----------
    upper : as made; its parameters and buffers are set
    features : what the trunk makes of each clip's sound, (T, width)
    styles : of each clip's speaker, (style,)
    clips : tracked ones
    held_out : speakers that are not learned from but reported on
    seed : of the order of learning and of which blinks and targets are kept

    Returns
    -------
    dict
        Mean log likelihoods, in nats a minute for events and nats a coefficient for curves, on persons held out: of a
        constant chance or no memory, of this model without the voice, and with it. And what was counted.
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    habits = {speaker: Habits.of([c for c in clips if c.speaker == speaker]) for speaker in {c.speaker for c in clips}}
    examples = [example(*parts, habits[parts[-1].speaker]) for parts in zip(features, styles, clips)]
    known = [e for e in examples if e.speaker not in held_out]
    persons = sorted({e.speaker for e in known})
    weights = {s: 1 / max(ENOUGH, sum(len(e.trunk) for e in known if e.speaker == s)) for s in persons}
    _set_tables(upper, {s: habits[s] for s in persons}, weights, random)
    _set_shapes(upper, known, weights)
    _set_hearing(upper, torch.cat([e.trunk for e in known]))
    check = persons[EVERY - 1 :: EVERY]
    neutral = [replace(e, style=torch.zeros_like(e.style)) for e in examples]  # whom nobody has seen has no style
    everyone = Frames.of(known, upper, weights)
    learned = Frames.of([e for e in known if e.speaker not in check], upper, weights)
    checked = Frames.of([e for e in neutral if e.speaker in check], upper, weights)
    strange = Frames.of([e for e in neutral if e.speaker in held_out], upper, weights)
    _set_scales(upper, everyone)
    ridge = _best_ridge(copy.deepcopy(upper), learned, checked)
    _learn(upper, everyone)
    deaf = copy.deepcopy(upper)
    _listen(upper, everyone, ridge)
    report = {"persons": len(persons), "minutes": round(len(everyone.weight) / MOTION_RATE / 60, 1)}
    report |= {"blinks": int(everyone.blink[:, 0].sum()), "saccades": int(everyone.saccade[:, 0].sum())}
    report["ridge"] = {name: float(ridge[row]) for name, row in ROWS.items()}
    for name, frames in (("learned", everyone), ("held out", strange)):
        if len(frames.weight):
            report[name] = {
                "constant": _constant(frames, everyone),
                "without voice": _evaluate(deaf, frames),
                "with voice": _evaluate(upper, frames),
            }
    _calibrate(upper, everyone)
    _set_blink_rate(upper)
    return report


def log_likelihood(upper: UpperFace, frames: Frames) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Of each kind of thing the log likelihood in every frame (N), and how much of it there is (N)."""
    chances = upper.chances(frames.heard, frames.style)
    common = upper.out.bias[:2]  # what is added for whatever is heard belongs to the tables
    blink = _by_row(upper.blink_age + common[0])[frames.blink[:, 2].long()] + chances.blink - common[0]
    saccade = torch.stack([_by_row(age + common[1]) for age in upper.saccade_age], 1)
    saccade = saccade[frames.saccade[:, 2].long(), frames.away.long()] + chances.saccade - common[1]
    return {
        "blink": (_trial(blink, frames.blink), frames.blink[:, 1]),
        "saccade": (_trial(saccade, frames.saccade), frames.saccade[:, 1]),
        "stray": (_trial(chances.stray, frames.stray), frames.stray[:, 1]),
        "curves": (_steps(upper, frames, chances), frames.known * COMPONENTS),
    }


def _by_row(logits: torch.Tensor) -> torch.Tensor:
    """Logit of an event by `Example`'s row: first for each age up to OLDEST, then for each age that it has at least."""
    basis = np.stack([eyes.chances(unit) for unit in np.eye(len(eyes.AGES))], 1)
    known = torch.from_numpy(basis).float() @ logits
    chance = torch.sigmoid(known)
    lasts = torch.cat([torch.ones(1), torch.cumprod(1 - chance, 0)[:-1]]).clamp(
        min=1e-9
    )  # chance of an age to be reached
    # Beyond the table the last chance goes on for ever.
    tail = torch.stack([lasts[-1] * (1 - chance[-1]), lasts[-1] * (1 - chance[-1]) / chance[-1]])
    happens = torch.flip(torch.cumsum(torch.flip(chance * lasts, (0,)), 0), (0,)) + tail[0]
    reaches = torch.flip(torch.cumsum(torch.flip(lasts, (0,)), 0), (0,)) + tail[1]
    return torch.cat([known, torch.logit(happens / reaches, eps=1e-6)])


def _trial(logit: torch.Tensor, outcome: torch.Tensor) -> torch.Tensor:
    """Log likelihood of trials: outcome (N, 2 or more) is whether it happened and whether it could."""
    return -F.binary_cross_entropy_with_logits(logit, outcome[:, 0], reduction="none") * outcome[:, 1]


def _steps(upper: UpperFace, frames: Frames, chances: Chances) -> torch.Tensor:
    """Log likelihood of the coefficients after those before them, summed over components, 0 where unknown, (N,)."""
    rows = torch.nonzero(frames.known)[:, 0]
    step = torch.einsum("nlk,kl->nk", frames.lags[rows], upper.feedback()).unsqueeze(-1)
    weight, mean, scale = (part[rows] for part in (chances.weight, chances.mean, chances.scale))
    normal = -0.5 * ((step - mean) * torch.exp(-scale)).square() - scale - 0.5 * np.log(2 * np.pi)
    likelihood = torch.logsumexp(weight.log_softmax(-1) + normal, -1).sum(-1)
    return torch.zeros(len(frames.known)).index_add(0, rows, likelihood)


def _loss(upper: UpperFace, frames: Frames) -> torch.Tensor:
    parts = log_likelihood(upper, frames)
    total = {name: (frames.weight * part).sum() / len(part) for name, (part, _) in parts.items()}
    habits = upper.style(frames.style).square().sum(1).mean()
    bends = sum(age.diff(dim=-1).square().sum() for age in (upper.blink_age, upper.saccade_age))
    return (
        ALIKE * habits + SMOOTH * bends - total["curves"] - EVENT * (total["blink"] + total["saccade"] + total["stray"])
    )


def _learn(upper: UpperFace, frames: Frames) -> None:
    """Learn what needs no voice: tables, poles, kinds of steps and the habits of persons."""
    parameters = [upper.blink_age, upper.saccade_age, upper.pole, upper.out.bias, upper.style.weight]
    _descend(parameters, lambda: _loss(upper, frames))


def _listen(upper: UpperFace, frames: Frames, ridge: torch.Tensor) -> None:
    """Add what the voice tells to what was learned without it; ``ridge`` (OUTPUTS) holds it small, or out if it is inf."""
    hears = ridge.isfinite()

    def loss() -> torch.Tensor:
        upper.out.weight.data[~hears] = 0
        return _loss(upper, frames) + (ridge[hears] * upper.out.weight[hears].square().sum(1)).sum()

    _descend([upper.out.weight, upper.out.bias], loss)
    upper.out.weight.data[~hears] = 0


def _descend(parameters: list[torch.Tensor], loss: Callable[[], torch.Tensor]) -> None:
    optimizer = torch.optim.Adam(parameters, lr=RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
        schedule.step()


def _best_ridge(upper: UpperFace, learned: Frames, checked: Frames) -> torch.Tensor:
    """For each kind of thing, what makes of the voice most that holds for persons not learned from, (OUTPUTS,)."""
    _learn(upper, learned)
    found = []
    for ridge in RIDGES:
        trial = copy.deepcopy(upper)
        if np.isfinite(ridge):
            _listen(trial, learned, torch.full((OUTPUTS,), ridge))
        found.append(_evaluate(trial, checked if len(checked.weight) else learned))
    best = torch.empty(OUTPUTS)
    for name, row in ROWS.items():
        best[row:] = max(zip(RIDGES, found), key=lambda pair: pair[1][name])[0]
    return best


def _set_tables(
    upper: UpperFace, habits: dict[str, Habits], weights: dict[str, float], random: np.random.Generator
) -> None:
    """Keep blinks and targets of saccades to draw from, those of rarer persons more often."""
    for name, mirror in (("blinks", False), ("targets", True)):
        rows = [getattr(habit, name) for habit in habits.values()]
        chance = np.concatenate([np.full(len(r), weights[s]) for s, r in zip(habits, rows)])
        if not len(chance):
            continue  # those of the literature stay
        table = getattr(upper, name)
        count = len(table) // (1 + mirror)
        chosen = np.concatenate(rows)[random.choice(len(chance), count, p=chance / chance.sum())]
        if mirror:  # people look to either side
            chosen = np.concatenate([chosen, chosen * [-1, 1]])
        table.copy_(torch.from_numpy(chosen))


def _set_shapes(upper: UpperFace, examples: list[Example], weights: dict[str, float]) -> None:
    """The components: principal ones of the coefficients."""
    square = sum(weights[e.speaker] * e.knots[e.known].T @ e.knots[e.known] for e in examples)
    _, vectors = np.linalg.eigh(square)
    upper.shapes.copy_(torch.from_numpy(vectors[:, ::-1][:, :COMPONENTS].T.copy()))


def _set_hearing(upper: UpperFace, trunk: torch.Tensor) -> None:
    """Listen to the principal components of the features, each with variance 1."""
    centre = trunk.mean(0)
    values, vectors = torch.linalg.eigh((trunk - centre).T @ (trunk - centre) / len(trunk))
    with torch.no_grad():
        upper.hear.weight.copy_((vectors / (values.clamp(min=0).sqrt() + 1e-3))[:, -HEARD:].T)
        upper.hear.bias.copy_(-upper.hear.weight @ centre)


def _set_scales(upper: UpperFace, frames: Frames) -> None:
    """Begin with steps as large as they are."""
    with torch.no_grad():
        steps = torch.einsum("nlk,kl->nk", frames.lags, upper.feedback())[frames.known > 0]
        scale = torch.log(steps.std(0) + np.exp(SMALLEST)).unsqueeze(1) + torch.tensor([-1.0, 0.5])
        start = upper.out.bias[3:].view(3, COMPONENTS, -1)
        start[0] = torch.tensor([0.5, -0.5])
        start[2] = scale


def _calibrate(upper: UpperFace, frames: Frames) -> None:
    """Make steps such that the components go as far as they do: one step ahead, a likelihood does not see how far an
    autoregression carries in the end."""
    impulse = np.zeros(2000)
    impulse[0] = 1
    carries = [np.square(lfilter([1], row, impulse)).sum() for row in upper.feedback().detach().numpy()]
    with torch.no_grad():
        chances = upper.chances(frames.heard, frames.style)
        rows = frames.known > 0
        share, weight = chances.weight.softmax(-1), frames.weight[rows].unsqueeze(1)
        square = (share * (chances.mean.square() + torch.exp(2 * chances.scale))).sum(-1)[rows]
        mean = (weight * (share * chances.mean).sum(-1)[rows]).sum(0) / weight.sum()
        made = ((weight * square).sum(0) / weight.sum() - mean.square()) * torch.tensor(np.array(carries)).float()
        real = (weight * frames.lags[rows, 0].square()).sum(0) / weight.sum()
        factor = (real / made.clamp(min=np.exp(2 * SMALLEST))).sqrt().clamp(0.5, 1.5)
        upper.out.weight[3:].view(3, COMPONENTS, -1, HEARD)[1] *= factor.view(-1, 1, 1)
        upper.style.weight[3:].view(3, COMPONENTS, -1, upper.style.in_features)[1] *= factor.view(-1, 1, 1)
        mean_and_scale = upper.out.bias[3:].view(3, COMPONENTS, -1)
        mean_and_scale[1] *= factor.unsqueeze(1)
        mean_and_scale[2] += factor.log().unsqueeze(1)


def _set_blink_rate(upper: UpperFace) -> None:
    """Move the chance of a blink so that the neutral style blinks BLINKS_A_MINUTE times."""
    by_age = eyes.chances((upper.blink_age + upper.out.bias[0]).detach().numpy())
    busy = np.arange(len(by_age)) <= float(upper.blinks[:, :3].sum(1).mean()) * MOTION_RATE

    def too_long(more: float) -> float:
        chance = np.where(busy, 0, expit(by_age + more))
        lasts = np.cumprod(1 - chance)
        return lasts.sum() + lasts[-1] / chance[-1] - 60 * MOTION_RATE / BLINKS_A_MINUTE

    with torch.no_grad():
        upper.out.bias[0] += brentq(too_long, -5, 5)


def _evaluate(upper: UpperFace, frames: Frames) -> dict[str, float]:
    """Mean log likelihoods: nats a minute of events, nats for each saccade from elsewhere and for each coefficient."""
    with torch.inference_mode():
        parts = log_likelihood(upper, frames)
    scale = {"blink": 60 * MOTION_RATE, "saccade": 60 * MOTION_RATE, "stray": 1, "curves": 1}
    return {
        name: round(float(part.sum() / much.sum().clamp(min=1)) * scale[name], 3)
        for name, (part, much) in parts.items()
    }


def _constant(frames: Frames, learned: Frames) -> dict[str, float]:
    """As `_evaluate`, of chances that never change, and of coefficients that are normal and know nothing of others."""
    result = {}
    for name, per in (("blink", 60 * MOTION_RATE), ("saccade", 60 * MOTION_RATE), ("stray", 1)):
        outcome, trials = getattr(learned, name)[:, :2].T * learned.weight
        chance = (outcome * getattr(learned, name)[:, 1]).sum() / trials.sum().clamp(min=1e-6)
        happened, could = getattr(frames, name)[:, :2].T
        likelihood = could * (happened * torch.log(chance) + (1 - happened) * torch.log(1 - chance))
        result[name] = round(float(likelihood.sum() / could.sum().clamp(min=1)) * per, 3)
    spread = learned.lags[learned.known > 0, 0].std(0).clamp(min=np.exp(SMALLEST))
    normal = torch.distributions.Normal(0.0, spread).log_prob(frames.lags[frames.known > 0, 0])
    return result | {"curves": round(float(normal.mean()), 3)}
