"""Cells that list classes: as JSON, or as text with a sign between them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from annotate.dataset.imports.found import text_or_none
from annotate.taxonomy.model import lookup_key

SIGNS = ("|", ";", ",")


@dataclass(frozen=True)
class Lists:
    """How a source writes lists.

    Attributes:
        sign: that stands between classes; None: a text is one class.
        whole: names that hold a sign and are known, as ``lookup_key`` spells them: never cut.
    """

    sign: str | None
    whole: Collection[str] = ()

    @classmethod
    def of(cls, cells: Iterable[Any], whole: Collection[str], *, single: bool) -> Lists:
        """The way of a source by all its cells: the first of ``SIGNS`` in them cuts, no other.

        Args:
            cells: texts and what else stands there.
            whole: names that are never cut.
            single: the column's name speaks of one class, so that a comma belongs to its name.
        """
        texts = [cell for cell in cells if isinstance(cell, str) and not _is_json(cell)]
        signs = [sign for sign in SIGNS if any(sign in text for text in texts)]
        sign = signs[0] if signs else None
        return cls(None if single and sign == "," else sign, whole)

    def names(self, value: Any) -> set[str]:
        """Classes of a cell.

        >>> sorted(Lists("|").names("Washer, dryer|Pool"))
        ['Pool', 'Washer, dryer']
        >>> sorted(Lists(",", {"washer, dryer"}).names("Pool, Washer, dryer"))
        ['Pool', 'Washer, dryer']
        """
        if isinstance(value, str):
            value = self._cut(value)
        if not isinstance(value, list):
            value = [value]
        return {name for entry in value if (name := text_or_none(entry))}

    def _cut(self, text: str) -> Any:
        if _is_json(text):
            try:
                return json.loads(text)
            except ValueError:
                return re.split(r"[|;,]", text.strip().strip("[]"))
        if self.sign is None:
            return [text]
        parts = text.split(self.sign)
        names = []
        while parts:
            starts = [self.sign.join(parts[:size]) for size in range(len(parts), 1, -1)]
            known = (start for start in starts if lookup_key(start) in self.whole)
            names.append(next(known, parts[0]) if self.whole else parts[0])
            parts = parts[names[-1].count(self.sign) + 1 :]
        return names


def _is_json(text: str) -> bool:
    return text.lstrip().startswith("[")
