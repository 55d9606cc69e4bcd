"""What a study found: table 3 and figure 5 of the paper, and its best settings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial

from annotate.files import write_json
from annotate.runs import readable_record
from annotate.settings.toml import toml_value
from annotate.workspace import Workspace
from mumic.figures.temperature import draw_temperature
from mumic.training.history import logit_scales
from mumic.tuning.study import MEASURES, Request, complete_trials


def write_results(
    workspace: Workspace, request: Request, folder: Path, trials: Sequence[FrozenTrial]
) -> dict[str, Any]:
    """Write ``summary.json`` and ``temperature.png``; return the summary.

    Args:
        workspace: whose settings were searched from.
        request: the search.
        folder: of the study.
        trials: all of them.
    """
    rows = [_row(trial) for trial in sorted(trials, key=lambda trial: trial.number)]
    best = complete_trials(trials)
    summary: dict[str, Any] = {
        "study": request.name,
        "searched": [entry.name for entry in request.space],
        "max_logit_scale": workspace.settings.train.max_logit_scale,
        "trials": rows,
        "best": _row(best[0]) if best else None,
        "settings": _lines(best[0]) if best else [],
        "demo_model": bool(best) and _of_demo_model(folder, best[0]),
        "path": str(folder),
        "figure": _draw(folder, trials),
    }
    write_json(folder / "summary.json", summary)
    return summary


def _row(trial: FrozenTrial) -> dict[str, Any]:
    changes, found = trial.user_attrs.get("changes", {}), trial.user_attrs.get("found", {})
    row: dict[str, Any] = {
        "trial": trial.number,
        "state": trial.state.name.lower(),
        "reason": trial.user_attrs.get("reason"),  # of a failure
        "changes": changes,
        "validation_gap": trial.value,
        "epochs": len(trial.intermediate_values),
    }
    if "logit_scale" in changes:
        row["initial_scale"] = math.exp(changes["logit_scale"])  # 1 / temperature
    names = ("run", "logit_scale", "best_epoch", *MEASURES)
    return row | {name: found.get(name) for name in names}


def _of_demo_model(folder: Path, trial: FrozenTrial) -> bool:
    """As its run says: all trials of a study start from the same model."""
    record = readable_record(folder / trial.user_attrs["found"]["run"] / "run.json")
    return bool(record.get("demo_model"))


def _lines(trial: FrozenTrial) -> list[str]:
    """Lines for ``[train]`` of ``mumic.toml``."""
    changes = trial.user_attrs["changes"]
    return [f"{name} = {toml_value(value)}" for name, value in changes.items()]


def _draw(folder: Path, trials: Sequence[FrozenTrial]) -> str | None:
    curves, clamps = {}, set()
    for trial in complete_trials(trials):
        changes, found = trial.user_attrs["changes"], trial.user_attrs["found"]
        start = changes.get("logit_scale")
        at = "" if start is None else f", from {start:.2f}"
        curves[f"trial {trial.number}{at}"] = logit_scales(folder / found["run"])
        clamps.add(changes.get("max_logit_scale"))
    if not curves:
        return None
    known = [entry for entry in clamps if entry is not None]
    return str(draw_temperature(curves, known, "best").save(folder / "temperature.png"))
