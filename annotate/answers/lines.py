"""Files of answers as tables with a row per line: what each line says, checked on its own.

A line that is known by its hash is not read again, so the table of a file is made anew from the
table of the file as it was, and from the lines that are new.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from annotate.answers.blocks import Block
from annotate.answers.checking import Answer, Questions, Reject, check_image
from annotate.answers.choices import Choices
from annotate.answers.files import image_line
from annotate.answers.found import RawAnswers, short_text
from annotate.answers.quick import ChoiceCodes, QuickLines, QuickReader

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
_TEXT = re.compile(rb"\S")


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
    blocks: Iterable[Block],
    questions: Questions,
    before: Lines | None = None,
    *,
    hashed: bool = True,
) -> tuple[Lines, int]:
    """Read the lines of a file.

    Args:
        blocks: one after another.
        questions: class ids of each question.
        before: the table of the file as it was, made with the same questions.
        hashed: False: the table will not be kept, its digests are zeros.

    Returns:
        The table, and how many lines were new; blank lines count for nothing.
    """
    codes = ChoiceCodes(before.choices if before else None)
    known = {} if before is None else _places(before.table)
    kept: list[tuple[int, int]] = []
    reader = _Reader(questions, codes)
    first = 1
    for block in blocks:
        new: list[_NewLine] = []
        for place, (start, end) in enumerate(block.lines):
            if _TEXT.search(block.text, start, end):
                digest = _digest(block.text, start, end) if hashed or known else _NO_DIGEST
                old = known.get(digest)
                if old is None:
                    new.append(_NewLine(first + place, digest, place))
                else:
                    kept.append((first + place, old))
        reader.add(block, new)
        first += len(block.lines)
    table = reader.table()
    added = table.num_rows
    if kept and before is not None:
        rows = before.table.take(pa.array([row for _, row in kept]))
        rows = rows.set_column(0, "line", pa.array([number for number, _ in kept], pa.int64()))
        table = pa.concat_tables([table, rows]).sort_by("line")
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


class _NewLine(NamedTuple):
    """A line to be read, and which line of its block it is."""

    number: int
    digest: bytes
    place: int


def _digest(block: bytes, start: int, end: int) -> bytes:
    return hashlib.sha256(memoryview(block)[start:end]).digest()


class _Reader:
    """Reads lines quickly where it can, the others slowly."""

    def __init__(self, questions: Questions, codes: ChoiceCodes) -> None:
        self._quick = QuickReader(questions, codes)
        self._slow = _Builder(questions, codes)
        self._tables: list[pa.Table] = []

    def add(self, block: Block, lines: Sequence[_NewLine]) -> None:
        if not lines:
            return
        found = self._quick.read(block, [line.place for line in lines])
        read = set(found.around.lines.tolist())
        if read:
            self._tables.append(_quick_table([line for line in lines if line.place in read], found))
        for line in lines:
            if line.place not in read:
                start, end = block.lines[line.place]
                raw = image_line(block.text[start:end], "", line.number)
                self._slow.add(line.number, line.digest, raw)

    def table(self) -> pa.Table:
        slow = self._slow.table()
        table = pa.concat_tables([*self._tables, slow])
        return table.sort_by("line") if slow.num_rows and self._tables else table


def _quick_table(lines: Sequence[_NewLine], found: QuickLines) -> pa.Table:
    around = found.around
    return _table(
        [line[:2] for line in lines],
        around.images,
        _starts(around.responses),
        (around.annotators, around.submitted, around.seconds),
        (_starts(found.counts), found.choices),
        pa.ListArray.from_arrays(
            pa.array([0] * (len(lines) + 1), pa.int32()), pa.array([], _REJECT)
        ),
    )


class _Builder:
    """Columns of ``SCHEMA`` that grow line by line."""

    def __init__(self, questions: Questions, codes: ChoiceCodes) -> None:
        self._questions = questions
        self._codes = codes
        self._lines: list[tuple[int, bytes]] = []
        self._images: list[str | None] = []
        self._responses: list[int] = []
        self._answers: list[Answer] = []
        self._choices: list[int] = []
        self._rejects: list[list[Reject]] = []

    def lines(self) -> Lines:
        return Lines(self.table(), self._codes.table)

    def add(self, number: int, digest: bytes, raw: RawAnswers) -> None:
        found = list(check_image(raw, self._questions))
        answers = [entry for entry in found if type(entry) is Answer]
        self._lines.append((number, digest))
        self._images.append(short_text(raw.image_id))
        self._responses.append(len(answers))
        self._answers += answers
        self._choices += [self._codes.code(one.question_id, one.choices) for one in answers]
        self._rejects.append([entry for entry in found if type(entry) is Reject])

    def table(self) -> pa.Table:
        """A response per answer, so that each has its own time."""
        columns = tuple([one[at] for one in self._answers] for at in (1, 2, 3))
        rejects = [[entry._asdict() for entry in entries] for entries in self._rejects]
        return _table(
            self._lines,
            self._images,
            _starts(self._responses),
            columns,
            (_starts([1] * len(self._choices)), np.array(self._choices, np.int32)),
            pa.array(rejects, pa.list_(_REJECT)),
        )


def _table(
    lines: Sequence[tuple[int, bytes]],
    images: Sequence[str | None],
    responses: pa.Array,
    columns: Sequence[Sequence[Any] | pa.Array],
    choices: tuple[pa.Array, npt.NDArray[np.int32]],
    rejects: pa.Array,
) -> pa.Table:
    """``SCHEMA`` from number and digest of each line, offsets of lists, and values."""
    types = (pa.string(), pa.string(), pa.float32())
    values = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
    lists = pa.ListArray.from_arrays(choices[0], pa.array(choices[1]))
    struct = pa.StructArray.from_arrays([*values, lists], fields=list(_RESPONSE))
    return pa.table(
        [
            pa.array([number for number, _ in lines], pa.int64()),
            pa.array([digest for _, digest in lines], pa.binary(32)),
            pa.array(images, pa.string()),
            pa.ListArray.from_arrays(responses, struct),
            rejects,
        ],
        schema=SCHEMA,
    )


def _starts(counts: npt.ArrayLike) -> pa.Array:
    """Offsets of lists of such lengths."""
    return pa.array(np.cumsum(np.concatenate([[0], counts])).astype(np.int32))


def question_sets(questions: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Class ids of each question as sets."""
    return {question: frozenset(classes) for question, classes in questions.items()}
