"""Anybody's scores and labels: Parquet and CSV, wide or long, and npy.

Wide: a row per image, its id, and a column per class. Long: a row per image and class. A label is
1, 0, or unknown (empty, -1 or not there). A pair without a row in a long table of scores was not
worth storing to whoever wrote it: it counts as lower than all that are there. An empty score in a
wide table is a mistake, and so is one that is not a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.errors import InputError, MissingError

# The first of these that a file has; id, which counts rows as often as it names images, comes last.
IDS = ("image_id", "image", "uri", "path", "file", "file_name", "filename", "id")
CLASSES = ("class_id", "class", "class_name")
SCORES = ("logit", "probability", "score")
LABELS = ("label", "truth", "value")
GROUPS = ("group_id", "property_id")
OTHERS = {*GROUPS, "split", "content_hash", "run_id", "taxonomy_hash", "text", *IDS}


@dataclass(frozen=True)
class Grid:
    """A file as a table of images and classes.

    Attributes:
        file: where it comes from.
        image_ids: of the rows; None: an npy, whose rows have no names.
        id_column: whose values they are; None: of no table.
        class_ids: of the columns; None likewise.
        values: (images, classes), NaN where there is nothing.
        kind: the name of the value column of a long table; ``logit`` in an npz.
        groups: of the rows, where the file has them.
        long: a row per image and class. Its classes stand in an order of ours, and pairs may be
            missing.
        notes: what the user should know of how it was read.
    """

    file: Path
    image_ids: list[str] | None
    class_ids: list[str] | None
    values: npt.NDArray[np.floating[Any]]
    kind: str | None = None
    groups: list[str] | None = None
    id_column: str | None = None
    long: bool = False
    notes: tuple[str, ...] = ()


def read_grid(file: Path, values: Sequence[str]) -> Grid:
    """Read a file of scores or labels.

    Args:
        file: ``.parquet``, ``.csv``, ``.tsv``, ``.npy``, or a run's or baseline's
            ``scores-SPLIT.npz``.
        values: names that the value column of a long table may have.

    Raises:
        MissingError: there is no such file.
        InputError: it cannot be read, or is no such table; names the line.
    """
    if not file.is_file():
        raise MissingError(f"no file {file}")
    try:
        if file.suffix == ".npy":
            return Grid(file, None, None, _numbers(np.load(file, allow_pickle=False), file))
        if file.suffix == ".npz":
            return _npz(file)
        if file.suffix == ".parquet":
            return _table(file, pd.read_parquet(file), values)
        if file.suffix in (".csv", ".tsv"):
            separator = "\t" if file.suffix == ".tsv" else ","
            frame = pd.read_csv(file, sep=separator, dtype=str, keep_default_na=False)
            return _table(file, frame, values)
    except InputError:
        raise
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, pd.errors.ParserError) as error:
        raise InputError(f"{file}: cannot be read: {error}") from error
    raise InputError(f"{file}: must be .parquet, .csv, .tsv, .npy or .npz")


def _numbers(values: npt.NDArray[Any], file: Path) -> npt.NDArray[np.floating[Any]]:
    if values.ndim != 2 or values.dtype.kind not in "fiub":
        raise InputError(
            f"{file}: {values.dtype} of shape {values.shape}; must be numbers (images, classes)"
        )
    # float16 too becomes float32: numpy's sort of it comes out unsorted on some processors.
    exact = values.dtype.kind == "f" and values.dtype.itemsize >= 4
    wide = values.dtype.kind in "iu" and values.dtype.itemsize >= 4  # float32 ends at 2^24
    return values if exact else values.astype(np.float64 if wide else np.float32)


def _npz(file: Path) -> Grid:
    # Opened here: numpy leaves a torn file open.
    with file.open("rb") as opened, np.load(opened, allow_pickle=False) as content:
        images = [str(entry) for entry in content["image_ids"]]
        names = content.get("class_ids")
        classes = None if names is None else [str(entry) for entry in names]
        return Grid(file, images, classes, _numbers(content["logits"], file), "logit")


def _table(file: Path, frame: pd.DataFrame, values: Sequence[str]) -> Grid:
    id_column = next((name for name in IDS if name in frame), None)
    if id_column is None:
        raise InputError(f"{file}: no column for the image; call it image_id")
    if not len(frame):
        raise InputError(f"{file}: no rows")
    class_column = next((name for name in CLASSES if name in frame), None)
    value_column = next((name for name in values if name in frame), None)
    if class_column and value_column:
        named = _named(file, frame, id_column, class_column)
        return _long(file, named, (id_column, class_column, value_column))
    return _wide(file, _named(file, frame, id_column), id_column)


def _named(file: Path, frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The same with columns of ids as text.

    Raises:
        InputError: a row has none.
    """
    for name in columns:
        text = frame[name].astype(object).where(frame[name].notna(), "").astype(str)
        empty = np.flatnonzero((text.str.strip() == "").to_numpy())
        if empty.size:
            raise InputError(f"{file} line {empty[0] + 2}: no {name}")
        frame = frame.assign(**{name: text})
    return frame


def _wide(file: Path, frame: pd.DataFrame, id_column: str) -> Grid:
    names = [str(name) for name in frame.columns if name not in OTHERS]
    if not names:
        raise InputError(f"{file}: no column for a class")
    _once(file, frame[id_column], "image")
    columns = [_column(file, frame[name]) for name in names]
    return Grid(
        file,
        list(frame[id_column]),
        [_class_id(name) for name in names],
        np.stack(columns, axis=1),
        groups=_groups(frame),
        id_column=id_column,
        notes=_left_out(file, frame.drop(columns=[id_column, *GROUPS], errors="ignore")),
    )


def _class_id(column: str) -> str:
    """An export of the dataset puts ``class:`` before a class that is called like a fact."""
    name = column.removeprefix("class:")
    return name if name in OTHERS else column


def _left_out(file: Path, frame: pd.DataFrame) -> tuple[str, ...]:
    """A note on columns that hold numbers, as classes do, and are called like something else."""
    names = [str(name) for name in frame.columns if name in OTHERS]
    numbers = [name for name in names if pd.to_numeric(frame[name], errors="coerce").notna().any()]
    if not numbers:
        return ()
    return (
        f"{file.name}: {', '.join(numbers)} left out, as no class is called so here. Give such a "
        "class another id.",
    )


def _long(file: Path, frame: pd.DataFrame, columns: tuple[str, str, str]) -> Grid:
    images, classes, value = columns
    _once(file, frame[images] + "\0" + frame[classes], "image and class")
    rows, image_ids = pd.factorize(frame[images])
    places, class_ids = pd.factorize(frame[classes], sort=True)
    grid = np.full((len(image_ids), len(class_ids)), np.nan)
    found = _column(file, frame[value])
    empty = np.flatnonzero(np.isnan(found))
    if value in SCORES and empty.size:
        raise InputError(f"{file} line {empty[0] + 2}: no {value}; leave such a row out")
    grid[rows, places] = found
    first = frame.drop_duplicates(images)
    names = [str(entry) for entry in class_ids]
    return Grid(file, list(image_ids), names, grid, value, _groups(first), images, long=True)


def _once(file: Path, keys: pd.Series[Any], what: str) -> None:
    again = np.flatnonzero(keys.duplicated())
    if again.size:
        name = str(keys.iloc[again[0]]).replace("\0", ", ")
        raise InputError(f"{file} line {again[0] + 2}: {what} {name} for the second time")


def _column(file: Path, column: pd.Series[Any]) -> npt.NDArray[np.floating[Any]]:
    """Numbers; NaN where empty."""
    if column.dtype.kind in "fiub":
        return column.to_numpy(np.float32 if column.dtype == np.float32 else np.float64)
    text = column.astype(object).where(column.notna(), "").astype(str).str.strip()
    found = pd.to_numeric(text, errors="coerce").to_numpy(np.float64)
    wrong = np.flatnonzero(np.isnan(found) & (text != "").to_numpy())
    if wrong.size:
        raise InputError(
            f"{file} line {wrong[0] + 2}: {column.name} is {text.iloc[wrong[0]]!r}, not a number"
        )
    return found


def _groups(frame: pd.DataFrame) -> list[str] | None:
    name = next((name for name in GROUPS if name in frame), None)
    if name is None:
        return None
    pairs = zip(frame[name], frame[name].notna(), strict=True)
    return [str(value) if there else "" for value, there in pairs]


def read_class_names(file: Path) -> list[tuple[str, str, str]]:
    """Id, name and category of classes: of a ``classes.json``, a JSON list, or a text, one a line.

    Raises:
        MissingError: there is no such file.
        InputError: it is no UTF-8, names no classes, or one twice.
    """
    import json

    if not file.is_file():
        raise MissingError(f"no file {file}")
    try:
        text = file.read_text("utf-8")
        listed = json.loads(text) if file.suffix == ".json" else text.split("\n")
        entries = listed["classes"] if isinstance(listed, dict) else listed
        found = [_class_name(entry) for entry in entries if entry]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file}: not a list of classes ({error})") from error
    ids = [entry[0] for entry in found]
    if not ids or len(set(ids)) < len(ids):
        raise InputError(f"{file}: names no class, or one of them twice")
    return found


def _class_name(entry: Any) -> tuple[str, str, str]:
    if isinstance(entry, str):
        return entry.strip(), entry.strip(), ""
    return str(entry["id"]), str(entry.get("name", entry["id"])), str(entry.get("category", ""))
