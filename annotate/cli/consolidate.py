"""``mumic-annotate consolidate``."""

from __future__ import annotations

from typing import Any

import click

from annotate.cli.console import emit, json_option, open_workspace


@click.command()
@click.option("--threshold", type=float, help="Share of yes votes that makes a label.")
@click.option("--min-votes", type=int, help="Fewer yes and no votes leave a label unknown.")
@json_option
def consolidate(threshold: float | None, min_votes: int | None, as_json: bool) -> None:
    """Turn the annotators' answers into labels.

    Answers that cannot count are set aside with their reason in data/labels/rejects.parquet.

    \b
    Example:
      mumic-annotate consolidate --threshold 0.6
    """
    from dataclasses import replace

    from annotate.labels.stage import label_images

    workspace = open_workspace()
    settings = workspace.settings.consolidate
    if threshold is not None:
        settings = replace(settings, vote_threshold=threshold)
    if min_votes is not None:
        settings = replace(settings, min_votes=min_votes)
    summary = label_images(workspace, settings)
    emit(summary, _lines(summary, str(workspace.labels)), as_json=as_json)


def _lines(summary: dict[str, Any], folder: str) -> list[str]:
    lines = [
        f"{folder}: {summary['labels']:,} labels of {summary['images']:,} images, "
        f"{summary['positives']:,} positive, {summary['unknown']:,} unknown "
        f"({summary['answers']:,} answers of {summary['annotators']} annotators)"
    ]
    if summary["set_aside"]:
        reasons = ", ".join(f"{reason}: {count:,}" for reason, count in summary["reasons"].items())
        lines.append(f"Set aside: {summary['set_aside']:,} answers ({reasons})")
    if short := summary["too_few_annotators"]["images"]:
        lines.append(f"Images with too few annotators: {short:,}")
    agreement = summary["agreement"]
    if agreement["mean_alpha"] is not None:
        lines.append(
            f"Agreement: Krippendorff's alpha {agreement['mean_alpha']:.3f}, "
            f"equal votes {agreement['mean_percent']:.1%} (means over classes)"
        )
    conflicts = summary["conflicts"]
    for entry in conflicts["parent_voted_no"]:
        lines.append(
            f"Conflict: {entry['child']} is positive, {entry['parent']} was voted no, "
            f"in {entry['images']:,} images"
        )
    for entry in conflicts["exclusive"]:
        lines.append(f"Conflict: {' and '.join(entry['classes'])} in {entry['images']:,} images")
    return lines
