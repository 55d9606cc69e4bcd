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

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.errors import InputError, MissingError, closest

IDS = ("image_id", "image", "id", "uri", "path", "file", "filename")
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
        class_ids: of the columns; None likewise.
        values: (images, classes), NaN where there is nothing.
        kind: the name of the value column of a long table.
        groups: of the rows, where the file has them.
    """

    file: Path
    image_ids: list[str] | None
    class_ids: list[str] | None
    values: npt.NDArray[np.floating[Any]]
    kind: str | None = None
    groups: list[str] | None = None


def read_grid(file: Path, values: Sequence[str]) -> Grid:
    """Read a file of scores or labels.

    Args:
        file: ``.parquet``, ``.csv``, ``.tsv``, ``.npy``, or a run's ``scores-SPLIT.npz``.
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
    except (OSError, ValueError, KeyError, EOFError, pd.errors.ParserError) as error:
        raise InputError(f"{file}: cannot be read: {error}") from error
    raise InputError(f"{file}: must be .parquet, .csv, .tsv, .npy or .npz")


def _numbers(values: npt.NDArray[Any], file: Path) -> npt.NDArray[np.floating[Any]]:
    if values.ndim != 2 or values.dtype.kind not in "fiub":
        raise InputError(
            f"{file}: {values.dtype} of shape {values.shape}; must be numbers (images, classes)"
        )
    return values if values.dtype.kind == "f" else values.astype(np.float32)


def _npz(file: Path) -> Grid:
    with np.load(file, allow_pickle=False) as content:
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
    frame = frame.assign(**{id_column: frame[id_column].astype(str)})
    class_column = next((name for name in CLASSES if name in frame), None)
    value_column = next((name for name in values if name in frame), None)
    if class_column and value_column:
        return _long(file, frame, (id_column, class_column, value_column))
    return _wide(file, frame, id_column)


def _wide(file: Path, frame: pd.DataFrame, id_column: str) -> Grid:
    names = [str(name) for name in frame.columns if name not in OTHERS]
    if not names:
        raise InputError(f"{file}: no column for a class")
    _once(file, frame[id_column], "image")
    columns = [_column(file, frame[name]) for name in names]
    return Grid(
        file, list(frame[id_column]), names, np.stack(columns, axis=1), groups=_groups(frame)
    )


def _long(file: Path, frame: pd.DataFrame, columns: tuple[str, str, str]) -> Grid:
    images, classes, value = columns
    _once(file, frame[images] + "\0" + frame[classes].astype(str), "image and class")
    rows, image_ids = pd.factorize(frame[images])
    places, class_ids = pd.factorize(frame[classes].astype(str), sort=True)
    grid = np.full((len(image_ids), len(class_ids)), np.nan)
    found = _column(file, frame[value])
    empty = np.flatnonzero(np.isnan(found))
    if value in SCORES and empty.size:
        raise InputError(f"{file} line {empty[0] + 2}: no {value}; leave such a row out")
    grid[rows, places] = found
    first = frame.drop_duplicates(images)
    return Grid(file, list(image_ids), [str(c) for c in class_ids], grid, value, _groups(first))


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
    return ["" if value is None or value != value else str(value) for value in frame[name]]


def read_class_names(file: Path) -> list[tuple[str, str, str]]:
    """Id, name and category of classes: of a ``classes.json``, a JSON list, or a text, one a line.

    Raises:
        MissingError: there is no such file.
        InputError: it names no classes, or one twice.
    """
    import json

    if not file.is_file():
        raise MissingError(f"no file {file}")
    text = file.read_text("utf-8")
    try:
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


@dataclass(frozen=True)
class Aligned:
    """Scores put beside labels: the labels' images and classes, in their order."""

    image_ids: list[str]
    class_ids: list[str]
    scores: npt.NDArray[np.floating[Any]]
    labels: npt.NDArray[np.int8]
    mask: npt.NDArray[np.bool_]
    groups: list[str]
    notes: list[str]


def align(scores: Grid, labels: Grid, names: Sequence[str] | None) -> Aligned:
    """Put scores beside labels.

    Args:
        scores: a file of scores.
        labels: a file of labels.
        names: ids of the columns of what has none (npy).

    Raises:
        InputError: an image or a class with labels has no scores; a label is neither 1, 0 nor -1; a
            score is not a number.
    """
    scores, labels = _named(scores, labels, names), _named(labels, scores, names)
    rows = _places(scores.image_ids or [], labels.image_ids or [], "image", (scores, labels))
    columns = _places(scores.class_ids or [], labels.class_ids or [], "class", (scores, labels))
    values, mask = labels.values, ~np.isnan(labels.values)
    wrong = np.argwhere(mask & ~np.isin(values, (-1, 0, 1)))
    ids, classes = labels.image_ids or [], labels.class_ids or []
    if wrong.size:
        row, column = wrong[0]
        raise InputError(
            f"{labels.file}: image {ids[row]}, class {classes[column]}: "
            f"{values[row, column]:g}; a label is 1, 0, or empty or -1 where unknown"
        )
    mask &= values != -1
    taken = scores.values[np.ix_(rows, columns)]
    filled, notes = _without_gaps(scores, taken)
    unused = len(scores.class_ids or []) - len(classes), len(scores.image_ids or []) - len(ids)
    notes += [
        f"{count} {what} of {scores.file.name} have no labels and are left out."
        for what, count in zip(("classes", "images"), unused, strict=True)
        if count
    ]
    groups = labels.groups or scores.groups or []
    own = [group or image for group, image in zip(groups, ids, strict=True)] if groups else ids
    truth = np.where(mask, values, 0).astype(np.int8)
    return Aligned(ids, classes, filled, truth, mask, own, notes)


def _named(grid: Grid, other: Grid, names: Sequence[str] | None) -> Grid:
    """The same with ids for what an npy does not name."""
    images, classes = grid.values.shape
    ids = grid.image_ids or other.image_ids or [str(row) for row in range(images)]
    columns = grid.class_ids or names or other.class_ids or [f"class {c}" for c in range(classes)]
    if (len(ids), len(columns)) != grid.values.shape:
        raise InputError(
            f"{grid.file}: {images} images and {classes} classes, but names for {len(ids)} and "
            f"{len(columns)}. Both files must be of one shape, and --classes name each column."
        )
    return Grid(grid.file, list(ids), list(columns), grid.values, grid.kind, grid.groups)


def _places(
    known: Sequence[str], wanted: Sequence[str], what: str, grids: tuple[Grid, Grid]
) -> list[int]:
    place = {name: at for at, name in enumerate(known)}
    lacking = [name for name in wanted if name not in place]
    if lacking:
        raise InputError(
            f"{grids[0].file} has no scores for {len(lacking)} of {len(wanted)} {what} ids of "
            f"{grids[1].file}: {', '.join(lacking[:5])}{closest(lacking[0], known)}. Score them, "
            "or take their labels out: what is left out silently makes a result look better."
        )
    return [place[name] for name in wanted]


def _without_gaps(
    scores: Grid, values: npt.NDArray[np.floating[Any]]
) -> tuple[npt.NDArray[np.floating[Any]], list[str]]:
    gaps = np.isnan(values)
    count = int(gaps.sum())
    if not count:
        return values, []
    if scores.kind is None or scores.file.suffix == ".npz":
        row, column = np.argwhere(gaps)[0]
        raise InputError(
            f"{scores.file}: {count} scores are not numbers, the first in row {row + 1} of those "
            f"with labels, column {column + 1}."
        )
    lowest = 0.0 if scores.kind == "probability" else -np.inf
    note = f"{count} pairs have no row in {scores.file.name}: taken as lower than all others."
    return np.where(gaps, lowest, values), [note]
