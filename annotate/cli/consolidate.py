"""``mumic-annotate consolidate``."""

from __future__ import annotations

from typing import Any

import click

from annotate.cli.console import emit, json_option, note, open_workspace, progress

METHODS = ("majority", "dawid-skene", "pooled-dawid-skene")
_SHOWN = 5


@click.command()
@click.option("--threshold", type=float, help="Share of yes votes that makes a label.")
@click.option("--min-votes", type=int, help="Fewer yes and no votes leave a label unknown.")
@click.option(
    "--method",
    type=click.Choice(METHODS),
    help="majority: the share of yes. The others estimate how each annotator errs, in each class "
    "or (pooled) over all of them, and give probabilities.",
)
@click.option("--until", help="Set answers aside that were submitted after this day or time (UTC).")
@json_option
def consolidate(
    threshold: float | None,
    min_votes: int | None,
    method: str | None,
    until: str | None,
    as_json: bool,
) -> None:
    """Turn the annotators' answers into labels.

    Answers that cannot count are set aside with their reason in data/labels/rejects.parquet. Only
    answers that are new since the last time are read.

    \b
    Example:
      mumic-annotate consolidate
      mumic-annotate consolidate --method pooled-dawid-skene
    """
    from dataclasses import replace

    from annotate.answers.reading import Keeping
    from annotate.labels.stage import label_images

    workspace = open_workspace()
    options = {
        "vote_threshold": threshold,
        "min_votes": min_votes,
        "method": method,
        "until": until,
    }
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    settings = replace(workspace.settings.consolidate, **given)
    with progress(None, "answers") as bar:
        summary = label_images(workspace, settings, Keeping(bar.update, _say_read))
    _tell(summary, str(workspace.labels), as_json)


def _say_read(new: int, known: int) -> None:
    if known:
        note(f"{new:,} lines of answers are new or changed, {known:,} were read before")


def _tell(summary: dict[str, Any], folder: str, as_json: bool) -> None:
    estimate = summary.get("estimate")
    if estimate is not None and not estimate["converged"]:
        note(
            f"The estimate had not settled after {estimate['iterations']} rounds; raise "
            "[consolidate] iterations in mumic.toml."
        )
    emit(summary, _lines(summary, folder), as_json=as_json)


def _lines(summary: dict[str, Any], folder: str) -> list[str]:
    by = "" if summary["method"] == "majority" else f" by {summary['method']}"
    lines = [
        f"{folder}: {summary['labels']:,} labels of {summary['images']:,} images{by}, "
        f"{summary['positives']:,} positive, {summary['unknown']:,} unknown "
        f"({summary['answers']:,} answers of {summary['annotators']} annotators)"
    ]
    if golden := summary["decided"].get("golden"):
        lines.append(f"Decided by experts: {golden:,} labels")
    if summary["set_aside"]:
        kinds = ", ".join(f"{n:,} {kind}" for kind, n in summary["set_aside_kinds"].items())
        lines.append(f"Set aside: {summary['set_aside']:,} answers ({kinds})")
        lines += _some(summary["reasons"].items(), lambda entry: f"{entry[1]:,} x {entry[0]}")
    few = summary["too_few_annotators"]
    if few["images"]:
        examples = ", ".join(few["examples"])
        lines.append(
            f"Fewer than {few['wanted']} annotators: {few['images']:,} images ({examples})"
        )
    agreement = summary["agreement"]
    if agreement["mean_alpha"] is not None:
        lines.append(
            f"Agreement: Krippendorff's alpha {agreement['mean_alpha']:.3f}, "
            f"equal votes {agreement['mean_percent']:.1%} (means over classes)"
        )
    return lines + _conflict_lines(summary["conflicts"])


def _conflict_lines(conflicts: dict[str, Any]) -> list[str]:
    lines = []
    if overruled := conflicts["parent_voted_no"]:
        lines.append("Conflicts, yes although most said no to the parent:")
        lines += _some(
            overruled,
            lambda entry: f"{entry['child']} below {entry['parent']}: {_images(entry)}",
        )
    if together := conflicts["exclusive"]:
        lines.append("Conflicts, both yes although they exclude one another:")
        lines += _some(
            together, lambda entry: f"{' and '.join(entry['classes'])}: {_images(entry)}"
        )
    return lines


def _images(entry: dict[str, Any]) -> str:
    return f"{entry['images']:,} images, such as {', '.join(entry['examples'][:2])}"


def _some(entries: Any, line: Any) -> list[str]:
    """The first entries, a line each; how many more there are."""
    listed = list(entries)
    lines = [f"  {line(entry)}" for entry in listed[:_SHOWN]]
    more = len(listed) - _SHOWN
    return lines + ([f"  and {more} more; see summary.json"] if more > 0 else [])
