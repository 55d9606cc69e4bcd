"""Votes of another tool before their texts are understood."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class ForeignVotes:
    """Columns of votes that grow, and what was set aside: place, image and reason."""

    columns: tuple[list[str], list[str], list[str], list[str]] = field(
        default_factory=lambda: ([], [], [], [])
    )
    aside: list[tuple[int, str | None, str]] = field(default_factory=list)

    def add(self, image: str, class_name: str, annotator: str, answer: str) -> None:
        """Add a vote."""
        for column, value in zip(self.columns, (image, class_name, annotator, answer), strict=True):
            column.append(value)
