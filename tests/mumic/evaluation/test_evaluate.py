"""`mumic evaluate`, `compare` and `predict` on a tiny run, through their commands."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from sklearn.metrics import average_precision_score

from annotate import tables
from annotate.catalog.scan import image_id
from annotate.errors import InputError, MissingError
from annotate.files import write_json
from annotate.workspace import Workspace
from mumic.cli.baseline import baseline
from mumic.cli.evaluate import compare, evaluate
from mumic.cli.predict import predict
from mumic.cli.train import train as train_command
from mumic.data import load_dataset
from mumic.metrics.measures import Cells
from mumic.prediction.predict import open_predictor
from mumic.run import Run
from mumic.scores import read_scores
from mumic.training.train import TrainOptions, train

METHODS = [
    "MuMIC",
    "zero-shot CLIP, two prompts",
    "zero-shot CLIP, cosine",
    "linear probe, same frozen tower",
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_workspace: Any) -> tuple[Workspace, Run]:
    workspace = tiny_workspace(tmp_path_factory.mktemp("evaluated") / "ws", images=60)
    train(workspace, TrainOptions(run="scratch", random_init=True))
    return workspace, train(workspace, TrainOptions(run="main"))


def _call(workspace: Workspace, command: Any, *arguments: str) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(workspace.root)
        return CliRunner().invoke(command, list(arguments))


def _json(workspace: Workspace, command: Any, *arguments: str) -> Any:
    result = _call(workspace, command, *arguments, "--json")
    if result.exception:
        raise result.exception
    return json.loads(result.stdout)


def _assert_close(found: Any, expected: Any) -> None:
    """Computed twice: a matrix product's last bits may depend on where it lies in memory."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            _assert_close(found[name], value)
    else:
        assert found == pytest.approx(expected, rel=1e-6)


def test_metrics_json_holds_what_scikit_learn_finds(trained: tuple[Workspace, Run]) -> None:
    workspace, run = trained
    found = _json(workspace, evaluate, "--run", "main", "--against", "scratch")
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


def test_train_takes_options_over_settings(trained: tuple[Workspace, Run]) -> None:
    workspace, _ = trained
    options = ["--run", "by-hand", "--epochs", "1", "--batch-size", "16", "--freeze", "text"]
    result = _call(workspace, train_command, *options)
    assert result.exit_code == 0, result.output
    assert "Next: mumic evaluate" in result.stdout
    assert "validation GAP" in result.stdout
    record = json.loads((workspace.runs / "by-hand" / "run.json").read_text())
    assert record["steps"] == 3  # 36 training images
    assert record["settings"]["train"]["freeze"] == "text"


def test_the_table_names_every_method(trained: tuple[Workspace, Run]) -> None:
    workspace, _ = trained
    result = _call(workspace, evaluate, "--split", "validation")
    assert result.exit_code == 0
    for name in METHODS:
        assert name in result.stdout
    assert "macro mAP" in result.stdout
    assert "left out of the means" in result.stdout


def test_splits_stand_side_by_side(trained: tuple[Workspace, Run]) -> None:
    workspace, run = trained
    for split in ("test", "validation"):
        _json(workspace, evaluate, "--run", "main", "--split", split, "--no-baselines")
    assert {"test", "validation"} <= set(json.loads((run.path / "metrics.json").read_text()))


def test_compare_is_the_difference_of_the_two_evaluations(trained: tuple[Workspace, Run]) -> None:
    workspace, _ = trained
    beside = _json(workspace, evaluate, "--run", "main", "--against", "scratch", "--no-baselines")
    found = _json(workspace, compare, "main", "scratch")
    _assert_close(found["differences"]["scratch"], beside["differences"]["run scratch"])
    reverse = _json(workspace, compare, "scratch", "main")["differences"]["main"]
    assert reverse["gap"]["value"] == pytest.approx(
        -found["differences"]["scratch"]["gap"]["value"]
    )
    assert reverse["gap"]["low"] == pytest.approx(-found["differences"]["scratch"]["gap"]["high"])
    pair = _json(workspace, evaluate, "--compare", "main", "scratch")
    assert pair["differences"] == found["differences"]
    assert "f1_per_image" in _call(workspace, evaluate, "--compare", "main", "scratch").stdout
    fewer = _json(workspace, evaluate, "--compare", "main", "scratch", "--bootstrap", "7")
    assert fewer["settings"]["bootstrap"] == 7


def test_printed_intervals_are_those_of_the_json(trained: tuple[Workspace, Run]) -> None:
    workspace, _ = trained
    for name in ("main", "scratch"):
        _json(workspace, evaluate, "--run", name, "--no-baselines")
    found = _json(workspace, evaluate, "--compare", "main", "scratch")
    shown = _call(workspace, evaluate, "--compare", "main", "scratch").stdout
    lines = re.findall(r"^  (\S+) +(\S+) \(95 %: (\S+) to ([-+.\d]+)", shown, re.MULTILINE)
    printed = {name: [float(number) for number in numbers] for name, *numbers in lines}
    expected = found["differences"]["scratch"]
    assert len(printed) == len(expected) >= 10
    for name, values in printed.items():
        wanted = [expected[name][each] for each in ("value", "low", "high")]
        assert values == pytest.approx(wanted, abs=0.0005001), name
    assert found["notes"]
    for note in found["notes"]:
        assert note in shown


def test_what_the_images_of_a_split_were_to_a_run_is_printed(
    trained: tuple[Workspace, Run],
) -> None:
    workspace, _ = trained
    pair = ("main", "scratch")
    for split, words in (
        ("train", "trained on these very images"),
        ("validation", "they chose epochs and thresholds"),
        ("test", ""),
    ):
        printed = [
            _call(workspace, evaluate, "--run", name, "--no-baselines", "--split", split).stdout
            for name in pair
        ]
        printed.append(_call(workspace, evaluate, "--compare", *pair, "--split", split).stdout)
        printed.append(_call(workspace, compare, *pair, "--split", split).stdout)
        for text in printed:
            assert words in text
            assert ("these very images" in text) == (split == "train")
            assert ("they chose" in text) == (split == "validation")
    for name in pair:  # other tests have none
        (workspace.runs / name / "scores-train.npz").unlink()


def _study(workspace: Workspace, run: Run, changes: dict[str, Any]) -> None:
    """The files of a study of 12 trials on the same dataset and start."""
    folder = workspace.runs / "tune-lr"
    write_json(folder / "trial-003" / "run.json", run.record)
    found = {"best": {"run": "trial-003", "changes": changes}, "trials": [{}] * 12}
    write_json(folder / "summary.json", found)


def test_compare_prints_both_tables_with_the_baselines(trained: tuple[Workspace, Run]) -> None:
    workspace, run = trained
    _json(workspace, evaluate, "--run", "main", "--no-baselines")
    made = _call(workspace, baseline, "two-prompts", "linear-probe")
    assert made.exit_code == 0, made.output
    found = _json(workspace, compare, "main", "two-prompts", "linear-probe")
    assert list(found["methods"]) == ["main", *(METHODS[at] for at in (1, 3))]
    beside = _json(workspace, evaluate, "--run", "main")
    for name in (METHODS[1], METHODS[3]):
        _assert_close(found["methods"][name], beside["methods"][name])
    assert found["costs"]["main"]["epochs_to_saturation"] == run.record["best_epoch"]
    assert found["costs"]["main"]["seconds_per_epoch"] >= 0
    assert found["costs"]["main"]["text_seconds"] > 0
    assert "`mumic tune --trials 12` gives a run as many" in found["notes"][0]
    _study(workspace, run, {"lr": run.record["settings"]["train"]["lr"]})
    searched = _json(workspace, compare, "main", "two-prompts", "linear-probe")
    assert searched["costs"]["main"]["trials"] == 12
    assert not any("mumic tune" in note for note in searched["notes"])
    _json(workspace, baseline, "linear-probe", "--trials", "3")
    fewer = _json(workspace, compare, "main", "linear-probe")["notes"][0]
    assert f"unequally many settings: main of 12, {METHODS[3]} of 3." in fewer
    _study(workspace, run, {"lr": 0.5})  # what the study found is not what the run has
    assert _json(workspace, compare, "main", "two-prompts")["costs"]["main"]["trials"] == 1
    shown = _call(workspace, compare, "main", "two-prompts").stdout
    for text in ("Table 1", "Table 2", "epochs to saturation", METHODS[1], "most frequent"):
        assert text in shown
    with pytest.raises(MissingError, match="neither a run"):
        _json(workspace, compare, "main", "two-prompt")
    with pytest.raises(InputError, match="named twice"):
        _json(workspace, compare, "main", "main")


def test_what_cannot_be_evaluated_is_said(trained: tuple[Workspace, Run]) -> None:
    workspace, _ = trained
    for arguments, message in (
        (["--run", "mian"], "did you mean main"),
        (["--split", "dev"], "must be one of train, validation, test"),
        (["--device", "quantum"], "--device quantum"),
    ):
        error = _call(workspace, evaluate, *arguments).exception
        assert isinstance(error, InputError | MissingError)
        assert message in str(error)
    error = _call(workspace, compare, "main", "scratch", "--split", "train").exception
    assert "mumic evaluate --run main --split train" in str(error)


def test_predictions_are_the_scores_above_the_storage_threshold(
    trained: tuple[Workspace, Run],
) -> None:
    workspace, run = trained
    summary = _json(workspace, predict, "photos", "--run", "main", "--min-probability", "0.2")
    frame = tables.read(tables.PREDICTIONS, Path(summary["path"]))
    assert summary["images"] == 60
    assert summary["rows"] == len(frame)
    assert (frame["logit"] >= np.log(0.2 / 0.8)).all()
    _json(workspace, evaluate, "--run", "main", "--no-baselines")
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
    assert set(frame["taxonomy_hash"]) == {"feed"}


def test_broken_images_are_set_aside(trained: tuple[Workspace, Run], tmp_path: Path) -> None:
    workspace, _ = trained
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("no picture")
    Image.new("RGB", (50, 30), "red").save(tmp_path / "größe.png")
    summary = _json(workspace, predict, str(tmp_path), "--out", str(tmp_path / "out.parquet"))
    assert summary["images"] == 1
    reasons = {Path(entry["uri"]).name: entry["reason"] for entry in summary["rejects"]}
    assert reasons["empty.jpg"] == "the file is empty"
    assert "not a picture" in reasons["text.jpg"]
    assert json.loads((tmp_path / "out.json").read_text())["rejects"] == summary["rejects"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    error = _call(workspace, predict, str(tmp_path), "--out", "out.csv").exception
    assert "name a .parquet file" in str(error)


def test_a_picture_on_the_web_is_picked_as_it_is(trained: tuple[Workspace, Run]) -> None:
    from mumic.prediction.picking import pick_images

    picked = pick_images(trained[0], ["https://host.invalid/rooms/1.jpg", "s3://bucket/2.png"])
    assert picked.uris == ["https://host.invalid/rooms/1.jpg", "s3://bucket/2.png"]
    assert not picked.demo


def test_a_killed_prediction_goes_on_where_it_was(
    trained: tuple[Workspace, Run], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from mumic.prediction import predict as module
    from mumic.prediction.picking import pick_images

    workspace, _ = trained
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

    assert module.predict(predictor, picked, target, look) == expected
    assert done == [20, 20, 20]
    assert tables.read(tables.PREDICTIONS, target).equals(tables.read(tables.PREDICTIONS, whole))


def test_a_dataset_without_a_class_of_the_run(
    trained: tuple[Workspace, Run],
) -> None:
    workspace, _ = trained
    dataset = load_dataset(workspace)
    fewer = dataset.of_classes(["pets", "bed"])
    assert (fewer.cells.labels[:, 1] == dataset.cells.labels[:, 0]).all()
    assert isinstance(fewer.cells, Cells)
    with pytest.raises(InputError, match="no labels for sauna"):
        dataset.of_classes(["sauna"])
