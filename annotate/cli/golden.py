"""``mumic-annotate golden``: labels against those of experts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from annotate.cli.console import Stage, emit, json_option, note, open_workspace
from annotate.cli.golden_lines import coverage_lines, score_lines, threshold_lines

if TYPE_CHECKING:
    from annotate.settings import GoldenSettings
    from annotate.workspace import Workspace

truth_option = click.option(
    "--truth",
    type=click.Path(path_type=Path),
    help="CSV with the columns path and class_id in place of experts' answers; only the images "
    "that it lists count.",
)


@click.group(cls=Stage, main="score")
def golden() -> None:
    """Labels against those of experts, and thresholds that these carry.

    Without a command: scores.
    """


@golden.command()
@click.option("--near", type=click.IntRange(0), help="Images a class near its threshold.")
@click.option("--clear", type=click.IntRange(0), help="Images a class clearly voted yes.")
@click.option("--random", type=click.IntRange(0), help="Images drawn from all.")
@json_option
def sample(near: int | None, clear: int | None, random: int | None, as_json: bool) -> None:
    """Choose images for experts, and write their tasks.

    For each class images whose votes are near its threshold and images that are clearly positive,
    and others at random; each keeps the probability with which it was drawn. Experts then answer
    on the page that annotators see, with `mumic-annotate serve --experts`.

    \b
    Example:
      mumic-annotate golden sample --near 10 --clear 10 --random 200
    """
    from annotate.golden.sample_stage import sample_golden

    workspace = open_workspace()
    settings = _settings(workspace, near=near, clear=clear, random=random)
    summary = sample_golden(workspace, settings)
    cost = summary["forecast"]
    lines = [
        f"{summary['folder']}: {summary['images']:,} of {summary['population']:,} labelled images, "
        f"{summary['questions']:,} questions, {summary['labels']:,} golden labels to come",
        f"{cost['answers']:,} answers of experts: {cost['hours']:,.1f} people-hours, "
        f"{cost['money']:,.2f} {cost['currency']}",
        *coverage_lines(summary),
        "Let experts answer: mumic-annotate serve links --experts, mumic-annotate serve --experts",
    ]
    emit(summary, lines, as_json=as_json)


@golden.command()
@truth_option
@json_option
def collect(truth: Path | None, as_json: bool) -> None:
    """Read the experts' answers into data/golden/labels.parquet; score and thresholds do so too.

    `mumic-annotate consolidate` then decides these labels by them. With --truth, the CSV's labels
    become golden: every class of the images that it lists.

    \b
    Example:
      mumic-annotate golden collect
    """
    from annotate.golden.sample_stage import collect_golden

    workspace = open_workspace()
    summary = collect_golden(workspace, truth)
    lines = [
        f"{workspace.golden / 'labels.parquet'}: {summary['labels']:,} golden labels of "
        f"{summary['images']:,} images, {summary['positives']:,} positive"
    ]
    if summary.get("set_aside"):
        lines.append(f"Set aside: {summary['set_aside']:,} answers that cannot count")
    emit(summary, lines, as_json=as_json)


@golden.command()
@truth_option
@click.option(
    "--min-positives",
    type=click.IntRange(1),
    default=1,
    help="Fewer keep a class out of the means.",
)
@json_option
def score(truth: Path | None, min_positives: int, as_json: bool) -> None:
    """Precision and recall of the labels, as they are and at every vote threshold.

    Weighted by the sampling probabilities, with 95 % intervals; data/golden/score.html shows a
    curve for each class.

    \b
    Example:
      mumic-annotate golden
      mumic-annotate golden score --truth truth.csv
    """
    from annotate.golden.stage import score_labels

    workspace = open_workspace()
    summary = score_labels(workspace, workspace.settings.golden, truth, min_positives=min_positives)
    emit(summary, score_lines(summary), as_json=as_json)


@golden.command()
@truth_option
@click.option("--precision", type=click.FloatRange(0, 1), help="Most recall at this precision.")
@click.option("--beta", type=float, help="Weight of recall against precision; 1: F1.")
@click.option("--min-positives", type=click.IntRange(1), help="Golden positives a class needs.")
@click.option("--write", is_flag=True, help="Put them into the label list, which keeps its form.")
@json_option
def thresholds(
    truth: Path | None,
    precision: float | None,
    beta: float | None,
    min_positives: int | None,
    write: bool,
    as_json: bool,
) -> None:
    """Choose vote thresholds, only where golden positives carry the decision.

    A class leaves its threshold if it has enough golden positives, the gain is beyond chance, and
    cross-fitting confirms it; all others stay at theirs, the default or their own. Few positives
    make thresholds worse, not better.

    \b
    Example:
      mumic-annotate golden thresholds
      mumic-annotate golden thresholds --precision 0.95 --write
    """
    if precision and beta is not None:
        raise click.UsageError("--beta weighs recall in F; with --precision no F is maximised.")
    from annotate.golden.stage import pick_thresholds

    workspace = open_workspace()
    if beta is not None:
        precision = 0.0  # it asks for F-beta, even where mumic.toml asks for a precision
    settings = _settings(workspace, precision=precision, beta=beta, min_positives=min_positives)
    summary = pick_thresholds(workspace, settings, truth, write=write)
    emit(summary, threshold_lines(summary, settings), as_json=as_json)
    if summary["written"]:
        note("Labels change with the next `mumic-annotate consolidate`.")


def _settings(workspace: Workspace, **options: float | None) -> GoldenSettings:
    given: dict[str, Any] = {key: value for key, value in options.items() if value is not None}
    return replace(workspace.settings.golden, **given)
