"""``torchrun -m mumic train``: the run of two processes is the run of one."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from mumic.run import open_run
from mumic.training.train import TrainOptions, train
from tests.mumic.training.test_step import _assert_close, _processes, _without_key_bias

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
