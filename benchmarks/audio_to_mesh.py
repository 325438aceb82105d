"""How well and how fast a voice becomes mouth motion, beside two baselines in the same run.

``python -m benchmarks.audio_to_mesh CLIPS --speech FOLDER`` with the clips that `vividlib.training prepare` wrote
(see docs/audio_to_mesh.md) and a folder that holds ``english_ljspeech`` and ``multilingual`` (.flac files). Writes
benchmarks/results/audio_to_mesh.json:

- ``agreement``: against the tracked mouths of people and sentences never learned from, `metrics` by clip. The truth is
  what the tracker saw, so its own noise bounds every correlation.
- ``sounds``: where phones are known, closures at p, b and m, the lower lip at the teeth at f and v, open vowels, and
  silence; of the tracked truth, too, so that one sees what these figures are for real mouths.
- ``unspoken``: what the jaw does with noise and music alone. ``languages``: what it does in other languages and song.
- ``speed``: time, latency and memory on this machine.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import lip_baselines, speech_speed, unspoken
from benchmarks.common import write
from vividlib.audio_to_mesh.performance import speak
from vividlib.conventions import ARKIT_INDEX, MOTION_RATE, SAMPLE_RATE
from vividlib.head import model
from vividlib.media.audio import load_speech
from vividlib.metrics.closures import CLOSED, closed_at, closed_elsewhere, closures_met
from vividlib.metrics.correlation import correlation
from vividlib.metrics.labiodental import MET, slit
from vividlib.metrics.lag import best_lag
from vividlib.metrics.lve import lme, lve
from vividlib.metrics.mouth import lip_vertices, opening, width
from vividlib.metrics.spans import NEAR, inside, lowest
from vividlib.training import align, clips, negatives
from vividlib.training.visemes import CLASS, VOWELS, Phone
from vividlib.types import HeadModel, Motion, Speech

TEXTS = Path(__file__).parent / "lj_speech.csv"  # what is said in the recordings of LJ Speech (public domain)
HOP = SAMPLE_RATE // MOTION_RATE
REACH = 10  # frames of lag looked for
SHORTEST = 0.8  # seconds of a clip from which its correlation counts
FITTED_TO = 150  # clips of people that may be learned from, for the baselines
QUIET = 0.03  # of jawOpen
PAUSE, ROOM = 1.0, -65.0  # seconds between sentences, and how loud the room is then, dB
BEFORE, AFTER = 0.1, 0.16  # seconds in which a mouth already or still belongs to a sound
TWICE = "vox_10"  # the same video as vox_06
ARABIC = "id"  # how the names of the anchors begin
KINDS = "pbm", "fv", "ɑæ"  # the lips meet; the lower lip meets the upper teeth; the mouth is wide open
NOTES = (
    "For scale, not measured here: a plain six-layer temporal convolution trained for eight minutes on two cores, on "
    "lip opening alone, reached correlations of 0.91 on the unseen sentences of GRID's speaker s1 (loudness: 0.62), "
    "0.68 on GRID speakers it had never seen (0.56), 0.45 on unseen English politicians (0.16) and 0.23 on unseen "
    "Arabic anchors (0.19)."
)

Performer = Callable[[Speech], Motion]


@dataclass(frozen=True, eq=False)
class Mouth:
    """A performance, as far as the figures need it."""

    lips: np.ndarray  # T L 3 mm
    opening: np.ndarray  # T mm
    width: np.ndarray  # T mm
    slit: np.ndarray  # T mm
    jaw: np.ndarray  # T

    @staticmethod
    def of(blendshapes: np.ndarray, lip_offsets: np.ndarray | None, head: HeadModel) -> Mouth:
        lips = lip_vertices(blendshapes, head, lip_offsets).astype(np.float32)
        jaw = blendshapes[:, ARKIT_INDEX["jawOpen"]]
        return Mouth(lips, opening(lips, head), width(lips, head), slit(lips, head), jaw)

    def __getitem__(self, frames: slice) -> Mouth:
        parts = self.lips, self.opening, self.width, self.slit, self.jaw
        return Mouth(*(part[frames] for part in parts))


def performed(performer: Performer, speech: Speech, head: HeadModel, frames: int | None = None) -> Mouth:
    """The mouth that a performer makes of a voice, its first ``frames``."""
    motion = performer(speech)
    return Mouth.of(motion.blendshapes[:frames], motion.lip_offsets[:frames], head)


def tracked(clip: clips.Clip, head: HeadModel) -> Mouth:
    """The mouth that was seen."""
    return Mouth.of(clip.blendshapes, clip.lip_offsets, head)


def rounded(values: dict[str, float], digits: int = 3) -> dict[str, float]:
    return {name: round(float(value), digits) for name, value in values.items()}


def share(found: list[bool] | np.ndarray) -> float | None:
    """The mean; None of nothing."""
    return round(float(np.mean(found)), 3) if len(found) else None


def ratio(one: float | None, other: float | None) -> float | None:
    return round(one / other, 3) if one is not None and other else None


def long_enough(truth: np.ndarray) -> bool:
    """Whether the correlation of a clip (T,) counts."""
    return len(truth) >= SHORTEST * MOTION_RATE


def over_clips(pairs: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    """`metrics.correlation` by clip, of clips that are long enough to have one."""
    scores = [correlation(made, truth) for made, truth in pairs if long_enough(truth)]
    return rounded({"mean": np.mean(scores), "median": np.median(scores)}) | {"clips": len(scores)}


def later(curve: np.ndarray, frames: int) -> np.ndarray:
    """A curve (T,) delayed by so many frames, held at its ends."""
    return curve[np.clip(np.arange(len(curve)) - frames, 0, len(curve) - 1)]


def agreement(group: list[clips.Clip], made: list[Mouth], truth: list[Mouth]) -> dict:
    """One performer against the tracked truth of the same clips."""
    openings, seen = [mouth.opening for mouth in made], [mouth.opening for mouth in truth]
    lags, moved = [], []
    for speaker in sorted({clip.speaker for clip in group}):
        own = [index for index, clip in enumerate(group) if clip.speaker == speaker]
        lag, _ = best_lag([openings[i] for i in own], [seen[i] for i in own], REACH)
        lags.append(1000 * lag / MOTION_RATE)
        moved += [(later(openings[i], round(lag)), seen[i]) for i in own]
    widths = [(a.width, b.width) for a, b in zip(made, truth)]
    found = {
        "opening_correlation": over_clips(list(zip(openings, seen))),
        "opening_correlation_at_best_lag_of_each_person": over_clips(moved),
        "width_correlation": over_clips(widths),
    }
    lag, there = best_lag(openings, seen, REACH)
    lips, true_lips = (np.concatenate([mouth.lips for mouth in group]) for group in (made, truth))
    met = [done for pair in zip(openings, seen) for done in closures_met(*pair, MOTION_RATE)]
    true = [done for a, b in zip(openings, seen) for done in closures_met(b, a, MOTION_RATE)]
    silent = [mouth.jaw[clip.voiced[: len(mouth.jaw)] < 0.5] < QUIET for clip, mouth in zip(group, made)]
    return found | {
        "opening_correlation_over_all": round(best_lag(openings, seen, 0)[1], 3),
        "opening_correlation_over_all_at_best_lag": round(there, 3),
        "opening_sd_ratio": round(float(np.concatenate(openings).std() / np.concatenate(seen).std()), 3),
        "lag_ms": round(1000 * lag / MOTION_RATE, 1),  # positive: the tracked mouth is later
        "lag_ms_of_people": rounded({"mean": np.mean(lags), "sd": np.std(lags), "least": min(lags), "most": max(lags)}, 1),
        "lve_mm": round(lve(lips, true_lips), 2),
        "lme_mm": round(lme(lips, true_lips), 2),
        "closures": len(met),
        "closures_made": share(met),
        "closures_made_that_are_true": share(true),
        "silent_frames_jaw_under_0.03": share(np.concatenate(silent)),
    }  # fmt: skip


def still_error(truth: list[Mouth], head: HeadModel) -> float:
    """`metrics.lve.lve` of lips that never move, mm."""
    lips = np.concatenate([mouth.lips for mouth in truth])
    return lve(lip_vertices(np.zeros((1, 52)), head), lips)


def spans(phones: tuple[Phone, ...], chosen: Callable[[str], bool]) -> np.ndarray:
    """Start and end (N, 2) in seconds of the phones with such a symbol."""
    return np.array([(phone.start, phone.end) for phone in phones if chosen(phone.symbol)]).reshape(-1, 2)


def is_vowel(symbol: str) -> bool:
    return bool(symbol) and all(CLASS.get(letter) in VOWELS for letter in symbol if letter in CLASS)


def on_sounds(phones: tuple[Phone, ...], mouth: Mouth) -> dict[str, np.ndarray]:
    """What one recording shows: for each figure of `sounds` what is found at its sounds or in its frames."""
    lips, teeth, wide = (spans(phones, lambda symbol, kind=kind: symbol in tuple(kind)) for kind in KINDS)
    count, near = len(mouth.opening), (NEAR, NEAR)
    speaking = inside(spans(phones, bool), count, MOTION_RATE)
    free = speaking & ~inside(lips, count, MOTION_RATE, near)
    vowels = free & inside(spans(phones, is_vowel), count, MOTION_RATE)
    silent = ~inside(spans(phones, bool), count, MOTION_RATE, (BEFORE, AFTER))
    middles = np.repeat(lips.mean(1, keepdims=True), 2, 1)
    seen = np.where(mouth.opening > CLOSED, mouth.slit, np.inf)  # closed lips hide the teeth
    return {
        "p_b_m_closed_within_40_ms": closed_at(mouth.opening, lips, MOTION_RATE),
        "p_b_m_closed_within_40_ms_of_the_middle": closed_at(mouth.opening, middles, MOTION_RATE),
        "closed_frames_away_from_p_b_m_and_silence": closed_elsewhere(
            mouth.opening, np.concatenate([lips, _runs(~speaking)]), MOTION_RATE
        ),
        "vowel_frames_closed": mouth.opening[vowels] < CLOSED,
        "f_v_lip_meets_teeth_within_40_ms": lowest(mouth.slit, teeth, MOTION_RATE) <= MET,
        "f_v_lip_meets_teeth_and_lips_are_apart": lowest(seen, teeth, MOTION_RATE) <= MET,
        "other_frames_where_lip_meets_teeth": mouth.slit[free & ~inside(teeth, count, MOTION_RATE, near)] <= MET,
        "open_vowel_mm": mouth.opening[inside(wide, count, MOTION_RATE)],
        "silent_frames_jaw_under_0.03": mouth.jaw[silent] < QUIET,
    }


def sounds(spoken: list[tuple[tuple[Phone, ...], Mouth]]) -> dict:
    """What the lips do on the sounds that one sees: shares and means over recordings whose phones are known."""
    each = [on_sounds(phones, mouth) for phones, mouth in spoken]
    found = {name: np.concatenate([one[name] for one in each]) for name in each[0]}
    return {
        "p_b_m": len(found["p_b_m_closed_within_40_ms"]),
        "f_v": len(found["f_v_lip_meets_teeth_within_40_ms"]),
        "silent_seconds": round(len(found["silent_frames_jaw_under_0.03"]) / MOTION_RATE, 1),
    } | {name: share(values) for name, values in found.items()}


def _runs(flags: np.ndarray) -> np.ndarray:
    """Where flags (T,) are set: start and end (N, 2) in seconds."""
    change = np.diff(np.concatenate([[False], flags, [False]]).astype(int))
    return np.stack([np.flatnonzero(change == 1), np.flatnonzero(change == -1)], 1) / MOTION_RATE


def jaw_alone(mouth: Mouth) -> dict[str, float]:
    """How much the mouth chatters."""
    return rounded({"frames_jaw_over_0.03": np.mean(mouth.jaw > QUIET), "jaw_mean": mouth.jaw.mean(),
                    "opening_mm_sd": mouth.opening.std()})  # fmt: skip


def jaw_range(mouth: Mouth) -> dict[str, float]:
    """How much the mouth moves, from the 5th to the 95th percentile."""
    low, high = np.percentile(mouth.jaw, [5, 95])
    return rounded({"jaw_low": low, "jaw_high": high, "opening_mm_high": np.percentile(mouth.opening, 95),
                    "opening_mm_sd": mouth.opening.std()})  # fmt: skip


def read_sentences(folder: Path) -> tuple[int, Speech, tuple[Phone, ...]]:
    """LJ Speech, a voice never learned from: how many sentences, all of them one after the other, and their phones.

    Between them a quiet room is heard for PAUSE seconds.
    """
    count, parts, phones, now = 0, [], [], 0.0
    room = 10 ** (ROOM / 20) * negatives.coloured(np.random.default_rng(1), round(PAUSE * SAMPLE_RATE), 1)
    for line in TEXTS.read_text("utf-8").splitlines():
        name, text = line.split("|")
        samples = load_speech(folder / f"{name}.flac").samples
        samples = samples[: len(samples) // HOP * HOP]
        found = align.align(samples, align.words_of(text))
        if found:
            count += 1
            parts += [samples, room]
            phones += [Phone(phone.symbol, now + phone.start, now + phone.end) for phone in found]
            now = sum(map(len, parts)) / SAMPLE_RATE
    return count, Speech(np.concatenate(parts).astype(np.float32)), tuple(phones)


def groups_of(everyone: dict[str, clips.Clip]) -> dict[str, list[clips.Clip]]:
    """Tracked clips never learned from: people, and sentences of people."""
    seen = {name: clip for name, clip in everyone.items() if clip.tracked and clip.speaker != TWICE}
    strangers = [clip for clip in seen.values() if clip.speaker in clips.HELD_OUT]
    known = [clip for name, clip in seen.items() if clip not in strangers and clips.is_check(name)]
    arabic = [clip for clip in strangers if clip.speaker.startswith(ARABIC)]
    found = {
        "people held out, English": [clip for clip in strangers if clip not in arabic],
        "people held out, Arabic": arabic,
        "GRID s1, sentences held out": [clip for clip in known if clip.speaker == "grid_s1"],
        "other people learned from, clips held out": [clip for clip in known if clip.speaker != "grid_s1"],
    }
    return {name: group for name, group in found.items() if group}


def fit_baselines(everyone: dict[str, clips.Clip], head: HeadModel) -> dict[str, lip_baselines.Baseline]:
    """Fitted to tracked clips that may be learned from, spread over them all."""
    known = [
        clip for name, clip in everyone.items()
        if clip.tracked and clip.speaker not in clips.HELD_OUT and not clips.is_check(name)
    ]  # fmt: skip
    chosen = known[:: max(1, len(known) // FITTED_TO)][:FITTED_TO]
    return lip_baselines.fitted([Speech(c.samples) for c in chosen], [tracked(c, head).opening for c in chosen], head)


def mouths_compared(groups: dict[str, list[clips.Clip]], performers: dict[str, Performer], head: HeadModel) -> dict:
    """``agreement`` and ``sounds`` of every group and performer."""
    found: dict = {"agreement": {}, "sounds": {}}
    for name, group in groups.items():
        truth = [tracked(clip, head) for clip in group]
        made = {
            who: [performed(performer, Speech(clip.samples), head, len(clip.blendshapes)) for clip in group]
            for who, performer in performers.items()
        }
        truth = [mouth[: len(made["vividlib"][i].opening)] for i, mouth in enumerate(truth)]
        found["agreement"][name] = {
            "people": len({clip.speaker for clip in group}), "clips": len(group),
            "seconds": round(sum(len(mouth.jaw) for mouth in truth) / MOTION_RATE, 1),
            "lve_mm_of_a_still_mouth": round(still_error(truth, head), 2),
        } | {who: agreement(group, mouths, truth) for who, mouths in made.items()}  # fmt: skip
        aligned = [index for index, clip in enumerate(group) if clip.phones]
        if aligned:
            own = {who: [(group[i].phones, mouths[i]) for i in aligned] for who, mouths in made.items()}
            own["tracked truth"] = [(group[i].phones, truth[i]) for i in aligned]
            figures = {who: sounds(mouths) for who, mouths in own.items()}
            for figure in figures.values():
                figure["open_vowel_over_tracked"] = ratio(
                    *(f["open_vowel_mm"] for f in (figure, figures["tracked truth"]))
                )
            found["sounds"][name] = {"clips": len(aligned)} | figures
    return found


def voices_heard(folder: Path, performers: dict[str, Performer], head: HeadModel) -> dict:
    """``sounds`` of LJ Speech and ``languages``."""
    count, speech, phones = read_sentences(folder / "english_ljspeech")
    heard = {who: sounds([(phones, performed(performer, speech, head))]) for who, performer in performers.items()}
    languages = {
        file.stem: {
            who: jaw_range(performed(who_does, load_speech(file), head)) for who, who_does in performers.items()
        }
        for file in sorted((folder / "multilingual").glob("*.flac"))
    }
    return {
        "sounds": {"LJ Speech, a voice held out": {"sentences": count} | heard},
        "languages": languages,
    }


def main() -> None:
    """Run and write benchmarks/results/audio_to_mesh.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--speech", type=Path, help="folder of voices without faces")
    given = parser.parse_args()
    head = model.load()
    everyone = {file.stem: clips.load(file) for folder in given.clips for file in sorted(folder.rglob("*.npz"))}
    baselines = fit_baselines(everyone, head)
    performers: dict[str, Performer] = {"vividlib": speak} | baselines
    results = {"notes": NOTES, "baselines": {name: _settings(fitted) for name, fitted in baselines.items()}}
    results |= mouths_compared(groups_of(everyone), performers, head)
    if given.speech:
        heard = voices_heard(given.speech, performers, head)
        results["sounds"] |= heard["sounds"]
        results["languages"] = heard["languages"]
    results["unspoken"] = {
        name: {who: jaw_alone(performed(performer, noise, head)) for who, performer in performers.items()}
        for name, noise in unspoken.sounds().items()
    }
    results["speed"] = {
        "ten_minutes": speech_speed.offline(), "chunks_of_20_ms": speech_speed.streaming(), "memory": speech_speed.memory(),
    }  # fmt: skip
    write("audio_to_mesh", results)


def _settings(fitted: lip_baselines.Baseline) -> dict:
    return {"size": fitted.size, "smoothing_frames": fitted.smoothing, "lag_frames": fitted.lag,
            "correlation_where_fitted": fitted.correlation}  # fmt: skip


if __name__ == "__main__":
    main()
