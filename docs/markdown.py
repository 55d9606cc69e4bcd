"""Markdown that several pages are made of."""

from __future__ import annotations

from collections.abc import Iterable


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table.

    >>> table(["method", "GAP"], [["ours", "0.5"]]).splitlines()
    ['| method | GAP |', '| --- | --- |', '| ours | 0.5 |']
    """
    names = list(head)
    lines = [names, ["---"] * len(names), *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
