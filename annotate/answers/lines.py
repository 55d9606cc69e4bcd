"""Files of answers as tables with a row per line: what each line says, checked on its own.

A line that is known by its hash is not read again, so the table of a file is made anew from the
table of the file as it was, and from the lines that are new.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from annotate.answers.checking import Answer, Questions, Reject, check_image, usable_id
from annotate.answers.choices import Choices
from annotate.answers.files import image_line
from annotate.answers.found import RawAnswers, short_text
from annotate.answers.quick import ChoiceCodes, QuickReader, Response, UnusualLineError

_RESPONSE = pa.struct(
    [
        ("annotator", pa.string()),
        ("submitted", pa.string()),
        ("seconds", pa.float32()),
        ("choices", pa.list_(pa.int32())),
    ]
)
_REJECT = pa.struct([(name, pa.string()) for name in Reject._fields])
SCHEMA = pa.schema(
    [
        ("line", pa.int64()),
        ("digest", pa.binary(32)),
        ("image_id", pa.string()),  # null where none can be made out
        ("responses", pa.list_(_RESPONSE)),
        ("rejects", pa.list_(_REJECT)),
    ]
)
_NO_DIGEST = bytes(32)


@dataclass(frozen=True)
class Lines:
    """Lines of one file.

    Attributes:
        table: ``SCHEMA``; sorted by line.
        choices: by number, a question and what was chosen: what ``responses.choices`` means.
    """

    table: pa.Table
    choices: list[tuple[str, Choices]]


def read_lines(
    lines: Iterable[tuple[int, bytes]], questions: Questions, before: Lines | None = None
) -> tuple[Lines, int]:
    """Read the lines of a file.

    Args:
        lines: number from 1, and the line; blank lines are left out.
        questions: class ids of each question.
        before: the table of the file as it was, made with the same questions.

    Returns:
        The table, and how many lines were new.
    """
    codes = ChoiceCodes(before.choices if before else None)
    known = {} if before is None else _places(before.table)
    kept: list[tuple[int, int]] = []
    builder = _Builder(questions, codes)
    for number, raw in lines:
        digest = hashlib.sha256(raw).digest()
        place = known.get(digest)
        if place is None:
            builder.add_line(number, digest, raw)
        else:
            kept.append((number, place))
    table = builder.table()
    added = table.num_rows
    if kept and before is not None:
        old = before.table.take(pa.array([place for _, place in kept]))
        old = old.set_column(0, "line", pa.array([number for number, _ in kept], pa.int64()))
        table = pa.concat_tables([table, old]).sort_by("line")
    return Lines(table, codes.table), added


def _places(table: pa.Table) -> dict[bytes, int]:
    return {digest: at for at, digest in enumerate(table["digest"].to_pylist())}


def raw_lines(found: Iterable[RawAnswers], questions: Questions) -> Iterator[tuple[str, Lines]]:
    """Tables of answers that stand in no file of lines, one per run of entries of a file.

    Yields:
        The file's name and its lines.
    """
    name, builder = "", None
    for raw in found:
        if builder is not None and raw.file != name:
            yield name, builder.lines()
            builder = None
        if builder is None:
            name, builder = raw.file, _Builder(questions, ChoiceCodes())
        builder.add(raw.line, _NO_DIGEST, raw)
    if builder is not None:
        yield name, builder.lines()


class _Builder:
    """Columns of ``SCHEMA`` that grow line by line."""

    def __init__(self, questions: Questions, codes: ChoiceCodes) -> None:
        self._questions = questions
        self._codes = codes
        self._quick = QuickReader(questions, codes)
        self._lines: list[tuple[int, bytes, str | None]] = []
        self._annotators: list[str] = []
        self._submitted: list[str] = []
        self._seconds: list[float | None] = []
        self._choices = array("i")
        self._choice_ends = array("i", [0])
        self._response_ends = array("i", [0])
        self._rejects: list[Reject] = []
        self._reject_ends = array("i", [0])

    def lines(self) -> Lines:
        return Lines(self.table(), self._codes.table)

    def add_line(self, number: int, digest: bytes, raw: bytes) -> None:
        try:
            image, responses = self._quick.read(raw)
            if not usable_id(image) or not all(map(self._each_once, responses)):
                raise UnusualLineError
        except UnusualLineError:
            self.add(number, digest, image_line(raw, "", number))
            return
        for response in responses:
            self._response(response)
        self._close(number, digest, image)

    def _each_once(self, response: Response) -> bool:
        """Whether no question stands twice in a content: JSON leaves open what that means."""
        asked = set(map(self._codes.questions.__getitem__, response.choices))
        return len(asked) == len(response.choices)

    def add(self, number: int, digest: bytes, raw: RawAnswers) -> None:
        for entry in check_image(raw, self._questions):
            if type(entry) is Answer:
                code = self._codes.code(entry.question_id, entry.choices)
                self._response(Response(*entry[1:4], [code]))
            elif type(entry) is Reject:
                self._rejects.append(entry)
        self._close(number, digest, short_text(raw.image_id))

    def _response(self, response: Response) -> None:
        self._annotators.append(response.annotator)
        self._submitted.append(response.submitted)
        self._seconds.append(response.seconds)
        self._choices.extend(response.choices)
        self._choice_ends.append(len(self._choices))

    def _close(self, number: int, digest: bytes, image: str | None) -> None:
        self._lines.append((number, digest, image))
        self._response_ends.append(len(self._annotators))
        self._reject_ends.append(len(self._rejects))

    def table(self) -> pa.Table:
        numbers, digests, images = zip(*self._lines, strict=True) if self._lines else ((), (), ())
        choices = pa.ListArray.from_arrays(_numbers(self._choice_ends), _numbers(self._choices))
        responses = pa.StructArray.from_arrays(
            [
                pa.array(self._annotators, pa.string()),
                pa.array(self._submitted, pa.string()),
                pa.array(self._seconds, pa.float32()),
                choices,
            ],
            fields=list(_RESPONSE),
        )
        rejects = pa.array([entry._asdict() for entry in self._rejects], _REJECT)
        return pa.table(
            [
                pa.array(numbers, pa.int64()),
                pa.array(digests, pa.binary(32)),
                pa.array(images, pa.string()),
                pa.ListArray.from_arrays(_numbers(self._response_ends), responses),
                pa.ListArray.from_arrays(_numbers(self._reject_ends), rejects),
            ],
            schema=SCHEMA,
        )


def _numbers(values: array[int]) -> pa.Array:
    return pa.array(np.frombuffer(values, np.int32) if values else np.empty(0, np.int32))


def question_sets(questions: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Class ids of each question as sets."""
    return {question: frozenset(classes) for question, classes in questions.items()}
