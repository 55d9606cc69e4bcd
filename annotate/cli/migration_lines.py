"""What ``taxonomy diff`` and ``taxonomy migrate`` print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def change_lines(changes: list[dict[str, Any]]) -> list[str]:
    """A line for each change between two label lists."""
    return [f"{change['kind']:<10}{change['text']}" for change in changes]


def outlook_lines(summary: dict[str, Any]) -> Iterator[str]:
    """What a migration would do, from the summary of its outlook."""
    questions = summary["questions"]
    yield (
        f"questions: {len(questions['kept'])} stay, {len(questions['closed'])} are closed, "
        f"{len(questions['added'])} are added"
    )
    for question in questions["added"]:
        yield f"  {question['id']}: {', '.join(question['classes'])}"
    yield from threshold_lines(summary)
    if summary["labels"] is not None:
        yield f"labels afterwards: {summary['labels']:,}"
    for name, count in summary["ask"].items():
        yield f"to ask again: {name} on {count:,} images"


def threshold_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    """Thresholds that go over, and those that count no longer."""
    for name, value in summary["thresholds_carried"].items():
        yield f"vote_threshold {value:g} goes over to {name}"
    replaced = summary.get("thresholds_replaced", {})  # records of earlier versions have none
    for name, each in replaced.items():
        before = ", ".join(f"{value:g} for {old}" for old, value in each["before"].items())
        yield f"vote_threshold of {name} is {each['now']:g} now; it was {before}"
    if replaced:
        yield "  For another one, give the class a vote_threshold in the label list."


def listing_lines(listed: Path | None) -> Iterator[str]:
    """Where the images to ask again are listed."""
    if listed is not None:
        yield f"The images to ask again, by class: {listed}"
    written = "Nothing" if listed is None else "Nothing else"
    yield f"{written} was written. Carry it through with `mumic-annotate taxonomy migrate --apply`"


def made_lines(number: int, made: dict[str, Any]) -> list[str]:
    """What a migration that was carried through has made."""
    lines = [f"Migration {number} is done; data/migrations/{number:04} holds what was before."]
    if made["round"] is not None:
        lines.append(
            f"The images to ask again are round {made['round']}: "
            "`mumic-annotate tasks` asks them for these classes only"
        )
    return lines
