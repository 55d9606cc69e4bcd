"""Predictions of named photos stand apart from those of the catalogue, which others rest on."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from annotate import tables
from annotate.errors import MissingError
from annotate.mining.predictions import load_predictions
from annotate.status import StageState, status
from annotate.workspace import Workspace
from mumic.cli.predict import predict
from mumic.prediction import predict as module
from mumic.prediction.picking import pick_images, prediction_file
from mumic.prediction.predict import open_predictor
from mumic.run import Run
from tests.mumic.commands import call_json, scan_photos


@pytest.fixture
def workspace(two_runs: tuple[Workspace, Run]) -> Workspace:
    """With a catalogue of its 60 photos, none of them predicted."""
    found, _ = two_runs
    scan_photos(found)
    for file in found.predictions.glob("**/*.*"):
        file.unlink()
    return found


@pytest.fixture
def photo(tmp_path: Path) -> str:
    Image.new("RGB", (50, 30), "red").save(tmp_path / "one.png")
    return str(tmp_path / "one.png")


def _state(workspace: Workspace) -> StageState:
    return next(state for state in status(workspace) if state.name == "predictions")


def test_a_photo_that_is_named_ends_no_prediction_of_the_catalogue(
    workspace: Workspace, photo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PART_SIZE", 20)
    predictor = open_predictor(workspace, "main", "cpu")
    picked, target = pick_images(workspace, []), prediction_file(workspace, "main", [])

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        module.predict(predictor, picked, target, stop)
    (part,) = workspace.predictions.glob(".main.parts/part-*.json")
    before = part.stat().st_mtime_ns
    assert call_json(workspace, predict, photo, "--run", "main")["images"] == 1
    parts: list[int] = []

    def look(_: int) -> None:
        parts.append(part.stat().st_mtime_ns)

    assert module.predict(predictor, picked, target, look)["images"] == 60
    assert parts == [before] * 3


def test_the_catalogue_stays_unpredicted_and_then_as_it_was_predicted(
    workspace: Workspace, photo: str
) -> None:
    named = call_json(workspace, predict, photo, "--run", "main", "--min-probability", "0")
    stored = tables.read(tables.PREDICTIONS, Path(named["path"]))
    assert set(stored["uri"]) == {photo}
    assert (_state(workspace).state, _state(workspace).command) == ("missing", "mumic predict")
    with pytest.raises(MissingError, match="Predict the catalogue with `mumic predict --run main`"):
        load_predictions(workspace, "main")

    whole = call_json(workspace, predict, "--run", "main", "--min-probability", "0")
    ids = set(tables.read(tables.CATALOG, workspace.catalog / "images.parquet")["image_id"])
    assert set(load_predictions(workspace, "main").rows["image_id"]) == ids
    assert _state(workspace).detail == f"{60 * whole['classes']} logits"
    files = [Path(whole["path"]), Path(whole["path"]).with_suffix(".json")]
    before = [file.read_bytes() for file in files]
    for sources in ([photo], ["photos"], ["photos/000.png"]):  # two of them in the catalogue
        call_json(workspace, predict, *sources, "--run", "main", "--min-probability", "0.9")
        assert [file.read_bytes() for file in files] == before


def test_predictions_of_no_run_that_is_there_are_none_of_the_catalogue(
    workspace: Workspace,
) -> None:
    call_json(workspace, predict, "--run", "main")
    file = workspace.predictions / "main.parquet"
    file.rename(file.with_stem("gone"))
    assert _state(workspace).state == "missing"


@pytest.mark.parametrize("other", ["main-images", "main.sources", "sources"])
def test_no_name_of_another_run_makes_it_the_same_file(workspace: Workspace, other: str) -> None:
    named, catalogue = (prediction_file(workspace, "main", some) for some in (["photos"], []))
    others = {prediction_file(workspace, other, some) for some in (["photos"], [])}
    assert len({named, catalogue} | others) == 4
