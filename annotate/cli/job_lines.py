"""What ``job`` prints."""

from __future__ import annotations

from typing import Any


def import_lines(summary: dict[str, Any]) -> list[str]:
    """What became of the results of a past job."""
    lines = []
    if summary["answers_file"]:
        lines.append(
            f"{summary['answers_file']}: {summary['answers']:,} answers of "
            f"{summary['annotators']:,} people to {summary['images']:,} images"
        )
    if summary["labels_file"]:
        lines.append(
            f"{summary['labels_file']}: labels of {summary['labelled_images']:,} images; no votes, "
            "and a class that the job did not ask for is not known there"
        )
    if summary["set_aside"]:
        reasons = ", ".join(f"{why}: {count:,}" for why, count in summary["reasons"].items())
        lines.append(
            f"Set aside: {summary['set_aside']:,} ({reasons}); see {summary['rejects_file']}"
        )
    if not (summary["answers_file"] or summary["labels_file"]):
        lines.append("Nothing of it could be used.")
    return lines
