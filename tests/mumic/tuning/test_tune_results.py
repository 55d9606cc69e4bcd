"""What a study tries where there is little to try, and what its table holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from annotate.settings import render
from annotate.workspace import Workspace
from mumic.cli import main
from mumic.data import load_dataset
from mumic.scores import read_scores
from tests.mumic.commands import call_json


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, tiny_workspace: Any) -> Workspace:
    found: Workspace = tiny_workspace(tmp_path_factory.mktemp("tuned") / "ws", epochs=1)
    return found


def test_settings_are_tried_once_each(workspace: Workspace) -> None:
    search = ("tune", "--search", "freeze=none,image,text", "--search", "flip=true,false")
    begun = call_json(workspace, main, *search, "--trials", "2")
    assert len(begun["trials"]) == 2
    found = call_json(workspace, main, *search, "--trials", "12")
    tried = [tuple(sorted(trial["changes"].items())) for trial in found["trials"]]
    assert len(tried) >= 6
    assert set(tried) == {
        (("flip", flip), ("freeze", freeze))
        for freeze in ("none", "image", "text")
        for flip in (True, False)
    }
    trained = list((workspace.runs / "tune-freeze-flip").glob("trial-*"))
    assert len(trained) == 6
    assert call_json(workspace, main, *search, "--trials", "30")["trials"] == found["trials"]


def _macro_map(workspace: Workspace, folder: Path, fewest: int) -> float:
    """By scikit-learn, from the scores that are kept of a trial."""
    scores, split = read_scores(folder, "validation"), load_dataset(workspace).split("validation")
    values = []
    for column in range(split.cells.labels.shape[1]):
        known = split.cells.mask[:, column]
        truth = split.cells.labels[known, column]
        if truth.sum() >= fewest:
            values.append(average_precision_score(truth, scores.logits[known, column]))
    return float(np.mean(values))


def test_all_rows_are_measured_by_the_settings_of_the_call(workspace: Workspace) -> None:
    def tune(trials: int) -> Any:
        return call_json(
            workspace, main, "tune", "--search", "lr=1e-4..1e-2", "--trials", str(trials)
        )

    settings = workspace.settings
    tune(1)
    labels = load_dataset(workspace).split("validation").cells.labels
    fewest = int((labels == 1).sum(axis=0).max())
    evaluate = replace(settings.evaluate, min_positives=fewest)
    (workspace.root / "mumic.toml").write_text(render(replace(settings, evaluate=evaluate)))
    found = tune(2)
    (workspace.root / "mumic.toml").write_text(render(settings))
    assert len(found["trials"]) == 2
    for row in found["trials"]:
        folder = workspace.runs / "tune-lr" / row["run"]
        assert row["macro_map"] == pytest.approx(_macro_map(workspace, folder, fewest))
        assert row["macro_map"] != pytest.approx(_macro_map(workspace, folder, 1))
