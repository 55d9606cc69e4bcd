"""``mumic-annotate simulate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from annotate.cli.console import emit, json_option, open_workspace, progress
from annotate.errors import InputError

if TYPE_CHECKING:
    from annotate.workspace import Workspace


@click.command()
@click.option(
    "--truth", type=click.Path(path_type=Path), help="CSV with the columns path and class_id."
)
@click.option("--annotators", type=click.IntRange(1), help="Size of the crowd.")
@click.option("--careless", type=click.IntRange(0), help="How many of them tick almost at random.")
@click.option("--seed", type=int, help="Of the crowd and of every answer.")
@json_option
def simulate(
    truth: Path | None,
    annotators: int | None,
    careless: int | None,
    seed: int | None,
    as_json: bool,
) -> None:
    """Let simulated annotators answer the tasks, to try the path without people.

    They look at true labels and make mistakes. Images that were answered before are left alone.

    \b
    Example:
      mumic-annotate simulate --truth truth.csv
    """
    from annotate.answers.simulate import SimulationSettings
    from annotate.answers.simulated import answer_tasks

    workspace = open_workspace()
    own, tasks = workspace.settings.simulate, workspace.settings.tasks
    settings = SimulationSettings(
        crowd=own.annotators if annotators is None else annotators,
        careless=own.careless if careless is None else careless,
        per_image=tasks.annotators,
        seconds_per_question=tasks.seconds_per_question,
        seed=workspace.settings.project.seed if seed is None else seed,
    )
    with progress(None, "simulate") as bar:
        summary = answer_tasks(workspace, _truth_file(workspace, truth), settings, bar.update)
    emit(summary, _lines(summary), as_json=as_json)


def _truth_file(workspace: Workspace, option: Path | None) -> Path:
    if option is not None:
        return option
    if workspace.settings.simulate.truth:
        return workspace.resolve(workspace.settings.simulate.truth)
    raise InputError(
        "simulated annotators need true labels: give --truth FILE.csv (columns path and class_id) "
        "or set [simulate] truth in mumic.toml. Without them, people answer."
    )


def _lines(summary: dict[str, object]) -> list[str]:
    f1 = summary["single_annotator_f1"]
    lines = [
        f"{summary['file']}: {summary['answered']} images answered by "
        f"{summary['annotators_per_image']} of {summary['crowd']} simulated annotators; "
        f"{summary['already_answered']} had answers before"
    ]
    if isinstance(f1, float):
        lines.append(f"A single annotator's mean F1 against the truth: {f1:.3f}")
    if summary["images_without_truth"]:
        lines.append(
            f"{summary['images_without_truth']} images are not in the truth; they were taken to "
            "show none of the classes"
        )
    return lines
