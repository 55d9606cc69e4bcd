"""``mumic-annotate questions``: which classes annotators see together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from annotate.cli.console import Stage, emit, json_option, note, open_workspace, table
from annotate.errors import InputError

if TYPE_CHECKING:
    from annotate.questions.planning import Forecast, QuestionPlan
    from annotate.taxonomy.model import Taxonomy
    from annotate.workspace import Workspace

strategy_option = click.option(
    "--strategy", type=click.Choice(["grouped", "category", "binary"]), help="How to group classes."
)


@click.group(cls=Stage, main="plan")
def questions() -> None:
    """The questions: groups of classes that annotators see together.

    Without a command: plans them.
    """


@questions.command()
@strategy_option
@click.option("--force", is_flag=True, help="Replace a file that was edited by hand.")
@json_option
def plan(strategy: str | None, force: bool, as_json: bool) -> None:
    """Group the classes into questions and write questions.yaml, to edit.

    \b
    Example:
      mumic-annotate questions plan --strategy grouped
    """
    from dataclasses import replace

    from annotate.questions.file import write_plan
    from annotate.questions.planning import plan_questions
    from annotate.questions.rules import lint_plan

    workspace = open_workspace()
    settings = workspace.settings.questions
    if strategy:
        settings = replace(settings, strategy=strategy)
    taxonomy = _taxonomy(workspace)
    planned = plan_questions(taxonomy, settings, seed=workspace.settings.project.seed)
    written = write_plan(planned, workspace.questions, force=force)
    findings = [finding for finding in lint_plan(planned, taxonomy, settings) if not finding.advice]
    for finding in findings:
        note(str(finding))
    classes = sum(len(question.classes) for question in planned.questions)
    summary = {
        "file": str(workspace.questions),
        "written": written,
        "strategy": planned.strategy,
        "questions": len(planned.questions),
        "classes": classes,
        "broken_rules": len(findings),
    }
    state = "" if written else " (unchanged)"
    line = f"{workspace.questions}: {classes} classes in {len(planned.questions)} questions{state}"
    emit(summary, [line, "Look at them with `mumic-annotate questions show`."], as_json=as_json)


@questions.command()
@json_option
def lint(as_json: bool) -> None:
    """Check questions.yaml: rules that are broken, then advice. Fails when a rule is broken.

    \b
    Example:
      mumic-annotate questions lint
    """
    from annotate.questions.rules import lint_plan

    workspace, taxonomy, read = _read()
    findings = lint_plan(read, taxonomy, workspace.settings.questions)
    broken = sum(not finding.advice for finding in findings)
    end = f"{workspace.questions}: {len(read.questions)} questions, {broken} broken rules"
    summary = {
        "file": str(workspace.questions),
        "questions": len(read.questions),
        "broken": broken,
        "findings": [vars(finding) for finding in findings],
    }
    emit(summary, [*map(str, findings), end], as_json=as_json)
    if broken:
        rules = sorted({finding.rule for finding in findings if not finding.advice})
        raise InputError(f"{end} ({', '.join(rules)}); edit the file or plan it anew with --force.")


@questions.command()
@json_option
def show(as_json: bool) -> None:
    """List the questions with the names of their classes.

    \b
    Example:
      mumic-annotate questions show
    """
    _, taxonomy, read = _read()
    rows = [
        [
            question.id,
            question.title,
            len(question.classes),
            ", ".join(taxonomy.by_id[class_id].name for class_id in question.classes),
        ]
        for question in read.questions
    ]
    summary = {
        "strategy": read.strategy,
        "taxonomy": read.taxonomy_hash,
        "questions": [vars(question) for question in read.questions],
    }
    emit(summary, table(["question", "title", "n", "classes"], rows), as_json=as_json)


@questions.command()
@click.option("--images", type=click.IntRange(0), help="Images to ask; else all candidates.")
@json_option
def cost(images: int | None, as_json: bool) -> None:
    """Forecast people-hours and money, and what the other ways to ask would cost.

    \b
    Example:
      mumic-annotate questions cost --images 60000
    """
    from dataclasses import replace

    from annotate.questions.planning import STRATEGIES, forecast, plan_questions

    workspace, taxonomy, read = _read()
    settings = workspace.settings
    count = _candidates(workspace) if images is None else images
    plans = [
        read
        if strategy == read.strategy
        else plan_questions(taxonomy, replace(settings.questions, strategy=strategy))
        for strategy in STRATEGIES
    ]
    forecasts = [forecast(each, settings.tasks, images=count) for each in plans]
    emit(
        {"planned": read.strategy, "forecasts": [vars(each) for each in forecasts]},
        _cost_table(forecasts, read.strategy),
        as_json=as_json,
    )


def _cost_table(forecasts: list[Forecast], planned: str) -> list[str]:
    currency = forecasts[0].currency
    header = ["strategy", "questions", "images", "answers", "people-hours", currency]
    rows = [
        [
            f"{each.strategy} (planned)" if each.strategy == planned else each.strategy,
            each.questions,
            f"{each.objects:,}",
            f"{each.answers:,}",
            f"{each.hours:,.1f}",
            f"{each.money:,.2f}",
        ]
        for each in forecasts
    ]
    return table(header, rows)


def _candidates(workspace: Workspace) -> int:
    """Images in the candidates; before mining, the budget."""
    from annotate.tasks.objects import candidate_images

    return len(candidate_images(workspace.candidates)) or workspace.settings.mine.budget


def _read() -> tuple[Workspace, Taxonomy, QuestionPlan]:
    from annotate.questions.file import read_plan

    workspace = open_workspace()
    taxonomy = _taxonomy(workspace)
    return workspace, taxonomy, read_plan(workspace.questions, taxonomy)


def _taxonomy(workspace: Workspace) -> Taxonomy:
    """The classes that this workspace works on."""
    from annotate.taxonomy.load import load_taxonomy

    return load_taxonomy(workspace.taxonomy, workspace.settings.project.classes)
