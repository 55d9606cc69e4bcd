"""Trainings in processes of their own are those that a series makes itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from annotate.errors import InputError
from annotate.workspace import Workspace
from mumic.series.ablations import train_series
from mumic.series.arms import Arm
from mumic.series.side_by_side import train_side_by_side
from mumic.training.train import Reports, TrainOptions
from tests.processes import alive, children

CHECKPOINT, WEIGHTS = "last/checkpoint.safetensors", "open_clip_model.safetensors"
LEARNING_RATES = (1e-5, 2e-5, 3e-5, 4e-5, 5e-5, 6e-5, 7e-5, 8e-5)


def test_what_was_trained_side_by_side_is_taken_and_equals_what_was_not(
    tmp_path: Path, tiny_workspace: Any
) -> None:
    arms = (Arm("own", {}), Arm("no bias", {"loss": "bce"}))
    here, alone = (tiny_workspace(tmp_path / name) for name in ("side by side", "alone"))
    train_side_by_side(here, "series", arms, [0])
    steps: list[str] = []
    options = TrainOptions(device="cpu")

    def reports(title: str) -> Reports:
        return Reports(on_step=lambda report: steps.append(title))

    taken = train_series(here, "series", arms, [0], options, reports)
    assert steps == []
    made = train_series(alone, "series", arms, [0], options, reports)
    assert len(set(steps)) == 2
    for ours, theirs in zip(taken, made, strict=True):
        weights = [entry.run.path / WEIGHTS for entry in (ours, theirs)]
        assert weights[0].read_bytes() == weights[1].read_bytes()


def test_what_fails_ends_all_of_them(
    tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mumic.series.side_by_side.usable_cores", lambda: 2)
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    arms = [Arm("misspelt", {"epoch": 1}), *(Arm(f"{lr:g}", {"lr": lr}) for lr in LEARNING_RATES)]
    with pytest.raises(InputError, match="no setting 'epoch'"):
        train_side_by_side(workspace, "series", arms, [0])
    assert not active_children()  # an exit while they still end may print a traceback
    finished = list((workspace.runs / "series").glob(f"*/{WEIGHTS}"))
    assert len(finished) < len(LEARNING_RATES)


CHILDREN = """
import json, signal, sys
from annotate.workspace import Workspace
from mumic.series import side_by_side
from mumic.series.arms import Arm

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
side_by_side.usable_cores = lambda: 2
arms = [Arm("one", {}), Arm("two", json.loads(sys.argv[1]))]
side_by_side.train_side_by_side(Workspace.find(), "series", arms, [0])
"""


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="/proc says who is a child")
ENDLESS = {"epochs": 10_000, "early_stop": 0, "checkpoint_every": 10**6, "batch_size": 1}


@contextmanager
def _begun(
    workspace: Workspace, second: dict[str, float], file: str
) -> Iterator[tuple[subprocess.Popen[str], set[int]]]:
    """Trainings that go on for ever, or the first alone: once there are files of both."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILDREN, json.dumps(second)],
        cwd=workspace.root,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    ) as parent:
        try:
            while not all(
                list(workspace.runs.glob(f"series/{arm}-*/{awaited}"))
                for arm, awaited in (("one", CHECKPOINT), ("two", file))
            ):
                assert parent.poll() is None, "it ended before it could be stopped"
                time.sleep(0.01)
            # Of a group of their own, else the signal comes twice, and the second one kills.
            yield parent, {one for one in children(parent.pid) if os.getpgid(one) != parent.pid}
        finally:
            parent.kill()


def _saved_after_its_last_step(checkpoint: Path) -> bool:
    with safe_open(checkpoint, framework="pt") as content:
        state = json.loads(content.metadata()["state"])
    # Each step is at once in TensorBoard's file: none was done after the last that is saved.
    curves = EventAccumulator(str(checkpoint.parents[1] / "tensorboard")).Reload()
    return bool(curves.Scalars("loss")[-1].step == state["step"])


@LINUX
def test_ctrl_c_in_a_terminal_saves_all_of_them(tmp_path: Path, tiny_workspace: Any) -> None:
    """It reaches every process of the terminal's group, and then the parent asks them to stop."""
    workspace = tiny_workspace(tmp_path / "ws", images=40, tensorboard=True, **ENDLESS)
    with _begun(workspace, {"lr": 2e-3}, CHECKPOINT) as (parent, trainers):
        assert len(trainers) == 2
        os.killpg(parent.pid, signal.SIGINT)
        said = parent.communicate()[1]
    assert said.count("Traceback") == 1  # the script's own
    saved = list(workspace.runs.glob(f"series/*/{CHECKPOINT}"))
    assert len(saved) == 2
    assert all(map(_saved_after_its_last_step, saved))


@LINUX
def test_ctrl_c_ends_those_that_have_nothing_to_do(tmp_path: Path, tiny_workspace: Any) -> None:
    """What they leave when they end keeps nobody who is in a long step from ending."""
    workspace = tiny_workspace(tmp_path / "ws", images=40, tensorboard=True, **ENDLESS)
    with _begun(workspace, {"epochs": 1}, WEIGHTS) as (parent, trainers):
        (busy,) = (one for one in trainers if _writes(one, "series/one-"))
        (idle,) = trainers - {busy}
        os.kill(busy, signal.SIGSTOP)
        os.killpg(parent.pid, signal.SIGINT)
        while alive(idle):
            time.sleep(0.01)
        time.sleep(0.5)  # whatever else the parent may send
        os.kill(busy, signal.SIGCONT)
        parent.communicate()
    (saved,) = workspace.runs.glob(f"series/one-*/{CHECKPOINT}")
    assert _saved_after_its_last_step(saved)


def _writes(process: int, name: str) -> bool:
    return any(name in str(file.resolve()) for file in Path(f"/proc/{process}/fd").iterdir())


@LINUX
def test_where_one_is_killed_the_others_are_saved(tmp_path: Path, tiny_workspace: Any) -> None:
    workspace = tiny_workspace(tmp_path / "ws", images=40, tensorboard=True, **ENDLESS)
    with _begun(workspace, {"lr": 2e-3}, CHECKPOINT) as (parent, trainers):
        (killed,) = (one for one in trainers if _writes(one, "series/two-"))
        os.kill(killed, signal.SIGKILL)
        said = parent.communicate()[1]
    assert said.splitlines()[-1].endswith(
        "a training was killed, most likely because the memory is full. What was saved is kept; "
        "run the command again, and it goes on."
    )
    (saved,) = workspace.runs.glob(f"series/one-*/{CHECKPOINT}")
    assert _saved_after_its_last_step(saved)
