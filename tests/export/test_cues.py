"""Mouth cues: Rhubarb's three layouts, Azure's events, and the curves of visemes."""

import json
import re
from itertools import groupby, pairwise
from xml.etree import ElementTree

import numpy as np
import pytest

import vividlib as vv
from vividlib.conventions import ARKIT_INDEX
from vividlib.errors import MotionError
from vividlib.export import azure, cues, mixtures, rhubarb
from vividlib.head.model import deform
from vividlib.head.visemes import VISEMES, VOWELS, mixture
from vividlib.types import Motion

SHAPES = {"rhubarb": rhubarb._SHAPES, "azure": azure._SHAPES}


def _said(shapes, seconds=0.3, rate=60):
    """A motion that shows each of these mouth shapes for a while."""
    return Motion(np.repeat(np.stack(list(shapes)), round(seconds * rate), axis=0), rate=rate)


@pytest.mark.parametrize("service", SHAPES)
def test_a_motion_that_shows_the_shapes_becomes_these_cues(service):
    shapes = SHAPES[service]
    found = cues.cues_of(_said(shapes.values()), shapes)
    assert [cue.shape for cue in found] == list(shapes)
    assert np.allclose([cue.start for cue in found], 0.3 * np.arange(len(shapes)), atol=0.021)
    assert found[-1].end == pytest.approx(0.3 * len(shapes))
    assert all(a.end == b.start for a, b in pairwise(found))


@pytest.mark.parametrize("service", SHAPES)
def test_cues_come_back_from_the_motion_they_make(service):
    shapes = SHAPES[service]
    random = np.random.default_rng(0)
    names = [str(name) for name in random.permutation(list(shapes))]
    starts = np.cumsum(random.uniform(0.2, 0.5, len(names))) - 0.2
    starts[0] = 0
    given = [cues.Cue(a, b, name) for a, b, name in zip(starts, [*starts[1:], starts[-1] + 0.4], names)]
    again = cues.cues_of(cues.motion_of(given, shapes, "cues"), shapes)
    held = [cue for cue in again if cue.end - cue.start > 0.1]  # others are on the way from one to the next
    assert [cue.shape for cue in held] == names
    assert np.allclose([cue.start for cue in held], starts, atol=0.085)  # within a fade


def test_few_changes_where_little_moves():
    random = np.random.default_rng(0)
    shapes = np.tile(SHAPES["rhubarb"]["C"], (200, 1)) + random.uniform(0, 0.02, (200, 52))
    assert len(cues.cues_of(Motion(shapes), SHAPES["rhubarb"])) == 1


@pytest.mark.parametrize("shortest", [1, 2, 3])
def test_the_cheapest_path_is_the_cheapest(shortest):
    random = np.random.default_rng(0)
    paths = np.stack(np.meshgrid(*[range(3)] * 7), -1).reshape(-1, 7)
    lasts = np.array([min([shortest] + [len(list(stay)) for _, stay in groupby(p)][1:]) for p in paths])
    paths = paths[lasts >= shortest]
    for _ in range(20):
        costs, change = random.uniform(0, 1, (7, 3)), random.uniform(0, 1)
        totals = costs[np.arange(7), paths].sum(1) + change * (np.diff(paths) != 0).sum(1)
        best = cues._cheapest(costs, change, shortest)
        assert best.tolist() in paths.tolist()
        assert costs[np.arange(7), best].sum() + change * (np.diff(best) != 0).sum() == pytest.approx(totals.min())


def test_closed_lips_are_a_and_open_ones_are_not(head):
    closed, open_ = SHAPES["rhubarb"]["A"], SHAPES["rhubarb"]["D"]
    assert (
        deform(head, head.template, open_)[head.lips, 1].min() < deform(head, head.template, closed)[head.lips, 1].min()
    )
    found = cues.cues_of(_said([closed, open_, closed]), SHAPES["rhubarb"])
    assert "".join(cue.shape for cue in found) == "ADA"


def test_a_cue_fades_in_and_is_whole_in_its_middle(tmp_path):
    (tmp_path / "take.tsv").write_text("0.00\tX\n1.00\tD\n2.00\tX\n3.00\tX\n")
    jaw = vv.load_motion(tmp_path / "take.tsv")["jawOpen"]
    whole = SHAPES["rhubarb"]["D"][ARKIT_INDEX["jawOpen"]]
    assert len(jaw) == 150 and not jaw[:47].any() and jaw[75] == pytest.approx(whole)
    assert jaw[50] == pytest.approx(whole / 2, rel=1e-3) and (np.diff(jaw[48:53]) > 0).all()


def _rhubarb(folder):
    """The same cues in the three layouts of its manual."""
    (folder / "cues.tsv").write_text("0.00\tX\n0.05\tD\n0.27\tC\n0.31\tB\n0.43\tX\n0.47\tX\n")
    (folder / "cues.xml").write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n<rhubarbResult>\n  <metadata>\n    <soundFile>hi.wav</soundFile>\n'
        '    <duration>0.47</duration>\n  </metadata>\n  <mouthCues>\n    <mouthCue start="0.00" end="0.05">X</mouthCue>\n'
        '    <mouthCue start="0.05" end="0.27">D</mouthCue>\n    <mouthCue start="0.27" end="0.31">C</mouthCue>\n'
        '    <mouthCue start="0.31" end="0.43">B</mouthCue>\n    <mouthCue start="0.43" end="0.47">X</mouthCue>\n'
        "  </mouthCues>\n</rhubarbResult>\n"
    )
    (folder / "cues.json").write_text(
        '{\n  "metadata": {\n    "soundFile": "hi.wav",\n    "duration": 0.47\n  },\n  "mouthCues": [\n'
        '    { "start": 0.00, "end": 0.05, "value": "X" },\n    { "start": 0.05, "end": 0.27, "value": "D" },\n'
        '    { "start": 0.27, "end": 0.31, "value": "C" },\n    { "start": 0.31, "end": 0.43, "value": "B" },\n'
        '    { "start": 0.43, "end": 0.47, "value": "X" }\n  ]\n}\n'
    )


def test_the_layouts_of_rhubarb_say_the_same(tmp_path):
    _rhubarb(tmp_path)
    read = [vv.load_motion(tmp_path / f"cues.{suffix}") for suffix in ("tsv", "xml", "json")]
    assert len(read[0]) == 24 and read[0]["jawOpen"].max() > 0.3
    for other in read[1:]:
        assert np.array_equal(other.blendshapes, read[0].blendshapes)


def test_what_is_written_has_the_layout_of_rhubarb(tmp_path):
    motion = _said([SHAPES["rhubarb"][name] for name in "XDCBX"], 0.3)
    for suffix in ("tsv", "xml", "json"):
        vv.save_motion(motion, tmp_path / f"take.{suffix}", format="rhubarb")
    content = json.loads((tmp_path / "take.json").read_text())
    assert list(content) == ["metadata", "mouthCues"] and list(content["metadata"]) == ["soundFile", "duration"]
    rows = [(cue["start"], cue["end"], cue["value"]) for cue in content["mouthCues"]]
    assert "".join(value for *_, value in rows) == "XDCBX" and rows[-1][1] == content["metadata"]["duration"] == 1.5
    root = ElementTree.parse(tmp_path / "take.xml").getroot()
    assert root.tag == "rhubarbResult" and [part.tag for part in root] == ["metadata", "mouthCues"]
    assert rows == [(float(cue.get("start")), float(cue.get("end")), cue.text) for cue in root.iter("mouthCue")]
    lines = [line.split("\t") for line in (tmp_path / "take.tsv").read_text().splitlines()]
    assert [(float(time), value) for time, value in lines] == [(a, v) for a, _, v in rows] + [(1.5, "X")]
    assert all(re.fullmatch(r"\d+\.\d\d", time) for time, _ in lines)


def test_azure_events_are_in_ticks_and_end_in_silence(tmp_path):
    motion = _said([SHAPES["azure"][name] for name in ("0", "21", "2", "18")], 0.5)
    vv.save_motion(motion, tmp_path / "take.json", format="azure-visemes")
    events = json.loads((tmp_path / "take.json").read_text())
    assert [event["visemeId"] for event in events] == [0, 21, 2, 18, 0]
    assert np.allclose([event["audioOffset"] / 1e7 for event in events], [0, 0.5, 1, 1.5, 2], atol=0.021)
    assert vv.load_motion(tmp_path / "take.json").duration == pytest.approx(2, abs=0.02)


@pytest.mark.parametrize(
    "names", [("audioOffset", "visemeId"), ("audio_offset", "viseme_id"), ("AudioOffset", "VisemeId")]
)
def test_azure_events_in_the_words_of_each_language(tmp_path, names):
    events = [dict(zip(names, pair)) for pair in ((500_000, 0), (5_000_000, 2), (10_000_000, 19))]
    (tmp_path / "take.json").write_text(json.dumps(events))
    motion = vv.load_motion(tmp_path / "take.json")
    assert motion.duration == pytest.approx(1.2) and motion.at([0.75])["jawOpen"][0] > 0.4


def test_each_azure_viseme_looks_like_its_sound():
    jaw = {name: shapes[ARKIT_INDEX["jawOpen"]] for name, shapes in SHAPES["azure"].items()}
    assert not SHAPES["azure"]["0"].any() and len(jaw) == 22
    assert jaw["2"] > jaw["4"] > jaw["6"] > jaw["21"]  # father, bed, bit, p
    rounded = {name: shapes[ARKIT_INDEX["mouthPucker"]] for name, shapes in SHAPES["azure"].items()}
    assert min(rounded["7"], rounded["8"]) > 0.3 and not rounded["2"]


@pytest.mark.parametrize(("name", "table"), [("oculus", VISEMES), ("vrm", VOWELS)])
def test_curves_of_visemes_come_back(name, table, tmp_path):
    random = np.random.default_rng(0)
    shares = random.dirichlet(np.full(len(table), 0.4), 30)
    motion = Motion(np.stack([mixture(dict(zip(table, row)), table) for row in shares]), rate=30)
    vv.save_motion(motion, tmp_path / "take.csv", format=name)
    assert (tmp_path / "take.csv").read_text().split("\n")[0] == ",".join(["time", *table])
    again = vv.load_motion(tmp_path / "take.csv")
    assert again.rate == 30
    assert np.diag(mixtures.mouth_distances(again.blendshapes, motion.blendshapes)).max() < 1e-4  # metres


@pytest.mark.parametrize(
    ("suffix", "text", "message"),
    [
        ("tsv", "0.00\n", "each line"),
        ("tsv", "0.00 X\n", "each line"),
        ("tsv", "0.00 X\n1.00 Q\n2.00 X\n", "'Q'"),
        ("tsv", "0.00 X\n1.00 A\n0.50 B\n2.00 X\n", "do not rise"),
        ("tsv", "0.00 X\nnan A\n2.00 X\n", "NaN"),
        ("tsv", "0.00 X\n1e20 A\n1e21 X\n", "too long"),
        ("tsv", "noon X\n1.00 A\n", "table of numbers"),
        ("xml", "<rhubarbResult><mouthCues>", "no Rhubarb XML"),
        ("xml", "<rhubarbResult/>", "no cues"),
        ("xml", '<?xml version="1.0" encoding="utf-9"?><rhubarbResult/>', "no Rhubarb XML"),
        ("xml", '<r><mouthCue start="0">A</mouthCue></r>', "lacks end"),
        ("xml", '<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><r>&b;</r>', "no cues"),
        ("json", '{"mouthCues": 3}', "lacks mouthCues"),
        ("json", '{"mouthCues": []}', "no cues"),
        ("json", '{"mouthCues": [{"start": 0, "end": "x", "value": "A"}]}', "table of numbers"),
        ("json", '{"mouthCues": [{"start": -1, "end": 2, "value": "A"}]}', "rise from 0"),
        ("json", '[{"visemeId": 0}]', "lacks audioOffset"),
        ("json", '[{"visemeId": 99, "audioOffset": 0}]', "'99'"),
        ("json", '[{"visemeId": 1, "audioOffset": "soon"}]', "table of numbers"),
    ],
)
def test_broken_cues_are_refused(suffix, text, message, tmp_path):
    (tmp_path / f"take.{suffix}").write_text(text)
    with pytest.raises(MotionError, match=message):
        vv.load_motion(tmp_path / f"take.{suffix}")
