"""`mumic predict` goes on after a kill at any of its places."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from annotate import tables
from annotate.workspace import Workspace
from mumic.prediction import predict as module
from mumic.prediction.picking import Picked, pick_images
from mumic.prediction.predict import Predictor, open_predictor
from mumic.run import Run
from tests.mumic.close import assert_close


def _assert_alike(target: Path, expected: pd.DataFrame) -> None:
    """The same rows, with logits that are computed twice and may lie differently in memory."""
    found = tables.read(tables.PREDICTIONS, target)
    pd.testing.assert_frame_equal(found, expected, rtol=1e-5, atol=1e-5)


def _stopped_after_a_part(predictor: Predictor, picked: Picked, target: Path) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        module.predict(predictor, picked, target, stop)


def test_a_killed_prediction_goes_on_where_it_was(
    two_runs: tuple[Workspace, Run], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    workspace, _ = two_runs
    monkeypatch.chdir(workspace.root)
    monkeypatch.setattr(module, "PART_SIZE", 20)
    predictor = open_predictor(workspace, "main", "cpu")
    picked = pick_images(workspace, ["photos"])
    whole, target = tmp_path / "whole.parquet", tmp_path / "cut.parquet"
    expected = module.predict(predictor, picked, whole)

    _stopped_after_a_part(predictor, picked, target)
    part = target.parent / ".cut.parts" / "part-00000.json"
    before = part.stat().st_mtime_ns
    done: list[int] = []

    def look(count: int) -> None:
        done.append(count)
        assert part.stat().st_mtime_ns == before

    assert_close(module.predict(predictor, picked, target, look), expected, rel=1e-4)
    assert done == [20, 20, 20]
    _assert_alike(target, tables.read(tables.PREDICTIONS, whole))


def test_what_was_set_aside_before_a_kill_is_read_again(
    two_runs: tuple[Workspace, Run], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
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

    _stopped_after_a_part(predictor, picked, target)
    (photos / "0.png").write_bytes(whole)
    summary = module.predict(predictor, picked, target)
    assert (summary["images"], summary["rejects"]) == (6, [])


def test_a_kill_while_the_parts_are_deleted_loses_no_row(
    two_runs: tuple[Workspace, Run], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
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
