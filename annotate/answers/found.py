"""Answers as they were found in a file, before anything is judged."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

LONGEST = 200  # characters of a text from a stranger that are kept


@dataclass(frozen=True)
class RawAnswers:
    """The answers of one image as they were found.

    Attributes:
        file: path relative to the folder of answers.
        line: from 1.
        image_id: whatever stood there; a text if all is well.
        answers: whatever stood there; a list of Ground Truth's worker responses if all is well.
        problem: why nothing could be read or nothing counts, else None.
    """

    file: str
    line: int
    image_id: Any = None
    answers: Any = None
    problem: str | None = None


def parse_json(raw: bytes | str) -> Any:
    """JSON from a stranger; None for what is not JSON, nested too deep, or not UTF-8.

    >>> parse_json(b'{"a": 1}'), parse_json(b"{"), parse_json(b"[" * 100_000)
    ({'a': 1}, None, None)
    """
    try:
        return json.loads(raw if isinstance(raw, str) else raw.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None


def bare_content(content: Any) -> Any:
    """The bare object, also where it stands in a one-item list or as JSON in a text.

    >>> bare_content('[{"q01": {"dog": true}}]')
    {'q01': {'dog': True}}
    """
    if isinstance(content, str):
        content = parse_json(content)
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    return content


def short_text(value: Any, longest: int = LONGEST) -> str | None:
    """A short text that every file format takes; None for what is no text."""
    if not isinstance(value, str):
        return None
    return value[:longest].encode("utf-8", "backslashreplace").decode("utf-8")
