"""Numbers in what commands print."""

from __future__ import annotations


def number_text(value: float | None, form: str = ".3f") -> str:
    """A measure; a dash where there is none.

    >>> number_text(0.12345), number_text(12.3, ".1f"), number_text(None)
    ('0.123', '12.3', '-')
    """
    return "-" if value is None else format(value, form)
