"""Measures and differences with their intervals in what commands print."""

from __future__ import annotations

from typing import Any

from annotate.cli.numbers import number_text


def interval_text(found: dict[str, Any]) -> str:
    """A measure with its interval.

    >>> interval_text({"value": 0.5, "low": 0.4, "high": 0.61})
    '0.500 (95 %: 0.400 to 0.610)'
    >>> interval_text({"value": None, "low": None, "high": None})
    '- (95 %: -)'
    """
    bounds = "-" if found["low"] is None else f"{found['low']:.3f} to {found['high']:.3f}"
    return f"{number_text(found['value'])} (95 %: {bounds})"


def difference_text(found: dict[str, Any]) -> str:
    """A difference with its interval and how many of several seeds agree.

    >>> difference_text({"value": 0.023, "low": 0.013, "high": 0.032, "counts": True})
    '+0.023 (95 %: +0.013 to +0.032)'
    >>> seeds = {"seeds": 3, "ahead_in_seeds": 1}
    >>> difference_text({"value": -0.02, "low": -0.057, "high": 0.021, "counts": False} | seeds)
    '-0.020 (95 %: -0.057 to +0.021, no clear difference, ahead in 1 of 3)'
    """
    if found["value"] is None:
        return "-"
    if found["low"] is None:
        return f"{found['value']:+.3f} (no interval)"
    mark = "" if found["counts"] else ", no clear difference"
    count = found.get("seeds", 1)
    seeds = f", ahead in {found['ahead_in_seeds']} of {count}" if count > 1 else ""
    return f"{found['value']:+.3f} (95 %: {found['low']:+.3f} to {found['high']:+.3f}{mark}{seeds})"
