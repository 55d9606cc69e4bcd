"""What stands in the results of a past job, before any of it is matched with this workspace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LARGEST_FILE = 200_000_000  # bytes of one file of results


@dataclass(frozen=True)
class PastAnswer:
    """One person's answer to one object.

    Attributes:
        file: where it stood, relative to what was given.
        line: from 1; 1 where the file has no lines.
        image: the object's address or image id, as the job had it.
        response: as Ground Truth's worker response: ``workerId``, ``answerContent``, and times.
    """

    file: str
    line: int
    image: str
    response: Mapping[str, Any]


@dataclass(frozen=True)
class PastLabels:
    """Labels that were made of an object's answers, with their confidence from 0 to 1."""

    file: str
    line: int
    image: str
    labels: Mapping[str, float]


@dataclass(frozen=True)
class SetAside:
    """Something that cannot be used, and why."""

    file: str
    line: int
    reason: str


Past = PastAnswer | PastLabels | SetAside
