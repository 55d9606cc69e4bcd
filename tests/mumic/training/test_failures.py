"""What goes wrong in a training, for real: a full disk, a full memory."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from annotate.errors import MumicError
from annotate.settings import TrainSettings
from mumic.baselines.runs import BaselineOptions, run_baseline
from mumic.baselines.runs import Reports as BaselineReports
from mumic.evaluation.evaluate import EvaluateOptions, evaluate
from mumic.memory import advice_in_training
from mumic.training.state import StepReport
from mumic.training.train import Reports, TrainOptions, train

# The limit is what the system itself refuses with: no file may grow beyond it.
DISK = """
import resource, signal
from pathlib import Path
from annotate.workspace import Workspace
from mumic.training.train import Reports, TrainOptions, train

def fill(report):
    if report.step == 2:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))

train(Workspace.find(Path.cwd()), TrainOptions(run="one"), Reports(on_step=fill))
"""

# What the process holds when it goes on, and a little: too little for the rest.
MEMORY = """
import resource
from pathlib import Path
from annotate.workspace import Workspace
from mumic.training.train import Reports, TrainOptions, train

def fill(note):
    if "going on" in note:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + 2**20
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))

train(Workspace.find(Path.cwd()), TrainOptions(run="one"), Reports(on_note=fill))
"""

# From the start: there is room for small files, and not for the pixel cache.
CACHE = """
import resource, signal
from mumic.cli import main

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
main(["train", "--run", "one"])
"""


def _stop(report: StepReport) -> None:
    if report.step == 1:
        os.kill(os.getpid(), signal.SIGINT)


def _fails(script: str, folder: Path) -> str:
    """The last line that a program says before it ends with an error."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    return done.stderr


@pytest.mark.parametrize(
    ("micro_batch", "processes", "advice"),
    [
        (0, 1, "Set micro_batch below 64 under"),
        (0, 4, "Set micro_batch below 16 under"),
        (32, 4, "Set micro_batch below 16 under"),
        (4, 4, "Set micro_batch below 4 under"),
        (1, 1, "one image at a time, which is the least"),
        (0, 64, "one image at a time, which is the least"),
    ],
)
def test_the_advice_is_about_what_a_process_had_at_once(
    tmp_path: Path, micro_batch: int, processes: int, advice: str
) -> None:
    settings = TrainSettings(batch_size=64, micro_batch=micro_batch)
    said = advice_in_training(settings, processes, tmp_path / "checkpoint")
    assert advice in said
    assert said.startswith("nothing had been saved yet.")
    (tmp_path / "checkpoint").write_bytes(b"")
    said = advice_in_training(settings, processes, tmp_path / "checkpoint")
    assert said.startswith("the last checkpoint is kept.")


def _no_memory(*_: object) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory.")


def test_a_full_memory_is_said_where_a_model_is_used(
    tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    train(workspace, TrainOptions(run="one"))
    monkeypatch.setattr("mumic.scores.encode_images", _no_memory)
    options = EvaluateOptions(run="one", allow_demo_model=True)
    with pytest.raises(MumicError, match=r"the memory is full; lower batch_size under \[predict\]"):
        evaluate(workspace, options)
    made = BaselineOptions(allow_demo_model=True)
    with pytest.raises(
        MumicError, match=r"the memory is full; lower batch_size under \[baseline\]"
    ):
        run_baseline(workspace, "cosine", made, BaselineReports())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the system's limits")
@pytest.mark.parametrize(
    ("script", "said"), [(DISK, "MumicError: cannot write"), (MEMORY, "the memory is full;")]
)
def test_a_full_disk_or_memory_keeps_the_last_checkpoint(
    tmp_path: Path, tiny_workspace: Any, script: str, said: str
) -> None:
    workspace = tiny_workspace(tmp_path / "ws", checkpoint_every=1)
    with pytest.raises(MumicError, match="stopped after step 1"):
        train(workspace, TrainOptions(run="one"), Reports(on_step=_stop))
    kept = workspace.runs / "one" / "last" / "checkpoint.safetensors"
    before = kept.read_bytes()
    told = _fails(script, workspace.root)
    assert said in told, told
    assert kept.read_bytes() == before
    assert not list((workspace.runs / "one").rglob("*.tmp"))
    assert train(workspace, TrainOptions(run="one")).record["finished"]  # there is room again


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the system's limits")
def test_a_disk_that_fills_while_images_are_decoded_is_a_message(
    tmp_path: Path, tiny_workspace: Any
) -> None:
    workspace = tiny_workspace(tmp_path / "ws")
    told = _fails(CACHE, workspace.root)
    assert f"Error: {os.strerror(errno.EFBIG)}." in told, told
    assert "Traceback" not in told
    assert not list((workspace.data / "cache").rglob("*.npy"))
    assert train(workspace, TrainOptions(run="one")).record["finished"]  # there is room again
