"""Trainings in processes of their own are those that a series makes itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from annotate.errors import InputError
from mumic.series.ablations import train_series
from mumic.series.arms import Arm
from mumic.series.side_by_side import train_side_by_side
from mumic.training.train import Reports, TrainOptions

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
        weights = [entry.run.path / "open_clip_model.safetensors" for entry in (ours, theirs)]
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
    finished = list((workspace.runs / "series").glob("*/open_clip_model.safetensors"))
    assert len(finished) < len(LEARNING_RATES)


CHILDREN = """
import signal
from annotate.workspace import Workspace
from mumic.series import side_by_side
from mumic.series.arms import Arm

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
side_by_side.usable_cores = lambda: 2
arms = [Arm("one", {}), Arm("two", {"lr": 2e-3})]
side_by_side.train_side_by_side(Workspace.find(), "series", arms, [0])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc says who is a child")
def test_ctrl_c_in_a_terminal_saves_all_of_them(tmp_path: Path, tiny_workspace: Any) -> None:
    """It reaches every process of the terminal's group, and then the parent asks them to stop."""
    endless = {"epochs": 10_000, "early_stop": 0, "checkpoint_every": 10**6, "batch_size": 1}
    workspace = tiny_workspace(tmp_path / "ws", images=40, tensorboard=True, **endless)
    parent = subprocess.Popen(
        [sys.executable, "-c", CHILDREN],
        cwd=workspace.root,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    )
    try:
        while len(list(workspace.runs.glob("series/*/last/checkpoint.safetensors"))) < 2:
            assert parent.poll() is None, "it ended before it could be stopped"
            time.sleep(0.01)
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
        # Else the signal comes twice, and the second one kills.
        assert len({os.getpgid(int(each)) for each in children} - {parent.pid}) == 2
        os.killpg(parent.pid, signal.SIGINT)
        parent.wait()
    finally:
        parent.kill()
    saved = list(workspace.runs.glob("series/*/last/checkpoint.safetensors"))
    assert len(saved) == 2
    for file in saved:
        with safe_open(file, framework="pt") as content:
            state = json.loads(content.metadata()["state"])
        # Each step is at once in TensorBoard's file: none was done after the last that is saved.
        curves = EventAccumulator(str(file.parents[1] / "tensorboard")).Reload()
        assert curves.Scalars("loss")[-1].step == state["step"]
