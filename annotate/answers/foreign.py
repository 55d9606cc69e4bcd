"""Votes of another tool before their texts are understood."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np

from annotate.answers.coded import Coded


@dataclass
class _Texts:
    """A column of texts that grows, as codes: millions of votes repeat few texts."""

    places: dict[str, int] = field(default_factory=dict)
    codes: array[int] = field(default_factory=lambda: array("i"))

    def append(self, text: str) -> None:
        self.codes.append(self.places.setdefault(text, len(self.places)))


@dataclass
class ForeignVotes:
    """Columns of votes that grow, and what was set aside: place, image and reason."""

    columns: tuple[_Texts, ...] = field(default_factory=lambda: tuple(_Texts() for _ in range(4)))
    aside: list[tuple[int, str | None, str]] = field(default_factory=list)

    def add(self, image: str, class_name: str, annotator: str, answer: str) -> None:
        """Add a vote."""
        for column, value in zip(self.columns, (image, class_name, annotator, answer), strict=True):
            column.append(value)

    def coded(self) -> list[Coded]:
        """Image, class, annotator and answer of all votes."""
        return [
            Coded.sort(list(column.places), np.array(column.codes, np.int32))
            for column in self.columns
        ]
