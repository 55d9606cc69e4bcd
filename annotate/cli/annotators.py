"""``mumic-annotate annotators``: who did what, and how far people agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from annotate.cli.console import emit, json_option, open_workspace, table
from annotate.cli.numbers import number_text


@click.command()
@click.option(
    "--truth",
    type=click.Path(path_type=Path),
    help="CSV with the columns path and class_id in place of experts' answers.",
)
@click.option("--exclude", multiple=True, help="Leave out an annotator's answers; repeatable.")
@click.option("--include", multiple=True, help="Take an excluded annotator back; repeatable.")
@click.option("--reason", default="", help="Why somebody is excluded.")
@json_option
def annotators(
    truth: Path | None,
    exclude: tuple[str, ...],
    include: tuple[str, ...],
    reason: str,
    as_json: bool,
) -> None:
    """What each annotator did, how far they agree, and what looks wrong.

    Agreement with the rest, precision and recall on golden images, estimated sensitivity and
    specificity, seconds a task; who never ticks, and who shares another's mistakes. --exclude makes
    the labels anew without somebody, and opens the images that then lack answers.

    \b
    Example:
      mumic-annotate annotators
      mumic-annotate annotators --exclude annotator-1f3a --reason "ticks at random"
    """
    if reason and not exclude:
        raise click.UsageError("--reason says why somebody is excluded; it goes with --exclude.")
    from annotate.annotators.excluding import change_excluded
    from annotate.annotators.report import report_annotators

    workspace = open_workspace()
    changed: dict[str, Any] = {}
    lines = []
    if exclude or include:
        changed = change_excluded(workspace, exclude=exclude, include=include, reason=reason)
        lines = _changed_lines(changed)
    summary = report_annotators(workspace, truth)
    summary |= {"changed": changed}
    emit(summary, [*lines, *_lines(summary)], as_json=as_json)


def _changed_lines(changed: dict[str, Any]) -> list[str]:
    lines = [f"Excluded: {name}" for name in changed["excluded"]]
    lines += [f"Counts again: {name}" for name in changed["included"]]
    if changed["reopened"]:
        lines.append(f"On the server {changed['reopened']:,} images are open again.")
    if changed["lacking"]:
        asks = "" if changed["of_votes"] else "; `mumic-annotate tasks` asks them"
        lines.append(f"{changed['lacking']:,} images lack answers{asks}.")
    return lines


def _lines(summary: dict[str, Any]) -> list[str]:
    header = ["annotator", "images", "answers", "seconds", "none", "agree", "agree on yes"]
    header += ["precision", "recall", "sensitivity", "specificity", "what looks wrong"]
    rows = [
        [
            row["annotator_id"],
            row["images"],
            f"{row['answers']:,}",
            number_text(row["seconds"], ".0f"),
            number_text(row["none_share"], ".2f"),
            number_text(row["agreement"]),
            number_text(row["agreement_yes"]),
            number_text(row["golden_precision"]),
            number_text(row["golden_recall"]),
            number_text(row["sensitivity"]),
            number_text(row["specificity"]),
            ", ".join(row["flags"]),
        ]
        for row in summary["annotators"]
    ]
    lines = table(header, rows)
    lines += ["", *_agreement("class", summary["classes"])]
    names = {row["class_id"] for row in summary["classes"]}
    if names != {row["question_id"] for row in summary["questions"]}:  # not a class a question
        lines += ["", *_agreement("question", summary["questions"])]
    if summary["mean_alpha"] is not None:
        lines.append(
            f"Means over classes: Krippendorff's alpha {number_text(summary['mean_alpha'])}, "
            f"Gwet's AC1 {number_text(summary['mean_ac1'])}. Where few votes are yes, "
            "alpha and kappa are low however well people agree."
        )
    if not summary["golden"]:
        lines.append(
            "No golden labels: no precision and recall. See `mumic-annotate golden sample`."
        )
    elif summary["golden_sampled"]:
        lines.append(
            "Precision and recall count every golden image the same. Those drawn near thresholds "
            "are hard, so the figures compare people and are not those of all images."
        )
    lines += [f"Excluded: {name} ({why})" for name, why in summary["excluded"].items()]
    return lines


def _agreement(what: str, entries: list[dict[str, Any]]) -> list[str]:
    """A row for each class, or each question."""
    rows = [
        [row[f"{what}_id"], f"{row['votes']:,}", number_text(row["prevalence"])]
        + [number_text(row[key]) for key in ("alpha", "kappa", "ac1", "agreement")]
        for row in entries
    ]
    return table([what, "votes", "yes", "alpha", "kappa", "AC1", "equal"], rows)
