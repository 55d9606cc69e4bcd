"""A study that is killed again and again while its values are proposed and trials are pruned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, Trial, TrialState

from annotate.workspace import Workspace
from mumic.training.checkpoint import save_checkpoint
from mumic.training.train import Reports, TrainOptions
from mumic.tuning.draws import Request
from mumic.tuning.space import Dimension, parse_search
from mumic.tuning.study import tune

SPACE = parse_search(["lr=1e-6..1e-2:log", "logit_scale=0.7..5.8"])
REQUEST = Request("both", SPACE, trials=7)


class _KilledError(BaseException):
    """Nothing after it is done; what is on the disk stays."""


def _dies_after(work: Callable[..., Any], every: int) -> Callable[..., Any]:
    """Does the work, and then, at each so many calls, kills."""
    calls = 0

    def then_dies(*given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        found = work(*given, **named)
        if calls % every == 0:
            raise _KilledError
        return found

    return then_dies


def _ended(workspace: Workspace) -> tuple[list[FrozenTrial], int]:
    """The trials of a study, begun again until none kills it, and how often it was killed."""
    options = TrainOptions(allow_demo_model=True, device="cpu")
    killed = 0
    while True:
        try:
            return tune(workspace, REQUEST, options, lambda title: Reports())[1], killed
        except _KilledError:
            killed += 1


def _rows(trials: list[FrozenTrial]) -> list[Any]:
    return [(row.state, row.params, row.value, row.intermediate_values) for row in trials]


def test_proposals_and_judgements_survive_kills(
    tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = {"epochs": 3, "early_stop": 0}
    whole, killed = (tiny_workspace(tmp_path / name, **kinds) for name in ("whole", "killed"))
    monkeypatch.setattr("mumic.tuning.draws.STARTUP", 1)
    proposed: set[int] = set()
    usual = optuna.samplers.GPSampler.sample_relative

    def sample(sampler: Any, study: Any, trial: FrozenTrial, space: Any) -> Any:
        found = usual(sampler, study, trial, space)
        if found:
            proposed.add(trial.number)
        return found

    monkeypatch.setattr(optuna.samplers.GPSampler, "sample_relative", sample)
    expected, _ = _ended(whole)
    # The Gaussian process learns nothing from a pruned trial, and would repeat itself.
    told = {row.number + 1 for row in expected[:-1] if row.state == TrialState.COMPLETE}
    assert proposed == told
    assert 2 <= len(told) < len(expected) - 1
    # Between two settings of a draw; between the checkpoint of an epoch and its report; and between
    # report and judgement.
    monkeypatch.setattr(Dimension, "suggest", _dies_after(Dimension.suggest, 5))
    monkeypatch.setattr("mumic.training.loop.save_checkpoint", _dies_after(save_checkpoint, 4))
    monkeypatch.setattr(Trial, "should_prune", _dies_after(Trial.should_prune, 3))
    found, times = _ended(killed)
    assert times > 4
    assert _rows(found) == _rows(expected)
