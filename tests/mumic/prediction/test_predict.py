"""`mumic predict` with a tiny run, through its command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from annotate import tables
from annotate.catalog.scan import image_id
from annotate.workspace import Workspace
from mumic.cli.evaluate import evaluate
from mumic.cli.predict import predict
from mumic.data import load_dataset
from mumic.run import Run
from mumic.scores import read_scores
from tests.mumic.commands import call, call_json


def test_predictions_are_the_scores_above_the_storage_threshold(
    two_runs: tuple[Workspace, Run],
) -> None:
    workspace, run = two_runs
    summary = call_json(workspace, predict, "photos", "--run", "main", "--min-probability", "0.2")
    frame = tables.read(tables.PREDICTIONS, Path(summary["path"]))
    assert summary["images"] == 60
    assert summary["rows"] == len(frame)
    assert (frame["logit"] >= np.log(0.2 / 0.8)).all()
    call_json(workspace, evaluate, "--run", "main", "--no-baselines")
    scores = read_scores(run.path, "test")
    dataset = load_dataset(workspace).split("test")
    stored = {(row.uri, row.class_id): row.logit for row in frame.itertuples()}
    for uri, logits in zip(dataset.images["uri"], scores.logits, strict=True):
        for entry, logit in zip(run.classes, logits, strict=True):
            if logit >= np.log(0.2 / 0.8):
                assert stored[uri, entry.id] == pytest.approx(logit, abs=1e-3)
            else:
                assert (uri, entry.id) not in stored
    first = frame.iloc[0]
    assert first["image_id"] == image_id(first["uri"], first["content_hash"])
    assert set(frame["run_id"]) == {"main"}
    assert set(frame["taxonomy_hash"]) == {dataset.taxonomy_hash}


def test_broken_images_are_set_aside(two_runs: tuple[Workspace, Run], tmp_path: Path) -> None:
    workspace, _ = two_runs
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("no picture")
    Image.new("RGB", (50, 30), "red").save(tmp_path / "größe.png")
    summary = call_json(workspace, predict, str(tmp_path), "--out", str(tmp_path / "out.parquet"))
    assert summary["images"] == 1
    reasons = {Path(entry["uri"]).name: entry["reason"] for entry in summary["rejects"]}
    assert reasons["empty.jpg"] == "the file is empty"
    assert "not a picture" in reasons["text.jpg"]
    assert json.loads((tmp_path / "out.json").read_text())["rejects"] == summary["rejects"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    error = call(workspace, predict, str(tmp_path), "--out", "out.csv").exception
    assert "name a .parquet file" in str(error)


def test_a_picture_on_the_web_is_picked_as_it_is(two_runs: tuple[Workspace, Run]) -> None:
    from mumic.prediction.picking import pick_images

    picked = pick_images(two_runs[0], ["https://host.invalid/rooms/1.jpg", "s3://bucket/2.png"])
    assert picked.uris == ["https://host.invalid/rooms/1.jpg", "s3://bucket/2.png"]
    assert not picked.demo
