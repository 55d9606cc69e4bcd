"""``mumic-annotate questions compare``: ways to ask, as measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from annotate.cli.console import emit, json_option, open_workspace, table
from annotate.cli.golden_lines import with_interval
from annotate.cli.numbers import number_text
from annotate.errors import InputError


@click.command()
@click.argument("pilots", nargs=-1, required=True, metavar="PLAN=ANSWERS...")
@click.option(
    "--truth",
    type=click.Path(path_type=Path),
    help="CSV with the columns path and class_id in place of the golden set.",
)
@json_option
def compare(pilots: tuple[str, ...], truth: Path | None, as_json: bool) -> None:
    """Compare plans by what people answered to each on golden images.

    PLAN is a questions.yaml, ANSWERS the folder with answers to it. Precision, recall, seconds and
    cost are measured, on the images that all plans share, and with 95 % intervals; changes are
    against the first plan. `questions cost` forecasts instead.

    \b
    Example:
      mumic-annotate questions compare questions.yaml=data/answers binary.yaml=pilot-binary
    """
    from annotate.golden.strategies_stage import compare_strategies

    pairs = []
    for text in pilots:
        plan, equals, folder = text.rpartition("=")
        if not (plan and equals and folder):
            raise InputError(f"{text!r}: give a plan and its answers as PLAN.yaml=FOLDER.")
        pairs.append((Path(plan), Path(folder)))
    workspace = open_workspace()
    summary = compare_strategies(workspace, pairs, truth)
    emit(summary, _lines(summary), as_json=as_json)


def _lines(summary: dict[str, Any]) -> list[str]:
    found = summary["strategies"]
    header = ["plan", "questions", "images", "people", "precision", "95 %", "recall", "95 %"]
    header += ["median s", "mean s", f"{summary['currency']}/1,000 images"]
    rows = [
        [
            row["name"],
            row["questions"],
            f"{row['images']:,}",
            f"{row['people']:.1f}",
            *with_interval(row, "precision"),
            *with_interval(row, "recall"),
            number_text(row["seconds_median"], ".1f"),
            number_text(row["seconds_mean"], ".1f"),
            number_text(row["cost"] and row["cost"] * 1000, ",.2f"),
        ]
        for row in found
    ]
    lines = table(header, rows)
    lines.append(
        f"Over all pairs of a golden image and one of {summary['classes']:,} classes that every "
        f"plan asks; {found[0]['positives']:,} are true for {found[0]['name']}. Seconds are of one "
        "person for one image; the cost is of all people at their mean seconds, and the fee."
    )
    if not summary["same"]:
        lines.append("No golden image was answered under all plans: the images differ.")
    for row in found:
        lines += _remarks(row, found[0]["name"], summary)
    return lines


def _remarks(row: dict[str, Any], first: str, summary: dict[str, Any]) -> list[str]:
    name = row["name"]
    changes = [
        f"{what} {row[f'{what}_change']:+.3f} ({row[f'{what}_change_low']:+.3f} to "
        f"{row[f'{what}_change_high']:+.3f})"
        for what in ("precision", "recall")
        if row[f"{what}_change_low"] is not None
    ]
    lines = [f"{name} against {first}: {', '.join(changes)}."] if changes else []
    if row["tasks_without_time"]:
        lines.append(
            f"{name}: {row['tasks_without_time']:,} of {row['tasks']:,} times are not known; the "
            "others stand for them."
        )
    if summary["left_out"][name]:
        lines.append(f"{name}: {summary['left_out'][name]:,} images with answers play no part.")
    if summary["set_aside"][name]:
        lines.append(f"{name}: {summary['set_aside'][name]:,} answers do not count.")
    return lines
