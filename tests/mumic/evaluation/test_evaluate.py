"""`mumic evaluate` on a tiny run, through its command."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from annotate.errors import InputError, MissingError
from annotate.workspace import Workspace
from mumic.cli.evaluate import compare, evaluate
from mumic.cli.train import train as train_command
from mumic.data import load_dataset
from mumic.metrics.measures import Cells
from mumic.run import Run
from mumic.scores import read_scores
from tests.mumic.commands import call, call_json

METHODS = [
    "MuMIC",
    "zero-shot CLIP, two prompts",
    "zero-shot CLIP, cosine",
    "linear probe, same frozen tower",
]


def test_metrics_json_holds_what_scikit_learn_finds(two_runs: tuple[Workspace, Run]) -> None:
    workspace, run = two_runs
    found = call_json(workspace, evaluate, "--run", "main", "--against", "scratch")
    assert found == json.loads((run.path / "metrics.json").read_text())["test"]
    assert list(found["methods"]) == [*METHODS, "run scratch"]
    scores = read_scores(run.path, "test")
    dataset = load_dataset(workspace).split("test")
    assert scores.image_ids == list(dataset.images["image_id"])
    cells = dataset.cells
    own = found["methods"]["MuMIC"]
    expected = average_precision_score(cells.labels[cells.mask], scores.logits[cells.mask])
    assert own["gap"] == pytest.approx(expected, abs=1e-9)
    each = []
    for column, entry in enumerate(found["per_class"]):
        known = cells.mask[:, column]
        truth = cells.labels[known, column]
        value = average_precision_score(truth, scores.logits[known, column])
        assert entry["average_precision"]["MuMIC"] == pytest.approx(value, abs=1e-9)
        assert entry["positives"] == truth.sum()
        each.append(value)
    assert own["macro_map"] == pytest.approx(np.mean(each), abs=1e-9)
    assert {"gap_at_2", "gap_at_2_all_positives"} <= set(own)
    for name, values in found["differences"].items():
        for measure in ("macro_map", "gap"):
            gained = own[measure] - found["methods"][name][measure]
            assert values[measure]["value"] == pytest.approx(gained)
            assert values[measure]["low"] <= values[measure]["high"]


def test_train_takes_options_over_settings(two_runs: tuple[Workspace, Run]) -> None:
    workspace, _ = two_runs
    options = ["--run", "by-hand", "--epochs", "1", "--batch-size", "16", "--freeze", "text"]
    result = call(workspace, train_command, *options)
    assert result.exit_code == 0, result.output
    assert "Next: mumic evaluate" in result.stdout
    assert "validation GAP" in result.stdout
    record = json.loads((workspace.runs / "by-hand" / "run.json").read_text())
    assert record["steps"] == 3  # 36 training images
    assert record["settings"]["train"]["freeze"] == "text"


def test_the_table_names_every_method(two_runs: tuple[Workspace, Run]) -> None:
    workspace, _ = two_runs
    result = call(workspace, evaluate, "--split", "validation")
    assert result.exit_code == 0
    for name in METHODS:
        assert name in result.stdout
    assert "macro mAP" in result.stdout
    assert "left out of the means" in result.stdout


def test_splits_stand_side_by_side(two_runs: tuple[Workspace, Run]) -> None:
    workspace, run = two_runs
    for split in ("test", "validation"):
        call_json(workspace, evaluate, "--run", "main", "--split", split, "--no-baselines")
    assert {"test", "validation"} <= set(json.loads((run.path / "metrics.json").read_text()))


def test_what_cannot_be_evaluated_is_said(two_runs: tuple[Workspace, Run]) -> None:
    workspace, _ = two_runs
    for arguments, message in (
        (["--run", "mian"], "did you mean main"),
        (["--split", "dev"], "must be one of train, validation, test"),
        (["--device", "quantum"], "--device quantum"),
    ):
        error = call(workspace, evaluate, *arguments).exception
        assert isinstance(error, InputError | MissingError)
        assert message in str(error)
    error = call(workspace, compare, "main", "scratch", "--split", "train").exception
    assert "mumic evaluate --run main --split train" in str(error)


def test_a_dataset_without_a_class_of_the_run(
    two_runs: tuple[Workspace, Run],
) -> None:
    workspace, _ = two_runs
    dataset = load_dataset(workspace)
    fewer = dataset.of_classes(["pets", "bed"])
    assert (fewer.cells.labels[:, 1] == dataset.cells.labels[:, 0]).all()
    assert isinstance(fewer.cells, Cells)
    with pytest.raises(InputError, match="no labels for sauna"):
        dataset.of_classes(["sauna"])
