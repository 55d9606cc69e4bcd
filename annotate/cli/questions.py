"""``mumic-annotate questions``: which classes annotators see together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from annotate.cli.compare_questions import compare
from annotate.cli.console import Stage, emit, json_option, note, open_workspace, table
from annotate.cli.question_lines import cost_table, plan_lines, plan_summary, skip_lines
from annotate.errors import InputError, MissingError

if TYPE_CHECKING:
    from annotate.questions.likeness import Likeness
    from annotate.questions.planning import QuestionPlan
    from annotate.taxonomy.model import Taxonomy
    from annotate.workspace import Workspace

strategy_option = click.option(
    "--strategy", type=click.Choice(["grouped", "category", "binary"]), help="How to group classes."
)
skip_option = click.option(
    "--skip/--no-skip", default=None, help="Parents first, others where a parent is not voted no."
)
truth_option = click.option(
    "--truth",
    type=click.Path(path_type=Path),
    help="CSV with the columns path and class_id; by default the one that golden used.",
)


@click.group(cls=Stage, main="plan")
def questions() -> None:
    """The questions: groups of classes that annotators see together.

    Without a command: plans them.
    """


questions.add_command(compare)


@questions.command()
@strategy_option
@skip_option
@click.option(
    "--similarity/--no-similarity",
    default=None,
    help="Put classes together whose texts the model finds alike; by default if it has an index.",
)
@click.option("--allow-demo-model", is_flag=True, help="Use the small CLIP on photos of your own.")
@truth_option
@click.option("--force", is_flag=True, help="Replace a file that was edited by hand.")
@json_option
def plan(
    strategy: str | None,
    skip: bool | None,
    similarity: bool | None,
    allow_demo_model: bool,
    truth: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Group the classes into questions and write questions.yaml, to edit.

    With --skip, a question about classes that have a parent is asked only where a parent was not
    voted no. Golden images, where there are any, say what that saves and loses; a plan that loses
    more recall than largest_loss in mumic.toml is refused.

    \b
    Example:
      mumic-annotate questions plan --strategy grouped
      mumic-annotate questions plan --skip --truth golden.csv
    """
    from dataclasses import replace

    from annotate.migration.plan import avoid_closed
    from annotate.migration.record import load_migrations
    from annotate.questions.comparison import find_loss, find_saving, skips
    from annotate.questions.file import read_classes, write_plan
    from annotate.questions.planning import check_settings, plan_questions
    from annotate.questions.quality import check_loss
    from annotate.questions.rules import lint_plan
    from annotate.questions.stage import read_evidence

    workspace = open_workspace()
    settings = workspace.settings.questions
    settings = replace(
        settings,
        strategy=strategy or settings.strategy,
        skip=settings.skip if skip is None else skip,
    )
    check_settings(settings)
    taxonomy = _taxonomy(workspace)
    likeness = None
    if settings.strategy == "grouped":
        likeness = _likeness(workspace, taxonomy, similarity, allow_demo_model)
    seed = workspace.settings.project.seed
    planned = plan_questions(taxonomy, settings, seed=seed, likeness=likeness)
    closed = [each.questions for each in load_migrations(workspace)]
    if closed:
        there = workspace.questions.is_file()
        replaced = read_classes(workspace.questions) if there else {}
        planned = avoid_closed(planned, closed, replaced)
    saving = loss = None
    if skips(planned):
        evidence = read_evidence(workspace, taxonomy, (), truth_file=truth)
        saving = find_saving(planned, evidence, workspace.settings)
        loss = find_loss(planned, evidence, taxonomy, workspace.settings)
        check_loss(loss, settings.largest_loss)
    written = write_plan(planned, workspace.questions, force=force)
    findings = [finding for finding in lint_plan(planned, taxonomy, settings) if not finding.advice]
    for finding in findings:
        note(str(finding))
    about = plan_summary(planned, saving, loss)
    summary = {"file": str(workspace.questions), "written": written, **about}
    state = "" if written else " (unchanged)"
    first = f"{workspace.questions}: {about['classes']} classes in {about['questions']} questions"
    lines = [f"{first}{state}", *plan_lines(planned, saving, loss)]
    emit({**summary, "broken_rules": len(findings)}, lines, as_json=as_json)


@questions.command()
@json_option
def lint(as_json: bool) -> None:
    """Check questions.yaml: rules that are broken, then advice. Fails when a rule is broken.

    \b
    Example:
      mumic-annotate questions lint
    """
    from annotate.questions.comparison import find_loss, skips
    from annotate.questions.quality import check_loss
    from annotate.questions.rules import lint_plan
    from annotate.questions.stage import read_evidence

    workspace, taxonomy, read = _read()
    settings = workspace.settings
    findings = lint_plan(read, taxonomy, settings.questions)
    broken = sum(not finding.advice for finding in findings)
    told = "1 broken rule" if broken == 1 else f"{broken} broken rules"
    end = f"{workspace.questions}: {len(read.questions)} questions, {told}"
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
    if skips(read):
        loss = find_loss(read, read_evidence(workspace, taxonomy, ()), taxonomy, settings)
        check_loss(loss, settings.questions.largest_loss)


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
            _names(taxonomy, question.classes),
            _names(taxonomy, question.after),
        ]
        for question in read.questions
    ]
    header = ["question", "title", "n", "classes", "after"]
    if not any(question.after for question in read.questions):
        header, rows = header[:-1], [row[:-1] for row in rows]
    summary = {
        "strategy": read.strategy,
        "taxonomy": read.taxonomy_hash,
        "similarity": read.similarity,
        "questions": [vars(question) for question in read.questions],
    }
    emit(summary, table(header, rows), as_json=as_json)


@questions.command()
@click.option("--images", type=click.IntRange(0), help="Images to ask; else all candidates.")
@skip_option
@truth_option
@click.option(
    "--answers",
    "pilots",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A folder with answers of a pilot on golden images, asked in one of the ways; repeatable.",
)
@json_option
def cost(
    images: int | None,
    skip: bool | None,
    truth: Path | None,
    pilots: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Forecast people-hours and money, and what the other ways to ask would cost.

    Every question is taken to last seconds_per_question of mumic.toml, whatever its size. Precision
    and recall stand where golden images were answered that way, here or in a pilot.

    \b
    Example:
      mumic-annotate questions cost --images 60000
      mumic-annotate questions cost --skip --truth golden.csv --answers pilot-binary
    """
    from annotate.questions.comparison import compare_plans, plan_name, plan_ways, skips
    from annotate.questions.quality import check_loss
    from annotate.questions.stage import check_truth_given, read_evidence

    workspace, taxonomy, read = _read()
    settings = workspace.settings
    count = _candidates(workspace) if images is None else images
    first = skips(read) or (settings.questions.skip if skip is None else skip)
    remade = first or read.strategy != "grouped"  # a grouped plan is made anew
    likeness = _likeness(workspace, taxonomy) if remade else None
    plans = plan_ways(read, taxonomy, settings, skip=first, likeness=likeness)
    evidence = read_evidence(workspace, taxonomy, plans, truth_file=truth, pilots=pilots)
    check_truth_given(evidence, truth)
    compared = compare_plans(plans, evidence, taxonomy, settings, images=count)
    skipping = [each for each in compared if skips(each.plan)]
    lines = cost_table(compared, plan_name(read))
    for each in skipping:
        lines += skip_lines(each.plan, each.saving, each.loss)
    summary = {"planned": plan_name(read), "forecasts": [each.as_dict() for each in compared]}
    emit(summary, lines, as_json=as_json)
    for each in skipping:
        check_loss(each.loss, settings.questions.largest_loss)


def _likeness(
    workspace: Workspace,
    taxonomy: Taxonomy,
    wanted: bool | None = None,
    allow_demo_model: bool = False,
) -> Likeness | None:
    """Likeness of texts; where it was not asked for by name, work goes on without the model."""
    from annotate.questions.stage import read_likeness

    try:
        return read_likeness(workspace, taxonomy, wanted=wanted, allow_demo_model=allow_demo_model)
    except MissingError as error:
        if wanted:
            raise
        note(f"Texts of classes are not compared: {error}")
        return None


def _names(taxonomy: Taxonomy, class_ids: Sequence[str]) -> str:
    return ", ".join(taxonomy.by_id[class_id].name for class_id in class_ids)


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
