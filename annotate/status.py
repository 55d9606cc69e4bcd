"""Where a workspace stands: the state of each stage and the next command."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from annotate.index.folders import named_folders, shard_files
from annotate.runs import finished_runs
from annotate.workspace import Workspace

State = Literal["done", "stale", "missing"]


@dataclass(frozen=True)
class StageState:
    """One stage: its result's state, what is in it, and the command that makes it."""

    name: str
    state: State
    detail: str
    command: str


@dataclass(frozen=True)
class _Stage:
    name: str
    command: str
    results: Callable[[Workspace], list[Path]]
    after: tuple[str, ...]
    detail: Callable[[list[Path]], str]


def _rows(unit: str) -> Callable[[list[Path]], str]:
    def count(files: list[Path]) -> str:
        import pyarrow.parquet as pq

        return f"{sum(pq.read_metadata(file).num_rows for file in files):,} {unit}"

    return count


def _lines(unit: str) -> Callable[[list[Path]], str]:
    def count(files: list[Path]) -> str:
        lines = sum(file.read_bytes().count(b"\n") for file in files)
        return f"{lines:,} {unit}"

    return count


def _questions(files: list[Path]) -> str:
    # Without reading YAML, which would take most of the time of a bare call.
    found = re.findall(r"^\s*-\s*\{?\s*id:", files[0].read_text("utf-8"), re.MULTILINE)
    return f"{len(found)} questions"


def _newest_run(files: list[Path]) -> str:
    return f"{len(files)} run{'s' if len(files) > 1 else ''}, newest {files[-1].parent.name}"


_STAGES = (
    _Stage(
        "catalog",
        "mumic-annotate catalog",
        lambda w: _existing(w.catalog / "images.parquet"),
        (),
        _rows("images"),
    ),
    _Stage(
        "index",
        "mumic-annotate index",
        lambda w: _shards(w),
        ("catalog",),
        _rows("embeddings"),
    ),
    _Stage(
        "candidates",
        "mumic-annotate mine --all",
        lambda w: sorted(w.candidates.glob("round-*.parquet")),
        (),
        _rows("receipts"),
    ),
    _Stage(
        "questions",
        "mumic-annotate questions",
        lambda w: _existing(w.questions),
        (),
        _questions,
    ),
    _Stage(
        "tasks",
        "mumic-annotate tasks",
        lambda w: _existing(w.tasks / "manifest.jsonl"),
        ("candidates", "questions"),
        _lines("tasks"),
    ),
    _Stage(
        "answers",
        "mumic-annotate serve",
        lambda w: sorted(w.answers.glob("*.jsonl")),
        ("tasks",),
        _lines("images answered"),
    ),
    _Stage(
        "labels",
        "mumic-annotate consolidate",
        lambda w: _existing(w.labels / "labels.parquet"),
        ("answers",),
        _rows("labels"),
    ),
    _Stage(
        "dataset",
        "mumic-annotate dataset",
        lambda w: _existing(w.dataset / "images.parquet"),
        ("labels",),
        _rows("images"),
    ),
    _Stage(
        "model",
        "mumic train",
        lambda w: [run / "run.json" for run in finished_runs(w.runs)],
        ("dataset",),
        _newest_run,
    ),
    _Stage(
        "measures",
        "mumic evaluate",
        lambda w: sorted(w.runs.glob("*/metrics.json"), key=_changed),
        ("model",),
        lambda files: f"of {files[-1].parent.name}",
    ),
    _Stage(
        "predictions",
        "mumic predict",
        lambda w: _predicted(w),
        ("model",),
        _rows("logits"),
    ),
)


def _existing(path: Path) -> list[Path]:
    return [path] if path.is_file() else []


def _changed(path: Path) -> float:
    return path.stat().st_mtime


def _shards(workspace: Workspace) -> list[Path]:
    """Of the configured model: the newest, as to tell its weights it would have to be loaded."""
    folders = named_folders(workspace.index, workspace.settings.model, strict=False)
    found = [list(shard_files(folder).values()) for folder in folders]
    return max(found, key=lambda files: max(map(_changed, files)), default=[])


def _predicted(workspace: Workspace) -> list[Path]:
    """What there is of the catalogue by runs that are still there, the newest last.

    Other files, such as those of photos named for ``mumic predict``, are no material for mining.
    """
    found = (workspace.predictions / f"{run.name}.parquet" for run in finished_runs(workspace.runs))
    return sorted((file for file in found if file.is_file()), key=_changed)


def status(workspace: Workspace) -> list[StageState]:
    """State of every stage, in order.

    A stage is stale where a stage that it rests on has a newer result, or its own is damaged.
    """
    states: list[StageState] = []
    newest: dict[str, float] = {}
    for stage in _STAGES:
        files = stage.results(workspace)
        command = _command(stage, workspace)
        if not files:
            states.append(StageState(stage.name, "missing", "", command))
            continue
        newest[stage.name] = max(map(_changed, files))
        stale = any(newest.get(name, 0) > newest[stage.name] for name in stage.after)
        try:
            detail = stage.detail(files)
        except (OSError, ValueError):  # among them what Arrow says of no Parquet
            which = files[0].name if len(files) == 1 else f"one of {len(files)} files"
            stale, detail = True, f"{which} cannot be read"
        state: State = "stale" if stale else "done"
        states.append(StageState(stage.name, state, detail, command))
    return states


def _command(stage: _Stage, workspace: Workspace) -> str:
    """As it would be typed here: the first catalogue needs a source, a demo has no annotators."""
    if stage.name == "catalog":
        known = workspace.settings.catalog.sources or stage.results(workspace)
        return stage.command if known else f"{stage.command} FOLDER_OR_TABLE"
    if stage.name == "answers" and workspace.settings.simulate.truth:
        return "mumic-annotate simulate"
    return stage.command


def next_command(states: list[StageState]) -> str | None:
    """The command of the first stage that is not done, or None."""
    return next((state.command for state in states if state.state != "done"), None)
