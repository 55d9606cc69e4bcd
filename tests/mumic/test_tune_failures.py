"""What goes wrong in a study: what is not a trial's fault leaves it to be gone on with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import load_file, save_file

from annotate.settings import render
from annotate.workspace import Workspace
from mumic.cli import main

OPTIONS = ["--trials", "2", "--no-prune", "--allow-demo-model", "--device", "cpu", "--json"]


def _tune(search: str, *more: str) -> Result:
    return CliRunner().invoke(main, ["tune", "--search", search, *OPTIONS, *more])


def _write(workspace: Workspace, **train: Any) -> None:
    """Other settings of ``[train]`` into the workspace's file."""
    settings = workspace.settings
    changed = replace(settings, train=replace(settings.train, **train))
    (workspace.root / "mumic.toml").write_text(render(changed))


def _trials(workspace: Workspace, name: str) -> list[Any]:
    file = workspace.runs / f"tune-{name}" / "study.sqlite3"
    return optuna.load_study(study_name=name, storage=f"sqlite:///{file}").get_trials()


def _fails_at(call: int, place: str, error: Exception) -> Callable[..., Any]:
    """What is there, until its so manieth call."""
    module, name = place.rsplit(".", 1)
    usual, calls = getattr(import_module(module), name), iter(range(1, 1000))

    def work(*given: Any, **named: Any) -> Any:
        if next(calls) == call:
            raise error
        return usual(*given, **named)

    return work


@pytest.mark.parametrize(
    ("place", "error", "said"),
    [
        (
            "mumic.recorded.accumulate_gradients",
            torch.OutOfMemoryError("CUDA out of memory."),
            "Set micro_batch below 8 under [train]",
        ),
        ("mumic.checkpoint.save_file", OSError(28, "No space left on device"), "free some space"),
    ],
)
def test_a_full_memory_or_disk_costs_no_trial(
    tmp_path: Path, tiny_workspace: Any, place: str, error: Exception, said: str
) -> None:
    workspace = tiny_workspace(tmp_path / "ws")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(workspace.root)
        patch.setattr(place, _fails_at(4, place, error))
        result = _tune("lr=1e-3,2e-3")
    assert result.exit_code == 1
    assert said in result.output
    (begun,) = _trials(workspace, "lr")
    assert begun.state.name == "RUNNING"
    _write(workspace, micro_batch=4, tensorboard=True, cuda_graph=False, threads=1)  # as advised
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(workspace.root)
        again = _tune("lr=1e-3,2e-3")
    assert again.exit_code == 0, again.output
    rows = json.loads(again.stdout)["trials"]
    assert [row["state"] for row in rows] == ["complete"] * 2
    assert rows[0]["changes"] == begun.user_attrs["changes"]
    assert len(list((workspace.runs / "tune-lr").glob("trial-000-*"))) == 1


def test_other_weights_to_start_from_are_another_study(
    tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    settings = workspace.settings
    start = workspace.root / "start"
    shutil.copytree(settings.model.name.removeprefix("local-dir:"), start)
    model = replace(settings.model, name="local-dir:start")
    (workspace.root / "mumic.toml").write_text(render(replace(settings, model=model)))
    monkeypatch.chdir(workspace.root)
    assert _tune("lr=1e-3,2e-3", "--trials", "1").exit_code == 0
    file = start / "open_clip_model.safetensors"
    save_file({name: tensor * 1.01 for name, tensor in load_file(file).items()}, file)
    again = _tune("lr=1e-3,2e-3")
    assert again.exit_code == 1
    assert "other weights to start from" in again.output
