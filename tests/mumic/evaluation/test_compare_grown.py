"""`mumic compare` on the training split after the dataset has grown beyond what was scored."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from annotate import tables
from annotate.workspace import Workspace
from mumic.cli.evaluate import compare, evaluate
from mumic.scores import read_scores
from mumic.training.train import TrainOptions, train
from tests.mumic.commands import call_json

NEW = 7


@pytest.fixture
def grown(tmp_path: Path, tiny_workspace: Any) -> Workspace:
    """A run that is scored on its training images, and a dataset with further ones."""
    workspace: Workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    train(workspace, TrainOptions(run="main"))
    call_json(workspace, evaluate, "--no-baselines", "--split", "train")
    file = workspace.dataset / "images.parquet"
    frame = tables.read(tables.DATASET, file)
    rows = frame[frame["split"] == "train"].head(NEW).to_dict("records")
    for number, row in enumerate(rows):
        content = hashlib.sha256(str(number).encode()).hexdigest()
        row |= {"image_id": content[:20], "content_hash": content, "group_id": f"new{number}"}
        row |= {"labels": [1, 1, 1, 1]}
    added = pd.DataFrame([*frame.to_dict("records"), *rows], columns=frame.columns)
    tables.write(tables.DATASET, added, file)
    return workspace


def test_what_was_scored_is_measured_and_all_says_how_frequent_a_class_is(
    grown: Workspace,
) -> None:
    found = call_json(grown, compare, "main", "--split", "train")
    scores = read_scores(grown.runs / "main", "train")
    frame = tables.read(tables.DATASET, grown.dataset / "images.parquet")
    by_id = {row["image_id"]: row["labels"] for row in frame.to_dict("records")}
    whole = [by_id[image] for image in scores.image_ids]
    labels = np.array([[np.nan if v is None else v for v in row] for row in whole], float)
    known = ~np.isnan(labels)
    own = found["methods"]["main"]
    assert own["images"] == len(scores.image_ids)
    expected = average_precision_score(labels[known], scores.logits[known])
    assert own["gap"] == pytest.approx(expected, abs=1e-9)
    for at, row in enumerate(found["per_class"]):
        assert row["positives"] == np.nansum(labels[:, at])
        assert row["train_positives"] == row["positives"] + NEW
    assert any(note.startswith(f"{NEW} of {own['images'] + NEW} images") for note in found["notes"])
