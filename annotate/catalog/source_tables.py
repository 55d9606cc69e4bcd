"""Tables that name photos: CSV, TSV, Parquet, and Ground Truth's manifests (JSON Lines).

A table becomes a frame with one row per image: the canonical ``uri``, ``property_id``, ``text`` and
the property features.
"""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from annotate.errors import InputError, closest
from annotate.settings import CatalogSettings
from annotate.storage.store import canonical_uris, is_remote, join_remote
from annotate.tables import CATALOG

MANIFEST_SUFFIXES = (".jsonl", ".manifest")
TABLE_SUFFIXES = (".csv", ".tsv", ".parquet", *MANIFEST_SUFFIXES)
PATH_COLUMNS = (
    *("path", "uri", "image", "file", "filename", "file_name", "image_path", "file_path"),
    *("filepath", "image_uri", "image_file", "image_name", "url", "image_url", "photo", "s3_uri"),
    "source-ref",  # Ground Truth's
)
STAMP = "__stamp__"  # what a listing says of an object's state; no column of the catalogue
OWN_COLUMNS = (frozenset(CATALOG.columns) | {STAMP}) - {"property_id", "text"}

Rejects = list[tuple[str, str]]


class EmptyError(InputError):
    """A source is there and names no image."""


def list_table(
    source: str, content: Path | bytes, root: Path, settings: CatalogSettings
) -> tuple[pd.DataFrame, Rejects]:
    """The images that a table names.

    Args:
        source: the table's absolute path or URI; relative paths in it start beside it.
        content: the file, or the bytes of a remote one.
        root: the workspace.
        settings: names of columns.

    Returns:
        ``uri``, ``property_id``, ``text`` and features; and the rows without a path.

    Raises:
        EmptyError: no rows.
        InputError: not readable, no column with paths, or a column that the catalogue fills itself.
    """
    table, rejects = _read_table(source, content)
    if table.empty:
        raise EmptyError(f"{source}: the table has no rows.")
    path_column = _path_column(source, table, settings.path_column)
    columns = {settings.property_column: "property_id", settings.text_column: "text"}
    names = [name for name in table.columns if name != path_column]
    _check_names(source, names, columns)
    written = _suffix(source) in (".csv", ".tsv")  # they have no types; the others say their own
    none = pd.Series(None, index=table.index, dtype="str")
    images = pd.DataFrame({"uri": none, "property_id": none, "text": none})
    for name in names:
        target = columns.get(name, name)
        as_text = target != name or target in images
        images[target] = _as_text(table[name]) if as_text else _feature(table[name], written)
    paths = _as_text(table[path_column])
    named = paths.notna().to_numpy()
    short = source.rsplit("/", 1)[-1]
    rejects += [(f"{short} row {row + 1}", "no path") for row in (~named).nonzero()[0]]
    images = images[named].reset_index(drop=True)
    images["uri"] = pd.Series(_canonical(source, paths[named], root), dtype="str")
    return images, rejects


def _canonical(source: str, paths: Iterable[str], root: Path) -> list[str]:
    if is_remote(source):
        paths = (join_remote(source, path) for path in paths)
        return canonical_uris(paths, root, root)
    return canonical_uris(paths, Path(source).parent, root)


def _suffix(source: str) -> str:
    return Path(source).suffix.lower()


def _read_table(source: str, content: Path | bytes) -> tuple[pd.DataFrame, Rejects]:
    suffix = _suffix(source)
    file = io.BytesIO(content) if isinstance(content, bytes) else content
    rejects: Rejects = []
    try:
        if suffix == ".parquet":
            table: pd.DataFrame = pq.read_table(file).to_pandas()
            table = table.reset_index(drop=table.index.name is None)
        elif suffix in MANIFEST_SUFFIXES:
            table, rejects = _read_manifest(source, content)
        else:
            table = _read_text(file, "\t" if suffix == ".tsv" else ",")
    except pd.errors.ParserWarning as error:
        raise InputError(f"{source}: rows have more fields than the first line names.") from error
    except (ValueError, pa.ArrowException, OSError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{source}: not readable as a table: {error}") from error
    names = [str(name).strip() for name in table.columns]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{source}: several columns are named {', '.join(twice)}.")
    return table.set_axis(names, axis="columns"), rejects


def _read_text(file: io.BytesIO | Path, separator: str) -> pd.DataFrame:
    """The fields of a CSV as text, under the names that stand in it, even twice.

    Only an empty field is missing: NA is also the country code of Namibia. Fields behind the last
    column must be empty, as where each row ends in a comma.
    """

    def parse(**options: Any) -> pd.DataFrame:
        if isinstance(file, io.BytesIO):
            file.seek(0)
        table: pd.DataFrame = pd.read_csv(
            file,
            sep=separator,
            dtype=str,
            keep_default_na=False,
            na_values=[""],
            encoding="utf-8-sig",
            index_col=False,
            **options,
        )
        return table

    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        table = parse()
    # Pandas makes "stars" and "stars.1" of a name that stands twice.
    first = parse(header=None, nrows=1).iloc[0]
    written = [name if pd.isna(own) else own for name, own in zip(table, first, strict=True)]
    return table.set_axis(written, axis="columns")


def _read_manifest(source: str, content: Path | bytes) -> tuple[pd.DataFrame, Rejects]:
    """The scalars of each line; what labelling jobs add (objects, lists) is left out."""
    short = source.rsplit("/", 1)[-1]
    rows: list[dict[str, Any]] = []
    rejects: Rejects = []
    with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                value = json.loads(line.decode("utf-8-sig"), parse_constant=lambda _: None)
            except (ValueError, RecursionError):
                rejects.append((f"{short} line {number}", "not JSON"))
                continue
            if isinstance(value, dict):
                rows.append({k: v for k, v in value.items() if not isinstance(v, (dict, list))})
            else:
                rejects.append((f"{short} line {number}", "not a JSON object"))
    if rejects and not rows:
        raise InputError(f"{source}: no line is a JSON object, as a manifest's are.")
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [row.get(name) for row in rows] for name in names}
    return pd.DataFrame({name: _column(values) for name, values in columns.items()}), rejects


def _column(values: list[Any]) -> pd.Series:
    """Values of one kind as that kind, of several kinds as text."""
    kinds = {type(value) for value in values} - {type(None)}
    column = pd.Series(values, dtype=object)
    if kinds == {bool}:
        return column.astype("boolean")
    if kinds and kinds <= {int, float} and all(abs(v) < 2**53 for v in values if v is not None):
        return column.astype("Int64" if kinds == {int} else "float64")
    return column


def _feature(column: pd.Series, written: bool) -> pd.Series:
    """A feature as found: text, numbers, dates or truth values; anything else as text."""
    kinds = pd.api.types
    if written:
        return _numbers(column)
    if kinds.is_numeric_dtype(column) or kinds.is_datetime64_any_dtype(column):
        return column
    return _as_text(column)


def _numbers(column: pd.Series) -> pd.Series:
    """A written column as numbers, unless one is written as no number would be.

    Such as 007, and codes with so many digits that a float would lose some.
    """
    text = column.dropna()
    if text.empty or text.str.contains(r"^\s*[-+]?0\d").any():
        return column
    try:
        numbers = pd.to_numeric(column)
    except (ValueError, TypeError):
        return column
    if numbers.dtype == np.float64:
        return numbers if numbers.abs().max() < 2.0**53 else column
    return numbers if numbers.dtype == np.int64 else column


def _path_column(source: str, table: pd.DataFrame, wanted: str) -> str:
    names = [str(name) for name in table.columns]
    if wanted:
        if wanted not in names:
            raise InputError(
                f"{source}: no column {wanted!r}{closest(wanted, names)} "
                f"Its columns: {', '.join(names)}."
            )
        return wanted
    lowered = {name.lower(): name for name in reversed(names)}
    for candidate in PATH_COLUMNS:
        if candidate in lowered:
            return lowered[candidate]
    raise InputError(
        f"{source}: no column with the images' paths among {', '.join(names)}. "
        "Name it with --path-column, or path_column under [catalog] in mumic.toml."
    )


def _check_names(source: str, names: list[str], columns: dict[str, str]) -> None:
    """Refuse features whose names the catalogue needs for its own columns."""
    new = [columns.get(name, name) for name in names]
    clashes = [
        name
        for name, target in zip(names, new, strict=True)
        if target in OWN_COLUMNS or new.count(target) > 1
    ]
    if clashes:
        raise InputError(
            f"{source}: the catalogue has columns of its own named {', '.join(clashes)}. "
            f"Rename them in the table, for instance to source_{clashes[0]}."
        )


def _as_text(column: pd.Series) -> pd.Series:
    """Values as text, None where there is none; 17.0 from a column with gaps is 17."""
    if isinstance(column.dtype, pd.StringDtype):
        text = column.str.strip()
        return text.where(text != "", None)
    values = [_text(value) for value in column]
    return pd.Series(values, index=column.index, dtype="str")


def _text(value: Any) -> str | None:
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).encode("utf-8", "replace").decode().strip() or None
