"""``mumic-annotate golden``: labels against the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from annotate.cli.console import Stage, emit, json_option, open_workspace, table


@click.group(cls=Stage, main="score")
def golden() -> None:
    """Check labels against images whose true labels are known.

    Without a command: scores.
    """


@golden.command()
@click.option(
    "--truth",
    type=click.Path(path_type=Path),
    required=True,
    help="CSV with the columns path and class_id; only the images that it lists count.",
)
@click.option(
    "--min-positives",
    type=click.IntRange(1),
    default=1,
    help="Fewer keep a class out of the means.",
)
@json_option
def score(truth: Path, min_positives: int, as_json: bool) -> None:
    """Precision and recall of the labels, and what a single annotator reaches.

    \b
    Example:
      mumic-annotate golden --truth truth.csv
    """
    from annotate.labels.stage import score_labels

    summary = score_labels(open_workspace(), truth, min_positives=min_positives)
    emit(summary, _lines(summary), as_json=as_json)


def _lines(summary: dict[str, Any]) -> list[str]:
    rows = [
        [
            row["class_id"],
            row["positives"],
            *(f"{row[key]:.3f}" for key in ("precision", "recall", "f1")),
        ]
        for row in summary["classes"]
    ]
    lines = table(["class", "true", "precision", "recall", "F1"], rows)
    if summary["macro_f1"] is None:
        return [*lines, "No class has enough true positives for a mean."]
    lines.append(
        f"Mean over {summary['scored_classes']} classes, {summary['images']:,} images: "
        f"precision {summary['macro_precision']:.3f}, recall {summary['macro_recall']:.3f}, "
        f"F1 {summary['macro_f1']:.3f}"
    )
    if summary["single_annotator_f1"] is not None:
        lines.append(f"A single annotator's mean F1: {summary['single_annotator_f1']:.3f}")
    return lines
