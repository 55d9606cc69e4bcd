"""Storage thresholds: against every other threshold by hand, and what `mumic predict` stores."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.metrics import recall_score

from annotate import tables
from annotate.files import write_json
from annotate.mining.predictions import load_predictions
from annotate.workspace import Workspace
from mumic.cli import main
from mumic.data import load_dataset
from mumic.metrics.ranking import Cells
from mumic.metrics.thresholds import Thresholds
from mumic.prediction.storing import FEW, storage_thresholds
from mumic.scores import read_scores
from mumic.training.train import TrainOptions, train
from tests.mumic.commands import scan_photos


def _high(count: int, logit: float = 99.0) -> Thresholds:
    return Thresholds(np.full(count, logit), ("by hand",) * count)


def _cells(labels: Any, mask: Any = True) -> Cells:
    values = np.asarray(labels, np.int8)
    return Cells(values, np.broadcast_to(np.asarray(mask), values.shape))


def test_the_place_of_the_threshold_by_hand() -> None:
    scores = np.arange(20, dtype=np.float32)[:, None]
    labels = np.ones((20, 1))
    labels[:11] = 0  # nine positives, 11 to 19
    for recall, expected in ((0.8, 12.0), (0.9, 11.0), (0.91, -3.0), (1.0, -3.0)):
        found = storage_thresholds(scores, _cells(labels), recall, _high(1), -3.0)
        assert found.logits.tolist() == [expected]
        assert (found.chosen[0] == FEW) == (expected == -3.0)
    low = storage_thresholds(scores - 15, _cells(labels), 1.0, _high(1), -3.0)
    assert low.logits.tolist() == [-4.0]  # the lowest positive lies below the default
    for recall in (1e-12, 0.9):
        none = storage_thresholds(scores, _cells(labels * 0), recall, _high(1), -3.0)
        assert none.logits.tolist() == [-3.0]


def test_new_positives_pass_as_often_as_asked() -> None:
    """99 positives at a recall of 0.9: the 10th lowest, passed by 1 - 10 / 100 of all others."""
    rng = np.random.default_rng(2)
    scores = rng.gumbel(size=(99, 2_000)).astype(np.float32)
    found = storage_thresholds(scores, _cells(np.ones(scores.shape)), 0.9, _high(2_000), -9.0)
    passed = 1 - np.exp(-np.exp(-found.logits))  # of a Gumbel variable, exactly
    assert passed.mean() == pytest.approx(0.9, abs=0.003)


def test_no_yes_is_lost_and_unknown_labels_have_no_say() -> None:
    rng = np.random.default_rng(1)
    labels = (rng.random((300, 2)) < 0.3).astype(np.int8)
    scores, mask = rng.normal(size=(300, 2)) + labels, rng.random((300, 2)) < 0.9
    low = storage_thresholds(scores, _cells(labels, mask), 0.5, _high(2, -0.7), -3.0)
    assert low.logits.tolist() == [-0.7, -0.7]
    flipped = np.where(mask, labels, 1 - labels)
    first, second = (
        storage_thresholds(scores, _cells(values, mask), 0.9, _high(2), 0.0)
        for values in (labels, flipped)
    )
    assert first.logits.tolist() == second.logits.tolist()


@pytest.fixture
def workspace(tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    found: Workspace = tiny_workspace(tmp_path / "ws", images=40, epochs=1)
    run = train(found, TrainOptions(run="one"))
    # So few steps part nothing: with F1's own thresholds all predictions would be stored.
    high = _high(len(run.classes)).to_json([entry.id for entry in run.classes])
    write_json(run.path / "thresholds.json", high)
    monkeypatch.chdir(found.root)
    return found


def _json(*arguments: str) -> Any:
    result = CliRunner().invoke(main, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def _logits(summary: Any) -> pd.Series[float]:
    frame = tables.read(tables.PREDICTIONS, Path(summary["path"]))
    return frame.set_index(["image_id", "class_id"])["logit"].sort_index()


def test_predict_stores_what_lies_at_or_above(workspace: Workspace) -> None:
    found = _json("thresholds", "--recall", "0.4")
    validation = load_dataset(workspace).split("validation")
    scores = read_scores(workspace.runs / "one", "validation").logits
    for at, row in enumerate(found["classes"]):
        known = validation.cells.mask[:, at]
        truth = validation.cells.labels[known, at]
        stored = scores[known, at] >= np.log(
            row["storage_threshold"] / (1 - row["storage_threshold"])
        ).astype(np.float32) - np.float32(1e-5)
        assert row["stored_recall"] == pytest.approx(recall_score(truth, stored))
        assert row["stored"] == pytest.approx(stored.mean())
        assert row["storage_threshold"] <= row["threshold"]
    everything = _logits(_json("predict", "photos", "--min-probability", "0"))
    summary = _json("predict", "photos")
    cuts = {
        entry["class_id"]: entry["logit"]
        for entry in json.loads((workspace.runs / "one" / "storage.json").read_text())["thresholds"]
    }
    least = everything.index.get_level_values("class_id").map(cuts).to_numpy()
    expected = everything[everything.to_numpy() >= least]
    assert 0 < len(expected) < len(everything)
    pd.testing.assert_series_equal(_logits(summary), expected, atol=1e-5, rtol=0)
    scan_photos(workspace)
    pd.testing.assert_series_equal(_logits(_json("predict")), expected, atol=1e-5, rtol=0)
    read = load_predictions(workspace, "one")
    assert read.least("pets") == pytest.approx(cuts["pets"])


def test_a_prediction_beside_others_files_deletes_none_of_them(
    workspace: Workspace, tmp_path: Path
) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    others = {".notes.tmp", ".other.parquet.x1.tmp", ".other.json.x2.tmp"}
    for name in others | {".mine.parquet.x3.tmp", ".mine.json.x4.tmp"}:
        (folder / name).write_bytes(b"half")
    _json("predict", "photos", "--out", str(folder / "mine.parquet"))
    assert {path.name for path in folder.iterdir()} == others | {"mine.parquet", "mine.json"}


def test_without_a_least_probability_the_file_is_still_json(workspace: Workspace) -> None:
    settings = workspace.root / "mumic.toml"
    text = settings.read_text("utf-8")
    settings.write_text(re.sub(r"(?m)^min_probability = [0-9.]+", "min_probability = 0.0", text))
    _json("thresholds", "--recall", "1")

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    content = (workspace.runs / "one" / "storage.json").read_text("utf-8")
    found = json.loads(content, parse_constant=refuse)["thresholds"]
    assert {entry["probability"] for entry in found} == {0}
    images = len(list((workspace.root / "photos").iterdir()))
    assert _json("predict", "photos")["rows"] == images * len(found)


@pytest.mark.parametrize("recall", ["0", "1.1", "nan"])
def test_a_recall_that_is_none(workspace: Workspace, recall: str) -> None:
    result = CliRunner().invoke(main, ["thresholds", "--recall", recall])
    assert result.exit_code == 1
    assert "must be above 0 and at most 1" in result.output
    assert not (workspace.runs / "one" / "storage.json").exists()
