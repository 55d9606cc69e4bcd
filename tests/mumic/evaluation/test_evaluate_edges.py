"""Evaluations of what is unusual: runs of several sizes, no positive, one class, stale numbers."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import save_file
from sklearn.metrics import average_precision_score

from annotate import tables
from annotate.files import read_json, write_json
from annotate.workspace import Workspace
from mumic.baselines.store import open_baseline, write_baseline
from mumic.cli import main
from mumic.data import load_dataset
from mumic.evaluation.evaluate import EvaluateOptions, evaluate
from mumic.training.train import TrainOptions, train
from tests.mumic.close import assert_close
from tests.mumic.conftest import TINY_MODEL


def _call(workspace: Workspace, *arguments: str) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(workspace.root)
        result = CliRunner().invoke(main, list(arguments))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def _larger_model(folder: Path) -> None:
    """The tiny model for images of 48 pixels."""
    config: Any = copy.deepcopy(TINY_MODEL)
    config["vision_cfg"]["image_size"] = 48
    torch.manual_seed(7)
    folder.mkdir()
    save_file(dict(open_clip.CLIP(**config).state_dict()), folder / "open_clip_model.safetensors")
    preprocess = {"size": 48, "mode": "RGB", "mean": [0.5] * 3, "std": [0.3] * 3}
    content = {"model_cfg": config, "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(content))


def test_runs_of_other_sizes_and_crops_are_measured_on_their_own_pixels(
    tmp_path: Path, tiny_workspace: Any
) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    _larger_model(workspace.root / "large")
    settings = workspace.settings
    train(workspace, TrainOptions(run="small"))
    other = replace(
        settings,
        model=replace(settings.model, name="local-dir:large"),
        train=replace(settings.train, resize="crop"),
    )
    train(replace(workspace, settings=other), TrainOptions(run="large"))
    beside = evaluate(workspace, EvaluateOptions(run="small", against="large", baselines=False))
    alone = evaluate(workspace, EvaluateOptions(run="large", baselines=False))
    assert_close(beside["methods"]["run large"], alone["methods"]["MuMIC"])


def test_a_run_is_not_judged_by_what_it_learned(tmp_path: Path, tiny_workspace: Any) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    train(workspace, TrainOptions(run="one"))
    file = workspace.dataset / "images.parquet"
    frame = tables.read(tables.DATASET, file)
    places = {split: frame.index[frame["split"] == split] for split in ("train", "test")}
    frame.loc[places["train"][:2], "split"] = "test"
    frame.loc[places["test"][:2], "split"] = "train"
    tables.write(tables.DATASET, frame, file)
    blended = _call(workspace, "blend", "one", "--alpha", "0.5", "--allow-demo-model")
    assert blended.exit_code == 0, blended.output
    for name in ("one", "one-blend0.5"):
        refused = _call(workspace, "evaluate", "--run", name, "--allow-demo-model")
        assert refused.exit_code == 1
        said = f"2 of {len(places['test'])} test images are among those that run {name} was"
        assert said in " ".join(refused.output.split())
    # What it learned is no secret: on the training split itself it can be measured.
    learned = _call(workspace, "evaluate", "--split", "train", "--run", "one", "--allow-demo-model")
    assert learned.exit_code == 0, learned.output
    # Nor is another that began with its weights.
    model = replace(workspace.settings.model, name="local-dir:runs/one", pretrained="")
    later = replace(workspace, settings=replace(workspace.settings, model=model))
    train(later, TrainOptions(run="later", allow_demo_model=True))
    refused = _call(workspace, "evaluate", "--run", "later", "--allow-demo-model")
    assert f"2 of {len(places['test'])} test images" in " ".join(refused.output.split())
    frame.loc[places["train"][:2], "split"] = "train"
    frame.loc[places["test"][:2], "split"] = "test"
    tables.write(tables.DATASET, frame, file)
    again = _call(workspace, "evaluate", "--run", "one", "--allow-demo-model")
    assert again.exit_code == 0, again.output


def test_a_split_without_a_positive_is_reported(tmp_path: Path, tiny_workspace: Any) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    file = workspace.dataset / "images.parquet"
    frame = tables.read(tables.DATASET, file)
    frame["labels"] = [
        [0] * 4 if split == "test" else labels
        for split, labels in zip(frame["split"], frame["labels"], strict=True)
    ]
    tables.write(tables.DATASET, frame, file)
    train(workspace, TrainOptions(run="one"))
    for command in (["report", "one"], ["prompts"], ["evaluate", "--run", "one"]):
        result = _call(workspace, *command, "--allow-demo-model")
        assert result.exit_code == 0, result.output
    shown = _call(workspace, "prompts", "--allow-demo-model").stdout
    row = next(line for line in shown.splitlines() if line.startswith("test "))
    assert row.split()[-3:] == ["-"] * 3


def test_one_class_has_no_softmax(tmp_path: Path, tiny_workspace: Any) -> None:
    workspace = tiny_workspace(tmp_path / "ws")
    file = workspace.dataset / "images.parquet"
    frame = tables.read(tables.DATASET, file)
    for column in ("labels", "rates"):
        frame[column] = [list(row)[:1] for row in frame[column]]
    tables.write(tables.DATASET, frame, file)
    listed = read_json(workspace.dataset / "classes.json", "")
    listed["classes"] = listed["classes"][:1]
    write_json(workspace.dataset / "classes.json", listed)
    made = json.loads(_call(workspace, "baseline", "--allow-demo-model", "--json").stdout)
    names = [entry["name"] for entry in made["baselines"]]
    assert names == ["two-prompts", "cosine", "linear-probe"]
    refused = _call(workspace, "baseline", "softmax", "--allow-demo-model")
    assert refused.exit_code == 1
    assert "softmax: the dataset has one class" in refused.output


def test_json_has_no_infinite_numbers(tmp_path: Path) -> None:
    for value in (float("inf"), float("nan")):
        with pytest.raises(ValueError, match="not JSON compliant"):
            write_json(tmp_path / "x.json", {"a": value})
    assert not list(tmp_path.iterdir())


def test_a_report_knows_when_a_baseline_was_made(tmp_path: Path, tiny_workspace: Any) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    train(workspace, TrainOptions(run="one"))
    _call(workspace, "baseline", "softmax", "--allow-demo-model")
    _call(workspace, "report", "--allow-demo-model")
    made = open_baseline(workspace, "softmax")
    parts = {split: load_dataset(workspace).split(split) for split in ("validation", "test")}
    scored = {split: (part, -made.scores(split).logits) for split, part in parts.items()}
    again = made.record | {"finished": "2031-01-01T00:00:00+00:00"}
    write_baseline(made.path, again, made.thresholds(), scored)
    _call(workspace, "report", "--allow-demo-model")
    found = read_json(workspace.runs / "one" / "metrics.json", "")["test"]
    cells = parts["test"].cells
    expected = average_precision_score(cells.labels[cells.mask], scored["test"][1][cells.mask])
    assert found["methods"][made.title]["gap"] == pytest.approx(expected)
    assert np.isfinite(expected)
