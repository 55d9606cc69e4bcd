"""``mumic thresholds``."""

from __future__ import annotations

from typing import Any

import click

from annotate.cli.console import emit, json_option, open_workspace, progress, table
from annotate.cli.numbers import number_text
from mumic.cli.demo_note import demo_lines


@click.command()
@click.argument("run", required=False)
@click.option("--recall", type=float, help="Share of each class's positives to be stored.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto.")
@json_option
def thresholds(run: str | None, recall: float | None, device: str, as_json: bool) -> None:
    """Choose which predictions are worth storing: most are a sure no.

    For each class a threshold, found on validation, that nearly all of its positives pass, and
    never more than its prediction threshold, so that no yes is lost. `mumic predict` then stores
    what lies at or above it. Test says what it really keeps. RUN: default, the newest.

    \b
    Example:
      mumic thresholds --recall 0.99
    """
    from mumic.prediction.storing import choose_storage
    from mumic.run import open_run

    workspace = open_workspace()
    share = workspace.settings.predict.recall if recall is None else recall
    opened = open_run(workspace, run)
    with progress(None, "reading") as bar:
        summary = choose_storage(workspace, opened, share, device, bar.update)
    emit(summary, _lines(summary), as_json=as_json)


def _lines(summary: dict[str, Any]) -> list[str]:
    from mumic.prediction.storing import FEW

    header = ["class", "positives", "yes from", "precision", "recall"]
    header += ["stored from", "recall", "stored"]
    keys = ("threshold", "precision", "recall", "storage_threshold", "stored_recall", "stored")
    rows = [
        [row["name"], str(row["positives"]), *(number_text(row[key]) for key in keys)]
        for row in summary["classes"]
    ]
    lines = [
        f"Run {summary['run']}, on validation; stored is the share of its images.",
        *table(header, rows),
    ]
    few = sum(row["chosen"] == FEW for row in summary["classes"])
    if few:
        lines.append(
            f"{few} of {len(summary['classes'])} classes have too few positives in validation for "
            f"a recall of {_percent(summary['recall'])}: stored from [predict] min_probability, or "
            "from the lowest of them."
        )
    for split, found in summary["splits"].items():
        lines.append(
            f"On {split}, {_percent(found['stored'])} of all predictions would be stored, and "
            f"{_percent(found['recall'])} of the positives are among them."
        )
    lines += demo_lines(summary["demo_model"])
    return [*lines, f"Written: {summary['path']}. Next: mumic predict"]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
