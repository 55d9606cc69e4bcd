"""Votes of other tools: tables of votes (CSV, Parquet), exports of Label Studio and of CVAT."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from annotate.answers.checking import UNKNOWN_IMAGE, usable_id
from annotate.answers.coded import Coded
from annotate.answers.cvat import read_cvat
from annotate.answers.found import short_text
from annotate.answers.label_studio import read_label_studio
from annotate.answers.packed import Packed
from annotate.answers.packing import (
    COPY,
    OTHER_NAME,
    REPLACED,
    Answers,
    drop_repeated,
    reject_table,
    sort_rejects,
)
from annotate.answers.spellings import Spellings, rank_by_name
from annotate.errors import InputError, MissingError, closest
from annotate.tables import ANSWER_REJECTS

COLUMNS = ("image", "class", "annotator", "answer")
YES, NO, UNSURE, SKIPPED = range(4)
_SPELLED = {
    YES: ("1", "yes", "y", "true", "t", "1.0"),
    NO: ("0", "no", "n", "false", "f", "0.0"),
    UNSURE: ("unsure", "unknown", "maybe", "?", "-1"),
    SKIPPED: ("skip", "skipped"),
}
ANSWERS = {spelling: answer for answer, all_of in _SPELLED.items() for spelling in all_of}
_BLOCK = 2**24  # bytes of CSV with a dictionary of their own: large ones repeat fewer texts
Find = Callable[[str], str | None]


@dataclass(frozen=True)
class Names:
    """What the texts of a file mean.

    Attributes:
        columns: the file's name of each of ``COLUMNS`` that it calls otherwise.
        image: the id of an image that is named by id or path; None if it is unknown.
        class_id: likewise a class, named by id, name or alias.
    """

    columns: Mapping[str, str]
    image: Find
    class_id: Find


@dataclass(frozen=True)
class FileVotes:
    """Votes of one file.

    Attributes:
        file: its name.
        packed: answers to questions of one class each, in the order of the file.
        lines: (A,) where each of them stands; the header is line 1.
        spellings: by which names their classes were called.
        aside: ``tables.ANSWER_REJECTS``.
    """

    file: str
    packed: Packed
    lines: npt.NDArray[np.int32]
    spellings: Spellings
    aside: pd.DataFrame


def read_votes(path: Path, names: Names) -> FileVotes:
    """Read votes as answers to questions of one class each, whose id is the question's.

    Args:
        path: CSV or TSV, Parquet, Label Studio's JSON, or CVAT's XML ("CVAT for images").
        names: what its texts mean.

    Raises:
        MissingError: no such file.
        InputError: it is not such a file, or a column is missing.
    """
    if not path.is_file():
        raise MissingError(f"no votes at {path}.")
    if path.suffix.lower() not in (".json", ".xml"):
        return _pack(_read_table(path, names.columns), path.name, 2, names)
    votes = (read_label_studio if path.suffix.lower() == ".json" else read_cvat)(path)
    found = _pack(dict(zip(COLUMNS, votes.coded(), strict=True)), path.name, 1, names)
    passed = [_passed_over(path.name, *entry, names.image) for entry in votes.aside]
    return replace(found, aside=pd.concat([reject_table(passed), found.aside]))


def _passed_over(
    file: str, line: int, image: str | None, reason: str, find: Find
) -> tuple[object, ...]:
    found = find(image) if image else None
    return file, line, found or image, None, None, UNKNOWN_IMAGE if image and not found else reason


def _read_table(path: Path, renamed: Mapping[str, str]) -> dict[str, Coded]:
    wanted = [renamed.get(name, name) for name in COLUMNS]
    parquet = path.suffix.lower() in (".parquet", ".pq")
    try:
        have = list(pq.read_schema(path).names if parquet else _header(path))
        missing = [name for name in wanted if name not in have]
        if missing:
            raise InputError(
                f"{path}: no column {missing[0]!r}{closest(missing[0], have)}; it has "
                f"{', '.join(have)}. Name another one with --column "
                f"{COLUMNS[wanted.index(missing[0])]}=NAME."
            )
        columns = _parquet(path, wanted) if parquet else _csv(path, wanted)
        coded = [_coded(column) for column in columns]
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as a table of votes ({error}).") from error
    del columns
    pa.default_memory_pool().release_unused()  # else Arrow keeps what only Arrow can use again
    return dict(zip(COLUMNS, coded, strict=True))


def _parquet(path: Path, wanted: Sequence[str]) -> Iterator[pa.ChunkedArray]:
    """Columns, of which one at a time is in memory; texts as dictionaries."""
    for name in wanted:
        yield pq.read_table(path, columns=[name], read_dictionary=[name])[name]


def _csv(path: Path, wanted: Sequence[str]) -> list[pa.ChunkedArray]:
    text = pa.dictionary(pa.int32(), pa.string())
    table = pa_csv.read_csv(
        path,
        read_options=pa_csv.ReadOptions(block_size=_BLOCK),
        parse_options=pa_csv.ParseOptions(delimiter=_delimiter(path)),
        convert_options=pa_csv.ConvertOptions(
            include_columns=wanted,
            column_types=dict.fromkeys(wanted, text),
            strings_can_be_null=False,
        ),
    )
    return [table[name] for name in wanted]


def _delimiter(path: Path) -> str:
    return "\t" if path.suffix.lower() == ".tsv" else ","


def _header(path: Path) -> list[str]:
    with pa_csv.open_csv(
        path, parse_options=pa_csv.ParseOptions(delimiter=_delimiter(path))
    ) as file:
        return list(file.schema.names)


def _pack(texts: dict[str, Coded], file: str, first: int, names: Names) -> FileVotes:
    """Answers of the rows that can be read, and the others with their reason."""
    meant = {name: _meant(name, coded.values, names) for name, coded in texts.items()}
    bad = np.zeros(len(texts["image"].codes), bool)
    for name, (_, problems) in meant.items():
        if any(problems):
            bad |= np.array(list(map(bool, problems)))[texts[name].codes]
    aside = _set_aside(file, first, np.flatnonzero(bad), texts, meant)
    kept = ~bad
    lines = np.arange(first, first + len(bad), dtype=np.int32)[kept]
    image, question, annotator, answer = (
        Coded.sort(meant[name][0], texts[name].codes[kept]) for name in COLUMNS
    )
    said = np.array([int(value) for value in answer.values], np.int8)[answer.codes]
    yes = said == YES
    ends = np.zeros(len(lines) + 1, np.int32)
    np.cumsum(yes, out=ends[1:])
    packed = Packed(
        image,
        question,
        annotator,
        question.take(yes).compact(),
        ends,
        said == NO,
        said == UNSURE,
        said == SKIPPED,
        Coded(("",), np.broadcast_to(np.int32(0), len(lines))),  # no time, and no memory for it
        np.broadcast_to(np.float32(np.nan), len(lines)),
    )
    spellings = Spellings.of(texts["class"], meant["class"][0], kept)
    return FileVotes(file, packed, lines, spellings, aside)


def _meant(column: str, texts: Sequence[str], names: Names) -> tuple[list[str], list[str]]:
    """What each text of a column means, "" where nothing; and the problem with it, or ""."""
    find: Find
    find, problem = {
        "image": (names.image, UNKNOWN_IMAGE),
        "class": (names.class_id, "unknown class"),
        "annotator": (lambda name: name if usable_id(name) else None, "no usable annotator"),
        "answer": (_number, "an answer is neither yes, no, unsure nor skip"),
    }[column]
    found = [find(text.strip()) for text in texts]
    problems = ["" if entry is not None else problem for entry in found]
    if column == "class":
        named = zip(problems, texts, strict=True)
        problems = [f"{why} {short_text(text)}" if why else "" for why, text in named]
    return [entry or "" for entry in found], problems


def _number(said: str) -> str | None:
    answer = ANSWERS.get(said.lower())
    return None if answer is None else str(answer)


def _set_aside(
    file: str,
    first: int,
    rows: npt.NDArray[np.int64],
    texts: Mapping[str, Coded],
    meant: Mapping[str, tuple[list[str], list[str]]],
) -> pd.DataFrame:
    """Rows that cannot be read, with the first problem of each."""
    reasons = np.full(len(rows), "", object)
    for name in COLUMNS:
        here = np.array(meant[name][1], object)[texts[name].codes[rows]]
        reasons = np.where(reasons == "", here, reasons)
    shown = {name: list(coded.values) for name, coded in texts.items()}
    shown["image"] = [m or t for m, t in zip(meant["image"][0], shown["image"], strict=True)]
    named = [
        np.array(list(map(short_text, shown[name])), object)[texts[name].codes[rows]]
        for name in COLUMNS[:3]
    ]
    return _rejects(np.full(len(rows), file, object), rows + first, *named, reasons)


def _rejects(*columns: npt.NDArray[Any]) -> pd.DataFrame:
    """Columns of ``tables.ANSWER_REJECTS``; equal texts stay one object, for there are millions."""
    named = zip(ANSWER_REJECTS.columns, columns, strict=True)
    return pd.DataFrame({name: pd.Series(column, dtype=column.dtype) for name, column in named})


def _coded(column: pa.ChunkedArray) -> Coded:
    """The texts of a column of any type; null is an empty text."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    elif any(chunk.dictionary.null_count for chunk in column.chunks):  # Arrow cannot unify these
        column = column.cast(column.type.value_type).dictionary_encode()
    array = column.unify_dictionaries().combine_chunks()
    texts = array.dictionary.cast(pa.string()).fill_null("").to_pylist()
    codes = array.indices.cast(pa.int32()).fill_null(len(texts))
    return Coded.sort([*texts, ""], codes.to_numpy())


def join_votes(files: Iterable[FileVotes]) -> Answers:
    """Votes of several files as one table, in which an annotator has one vote on a cell.

    The last one counts. Where a class is called by several names, as by an alias, that is the last
    one for each name, and of these a yes counts before an unsure before a no.
    """
    found = list(files)
    packed = Packed.join([one.packed for one in found])
    lines = np.concatenate([one.lines for one in found])
    aside = [one.aside for one in found]
    names = np.array([one.file for one in found], object)
    ends = np.cumsum([len(one.packed) for one in found])
    spellings = [one.spellings for one in found]
    del found  # tens of millions of votes are there twice only as long as they must
    rank = rank_by_name(packed, spellings, ends)
    order, earlier, copies = drop_repeated(packed, rank)
    if len(earlier):
        ids = (packed.image, packed.question, packed.annotator)
        reasons = np.where(copies, COPY, REPLACED).astype(object)
        if rank is not None:
            reasons[~copies & (rank[earlier] > 0)] = OTHER_NAME
        aside.append(
            _rejects(
                names[np.searchsorted(ends, earlier, side="right")],
                lines[earlier],
                *(column.take(earlier).texts() for column in ids),
                reasons,
            )
        )
    packed = packed.take(order)
    return Answers(packed.compact(), sort_rejects(pd.concat(aside, ignore_index=True)))
