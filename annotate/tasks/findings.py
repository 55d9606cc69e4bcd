"""A finding about a task template."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TemplateFinding:
    """Something about a template that needs a look.

    Attributes:
        line: where, from 1.
        rule: its kind.
        what: what is wrong.
        remedy: what to do.
        error: whether annotators would meet it; else it is a warning.
    """

    line: int
    rule: str
    what: str
    remedy: str
    error: bool = True
