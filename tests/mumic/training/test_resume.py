"""A training that was stopped: by SIGKILL, by ctrl-C, or with other settings at its return."""

from __future__ import annotations

import copy
import json
import os
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from annotate.errors import DamagedError, InputError, MissingError, MumicError
from annotate.workspace import Workspace
from mumic.data import load_dataset
from mumic.run import Run, open_run
from mumic.training.checkpoint import write_tensors
from mumic.training.interrupt import StoppedError
from mumic.training.run_record import start_record
from mumic.training.train import Reports, TrainOptions, train
from tests.mumic.training.test_train import _with

WEIGHTS = "open_clip_model.safetensors"


def _state(run: Path) -> str:
    with safe_open(run / "last" / "checkpoint.safetensors", framework="pt") as content:
        return str(content.metadata()["state"])


def _checkpoint(run: Path) -> dict[str, Any]:
    """Every tensor's bytes and the state, without the steps that were timed and their seconds."""
    with safe_open(run / "last" / "checkpoint.safetensors", framework="pt") as content:
        state: dict[str, Any] = json.loads(content.metadata()["state"])
        tensors = {name: content.get_tensor(name).numpy().tobytes() for name in content.keys()}  # noqa: SIM118
    assert (state.pop("seconds") > 0) == (state.pop("timed") > 0)
    return tensors | state


# Each training is a copy of this process, which has the libraries, and kills itself.
KILLER = """
import os, signal, sys
from pathlib import Path
from annotate.workspace import Workspace
from mumic.training import loop
from mumic.training.train import Reports, TrainOptions, train

real = loop.save_checkpoint

def train_until(folder, what, when):
    def end(now):
        if now == int(when):
            os.kill(os.getpid(), signal.SIGKILL)
    def save(folder, towers, optimiser, progress, averages):
        if what == "save":
            end(progress.step)
        real(folder, towers, optimiser, progress, averages)
    reports = {
        "step": Reports(on_step=lambda report: end(report.step)),
        "epoch": Reports(on_epoch=lambda epoch, value, last: end(epoch)),
        "save": Reports(),
    }
    loop.save_checkpoint = save
    train(Workspace.find(Path(folder)), TrainOptions(run="one"), reports[what])

for at in range(1, len(sys.argv), 3):
    if not (child := os.fork()):
        train_until(*sys.argv[at : at + 3])
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
# An epoch has three steps; there is a checkpoint after every second step, and after every epoch.
KINDS = {"epochs": 4, "checkpoint_every": 2, "warmup_steps": 3, "schedule": "cosine"}
RECIPES = {"plain": KINDS, "averaged": KINDS | {"ema": 0.5, "flip": True, "lora_rank": 2}}
KILLS = [  # recipe, after what, the step of the last checkpoint
    ("plain", "step", "1", None),
    ("plain", "step", "5", 4),  # in the middle of an epoch
    ("plain", "step", "6", 4),  # its last step, before it is measured
    ("plain", "save", "6", 4),  # when its history is saved, and its checkpoint is not
    ("plain", "epoch", "2", 6),  # right after a checkpoint
    ("averaged", "step", "5", 4),
]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory, tiny_workspace: Any) -> list[Workspace]:
    """A workspace for each of the kills."""
    made = [tiny_workspace(tmp_path_factory.mktemp("k") / "ws", **RECIPES[k[0]]) for k in KILLS]
    moments = zip(made, KILLS, strict=True)
    asked = [word for ws, (_, what, when, _) in moments for word in (str(ws.root), what, when)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", KILLER, *asked]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    assert [int(line) for line in done.stdout.split()] == [-signal.SIGKILL] * len(KILLS)
    return made


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, tiny_workspace: Any) -> dict[str, Run]:
    """The whole training of each recipe."""
    return {
        name: train(
            tiny_workspace(tmp_path_factory.mktemp("u") / "ws", **kinds), TrainOptions(run="one")
        )
        for name, kinds in RECIPES.items()
    }


@pytest.mark.parametrize("case", range(len(KILLS)))
def test_killed_and_resumed_is_bit_for_bit_the_undisturbed_run(
    killed: list[Workspace], undisturbed: dict[str, Run], case: int
) -> None:
    workspace, (recipe, *_, saved) = killed[case], KILLS[case]
    folder, whole = workspace.runs / "one", undisturbed[recipe]
    assert json.loads((folder / "run.json").read_text())["finished"] is None
    assert (folder / "last").exists() == (saved is not None)
    if saved is not None:
        assert json.loads(_state(folder))["step"] == saved
        (folder / "last" / ".checkpoint.safetensors.x.tmp").write_bytes(b"half")

    notes: list[str] = []
    resumed = train(workspace, reports=Reports(on_note=notes.append))  # found by its settings
    assert resumed.id == "one"
    assert notes[0] == "going on with run one"
    assert not any("warning" in note for note in notes)
    for name in (
        *(WEIGHTS, "history.csv", "thresholds.json", "text_embeddings.safetensors", "classes.json"),
    ):
        assert (resumed.path / name).read_bytes() == (whole.path / name).read_bytes(), name
    assert _checkpoint(resumed.path) == _checkpoint(whole.path)
    assert not list(resumed.path.rglob("*.tmp"))


def _stop_after(step: int) -> Reports:
    def on_step(report: Any) -> None:
        if report.step == step:
            os.kill(os.getpid(), signal.SIGINT)

    return Reports(on_step=on_step)


class _Clock:
    """A second later whenever one looks, but in the first step a minute: each step looks twice."""

    looks = 0

    def perf_counter(self) -> float:
        self.looks += 1
        return self.looks + (60 if self.looks > 1 else 0)


def test_ctrl_c_saves_and_stops(
    tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mumic.training.loop.time", _Clock())
    workspace = tiny_workspace(tmp_path / "ws", checkpoint_every=1000)
    before = signal.getsignal(signal.SIGINT)  # a program in the background may ignore it
    with pytest.raises(MumicError, match="stopped after step 2 of 6, saved"):
        train(workspace, TrainOptions(run="one"), _stop_after(2))
    assert signal.getsignal(signal.SIGINT) is before
    steps: list[int] = []
    monkeypatch.setattr("mumic.training.loop.time", _Clock())  # of another process
    run = train(workspace, reports=Reports(on_step=lambda report: steps.append(report.step)))
    assert steps == [3, 4, 5, 6]
    assert run.id == "one"
    assert json.loads(_state(run.path))["timed"] == 4  # the second step, and the last three
    assert run.record["seconds_per_epoch"] == 3
    assert len((run.path / "history.csv").read_text().splitlines()) == 1 + 6


def test_a_training_of_one_step_has_no_time_of_its_own(tmp_path: Path, tiny_workspace: Any) -> None:
    run = train(tiny_workspace(tmp_path / "ws", epochs=1, batch_size=64))
    assert run.record["steps"] == 1
    assert run.record["seconds_per_epoch"] is None


class _EndedError(Exception):
    """What a kill, or a judge of the epochs, ends a training with."""


def _heard_by(told: list[tuple[int, float, bool]]) -> Reports:
    return Reports(on_epoch=lambda *epoch: told.append(epoch))


def test_an_epoch_that_nobody_heard_of_is_told_again(tmp_path: Path, tiny_workspace: Any) -> None:
    killed, whole = (tiny_workspace(tmp_path / name) for name in ("killed", "whole"))

    def end(epoch: int, value: float, last: bool) -> None:
        raise _EndedError

    with pytest.raises(_EndedError):  # between the checkpoint and the telling
        train(killed, TrainOptions(run="one"), Reports(on_epoch=end))
    again: list[tuple[int, float, bool]] = []
    whole_run: list[tuple[int, float, bool]] = []
    runs = [
        train(killed, TrainOptions(run="one"), _heard_by(again)),
        train(whole, reports=_heard_by(whole_run)),
    ]
    assert again == whole_run
    assert [(epoch, last) for epoch, _, last in again] == [(1, False), (2, True)]
    weights = [(run.path / WEIGHTS).read_bytes() for run in runs]
    assert weights[0] == weights[1]


def test_a_stop_is_heard_before_an_epoch_is_judged(tmp_path: Path, tiny_workspace: Any) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)

    def judge(epoch: int, value: float, last: bool) -> None:
        raise _EndedError

    in_series = TrainOptions(prefix="one")
    with pytest.raises(StoppedError, match=r"step 3 of 3, saved\. Run the same command again"):
        train(workspace, in_series, replace(_stop_after(3), on_epoch=judge))
    with pytest.raises(_EndedError):
        train(workspace, in_series, Reports(on_epoch=judge))
    alone = train(_with(workspace, lr=2e-3), TrainOptions(run="alone"), _stop_after(3))
    assert alone.record["finished"]  # nothing follows it


def test_another_thread_count_at_resume_is_a_warning(tmp_path: Path, tiny_workspace: Any) -> None:
    workspace = tiny_workspace(tmp_path / "ws")
    with pytest.raises(MumicError, match="stopped"):
        train(workspace, reports=_stop_after(1))
    notes: list[str] = []
    train(_with(workspace, threads=2), reports=Reports(on_note=notes.append))
    torch.set_num_threads(1)
    assert any("begun with threads 1, now it is 2" in note for note in notes)


def test_a_run_begun_with_other_settings_cannot_go_on(tmp_path: Path, tiny_workspace: Any) -> None:
    workspace = tiny_workspace(tmp_path / "ws")
    with pytest.raises(MumicError, match="stopped"):
        train(workspace, TrainOptions(run="one"), _stop_after(1))
    with pytest.raises(InputError, match="other settings"):
        train(_with(workspace, lr=0.5), TrainOptions(run="one"))
    with pytest.raises(MissingError, match="unfinished"):
        open_run(workspace, "one")


def test_a_damaged_checkpoint_is_said_so(tmp_path: Path, tiny_workspace: Any) -> None:
    workspace = tiny_workspace(tmp_path / "ws")
    with pytest.raises(MumicError, match="stopped"):
        train(workspace, TrainOptions(run="one"), _stop_after(1))
    file = workspace.runs / "one" / "last" / "checkpoint.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(DamagedError, match="Delete the run's folder"):
        train(workspace, TrainOptions(run="one"))


def test_another_normalisation_is_another_run(
    tmp_path: Path, tiny_workspace: Any, tiny_clip: Any
) -> None:
    """Equal weights that see other pixels; a copy of the model elsewhere is the same one."""
    workspace, clip = tiny_workspace(tmp_path / "ws"), tiny_clip()
    dataset = load_dataset(workspace)
    changes: list[dict[str, Any]] = [
        {},
        {"name": "copy", "model": copy.deepcopy(clip.model)},
        {"mean": (0.5, 0.5, 0.5)},
        {"std": (0.5, 0.5, 0.5)},
        {"model_config": clip.model_config | {"quick_gelu": False}},
    ]
    hashes = [
        start_record(workspace, dataset, replace(clip, **change), random_init=False, count=1)[
            "settings_hash"
        ]
        for change in changes
    ]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 4


@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o600), (0o022, 0o644)])
def test_weights_are_as_private_as_the_umask_says(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_tensors(tmp_path / "weights.safetensors", {"a": torch.zeros(2)}, {"format": "pt"})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "weights.safetensors").stat().st_mode) == mode
