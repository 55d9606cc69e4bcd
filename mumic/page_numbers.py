"""Numbers as pages and documents show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def number(value: float | None, digits: int = 3) -> str:
    """A measure; a dash where there is none.

    >>> number(0.12344, 4), number(None)
    ('0.1234', '–')
    """
    return "–" if value is None else f"{value:.{digits}f}"


def with_interval(found: Mapping[str, Any]) -> str:
    """A measure with its 95 % interval in brackets, where it has one.

    >>> with_interval({"value": 0.8124, "low": 0.7004, "high": 0.9006})
    '0.812 [0.700, 0.901]'
    >>> with_interval({"value": 0.8124, "low": None, "high": None})
    '0.812'
    """
    if found["low"] is None:
        return number(found["value"])
    return f"{found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"


def points(found: Mapping[str, Any] | None) -> str:
    """A difference in points with its interval; nothing where there is none, or no interval.

    >>> points({"value": 0.41284, "low": -0.0104, "high": 0.6})
    '+41.3 [-1.0, +60.0]'
    >>> points({"value": 0.41284, "low": None, "high": None})
    ''
    """
    if found is None or found["low"] is None:
        return ""
    return f"{100 * found['value']:+.1f} [{100 * found['low']:+.1f}, {100 * found['high']:+.1f}]"
