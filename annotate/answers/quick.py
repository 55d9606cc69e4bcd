"""Reads a line of answers in a fifth of the time, where it is spelled as programs spell it.

Nearly all of a line is the content of its answers, and nearly all questions in it are spelled like
thousands before: the text of a question, braces and all, is looked up and not parsed. What stands
around the contents is parsed as JSON, each content replaced by its number. Whatever looks in any
way unusual is left to ``annotate.answers.checking``, which reads the whole line slowly. A text is
only remembered once the JSON parser and ``choices.read_choices`` have had it, so both ways agree.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from annotate.answers.checking import seconds_of, time_of, usable_id
from annotate.answers.choices import Choices, read_choices

_CONTENT = b'"answerContent"'
_OPENING = re.compile(rb"\s*:\s*\{")
_COMMA = re.compile(rb"\s*,")
MOST_REMEMBERED = 200_000  # texts; questions with very many choices hardly ever repeat


class UnusualLineError(Exception):
    """A line that must be read slowly."""


class Response(NamedTuple):
    """One annotator's answers of a line: codes of :class:`ChoiceCodes`."""

    annotator: str
    submitted: str
    seconds: float | None
    choices: list[int]


class ChoiceCodes:
    """Numbers for what can be answered to a question.

    Attributes:
        table: by number, the question and what was chosen.
        questions: by number, the question alone.
    """

    def __init__(self, table: list[tuple[str, Choices]] | None = None) -> None:
        self.table: list[tuple[str, Choices]] = list(table or ())
        self.questions: list[str] = [question for question, _ in self.table]
        self._codes = {_key(*entry): code for code, entry in enumerate(self.table)}

    def code(self, question: str, choices: Choices) -> int:
        """The number of an answer; a new one if need be."""
        code = self._codes.setdefault(_key(question, choices), len(self.table))
        if code == len(self.table):
            self.table.append((question, choices))
            self.questions.append(question)
        return code


def _key(question: str, choices: Choices) -> tuple[Any, ...]:
    return question, tuple(choices.ticked), choices.none, choices.unsure


class QuickReader:
    """Reads lines. Keep one for many lines: it remembers what it has parsed."""

    def __init__(self, questions: Mapping[str, frozenset[str]], codes: ChoiceCodes) -> None:
        self._questions = questions
        self._codes = codes
        self._first = _Memory(self._read_question, _OPENING).__getitem__
        self._next = _Memory(self._read_question, _COMMA).__getitem__
        self._people: set[str] = set()

    def read(self, line: bytes) -> tuple[Any, list[Response]]:
        """Image id, as it stands there, and answers.

        Raises:
            UnusualLineError: read it slowly.
        """
        parts = line.split(_CONTENT)
        around = [parts[0]]
        contents = []
        for number, part in enumerate(parts[1:]):
            pieces = part.split(b"}")
            if b"" not in pieces:
                raise UnusualLineError
            end = pieces.index(b"")  # between the last question's brace and the content's
            contents.append([self._first(pieces[0]), *map(self._next, pieces[1:end])])
            around.append(b":%d%b" % (number, b"}".join(pieces[end + 1 :])))
        try:
            entry = json.loads(_CONTENT.join(around).decode())
        except (ValueError, RecursionError) as error:
            raise UnusualLineError from error
        answers = entry.get("answers") if type(entry) is dict else None
        if type(answers) is not list or len(answers) != len(contents) or not contents:
            raise UnusualLineError
        found = [self._response(at, answer, contents[at]) for at, answer in enumerate(answers)]
        return entry.get("image-id"), found

    def _response(self, number: int, answer: Any, choices: list[int]) -> Response:
        if type(answer) is not dict:
            raise UnusualLineError
        place = answer.get("answerContent")
        annotator = answer.get("workerId")
        if type(place) is not int or place != number or type(annotator) is not str:
            raise UnusualLineError
        if annotator not in self._people:
            if not usable_id(annotator):
                raise UnusualLineError
            self._people.add(annotator)
        return Response(
            annotator, time_of(answer.get("submissionTime")), seconds_of(answer), choices
        )

    def _read_question(self, members: bytes) -> int:
        """The code of one question, ``"q01": {...`` without its closing brace."""
        try:
            content = json.loads((b"{" + members + b"}}").decode())
        except (ValueError, RecursionError) as error:
            raise UnusualLineError from error
        if type(content) is not dict or len(content) != 1:
            raise UnusualLineError
        [(question, boxes)] = content.items()
        shown = self._questions.get(question)
        if shown is None or type(boxes) is not dict:
            raise UnusualLineError
        choices = read_choices(boxes, shown)
        if type(choices) is not Choices:
            raise UnusualLineError
        return self._codes.code(question, choices)


class _Memory(dict[bytes, int]):
    """From the text of a question, with what divides it from the one before, to its code."""

    def __init__(self, read: Callable[[bytes], int], divider: re.Pattern[bytes]) -> None:
        super().__init__()
        self._read = read
        self._divider = divider

    def __missing__(self, text: bytes) -> int:
        begin = self._divider.match(text)
        if begin is None:
            raise UnusualLineError
        code = self._read(text[begin.end() :])
        if len(self) < MOST_REMEMBERED:
            self[text] = code
        return code
