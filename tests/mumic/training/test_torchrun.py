"""``torchrun -m mumic train``: the run of two processes is the run of one."""

from __future__ import annotations

import csv
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from mumic.run import open_run
from mumic.training.train import TrainOptions, train
from tests.mumic.training.test_resume import _checkpoint
from tests.mumic.training.test_step import (
    _assert_close,
    _on_loopback,
    _processes,
    _without_key_bias,
)

WEIGHTS = "open_clip_model.safetensors"


def test_a_run_by_two_processes(tmp_path: Path, tiny_workspace: Any) -> None:
    """Shares of 4 and 3 images, masks unequal, the last batch smaller; ema, flip and all files.

    In fp32 on any machine: sums of other shares differ by bf16's rounding.
    """
    kinds = {"batch_size": 7, "adam_epsilon": 1e-6, "lr": 1e-4, "flip": True, "ema": 0.5}
    kinds |= {"tensorboard": True}
    one, two = (
        tiny_workspace(tmp_path / name, precision="fp32", **kinds) for name in ("one", "two")
    )
    train(one, TrainOptions(run="run"))
    _processes(["-m", "--", "mumic", "train", "--run", "run", "--device", "cpu"], two.root)
    runs = [open_run(workspace, "run") for workspace in (one, two)]
    assert runs[1].record["environment"]["processes"] == 2
    weights = [_without_key_bias(load_file(run.path / WEIGHTS)) for run in runs]
    _assert_close(weights[1], weights[0])
    rows = [
        list(csv.DictReader((run.path / "history.csv").read_text().splitlines())) for run in runs
    ]
    for here, there in zip(*rows, strict=True):
        assert float(there["loss"]) == pytest.approx(float(here["loss"]), rel=1e-4)
    assert {file.name for file in runs[0].path.iterdir()} == {
        file.name for file in runs[1].path.iterdir()
    }
    assert list((runs[1].path / "tensorboard").iterdir())


TRAIN = ["-m", "mumic", "train", "--run", "run", "--device", "cpu"]
DECODED = """
from pathlib import Path
from annotate.workspace import Workspace
from mumic.training.train import Reports, TrainOptions, train

decoded = []
reports = Reports(on_decoded=decoded.append)
train(Workspace.find(Path.cwd()), TrainOptions(run="run", device="cpu"), reports)
print(sum(decoded))
"""


STOPPED = """
import os, signal
from pathlib import Path
from annotate.workspace import Workspace
from mumic.training.train import Reports, TrainOptions, train

other = Path("pid-of-1")
if os.environ["RANK"] == "1":
    other.write_text(str(os.getpid()))

def stop(report):
    if report.step == 2:
        os.kill(int(other.read_text()), signal.SIGINT)

workspace = Workspace.find(Path.cwd())
train(workspace, TrainOptions(run="run", device="cpu"), Reports(on_step=stop))
"""


def test_two_processes_stop_together_and_go_on_to_the_same_weights(
    tmp_path: Path, tiny_workspace: Any
) -> None:
    """One of them is told, the one that neither writes nor speaks; bit for bit the whole run."""
    kinds = {"batch_size": 7, "epochs": 3, "checkpoint_every": 1, "flip": True, "ema": 0.5}
    stopped, whole = (tiny_workspace(tmp_path / name, **kinds) for name in ("stopped", "whole"))
    script = tmp_path / "stop.py"
    script.write_text(STOPPED)
    done = _processes([str(script)], stopped.root, check=False)
    assert done.returncode != 0
    assert re.search(r"stopped after step [23] of 12, saved", done.stderr), done.stderr
    command = ["-m", "--", "mumic", "train", "--run", "run", "--device", "cpu"]
    again = _processes(command, stopped.root)
    assert "going on with run run" in again.stderr
    assert "warning: " not in again.stderr
    _processes(command, whole.root)
    resumed, undisturbed = (open_run(workspace, "run") for workspace in (stopped, whole))
    for name in (WEIGHTS, "history.csv", "thresholds.json"):
        assert (resumed.path / name).read_bytes() == (undisturbed.path / name).read_bytes(), name
    assert _checkpoint(resumed.path) == _checkpoint(undisturbed.path)


DIFFERING = """
import os
from pathlib import Path
from annotate.workspace import Workspace
from mumic.training import loop, train

# What rounding may do to a GAP, at its worst: the first improves always, the second never.
values = iter([0.1, 0.2, 0.3] if os.environ["RANK"] == "0" else [0.3, 0.2, 0.1])
loop.gap = lambda *_: next(values)

def told(training):
    progress = loop.run_training(training)
    print(progress.best_gap, progress.best_epoch, progress.epochs_without_gain)
    return progress

train.run_training = told
train.train(Workspace.find(Path.cwd()), train.TrainOptions(run="run", device="cpu"))
"""


def test_processes_agree_on_which_epoch_was_best(tmp_path: Path, tiny_workspace: Any) -> None:
    """Else one could stop early, and the other would wait for it."""
    root = tiny_workspace(tmp_path / "ws", epochs=3, early_stop=0).root
    done = _two(["-c", DIFFERING], root, root)
    assert [process.stdout.strip() for process in done] == ["0.3 3 0", "0.3 3 0"], done


def _two(command: list[str], *places: Path) -> list[subprocess.CompletedProcess[str]]:
    """A process in each of two places, with nobody who ends one where the other has failed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    together = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    begun = [
        subprocess.Popen(
            [sys.executable, *command],
            cwd=place,
            env=_on_loopback() | together | {"RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank, place in enumerate(places)
    ]
    said = [process.communicate() for process in begun]
    return [
        subprocess.CompletedProcess(command, process.returncode, *texts)
        for process, texts in zip(begun, said, strict=True)
    ]


def test_the_first_process_decodes_and_shows_it(tmp_path: Path, tiny_workspace: Any) -> None:
    root = tiny_workspace(tmp_path / "ws", epochs=1).root
    done = _two(["-c", DECODED], root, root)
    assert [process.stdout.strip() for process in done] == ["32", "0"], done


def test_machines_without_a_shared_disk_do_not_begin(tmp_path: Path, tiny_workspace: Any) -> None:
    two = [tiny_workspace(tmp_path / name, epochs=1) for name in ("one", "two")]
    done = _two(TRAIN, *(workspace.root for workspace in two))
    for process in done:
        assert process.returncode == 1
        assert "put the workspace on a shared disk" in process.stderr, process.stderr
    assert not list(tmp_path.rglob("history.csv"))


def test_an_error_of_one_process_is_one_message(tmp_path: Path, tiny_workspace: Any) -> None:
    """A photo that the second alone lacks: it says so, and the first only that it is gone."""
    two = [tiny_workspace(tmp_path / name, epochs=1) for name in ("one", "two")]
    (two[1].root / "photos" / "000.png").unlink()
    first, second = _two(TRAIN, *(workspace.root for workspace in two))
    assert "photos/000.png" in second.stderr
    assert "its message says why" in first.stderr, first.stderr
    for process in (first, second):
        assert process.returncode == 1
        assert "Traceback" not in process.stderr
