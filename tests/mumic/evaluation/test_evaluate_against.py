"""What `mumic evaluate` refuses of two runs before it decodes an image; the probe's budget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from annotate import tables
from annotate.errors import InputError
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

    def never(*_: Any) -> None:
        raise AssertionError("decoded before it was refused")

    with monkeypatch.context() as patch:
        patch.setattr("mumic.evaluation.evaluate.pixel_rows", never)
        yield


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
