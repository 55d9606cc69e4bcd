"""What `mumic evaluate` refuses before it decodes an image; the probe's budget."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from annotate import tables
from annotate.errors import InputError, MissingError
from annotate.files import read_json, write_json
from annotate.workspace import Workspace
from mumic.baselines import frozen as baselines
from mumic.cli.evaluate import evaluate as command
from mumic.evaluation.evaluate import EvaluateOptions, evaluate
from mumic.training.train import TrainOptions, train


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, tiny_workspace: Any) -> Workspace:
    made: Workspace = tiny_workspace(tmp_path_factory.mktemp("against") / "ws", epochs=1)
    for name in ("one", "other"):
        train(made, TrainOptions(run=name))
    write_json(made.catalog / "summary.json", {"demo": False})
    return made


@pytest.fixture
def undecoded(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No pixel is asked for."""
    with monkeypatch.context() as patch:
        patch.setattr("mumic.evaluation.evaluate.pixel_rows", _never)
        yield


def _never(*_: Any) -> None:
    raise AssertionError("decoded before it was refused")


def test_the_probe_has_the_budget_of_the_settings(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[tuple[Any, ...]] = []
    probe = baselines.linear_probe

    def spy(*arguments: Any) -> Any:
        tried.append(arguments)
        return probe(*arguments)

    monkeypatch.setattr("mumic.evaluation.methods.linear_probe", spy)
    settings = workspace.settings

    def evaluate_with(trials: int) -> None:
        searched = replace(settings, baseline=replace(settings.baseline, trials=trials))
        evaluate(replace(workspace, settings=searched), EvaluateOptions(run="one"))

    evaluate_with(2)
    assert tried[0][-1] == 2
    with pytest.raises(InputError, match=r"\[baseline\] trials must be 1 to 12"):
        evaluate_with(0)


def _refused(workspace: Workspace, *arguments: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(workspace.root)
        result = CliRunner().invoke(command, [*arguments, "--run", "one", "--no-baselines"])
    assert isinstance(result.exception, InputError), result.output
    return str(result.exception)


@pytest.mark.usefixtures("undecoded")
def test_another_run_is_not_judged_by_what_it_learned_either(workspace: Workspace) -> None:
    file = workspace.runs / "other" / "learned.parquet"
    before = file.read_bytes()
    images = tables.read(tables.DATASET, workspace.dataset / "images.parquet")
    test = images.loc[images["split"] == "test", "content_hash"]
    learned = tables.read(tables.LEARNED, file)
    learned.loc[learned.index[:3], ["content_hash", "split"]] = [
        [name, "train"] for name in test[:3]
    ]
    tables.write(tables.LEARNED, learned, file)
    said = _refused(workspace, "--against", "other")
    assert f"3 of {len(test)} test images are among those that run other was" in said
    file.write_bytes(before)


@pytest.mark.usefixtures("undecoded")
def test_a_split_without_labels_is_refused_at_once(workspace: Workspace) -> None:
    file = workspace.dataset / "images.parquet"
    before = file.read_bytes()
    images = tables.read(tables.DATASET, file)
    images["labels"] = [
        [None] * 4 if split == "test" else labels
        for split, labels in zip(images["split"], images["labels"], strict=True)
    ]
    tables.write(tables.DATASET, images, file)
    said = _refused(workspace)
    assert "split test has no image with a known label" in said
    assert "`mumic-annotate consolidate` and `mumic-annotate dataset`." in said
    file.write_bytes(before)


@pytest.mark.usefixtures("undecoded")
def test_a_round_of_mining_that_is_gone_is_told_at_once(workspace: Workspace) -> None:
    file = workspace.candidates / "round-0001.parquet"
    tables.write(tables.CANDIDATES, tables.empty(tables.CANDIDATES), file)
    with pytest.raises(MissingError, match=r"pools-0001\.parquet"):
        evaluate(workspace, EvaluateOptions("one", baselines=False))
    shutil.rmtree(workspace.candidates)


def test_a_start_that_is_gone_is_told_at_once_and_truly(
    tmp_path: Path, tiny_workspace: Any, tiny_model: Path
) -> None:
    made = tiny_workspace(tmp_path / "ws", epochs=1)
    shutil.copytree(tiny_model, made.root / "model")
    settings = replace(made.settings.model, name="local-dir:model", pretrained="openai")
    own = replace(made, settings=replace(made.settings, model=settings))
    train(own, TrainOptions(run="one"))
    (made.root / "model" / "open_clip_model.safetensors").unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mumic.evaluation.evaluate.pixel_rows", _never)
        with pytest.raises(MissingError, match="one was trained from local-dir:model, w") as raised:
            evaluate(made, EvaluateOptions("one"))  # [model] names another, which is there
    assert "no weights in" in str(raised.value)
    assert "[model]" not in str(raised.value)
    assert "`mumic evaluate --no-baselines` measures the run alone" in str(raised.value)
    assert list(evaluate(made, EvaluateOptions("one", baselines=False))["methods"]) == ["MuMIC"]


@pytest.mark.usefixtures("undecoded")
def test_runs_of_other_classes_are_told_apart(workspace: Workspace) -> None:
    file = workspace.runs / "other" / "classes.json"
    listed = read_json(file, "")
    kept = listed["classes"]
    sauna = kept[-1] | {"id": "sauna", "name": "Sauna"}
    write_json(file, listed | {"classes": [sauna]})
    said = _refused(workspace, "--against", "other")
    assert "other has other classes than what it is compared with: it lacks" in said
    assert "it lacks bed, kitchen, pets and 1 more, and it alone has sauna." in said
    write_json(file, listed)


@pytest.mark.usefixtures("undecoded")
def test_another_run_of_the_demo_is_refused_on_real_photos(workspace: Workspace) -> None:
    _make_demo(workspace.runs / "other", True)
    assert "other was trained on drawings" in _refused(workspace, "--against", "other")
    _make_demo(workspace.runs / "other", False)


def test_another_run_of_the_demo_is_told(workspace: Workspace) -> None:
    _make_demo(workspace.runs / "other", True)
    options = EvaluateOptions("one", against="other", baselines=False, allow_demo_model=True)
    assert evaluate(workspace, options)["demo_model"]
    _make_demo(workspace.runs / "other", False)
    assert not evaluate(workspace, options)["demo_model"]


def _make_demo(run: Path, demo: bool) -> None:
    for name, key in (("open_clip_config.json", "demo"), ("run.json", "demo_model")):
        write_json(run / name, read_json(run / name, "") | {key: demo})
