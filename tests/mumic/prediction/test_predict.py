"""`mumic predict` with a tiny run, through its command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from annotate import tables
from annotate.catalog.scan import image_id
from annotate.workspace import Workspace
from mumic.cli.evaluate import evaluate
from mumic.cli.predict import predict
from mumic.data import load_dataset
from mumic.prediction.predict import open_predictor
from mumic.run import Run
from mumic.scores import read_scores
from tests.mumic.commands import call, call_json
from tests.mumic.evaluation.test_compare import _assert_close


def _assert_alike(target: Path, expected: pd.DataFrame) -> None:
    """The same rows, with logits that are computed twice and may lie differently in memory."""
    found = tables.read(tables.PREDICTIONS, target)
    pd.testing.assert_frame_equal(found, expected, rtol=1e-5, atol=1e-5)


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


def test_a_killed_prediction_goes_on_where_it_was(
    two_runs: tuple[Workspace, Run], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from mumic.prediction import predict as module
    from mumic.prediction.picking import pick_images

    workspace, _ = two_runs
    monkeypatch.chdir(workspace.root)
    monkeypatch.setattr(module, "PART_SIZE", 20)
    predictor = open_predictor(workspace, "main", "cpu")
    picked = pick_images(workspace, ["photos"])
    whole, target = tmp_path / "whole.parquet", tmp_path / "cut.parquet"
    expected = module.predict(predictor, picked, whole)

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        module.predict(predictor, picked, target, stop)
    part = target.parent / ".cut.parts" / "part-00000.json"
    before = part.stat().st_mtime_ns
    done: list[int] = []

    def look(count: int) -> None:
        done.append(count)
        assert part.stat().st_mtime_ns == before

    _assert_close(module.predict(predictor, picked, target, look), expected, rel=1e-4)
    assert done == [20, 20, 20]
    _assert_alike(target, tables.read(tables.PREDICTIONS, whole))


def test_what_was_set_aside_before_a_kill_is_read_again(
    two_runs: tuple[Workspace, Run], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from mumic.prediction import predict as module
    from mumic.prediction.picking import pick_images

    workspace, _ = two_runs
    monkeypatch.setattr(module, "PART_SIZE", 2)
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(6):
        Image.new("RGB", (50, 30), (40 * number, 0, 0)).save(photos / f"{number}.png")
    whole = (photos / "0.png").read_bytes()
    (photos / "0.png").write_bytes(b"")  # as it is while it is being copied
    predictor = open_predictor(workspace, "main", "cpu")
    picked, target = pick_images(workspace, [str(photos)]), tmp_path / "out.parquet"

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        module.predict(predictor, picked, target, stop)
    (photos / "0.png").write_bytes(whole)
    summary = module.predict(predictor, picked, target)
    assert (summary["images"], summary["rejects"]) == (6, [])


def test_a_kill_while_the_parts_are_deleted_loses_no_row(
    two_runs: tuple[Workspace, Run], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from mumic.prediction import predict as module
    from mumic.prediction.picking import pick_images

    workspace, _ = two_runs
    monkeypatch.chdir(workspace.root)
    monkeypatch.setattr(module, "PART_SIZE", 20)
    predictor, picked = open_predictor(workspace, "main", "cpu"), pick_images(workspace, ["photos"])
    target = tmp_path / "out.parquet"

    def dies_after_one_file(folder: Path, **_: Any) -> None:
        for part in folder.glob("*.parquet"):
            part.unlink()
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", dies_after_one_file)
        with pytest.raises(KeyboardInterrupt):
            module.predict(predictor, picked, target)
    before = tables.read(tables.PREDICTIONS, target)
    summary = module.predict(predictor, picked, target)
    _assert_alike(target, before)
    assert summary["rows"] == len(before) > 0
