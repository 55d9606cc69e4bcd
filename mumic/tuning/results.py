"""What a study found: table 3 and figure 5 of the paper, and its best settings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial

from annotate.files import number_or_none, write_json
from annotate.runs import readable_record
from annotate.settings.toml import toml_value
from annotate.workspace import Workspace
from mumic.evaluation.measure import metrics_of
from mumic.figures.temperature import draw_temperature
from mumic.run import open_run
from mumic.series.arms import Arm, arm_method, arm_workspace
from mumic.training.history import logit_scales
from mumic.tuning.draws import Request
from mumic.tuning.study import complete_trials

MEASURES = ("macro_map", "weighted_map", "gap", "gap_at_k")


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
    rows = [_row(workspace, request, trial) for trial in sorted(trials, key=lambda t: t.number)]
    best = complete_trials(trials)
    summary: dict[str, Any] = {
        "study": request.name,
        "searched": [entry.name for entry in request.space],
        "max_logit_scale": workspace.settings.train.max_logit_scale,
        "trials": rows,
        "best": _row(workspace, request, best[0]) if best else None,
        "settings": _lines(best[0]) if best else [],
        "demo_model": bool(best) and _of_demo_model(folder, best[0]),
        "path": str(folder),
        "figure": _draw(folder, trials),
    }
    write_json(folder / "summary.json", summary)
    return summary


def _row(workspace: Workspace, request: Request, trial: FrozenTrial) -> dict[str, Any]:
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
    row |= {name: found.get(name) for name in ("run", "logit_scale", "best_epoch")}
    return row | _measured(workspace, request, changes, found.get("run"))


def _measured(
    workspace: Workspace, request: Request, changes: dict[str, Any], run: str | None
) -> dict[str, float | None]:
    """Measures on validation, all trials by the same settings: those of this call."""
    if run is None:
        return dict.fromkeys(MEASURES)
    seed = workspace.settings.project.seed
    here = arm_workspace(workspace, f"tune-{request.name}", Arm(run, changes), seed)
    method, truth = arm_method(here, open_run(here, run), run, "validation")
    metrics = metrics_of(method, truth.cells, workspace.settings.evaluate)
    return {name: number_or_none(getattr(metrics, name)) for name in MEASURES}


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
