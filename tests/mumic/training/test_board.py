"""The curves of a training, as TensorBoard itself reads them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mumic.training.board import FOLDER
from mumic.training.state import StepReport
from mumic.training.train import Reports, TrainOptions, train


class _KilledError(Exception):
    """Ends a training before its first checkpoint."""


def _kill(report: StepReport) -> None:
    if report.step == 2:
        raise _KilledError


def test_a_training_killed_before_its_first_checkpoint_draws_each_step_once(
    tmp_path: Path, tiny_workspace: Any
) -> None:
    workspace = tiny_workspace(tmp_path / "ws", tensorboard=True, checkpoint_every=1000)
    with pytest.raises(_KilledError):
        train(workspace, TrainOptions(run="one"), Reports(on_step=_kill))
    run = train(workspace, TrainOptions(run="one"))
    drawn = EventAccumulator(str(run.path / FOLDER)).Reload()
    steps = list(range(1, run.record["steps"] + 1))
    assert [point.step for point in drawn.Scalars("loss")] == steps


# The limit is what the system itself refuses with: no file may grow beyond it.
FULL = """
import resource, signal, sys
from pathlib import Path
from mumic.training.board import Board

def fill():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))

if sys.argv[1] == "before":
    fill()
board = Board(Path.cwd(), 0, print)
board.add(1, loss=0.5)
fill()
for step in range(2, 100):
    board.add(step, loss=0.5)
board.close()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the system's limits")
@pytest.mark.parametrize("full", ["before", "after"])
def test_a_full_disk_ends_the_curves_and_not_the_training(tmp_path: Path, full: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, full],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    (said,) = done.stdout.splitlines()
    assert said.startswith("warning: no more curves for TensorBoard: ")
