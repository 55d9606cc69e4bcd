"""What `mumic evaluate` refuses before it decodes an image, of both runs, and the probe's budget."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from annotate.errors import InputError
from annotate.workspace import Workspace
from mumic import methods
from mumic.evaluate import EvaluateOptions, evaluate
from mumic.train import TrainOptions, train


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, tiny_workspace: Any) -> Workspace:
    made: Workspace = tiny_workspace(tmp_path_factory.mktemp("against") / "ws", epochs=1)
    for name in ("one", "other"):
        train(made, TrainOptions(run=name))
    return made


def test_the_probe_has_the_budget_of_the_settings(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[tuple[Any, ...]] = []
    probe = methods.linear_probe

    def spy(*arguments: Any) -> Any:
        tried.append(arguments)
        return probe(*arguments)

    monkeypatch.setattr(methods, "linear_probe", spy)
    settings = workspace.settings

    def evaluate_with(trials: int) -> None:
        searched = replace(settings, baseline=replace(settings.baseline, trials=trials))
        evaluate(replace(workspace, settings=searched), EvaluateOptions(run="one"))

    evaluate_with(2)
    assert tried[0][-1] == 2
    with pytest.raises(InputError, match=r"\[baseline\] trials must be 1 to 12"):
        evaluate_with(0)
