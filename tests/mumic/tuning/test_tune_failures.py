"""What goes wrong in a study: what is not a trial's fault leaves it to be gone on with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import load_file, save_file

from annotate.errors import InputError
from annotate.settings import render
from annotate.workspace import Workspace
from mumic.cli import main
from mumic.data import load_dataset
from mumic.metrics.ranking import Cells
from mumic.training.train import TrainOptions, train
from mumic.tuning.refusals import check_search
from mumic.tuning.space import parse_search

OPTIONS = ["--trials", "2", "--no-prune", "--allow-demo-model", "--device", "cpu", "--json"]
COMMAND = ["tune", "--search", "lr=1e-3,2e-3", *OPTIONS]


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
    """What is there, but for one call of it."""
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
            "mumic.training.cuda_graph.accumulate_gradients",
            torch.OutOfMemoryError("CUDA out of memory."),
            "Set micro_batch below 8 under [train]",
        ),
        (
            "mumic.training.checkpoint.save_file",
            OSError(28, "No space left on device"),
            "free some space",
        ),
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
    begun, waiting = _trials(workspace, "lr")
    assert (begun.state.name, waiting.state.name) == ("RUNNING", "WAITING")
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


@pytest.mark.parametrize(
    ("search", "train", "said"),
    [
        ("focal_gamma=0..3", {"loss": "focal"}, "focal_gamma must be 0, or 1 or more"),
        ("loss=bce,focall", {}, "loss must be one of"),
        ("schedule=cosine,linear", {}, "schedule must be constant or cosine"),
        ("epochs=0..3", {}, "epochs must be 1 or more"),
        ("label_noise=0..0.5", {}, "label_noise must be at least 0 and below 0.5"),
        ("label_noise=0..0.2", {"soft_labels": True}, "do not go together"),
        ("freeze=none,txt", {}, "freeze must be one of none, image"),
        ("prompts=name,names", {}, "prompts must be one of"),
        ("lora_rank=0,2", {"freeze": "both"}, "freeze leaves none"),
        ("loss=bce,focal", {"freeze": "both"}, "nothing is left to train"),
        ("positive_weight=1;beds=2,1", {}, "no class 'beds'; did you mean bed"),
        ("logit_scale=1..3", {"loss": "bce"}, "to tempered-bce or focal or asl"),
        ("asl_clip=0,0.1", {}, "changes nothing under the loss tempered-bce"),
        ("lora_alpha=8,16", {}, "changes nothing without LoRA"),
        ("lr=1e-3,2e-3", {"epochs": 0}, "epochs must be 1 or more"),
    ],
)
def test_what_no_study_could_end_well_is_refused(
    tmp_path: Path, tiny_workspace: Any, search: str, train: dict[str, Any], said: str
) -> None:
    workspace = tiny_workspace(tmp_path / "ws")
    settings = replace(workspace.settings.train, **train)
    with pytest.raises(InputError, match=said):
        check_search(settings, parse_search([search]), load_dataset(workspace))


@pytest.mark.parametrize(
    ("searches", "train"),
    [
        (["focal_gamma=1..3"], {"loss": "focal"}),
        (["soft_labels=true,false", "label_noise=0,0.2"], {}),
        (["loss=bce,focal", "logit_scale=0.7..5.8"], {}),
        (["logit_scale=0.7..5.8"], {"logit_scale": 5.0}),  # the search raises the clamp
        (["lora_alpha=8,16", "lora_rank=0,2"], {}),
    ],
)
def test_what_some_study_could_end_well_is_not_refused(
    tmp_path: Path, tiny_workspace: Any, searches: list[str], train: dict[str, Any]
) -> None:
    workspace = tiny_workspace(tmp_path / "ws")
    settings = replace(workspace.settings.train, **train)
    check_search(settings, parse_search(searches), load_dataset(workspace))


def test_a_search_without_a_judge_is_refused(tmp_path: Path, tiny_workspace: Any) -> None:
    workspace = tiny_workspace(tmp_path / "ws")
    whole = load_dataset(workspace)
    judged = (whole.images["split"] == "validation").to_numpy()[:, None]
    cells = Cells(np.where(judged, 0, whole.cells.labels).astype(np.int8), whole.cells.mask)
    with pytest.raises(InputError, match=r"no positive in validation.*more answers"):
        check_search(
            workspace.settings.train, parse_search(["lr=1e-3,2e-3"]), replace(whole, cells=cells)
        )


def test_a_refused_search_leaves_nothing_behind(
    tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    monkeypatch.chdir(workspace.root)
    for wrong in (_tune("lr=1e-3,0"), _tune("lr=1e-3,2e-3", "--epochs", "0")):
        assert wrong.exit_code == 1
    assert not (workspace.runs / "tune-lr").exists()
    right = _tune("lr=1e-3,2e-3", "--trials", "1")
    assert right.exit_code == 0, right.output


def test_values_that_do_not_go_together_fail_their_trial_alone(
    tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    monkeypatch.chdir(workspace.root)
    search, more = "soft_labels=true,false", ("--search", "label_noise=0..0.2", "--study", "both")
    assert _tune(search, *more, "--trials", "1").exit_code == 0
    file = workspace.runs / "tune-both" / "study.sqlite3"
    study = optuna.load_study(study_name="both", storage=f"sqlite:///{file}")
    for noise in (0.2, 0.2, 0.0):
        study.enqueue_trial({"soft_labels": True, "label_noise": noise})
    result = _tune(search, *more, "--trials", "4")
    assert result.exit_code == 0, result.output
    states = [row["state"] for row in json.loads(result.stdout)["trials"]]
    assert states == ["complete", "fail", "fail", "complete"]
    assert len(list(file.parent.glob("trial-*"))) == 2  # nothing was trained for it


def test_why_a_trial_failed_is_said_and_kept(
    tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    monkeypatch.chdir(workspace.root)
    assert _tune("lr=1e-3,2e-3", "--trials", "1").exit_code == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mumic.training.cuda_graph.accumulate_gradients", lambda *_: float("nan"))
        result = _tune("lr=1e-3,2e-3")
    assert result.exit_code == 0, result.output
    row = json.loads(result.stdout)["trials"][1]
    assert row["state"] == "fail"
    assert row["reason"].startswith("the loss is nan at step 1; nothing had been saved yet")
    assert f"failed: {row['reason']}" in result.stderr
    shown = CliRunner().invoke(main, [part for part in COMMAND if part != "--json"])
    assert "fail: the loss is nan at step 1" in shown.stdout


def test_notes_of_a_series_are_shown(
    tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    monkeypatch.chdir(workspace.root)
    own = train(workspace, TrainOptions(run="own"))
    result = CliRunner().invoke(main, ["ablate", "crop", "--allow-demo-model"])
    assert result.exit_code == 0, result.output
    assert f"run {own.id} has these settings already; it is taken as it is" in result.stderr
    assert "epoch 1: validation GAP" in result.stderr  # of the other arm
