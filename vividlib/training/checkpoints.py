"""A training that can be stopped: everything it depends on, and how it went so far, in a folder."""

from __future__ import annotations

import json
from pathlib import Path

import torch


def resume(out: Path, state: dict) -> list[dict]:
    """Load what was saved into the parts of ``state`` (name to anything with a state_dict); the losses so far."""
    if not (out / "checkpoint.pt").exists():
        return []
    saved = torch.load(out / "checkpoint.pt", map_location="cpu", weights_only=True)
    for name, part in state.items():
        part.load_state_dict(saved[name])
    return saved["log"]


def save(out: Path, state: dict, log: list[dict]) -> None:
    """Save the parts of ``state`` and the losses so far; what was there before stays until all is written."""
    parts = {name: part.state_dict() for name, part in state.items()}
    torch.save(parts | {"log": log}, out / "checkpoint.partial")
    (out / "checkpoint.partial").replace(out / "checkpoint.pt")
    (out / "losses.json").write_text(json.dumps(log, indent=0))  # for people
