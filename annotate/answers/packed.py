"""The packed table of answers: a row per image, question and annotator, texts as codes.

Sixty thousand images with 24 questions and five people are 7 million rows. As codes they take some
25 bytes each; votes follow from them by counting (``annotate.labels.votes``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from annotate.answers.coded import Coded, Codes, Mask
from annotate.errors import DamagedError, MissingError
from annotate.tables import ANSWERS

TEXTS = ("image", "question", "annotator", "ticked", "submitted")  # columns of :class:`Packed`


@dataclass(frozen=True)
class Packed:
    """Answers, (A,) rows.

    Attributes:
        image, question, annotator: ids.
        ticked: class ids that were ticked, of all rows one after another.
        ends: (A + 1,) from 0: row ``i`` ticked ``ticked[ends[i]:ends[i + 1]]``.
        none, unsure, skipped: what else was answered.
        submitted: ISO 8601 in UTC, "" where there is no time.
        seconds: NaN where it is not known.
    """

    image: Coded
    question: Coded
    annotator: Coded
    ticked: Coded
    ends: Codes
    none: Mask
    unsure: Mask
    skipped: Mask
    submitted: Coded
    seconds: npt.NDArray[np.float32]

    @classmethod
    def join(cls, tables: Sequence[Packed]) -> Packed:
        """Tables one after another."""
        if len(tables) == 1:
            return tables[0]
        texts: dict[str, Any] = {
            name: Coded.join([getattr(table, name) for table in tables]) for name in TEXTS
        }
        plain: dict[str, Any] = {
            name: np.concatenate([getattr(table, name) for table in tables])
            for name in ("none", "unsure", "skipped", "seconds")
        }
        ends = np.concatenate([[0], np.cumsum(np.concatenate([one.ticks for one in tables]))])
        return cls(**texts, ends=ends.astype(np.int32), **plain)

    def __len__(self) -> int:
        return len(self.none)

    @property
    def ticks(self) -> Codes:
        """(A,) how many classes each row ticked."""
        return np.diff(self.ends)

    def compact(self) -> Packed:
        """Without texts that no row has."""
        return replace(self, **{name: getattr(self, name).compact() for name in TEXTS})

    def take(self, rows: npt.NDArray[np.int64]) -> Packed:
        """Some rows, by their numbers."""
        lengths = self.ticks[rows]
        ends = np.zeros(len(rows) + 1, np.int32)
        np.cumsum(lengths, out=ends[1:])
        return Packed(
            self.image.take(rows),
            self.question.take(rows),
            self.annotator.take(rows),
            self.ticked.take(ranges(self.ends[:-1][rows], lengths)),
            ends,
            self.none[rows],
            self.unsure[rows],
            self.skipped[rows],
            self.submitted.take(rows),
            self.seconds[rows],
        )


def ranges(starts: npt.NDArray[Any], lengths: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """The numbers ``start, start + 1, ...`` of several ranges, one after another.

    >>> ranges(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    some = np.flatnonzero(lengths)  # few rows have ticks
    starts, lengths = starts[some], lengths[some]
    before = np.cumsum(lengths) - lengths
    numbers: npt.NDArray[np.int64] = np.repeat(starts - before, lengths)
    numbers += np.arange(len(numbers))
    return numbers


def to_arrow(packed: Packed) -> pa.Table:
    """As ``tables.ANSWERS``, its texts as dictionaries."""
    ticked = packed.ticked.to_arrow().cast(pa.string())  # Arrow writes no lists of dictionaries
    submitted = packed.submitted.to_arrow()
    if packed.submitted.values[:1] == ("",):
        known = pa.array(packed.submitted.codes, mask=packed.submitted.codes == 0)
        submitted = pa.DictionaryArray.from_arrays(known, submitted.dictionary)
    columns = {
        "image_id": packed.image.to_arrow(),
        "question_id": packed.question.to_arrow(),
        "annotator_id": packed.annotator.to_arrow(),
        "ticked": pa.ListArray.from_arrays(pa.array(packed.ends), ticked),
        "none": packed.none,
        "unsure": packed.unsure,
        "skipped": packed.skipped,
        "submitted": submitted,
        "seconds": pa.array(packed.seconds, from_pandas=True),
    }
    return pa.table(columns)


def to_frame(packed: Packed) -> pd.DataFrame:
    """As ``tables.ANSWERS`` in pandas: for thousands of answers, not for millions."""
    table = to_arrow(packed)
    schema = pa.schema(list(ANSWERS.columns.items()))
    frame: pd.DataFrame = table.cast(schema).to_pandas()
    for name in ("image_id", "question_id", "annotator_id", "submitted"):
        frame[name] = frame[name].astype(object).where(frame[name].notna(), None)
    frame["ticked"] = pd.Series(map(list, frame["ticked"]), index=frame.index, dtype=object)
    return frame


def from_arrow(table: pa.Table) -> Packed:
    """From ``tables.ANSWERS``; columns that do not make votes may be missing."""
    rows = table.num_rows
    lists = table["ticked"].combine_chunks()
    offsets = lists.offsets.to_numpy()
    ticked = Coded.from_arrow(lists.values[int(offsets[0]) : int(offsets[-1])])
    there = set(table.column_names)

    def mask(name: str) -> Mask:
        if name not in there:
            return np.zeros(rows, bool)
        found: Mask = table[name].to_numpy().astype(bool)
        return found

    submitted = Coded(("",), np.zeros(rows, np.int32))
    seconds = np.full(rows, np.nan, np.float32)
    if "submitted" in there:
        submitted = _with_gaps(table["submitted"])
    if "seconds" in there:
        seconds = table["seconds"].to_numpy().astype(np.float32)
    return Packed(
        Coded.from_arrow(table["image_id"]),
        Coded.from_arrow(table["question_id"]),
        Coded.from_arrow(table["annotator_id"]),
        ticked,
        (offsets - offsets[0]).astype(np.int32),
        mask("none"),
        mask("unsure"),
        mask("skipped"),
        submitted,
        seconds,
    )


def _with_gaps(column: pa.ChunkedArray) -> Coded:
    """Encode a column of strings, or of a dictionary of strings; null is an empty text."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    array = column.unify_dictionaries().combine_chunks()
    values = [*array.dictionary.to_pylist(), ""]
    codes = array.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False)
    return Coded.sort(values, codes.astype(np.int32))


_VOTING = ("image_id", "question_id", "annotator_id", "ticked", "unsure", "skipped")
_TIMES = ("submitted", "seconds")


def from_frame(frame: pd.DataFrame) -> Packed:
    """From ``tables.ANSWERS`` in pandas; what makes no votes is left out."""
    schema = pa.schema([(name, ANSWERS.columns[name]) for name in _VOTING])
    return from_arrow(pa.Table.from_pandas(frame, schema, preserve_index=False))


def read_packed(path: Path, *, times: bool = False) -> Packed:
    """Read ``answers.parquet`` for counting votes, without ever making texts of its codes.

    Args:
        path: the file.
        times: also when answers were given, and how long they took.

    Raises:
        MissingError: no such file.
        DamagedError: it cannot be read, or a column is missing.
    """
    if not path.is_file():
        raise MissingError(f"no answers at {path}. Make it with `{ANSWERS.made_by}`.")
    texts = ["image_id", "question_id", "annotator_id", "ticked.list.element", "submitted"]
    columns = [*_VOTING, *(_TIMES if times else ())]
    try:
        return from_arrow(pq.read_table(path, columns=columns, read_dictionary=texts))
    except (pa.ArrowException, OSError, KeyError) as error:
        raise DamagedError(
            f"{path}: not a readable table of answers ({error}). Delete it and run "
            f"`{ANSWERS.made_by}`."
        ) from error
