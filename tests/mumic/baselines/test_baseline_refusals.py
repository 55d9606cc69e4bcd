"""`mumic baseline`: what is refused, and what it says."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from click.testing import CliRunner

from annotate import tables
from annotate.errors import InputError
from annotate.settings import BaselineSettings
from annotate.workspace import Workspace
from mumic.checks import check_baseline
from mumic.cli import main
from tests.mumic.commands import call

BACKBONE = "test_resnet"  # timm's smallest


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, tiny_workspace: Any) -> Workspace:
    found: Workspace = tiny_workspace(tmp_path_factory.mktemp("baselines") / "ws", images=40)
    return found


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ask-head"], "must be one of"),
        (["asl-head", "--trials", "13"], "trials must be 1 to 12"),
        (["asl-head", "--batch-size", "0"], "[baseline] batch_size must be 1 or more"),
        (["asl-head", "--batch-size", "-64"], "[baseline] batch_size must be 1 or more"),
        (["asl-timm", "--backbone", "tresnet_x"], "did you mean tresnet_"),
        (["asl-timm", "--weights", "none.pth", "--backbone", BACKBONE], "no weights file"),
    ],
)
def test_what_cannot_be_made_is_said(
    workspace: Workspace, arguments: list[str], message: str
) -> None:
    result = call(workspace, main, "baseline", *arguments)
    assert result.exit_code == 1
    assert message in result.output


@pytest.mark.parametrize("what", ["a checkpoint with other objects", "a text"])
def test_a_weights_file_that_holds_no_weights_alone_is_refused(
    workspace: Workspace, tmp_path: Path, what: str
) -> None:
    file = tmp_path / "weights.pth"
    if what == "a text":
        file.write_text("not found\n")
    else:
        state = timm.create_model(BACKBONE, pretrained=False).state_dict()
        torch.save({"state_dict": state, "args": argparse.Namespace(lr=0.1)}, file)
    result = call(
        workspace, main, "baseline", "asl-timm", "--backbone", BACKBONE, "--weights", str(file)
    )
    assert result.exit_code == 1
    said = " ".join(result.output.split())
    assert f"{file}: no weights alone" in said
    assert "Save the state_dict alone" in said
    assert "weights_only" not in said  # torch's advice, to run what is in the file


def test_a_dataset_without_training_labels_is_refused_with_what_to_do(
    tmp_path: Path, tiny_workspace: Any
) -> None:
    made = tiny_workspace(tmp_path / "ws", images=20)
    file = made.dataset / "images.parquet"
    frame = tables.read(tables.DATASET, file)
    frame["labels"] = [
        [None] * 4 if split == "train" else labels
        for split, labels in zip(frame["split"], frame["labels"], strict=True)
    ]
    tables.write(tables.DATASET, frame, file)
    result = call(made, main, "baseline", "cosine")
    assert result.exit_code == 1
    said = " ".join(result.output.split())
    assert "no training image with a known label. Collect more answers, then run" in said


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"tower_lr": -1.0, "patience": 0},
            "patience must be 1 or more\n.*tower_lr must be",
        ),
        ({"backbone_lr": 0.0}, "backbone_lr must be above 0"),
        ({"tower_lr": math.inf}, "tower_lr must be a finite number"),
        ({"backbone_lr": math.nan}, "backbone_lr must be a finite number"),
    ],
)
def test_a_search_that_trains_nothing_is_refused(settings: dict[str, Any], message: str) -> None:
    check_baseline(BaselineSettings())
    with pytest.raises(InputError, match=message):
        check_baseline(replace(BaselineSettings(), **settings))


def test_a_seed_is_0_or_more(workspace: Workspace) -> None:
    result = call(workspace, main, "baseline", "cosine", "--seed", "-1")
    assert result.exit_code == 2
    assert "-1 is not in the range" in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["two-prompts", "--trials", "3"], "--trials would have no effect: it belongs to linear-"),
        (["--max-epochs", "3"], "--max-epochs would"),
        (["cosine", "linear-probe", "--patience", "2"], "--patience would"),
        (["linear-probe", "--batch-size", "2"], "--batch-size would"),
        (
            ["asl-head", "--backbone", BACKBONE],
            "--backbone would have no effect: it belongs to asl",
        ),
        (["asl-head", "--weights", "x.pth"], "--weights would"),
    ],
)
def test_options_without_effect_are_refused(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(main, ["baseline", *arguments])
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


@pytest.mark.parametrize(
    "arguments", [["--trials", "3"], ["cosine", "asl-head", "--patience", "2", "--trials", "3"]]
)
def test_options_of_one_of_several_baselines_are_no_wrong_usage(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(main, ["baseline", *arguments]).exit_code == 1  # no workspace
