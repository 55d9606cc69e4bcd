"""From the lines of all files of answers to one packed table, each answer in it once."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from annotate.answers.checking import UNKNOWN_IMAGE, Reject
from annotate.answers.coded import Coded
from annotate.answers.found import RawAnswers
from annotate.answers.lines import Lines, question_sets, raw_lines
from annotate.answers.packed import Packed, ranges, to_frame
from annotate.tables import ANSWER_REJECTS

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
COPY = "a copy of an answer that is there"
REPLACED = "replaced by a later answer"
OTHER_NAME = "replaced by the answer to another name of the class"


@dataclass(frozen=True)
class Answers:
    """What counts, sorted by image, question and annotator, and what was set aside.

    Attributes:
        packed: what counts.
        rejects: ``tables.ANSWER_REJECTS``.
    """

    packed: Packed
    rejects: pd.DataFrame

    @cached_property
    def answers(self) -> pd.DataFrame:
        """What counts as ``tables.ANSWERS``: for thousands of answers, not for millions."""
        return to_frame(self.packed)


def check_answers(
    found: Iterable[RawAnswers],
    questions: Mapping[str, Sequence[str]],
    images: Collection[str],
    *,
    until: str = "",
) -> Answers:
    """Sort answers into those that count and those that are set aside.

    Set aside are: what is no worker response; an unknown image, question or class; a page whose
    choices were not the question's; a tick together with "None of these"; an answer with nothing
    in it; a copy of an answer; one whose hidden copy says otherwise; the earlier of two answers
    of one annotator to one question (by submission time, then by place); and late ones.

    Args:
        found: what ``answers.files.find_answers`` yields.
        questions: class ids of each question.
        images: ids of all images of the catalogue.
        until: ISO 8601 in UTC; what was submitted later is late. "": nothing is.
    """
    return pack(raw_lines(found, question_sets(questions)), images, until=until)


def pack(
    files: Iterable[tuple[str, Lines]], images: Collection[str], *, until: str = ""
) -> Answers:
    """Put the lines of all files into one table.

    Args:
        files: name and lines of each, in the order in which later places win.
        images: ids of all images of the catalogue.
        until: as for :func:`check_answers`.
    """
    named = list(files)
    names = [name for name, lines in named for _ in range(lines.table.num_rows)]
    table = pa.concat_tables([lines.table for _, lines in named]) if named else None
    if table is None or not table.num_rows:
        return Answers(_no_answers(), reject_table([]))
    table = table.drop_columns("digest").combine_chunks()
    place = _Places(names, table["line"].to_numpy(), table["image_id"].to_pylist())
    known = np.array([image in images for image in place.images])
    packed, rows = _answers(table, [lines for _, lines in named], known)
    aside = _checked(table, place, known)
    late = _late(packed, until)
    for at in np.flatnonzero(late):
        aside.append(
            place.reject(int(rows[at]), _named(packed, int(at), f"late: submitted after {until}"))
        )
    if late.any():
        packed, rows = packed.take(np.flatnonzero(~late)), rows[~late]
    order, repeated, copies = drop_repeated(packed)
    for at, copy in zip(repeated.tolist(), copies.tolist(), strict=True):
        entry = _named(packed, at, COPY if copy else REPLACED)
        aside.append(place.reject(int(rows[at]), entry))
    return Answers(packed.take(order).compact(), reject_table(aside))


@dataclass(frozen=True)
class _Places:
    """Of each line of all files: the file's name, its number and its image."""

    files: Sequence[str]
    numbers: Rows
    images: Sequence[str | None]

    def reject(self, at: int, entry: Reject) -> tuple[object, ...]:
        """A row of ``ANSWER_REJECTS``."""
        return self.files[at], int(self.numbers[at]), self.images[at], *entry


def _named(packed: Packed, row: int, reason: str) -> Reject:
    question, annotator = packed.question, packed.annotator
    return Reject(
        question.values[question.codes[row]], annotator.values[annotator.codes[row]], reason
    )


def _unnest(lists: pa.ListArray) -> tuple[Rows, pa.Array]:
    """Of each value in a column of lists, its row; and the values."""
    lengths = lists.value_lengths().to_numpy(zero_copy_only=False)
    return np.repeat(np.arange(len(lists)), lengths), lists.flatten()


def _checked(table: pa.Table, place: _Places, known: Mask) -> list[tuple[object, ...]]:
    """What was set aside line by line; all of a line whose image is unknown is one entry."""
    owners, entries = _unnest(table["rejects"].combine_chunks())
    aside = [
        place.reject(owner, Reject(**entry))
        for owner, entry in zip(owners.tolist(), entries.to_pylist(), strict=True)
        if known[owner] or place.images[owner] is None
    ]
    unknown = Reject(reason=UNKNOWN_IMAGE)
    named = [at for at in np.flatnonzero(~known).tolist() if place.images[at] is not None]
    return aside + [place.reject(at, unknown) for at in named]


def _answers(table: pa.Table, files: Sequence[Lines], known: Mask) -> tuple[Packed, Rows]:
    """Answers of known images in the order in which they stand, and the line of each."""
    line_of_response, responses = _unnest(table["responses"].combine_chunks())
    response, choice = _unnest(responses.field("choices"))
    choice = choice.to_numpy() + np.repeat(*_first_codes(files))
    line = line_of_response[response]
    if not known.all():
        kept = known[line]
        line, response, choice = line[kept], response[kept], choice[kept]
    table_of = [entry for lines in files for entry in lines.choices]
    lengths = np.array([len(choices.ticked) for _, choices in table_of], np.int64)
    ticks = Coded.of(name for _, choices in table_of for name in choices.ticked)
    ends = np.zeros(len(choice) + 1, np.int32)
    np.cumsum(lengths[choice], out=ends[1:])
    starts = np.cumsum(lengths) - lengths
    packed = Packed(
        image=Coded.from_arrow(table["image_id"].fill_null("")).take(line),
        question=Coded.of(question for question, _ in table_of).take(choice),
        annotator=Coded.from_arrow(responses.field("annotator")).take(response),
        ticked=ticks.take(ranges(starts[choice], lengths[choice])),
        ends=ends,
        none=np.array([choices.none for _, choices in table_of], bool)[choice],
        unsure=np.array([choices.unsure for _, choices in table_of], bool)[choice],
        skipped=np.zeros(len(choice), bool),
        submitted=Coded.from_arrow(responses.field("submitted")).take(response),
        seconds=responses.field("seconds").to_numpy(zero_copy_only=False)[response],
    )
    return packed, line


def _first_codes(files: Sequence[Lines]) -> tuple[list[int], list[int]]:
    """Where each file's choices begin among those of all files, and how many answers it has."""
    sizes = [len(lines.choices) for lines in files]
    counts = [
        len(_unnest(lines.table["responses"].combine_chunks())[1].field("choices").flatten())
        for lines in files
    ]
    return list(np.cumsum([0, *sizes[:-1]])), counts


def _late(packed: Packed, until: str) -> Mask:
    if not until:
        return np.zeros(len(packed), bool)
    late: Mask = np.array([value > until for value in packed.submitted.values], bool)
    return late[packed.submitted.codes]


def drop_repeated(
    packed: Packed, rank: npt.NDArray[np.int8] | None = None
) -> tuple[Rows, Rows, Mask]:
    """Of an annotator's answers to one question about one image, keep the last.

    Args:
        packed: in the order in which places win where times are equal.
        rank: (A,) of answers that win whatever their time, the highest; None: time alone.

    Returns:
        Rows to keep, sorted by image, question and annotator; rows that a later one replaces; and
        for each of these, whether the next one says the same at the same time.
    """
    columns = (packed.image, packed.question, packed.annotator)
    most = math.prod(len(column.values) for column in columns)
    narrow = most < 2**31  # half the bytes are sorted faster
    key: npt.NDArray[Any] = packed.image.codes.astype(np.int32 if narrow else np.int64)
    for column in columns[1:]:
        key *= len(column.values)
        key += column.codes
    order = np.argsort(key)
    ordered = key[order]
    same = ordered[1:] == ordered[:-1]
    if not same.any():
        return order, np.empty(0, np.int64), np.empty(0, bool)
    repeated = np.append(same, False) | np.append(False, same)
    rows = order[repeated]  # mostly few: these alone are sorted by time, then by place
    first = () if rank is None else (rank[rows],)
    order[repeated] = rows[np.lexsort((rows, packed.submitted.codes[rows], *first, key[rows]))]
    earlier, later = order[:-1][same], order[1:][same]
    return order[np.append(~same, True)], earlier, _say_the_same(packed, earlier, later)


def _say_the_same(packed: Packed, some: Rows, others: Rows) -> Mask:
    """Whether two answers have the same time and content, pair by pair."""
    lengths, seconds = packed.ticks[some], packed.seconds
    same: Mask = lengths == packed.ticks[others]
    for column in (packed.submitted.codes, packed.none, packed.unsure, packed.skipped):
        same &= column[some] == column[others]
    unknown = np.isnan(seconds[some]) & np.isnan(seconds[others])
    same &= unknown | (seconds[some] == seconds[others])
    at = np.flatnonzero(same)
    here, there = (
        packed.ticked.codes[ranges(packed.ends[rows[at]], lengths[at])] for rows in (some, others)
    )
    same[np.repeat(at, lengths[at])[here != there]] = False
    return same


def _no_answers() -> Packed:
    nothing = Coded.of(())
    flags = np.zeros(0, bool)
    return Packed(
        nothing, nothing, nothing, nothing, np.zeros(1, np.int32), flags, flags, flags, nothing,
        np.zeros(0, np.float32),
    )  # fmt: skip


def reject_table(rejects: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    """Rows of ``tables.ANSWER_REJECTS``, sorted by file and line."""
    return sort_rejects(pd.DataFrame(rejects, columns=list(ANSWER_REJECTS.columns)))


def sort_rejects(frame: pd.DataFrame) -> pd.DataFrame:
    """By file and line."""
    return frame.sort_values(["file", "line"], kind="stable", ignore_index=True)
