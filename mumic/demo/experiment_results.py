"""What ``make experiments`` reports of its trainings beside their measures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from annotate.files import read_json
from annotate.workspace import Workspace

PLACES = ("runs", "figures", "figure")


def without_places(found: Any) -> Any:
    """Results without the places on this machine."""
    if isinstance(found, dict):
        return {key: without_places(value) for key, value in found.items() if key not in PLACES}
    return [without_places(value) for value in found] if isinstance(found, list) else found


def trainings(workspace: Workspace) -> dict[str, float]:
    """How many trainings there were, and the minutes that they spent on steps.

    Measuring is not in them, nor is the time between a kill and the call that went on.
    """
    minutes = []
    for file in workspace.runs.glob("*/*/run.json"):
        record = read_json(file, "make experiments")
        if record["finished"] and "blend" not in record:
            minutes.append(record["seconds_per_epoch"] * _epochs(record) / 60)
    return {"count": len(minutes), "minutes": sum(minutes)}


def epochs_of(runs: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, int]]]:
    """Of each arm, for each seed: the ``best`` epoch, and after how many the training ``ended``.

    Args:
        runs: with ``arm`` and ``path``.
    """
    found: dict[str, list[dict[str, int]]] = {}
    for run in runs:
        record = read_json(Path(run["path"]) / "run.json", "make experiments")
        entry = {"best": record["best_epoch"], "ended": _epochs(record)}
        found.setdefault(run["arm"], []).append(entry)
    return found


def _epochs(record: Mapping[str, Any]) -> int:
    batch = record["settings"]["train"]["batch_size"]
    return int(record["steps"] / math.ceil(record["images"]["train"] / batch))
