"""The study: Optuna draws settings, a training judges them, SQLite remembers.

A study can be killed at any moment. Started again, it finishes the training that was under way from
its last checkpoint and goes on, and ends with the same trials as if it had never been stopped:
see :mod:`mumic.tuning.draws`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from annotate.errors import InputError, MumicError
from annotate.files import remove_stale
from annotate.locks import exclusive
from annotate.runs import NAME_RULE, checked_name
from annotate.workspace import Workspace
from mumic.checks import check_evaluate
from mumic.data import load_dataset
from mumic.run import WEIGHTS, Run
from mumic.series.arms import Arm, arm_method, series_folder, train_arm
from mumic.training.loop import NotANumberError
from mumic.training.train import Reports, TrainOptions
from mumic.tuning.draws import Request, drawn, ended_trials, open_study, trials_in_all
from mumic.tuning.refusals import check_search, check_trial
from mumic.tuning.space import Dimension
from mumic.tuning.task import check_task


def study_name(given: str | None, space: Sequence[Dimension]) -> str:
    """A study's name: the given one, or after what is searched.

    Raises:
        InputError: it cannot be a folder's.
    """
    name = given or "-".join(entry.name for entry in space)
    try:
        return checked_name(name)
    except InputError as error:
        raise InputError(f"study {name!r}: use {NAME_RULE} for --study.") from error


def tune(
    workspace: Workspace,
    request: Request,
    options: TrainOptions,
    reports_for: Callable[[str], Reports],
) -> tuple[Path, list[FrozenTrial]]:
    """Run a study to its number of trials, or go on with one.

    Args:
        workspace: what is not searched is as its settings say.
        request: see there.
        options: device and permissions of the trainings.
        reports_for: gives the reports of a training from a line that names it.

    Returns:
        The study's folder and its trials.

    Raises:
        InputError: see :func:`mumic.tuning.refusals.check_search` and
            :func:`mumic.tuning.task.check_task`.
        MumicError: two trainings in a row came to no numbers. Or it was interrupted, or memory or
            disk are full: the trial is gone on with by the next call.
    """
    settings, dataset = workspace.settings.train, load_dataset(workspace)
    check_search(settings, request.space, dataset)
    check_evaluate(workspace.settings.evaluate)
    folder = series_folder(workspace, f"tune-{request.name}")
    busy = f"another process works on the study {request.name}."
    with exclusive(folder / ".lock", busy=busy):
        remove_stale(folder)
        check_task(workspace, dataset, request.space, folder)
        study = open_study(workspace.settings, request, folder)
        failed = ""
        while (number := len(ended_trials(study))) < (most := trials_in_all(study, request)):
            trial, changes = drawn(workspace.settings, request, study, number)
            if same := _like(study, changes):
                _as_before(trial, same)
                continue
            told = ", ".join(f"{name} {_short(value)}" for name, value in changes.items())
            reports = reports_for(f"trial {number + 1} of {most}: {told}")
            try:
                check_trial(settings, changes, dataset)
            except InputError as refused:  # values that do not go together
                _fail(trial, str(refused), reports)
                continue
            error = _one(workspace, request, trial, changes, options, reports)
            if error and failed:
                raise MumicError(f"two trials in a row failed: {error}")
            failed = error
        return folder, ended_trials(study)


def _like(study: optuna.Study, changes: dict[str, Any]) -> FrozenTrial | None:
    """A trial with the same settings, which came to a judgement: with the same seed, the same."""
    judged = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
    return next((entry for entry in judged if entry.user_attrs["changes"] == changes), None)


def _as_before(trial: Trial, same: FrozenTrial) -> None:
    for epoch, value in same.intermediate_values.items():
        trial.report(value, epoch)
    if same.state == TrialState.PRUNED:
        trial.study.tell(trial, state=TrialState.PRUNED)
        return
    trial.set_user_attr("found", same.user_attrs["found"])
    trial.study.tell(trial, same.value)


def _one(
    workspace: Workspace,
    request: Request,
    trial: Trial,
    changes: dict[str, Any],
    options: TrainOptions,
    reports: Reports,
) -> str:
    """Train a trial and tell what came of it; the reason why it failed, or an empty text."""
    series, seed = f"tune-{request.name}", workspace.settings.project.seed
    arm = Arm(f"trial {trial.number:03d}", changes)
    try:
        run = train_arm(workspace, series, arm, seed, options, _watched(trial, reports))
        trial.set_user_attr("found", _found(workspace, run, options.device, reports))
        trial.study.tell(trial, run.record["validation_gap"])
    except optuna.TrialPruned:
        trial.study.tell(trial, state=TrialState.PRUNED)
    except NotANumberError as error:  # all else is not the trial's fault: it is gone on with
        return _fail(trial, str(error), reports)
    finally:
        _thin(series_folder(workspace, series), trial.study)
    return ""


def _fail(trial: Trial, reason: str, reports: Reports) -> str:
    trial.set_user_attr("reason", reason)
    trial.study.tell(trial, state=TrialState.FAIL)
    reports.note(f"failed: {reason}")
    return reason


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _watched(trial: Trial, reports: Reports) -> Reports:
    """The same reports, with each epoch told to Optuna, who may end the training.

    One that is at its end is complete, however it compares.
    """

    def on_epoch(epoch: int, value: float, last: bool) -> None:
        if epoch not in trial.study.trials[trial.number].intermediate_values:
            trial.report(value, epoch)
        if not last and trial.should_prune():
            raise optuna.TrialPruned

    return replace(reports, on_epoch=on_epoch)


def _found(workspace: Workspace, run: Run, device: str, reports: Reports) -> dict[str, Any]:
    """Where it went. Its scores on validation are kept beside it: its weights may not be."""
    arm_method(workspace, run, "trial", "validation", device, reports.on_measured)
    return {
        "run": run.id,
        "logit_scale": run.logit_scale,
        "best_epoch": run.record["best_epoch"],
    }


def _thin(folder: Path, study: optuna.Study) -> None:
    """Of ended trials only the best keeps its weights: a study may have hundreds."""
    ended = ended_trials(study)
    complete = [trial for trial in ended if trial.state == TrialState.COMPLETE]
    best = max(complete, key=lambda trial: (trial.value, -trial.number), default=None)
    for trial in ended:
        for run in folder.glob(f"trial-{trial.number:03d}-*"):
            shutil.rmtree(run / "last", ignore_errors=True)
            if trial is not best:
                (run / WEIGHTS).unlink(missing_ok=True)


def complete_trials(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Those that came to an end, the best first."""
    found = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    return sorted(found, key=lambda trial: (-(trial.value or 0.0), trial.number))
