"""What the ``golden`` commands print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from annotate.cli.console import table
from annotate.cli.numbers import number_text

if TYPE_CHECKING:
    from annotate.settings import GoldenSettings


def score_lines(summary: dict[str, Any]) -> list[str]:
    """``golden score`` as people read it: a row per class, the means, and what they rest on."""
    rows = [
        [
            row["class_id"],
            row["positives"],
            "-" if row["threshold"] is None else row["threshold"],
            *with_interval(row, "precision"),
            *with_interval(row, "recall"),
            number_text(row["f1"]),
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
    return [
        *lines,
        *_paper_lines(summary["paper"]),
        *_left_out(summary),
        *coverage_lines(summary),
        summary["page"],
    ]


def coverage_lines(summary: dict[str, Any]) -> list[str]:
    """What a sample without random images cannot say."""
    if not summary["strata_only"]:
        return []
    return [
        "No random images in the sample: precision and recall are of the drawn strata "
        f"({', '.join(summary['strata_only'])}) only. Positives that nobody saw could not be "
        "drawn, so that recall is too high for all images. See `golden sample --random`."
    ]


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


def threshold_lines(summary: dict[str, Any], settings: GoldenSettings) -> list[str]:
    """``golden thresholds`` as people read it."""
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
            number_text(row["best"], "g"),
            number_text(row["default_score"]),
            number_text(row["score"]),
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
    lines += coverage_lines(summary)
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
