"""``mumic-annotate golden``: labels against those of experts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from annotate.cli.console import Stage, emit, json_option, note, open_workspace, table

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
    emit(summary, _score_lines(summary), as_json=as_json)


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
    from annotate.golden.stage import pick_thresholds

    workspace = open_workspace()
    settings = _settings(workspace, precision=precision, beta=beta, min_positives=min_positives)
    summary = pick_thresholds(workspace, settings, truth, write=write)
    emit(summary, _threshold_lines(summary, settings), as_json=as_json)
    if summary["written"]:
        note("Labels change with the next `mumic-annotate consolidate`.")


def _settings(workspace: Workspace, **options: float | None) -> GoldenSettings:
    given: dict[str, Any] = {key: value for key, value in options.items() if value is not None}
    return replace(workspace.settings.golden, **given)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _score_lines(summary: dict[str, Any]) -> list[str]:
    rows = [
        [
            row["class_id"],
            row["positives"],
            "-" if row["threshold"] is None else row["threshold"],
            *with_interval(row, "precision"),
            *with_interval(row, "recall"),
            _number(row["f1"]),
        ]
        for row in summary["classes"]
    ]
    header = ["class", "true", "threshold", "precision", "95 %", "recall", "95 %", "F1"]
    lines = table(header, rows)
    if summary["macro_f1"] is None:
        lines.append("No class has enough golden positives for a mean.")
    else:
        lines.append(
            f"Mean over {summary['scored_classes']} classes, {summary['images']:,} images: "
            f"precision {summary['macro_precision']:.3f}, recall {summary['macro_recall']:.3f}, "
            f"F1 {summary['macro_f1']:.3f}"
        )
    if summary["method"] != "majority":
        lines.append(
            f"Labels by {summary['method']}, estimated without the experts' word; the curves and "
            "the paper's statement are of votes."
        )
    if summary["single_annotator_f1"] is not None:
        lines.append(f"A single annotator's mean F1: {summary['single_annotator_f1']:.3f}")
    return [*lines, *_paper_lines(summary["paper"]), *_left_out(summary), summary["page"]]


def with_interval(row: dict[str, Any], name: str) -> list[str]:
    """A share and its interval, as two cells of a table."""
    if row[name] is None:
        return ["-", ""]
    return [f"{row[name]:.3f}", f"{row[f'{name}_low']:.2f}-{row[f'{name}_high']:.2f}"]


def _paper_lines(paper: dict[str, Any]) -> list[str]:
    if paper["most"] is None:
        return []
    lines = [
        f"Paper, at {paper['threshold']}: both near 0.95 for most classes "
        f"{'holds' if paper['most'] else 'does not hold'} (at least {paper['level']} in "
        f"{paper['good']} of {paper['classes']})"
    ]
    if paper["most_difficult"] is not None:
        lines.append(
            "Paper: difficult classes have more recall than precision "
            f"{'holds' if paper['most_difficult'] else 'does not hold'} "
            f"({paper['more_recall']} of {paper['difficult']})"
        )
    return lines


def _left_out(summary: dict[str, Any]) -> list[str]:
    reasons = [
        (summary["unknown"], "of images with too few votes"),
        (summary["outside_sample"], "that are not in the sample"),
    ]
    return [f"Left out: {count:,} golden labels {why}" for count, why in reasons if count]


def _threshold_lines(summary: dict[str, Any], settings: GoldenSettings) -> list[str]:
    aim = (
        f"recall at precision {settings.precision:g}"
        if settings.precision
        else (f"F{settings.beta:g}")
    )
    rows = [
        [
            row["class_id"],
            row["positives"],
            f"{row['default']:g}",
            _chosen(row),
            "-" if row["best"] is None else f"{row['best']:g}",
            _number(row["default_score"]),
            _number(row["score"]),
            row["reason"],
        ]
        for row in summary["classes"]
    ]
    lines = table(
        ["class", "true", "now", "chosen", "best alone", f"{aim} now", "cross-fitted", "why"], rows
    )
    lines.append(_moved_line(summary["classes"], summary["moved"]))
    lines += _own_lines(summary)
    macro = summary["macro"]
    if macro["classes"]:
        lines.append(
            f"Mean {aim} over {macro['classes']} classes, by thresholds that the other folds "
            f"carry: {macro['chosen']:.3f}, by the present ones: {macro['default']:.3f}"
        )
    if summary["written"]:
        lines.append(f"{summary['written']}: {summary['moved']} thresholds written")
    return lines


def _chosen(row: dict[str, Any]) -> str:
    """The threshold to use; a star where a class stays at another one than the default."""
    if row["moved"]:
        return f"{row['threshold']:g}"
    return f"stays {row['threshold']:g}{'*' if row['own'] else ''}"


def _own_lines(summary: dict[str, Any]) -> list[str]:
    """How classes without evidence for a threshold of their own get rid of it."""
    if not any(row["own"] and not row["moved"] for row in summary["classes"]):
        return []
    usual = summary["settings"]["consolidate"]["vote_threshold"]
    return [
        f"* its own, not the default of {usual:g}. To return a class to the default, delete its "
        f"vote_threshold in {summary['label_list']}; then `mumic-annotate consolidate`."
    ]


def _moved_line(rows: Sequence[dict[str, Any]], moved: int) -> str:
    if not moved:
        return f"All {len(rows)} classes keep their threshold."
    resting = [row["positives"] for row in rows if row["moved"]]
    return (
        f"{moved} of {len(rows)} classes move; each rests on {min(resting):,} to "
        f"{max(resting):,} golden positives. The others keep their threshold."
    )
