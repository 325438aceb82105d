"""Rhubarb Lip Sync: timed mouth shapes A to H and X, as TSV, XML or JSON, in the layouts of its own output.

The shapes are those of its manual: A closed lips, B clenched teeth, C open mouth, D wide open, E slightly
rounded, F puckered, G upper teeth on the lower lip, H tongue behind the upper teeth, X idle. The TSV says when
each shape begins, and ends with a row for the end.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from vividlib.errors import MotionError
from vividlib.export.cues import Cue, cues_of, motion_of
from vividlib.export.reading import numbers, open_text, read_json
from vividlib.head.visemes import mixture
from vividlib.media.files import atomic_output
from vividlib.types import Motion

_VISEMES = {
    "A": {"PP": 1}, "B": {"SS": 0.5, "ih": 0.5}, "C": {"E": 1}, "D": {"aa": 1}, "E": {"oh": 1}, "F": {"ou": 1},
    "G": {"FF": 1}, "H": {"nn": 1}, "X": {},
}  # fmt: skip
_SHAPES = {name: mixture(weights) for name, weights in _VISEMES.items()}
_IDLE = "X"


def write(motion: Motion, path: str | Path) -> None:
    """Write .tsv, .xml or .json; times are rounded to hundredths of a second, as Rhubarb's are.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    cues = cues_of(motion, _SHAPES)
    layout = {".tsv": _tsv, ".xml": _xml, ".json": _json}[Path(path).suffix.lower()]
    with atomic_output(path) as partial:
        partial.write_text(layout(cues), "utf-8", newline="\n")


def _tsv(cues: list[Cue]) -> str:
    rows = [f"{cue.start:.2f}\t{cue.shape}\n" for cue in cues]
    return "".join(rows) + f"{cues[-1].end:.2f}\t{_IDLE}\n"


def _xml(cues: list[Cue]) -> str:
    rows = [f'    <mouthCue start="{cue.start:.2f}" end="{cue.end:.2f}">{cue.shape}</mouthCue>\n' for cue in cues]
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<rhubarbResult>\n  <metadata>\n    <soundFile></soundFile>\n'
        f"    <duration>{cues[-1].end:.2f}</duration>\n  </metadata>\n  <mouthCues>\n{''.join(rows)}"
        "  </mouthCues>\n</rhubarbResult>\n"
    )


def _json(cues: list[Cue]) -> str:
    rows = [f'    {{ "start": {cue.start:.2f}, "end": {cue.end:.2f}, "value": "{cue.shape}" }}' for cue in cues]
    return (
        f'{{\n  "metadata": {{\n    "soundFile": "",\n    "duration": {cues[-1].end:.2f}\n  }},\n'
        '  "mouthCues": [\n' + ",\n".join(rows) + "\n  ]\n}\n"
    )


def read(path: str | Path) -> Motion:
    """Read any of the three.

    Raises
    ------
    MotionError
        If it is broken, or knows other mouth shapes.
    """
    layout = {".tsv": _read_tsv, ".xml": _read_xml, ".json": _read_json}[Path(path).suffix.lower()]
    return motion_of(layout(path), _SHAPES, path)


def _read_tsv(path: str | Path) -> list[Cue]:
    with open_text(path) as text:
        rows = [line.split() for line in text.read().splitlines() if line.strip()]
    if len(rows) < 2 or any(len(row) != 2 for row in rows):
        raise MotionError(f"{path} is no Rhubarb TSV: each line has a time and a mouth shape; export it again.")
    times = numbers([time for time, _ in rows], (None,), path, "the column of times").tolist()
    return [Cue(start, end, shape) for start, end, (_, shape) in zip(times, times[1:], rows)]


def _read_xml(path: str | Path) -> list[Cue]:
    with open_text(path) as text:
        content = text.read()
    try:
        found = ElementTree.fromstring(content.encode()).iter("mouthCue")
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # the last for encodings
        raise MotionError(f"{path} is no Rhubarb XML ({error}); export it again.") from error
    return _cues([{**cue.attrib, "value": (cue.text or "").strip()} for cue in found], path)


def _read_json(path: str | Path) -> list[Cue]:
    content = read_json(path, "Rhubarb JSON")
    cues = content.get("mouthCues") if isinstance(content, dict) else None
    if not isinstance(cues, list) or not all(isinstance(cue, dict) for cue in cues):
        raise MotionError(f"{path} is no Rhubarb JSON: it lacks mouthCues; export it again with -f json.")
    return _cues(cues, path)


def _cues(found: list[dict], path: str | Path) -> list[Cue]:
    lacking = next((key for key in ("start", "end", "value") for cue in found if key not in cue), None)
    if lacking:
        raise MotionError(f"{path}: a mouth cue lacks {lacking}; export it again.")
    times = numbers([[cue["start"], cue["end"]] for cue in found] or [[0, 0]], (None, 2), path, "the column of times")
    return [Cue(start, end, str(cue["value"])) for (start, end), cue in zip(times.tolist(), found)]
