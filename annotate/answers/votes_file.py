"""Votes of other tools: tables of votes (CSV, Parquet), exports of Label Studio and of CVAT."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from annotate.answers.checking import UNKNOWN_IMAGE, usable_id
from annotate.answers.cvat import read_cvat
from annotate.answers.found import short_text
from annotate.answers.label_studio import read_label_studio
from annotate.answers.packed import Coded, Packed
from annotate.answers.packing import COPY, REPLACED, Answers, drop_repeated, reject_table
from annotate.errors import InputError, MissingError, closest

COLUMNS = ("image", "class", "annotator", "answer")
YES, NO, UNSURE, SKIPPED = range(4)
_SPELLED = {
    YES: ("1", "yes", "y", "true", "t", "1.0"),
    NO: ("0", "no", "n", "false", "f", "0.0"),
    UNSURE: ("unsure", "unknown", "maybe", "?", "-1"),
    SKIPPED: ("skip", "skipped"),
}
ANSWERS = {spelling: answer for answer, all_of in _SPELLED.items() for spelling in all_of}
Row = tuple[object, ...]  # of tables.ANSWER_REJECTS
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
        aside: rows of ``tables.ANSWER_REJECTS``.
    """

    file: str
    packed: Packed
    lines: npt.NDArray[np.int64]
    aside: list[Row]


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
    if path.suffix.lower() in (".json", ".xml"):
        rows = (read_label_studio if path.suffix.lower() == ".json" else read_cvat)(path)
        table = pa.table([pa.array(column, pa.string()) for column in rows.columns], COLUMNS)
        first = 1
        aside = [_set_aside(path.name, *entry, names.image) for entry in rows.aside]
    else:
        table, first, aside = _read_table(path, names.columns), 2, list[Row]()
    found = _pack(table, path.name, first, names)
    return replace(found, aside=aside + found.aside)


def _set_aside(file: str, line: int, image: str | None, reason: str, find: Find) -> Row:
    found = find(image) if image else None
    return file, line, found or image, None, None, UNKNOWN_IMAGE if image and not found else reason


def _read_table(path: Path, renamed: Mapping[str, str]) -> pa.Table:
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
        if parquet:
            table = pq.read_table(path, columns=wanted).select(wanted)
        else:
            text = pa.dictionary(pa.int32(), pa.string())
            table = pa_csv.read_csv(
                path,
                parse_options=pa_csv.ParseOptions(delimiter=_delimiter(path)),
                convert_options=pa_csv.ConvertOptions(
                    include_columns=wanted,
                    column_types=dict.fromkeys(wanted, text),
                    strings_can_be_null=False,
                ),
            )
        columns = [_texts(table[name]) for name in wanted]
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as a table of votes ({error}).") from error
    return pa.table(columns, COLUMNS)


def _delimiter(path: Path) -> str:
    return "\t" if path.suffix.lower() == ".tsv" else ","


def _header(path: Path) -> list[str]:
    with pa_csv.open_csv(
        path, parse_options=pa_csv.ParseOptions(delimiter=_delimiter(path))
    ) as file:
        return list(file.schema.names)


def _pack(table: pa.Table, file: str, first: int, names: Names) -> FileVotes:
    """Answers of the rows that can be read, and the others with their reason."""
    texts = {name: Coded.from_arrow(table[name]) for name in COLUMNS}
    image, image_bad = _meant(texts["image"], names.image, UNKNOWN_IMAGE)
    question, class_bad = _meant(texts["class"], names.class_id, "unknown class")
    annotator, person_bad = _meant(
        texts["annotator"], lambda name: name if usable_id(name) else None, "no usable annotator"
    )
    answer, answer_bad = _meant(
        texts["answer"], lambda said: _number(said), "an answer is neither yes, no, unsure nor skip"
    )
    bad = np.zeros(table.num_rows, np.int32)
    reasons = [""]
    for coded, problems in (
        (texts["image"], image_bad),
        (texts["class"], class_bad),
        (texts["annotator"], person_bad),
        (texts["answer"], answer_bad),
    ):
        number = [len(reasons) + at if why else 0 for at, why in enumerate(problems)]
        reasons += problems
        found = np.array([*number, 0], np.int32)[coded.codes]
        bad = np.where(bad == 0, found, bad)
    aside: list[Row] = [
        (file, row + first, _short(image, row) or _short(texts["image"], row),
         _short(texts["class"], row), _short(texts["annotator"], row), reasons[bad[row]])
        for row in np.flatnonzero(bad).tolist()
    ]  # fmt: skip
    kept = np.flatnonzero(bad == 0)
    said = np.array([int(value or SKIPPED) for value in answer.values], np.int8)[answer.codes[kept]]
    yes = said == YES
    ends = np.zeros(len(kept) + 1, np.int32)
    np.cumsum(yes, out=ends[1:])
    question = question.take(kept)
    packed = Packed(
        image.take(kept),
        question,
        annotator.take(kept),
        question.take(yes),
        ends,
        said == NO,
        said == UNSURE,
        said == SKIPPED,
        Coded(("",), np.zeros(len(kept), np.int32)),
        np.full(len(kept), np.nan, np.float32),
    )
    return FileVotes(file, packed.compact(), kept + first, aside)


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as texts, or a dictionary of them, whatever its type; null is an empty text."""
    if pa.types.is_dictionary(column.type):
        nulls = column.null_count or any(chunk.dictionary.null_count for chunk in column.chunks)
        if column.type.value_type == pa.string() and not nulls:
            return column
        column = column.cast(column.type.value_type)
    return column.cast(pa.string()).fill_null("")


def _meant(coded: Coded, find: Find, problem: str) -> tuple[Coded, list[str]]:
    """What a column's texts mean ("" where nothing), and for each text a problem or ""."""
    meant = [find(value.strip()) for value in coded.values]
    problems = ["" if entry is not None else problem for entry in meant]
    if problem == "unknown class":
        named = zip(problems, coded.values, strict=True)
        problems = [f"{why} {short_text(value)}" if why else "" for why, value in named]
    return Coded.sort([entry or "" for entry in meant], coded.codes), problems


def _number(said: str) -> str | None:
    answer = ANSWERS.get(said.lower())
    return None if answer is None else str(answer)


def _short(coded: Coded, row: int) -> str | None:
    return short_text(coded.values[coded.codes[row]])


def join_votes(files: Sequence[FileVotes]) -> Answers:
    """Votes of several files as one table; of an annotator's votes on a cell the last counts."""
    aside = [row for one in files for row in one.aside]
    packed = Packed.join([one.packed for one in files])
    names = np.repeat([one.file for one in files], [len(one.packed) for one in files])
    lines = np.concatenate([one.lines for one in files])
    order, earlier, copies = drop_repeated(packed)
    for at, copy in zip(earlier.tolist(), copies.tolist(), strict=True):
        place = (packed.image, packed.question, packed.annotator)
        ids = (coded.values[coded.codes[at]] for coded in place)
        aside.append((str(names[at]), int(lines[at]), *ids, COPY if copy else REPLACED))
    return Answers(packed.take(order).compact(), reject_table(aside))
