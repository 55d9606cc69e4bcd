"""Rows with labels, of a CSV file or of Hugging Face's metadata, in the shapes people use."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from annotate.catalog.source_tables import PATH_COLUMNS
from annotate.dataset.imports.found import Found, FoundImage, read_outside, split_name, text_or_none
from annotate.dataset.imports.lists import Lists
from annotate.errors import InputError

PATHS = ("file_name", *PATH_COLUMNS)
SINGLE = "label"
LISTS = ("labels", SINGLE, "tags", "classes")
NEGATIVES, UNKNOWN = ("negatives", "negative_labels"), ("unknown",)
LONG = ("class_id", "class", "class_name", "category")
VALUES = ("value", "present", "answer")
ABOUT = (
    *("image_id", "uri", "file_name", "split", "property_id", "group_id", "text"),
    *("id", "width", "height", "caption"),
)
YES, NO, BLANK = {"1", "1.0", "true", "yes"}, {"0", "0.0", "false", "no"}, {"", "-1", "nan", "none"}


def read_csv(source: Path, images: Path | None, whole: Collection[str] = ()) -> Found:
    """Read a CSV or TSV file.

    Three shapes: a column with a list of classes (``labels``: JSON, or cut at the first of ``|``,
    ``;`` and ``,`` that the column has); a row per image and class (``class_id``, ``class`` or
    ``category``, and ``value`` if it says no too); or a column per class with 1, 0 or nothing.

    Raises:
        InputError: not readable, or none of these shapes.
    """
    try:
        text = read_outside(source).decode("utf-8-sig")
        delimiter = "\t" if source.suffix.lower() == ".tsv" else ","
        table = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        rows = [(f"{source.name}:{table.line_num}", row) for row in table]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{source}: not readable as CSV: {error}.") from error
    found = Found(images or source.parent)
    add_rows(found, rows, str(source), whole=whole)
    return found


def add_rows(
    found: Found,
    rows: Iterable[tuple[str, Mapping[str, Any]]],
    source: str,
    split: str | None = None,
    *,
    whole: Collection[str] = (),
) -> None:
    """Add rows to what was found.

    Args:
        found: gets images and classes.
        rows: where each stands, and its values by column.
        source: for messages.
        split: of rows that name none.
        whole: names with a sign that cuts lists, which are classes all the same; see ``Lists``.

    Raises:
        InputError: no column with paths, or none with labels.
    """
    rows = list(rows)
    columns = list(dict.fromkeys(str(name) for _, row in rows for name in row if name))
    filled = [name for name in columns if any(text_or_none(row.get(name)) for _, row in rows)]
    path_column = _first(filled, PATHS) or _first(columns, PATHS)
    if path_column is None:
        raise InputError(
            f"{source}: no column with paths of images ({', '.join(PATH_COLUMNS[:6])})."
        )
    listed, long, value = _shape(columns)
    hot = [] if listed or long else _one_hot(columns, rows, {path_column, *ABOUT})
    if not (listed or long or hot):
        raise InputError(
            f"{source}: no labels found. Name a column `labels` that lists classes, or `class_id` "
            "with one class a row, or give every class a column of 1, 0 or nothing."
        )
    negatives, unknown = _first(columns, NEGATIVES), _first(columns, UNKNOWN)
    found.explicit |= bool(negatives or value or hot)
    for column in hot:
        found.classes.setdefault(_class_name(column), "")
    cells = (row.get(name) for _, row in rows for name in (listed, negatives, unknown) if name)
    lists = Lists.of(cells, whole, single=listed is not None and listed.lower() == SINGLE)
    for where, row in rows:
        path = text_or_none(row.get(path_column))
        if path is None:
            found.reject(where, "no path")
            continue
        image = found.image(path, where)
        image.tell(
            split_name(text_or_none(row.get("split")) or "") or split,
            text_or_none(row.get("property_id")),
            text_or_none(row.get("text")) or text_or_none(row.get("caption")),
        )
        if listed:
            image.yes |= lists.names(row.get(listed))
            image.no |= lists.names(row.get(negatives)) if negatives else set()
            image.unknown |= lists.names(row.get(unknown)) if unknown else set()
        elif long:
            _add_long(found, image, where, row.get(long), row.get(value, "") if value else "1")
        for column in hot:
            _add(found, image, where, _class_name(column), row.get(column))
        found.add_classes(image.yes | image.no | image.unknown)


def _shape(columns: list[str]) -> tuple[str | None, str | None, str | None]:
    """The column that lists classes; or that with one class a row, and that which says yes or no.

    ``label`` is either: the latter where a column such as ``value`` stands beside it.
    """
    listed, value = _first(columns, LISTS), _first(columns, VALUES)
    if listed is not None and not (listed.lower() == SINGLE and value):
        return listed, None, None
    long = listed or _first(columns, LONG)
    return None, long, value if long else None


def _first(columns: list[str], wanted: tuple[str, ...]) -> str | None:
    lowered = {name.lower(): name for name in reversed(columns)}
    return next((lowered[name] for name in wanted if name in lowered), None)


def _word(value: Any) -> str:
    return "" if value is None else str(value).strip().lower()


def _one_hot(columns: list[str], rows: list[Any], others: set[str]) -> list[str]:
    words = YES | NO | BLANK
    return [
        name
        for name in columns
        if name not in others
        and all(_word(row.get(name)) in words for _, row in rows)
        and any(_word(row.get(name)) in YES | NO for _, row in rows)
    ]


def _class_name(column: str) -> str:
    return column.removeprefix("class:")


def _add_long(found: Found, image: FoundImage, where: str, name: Any, value: Any) -> None:
    """One class of an image; a row without a class is an image that shows none."""
    if (text := text_or_none(name)) is not None:
        _add(found, image, where, text, value)


def _add(found: Found, image: FoundImage, where: str, name: str, value: Any) -> None:
    word = _word(value)
    if word in YES:
        image.yes.add(name)
    elif word in NO:
        image.no.add(name)
    elif word in BLANK:
        image.unknown.add(name)
    else:
        found.reject(where, f"{name}: {value!r} is neither 1 nor 0 nor nothing")
