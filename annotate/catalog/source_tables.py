"""Tables that name photos: CSV, TSV, Parquet, and Ground Truth's manifests (JSON Lines).

A table becomes a frame with one row per image: the canonical ``uri``, ``property_id``, ``text`` and
the property features.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from annotate.catalog.table_files import WRITTEN_SUFFIXES, Rejects, read_table
from annotate.errors import InputError, closest
from annotate.settings import CatalogSettings
from annotate.storage.store import canonical_uris, is_remote, join_remote
from annotate.tables import CATALOG

PATH_COLUMNS = (
    *("path", "uri", "image", "file", "filename", "file_name", "image_path", "file_path"),
    *("filepath", "image_uri", "image_file", "image_name", "url", "image_url", "photo", "s3_uri"),
    "source-ref",  # Ground Truth's
)
STAMP = "__stamp__"  # what a listing says of an object's state; no column of the catalogue
OWN_COLUMNS = (frozenset(CATALOG.columns) | {STAMP}) - {"property_id", "text"}


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
    table, rejects = read_table(source, content)
    if table.empty:
        raise EmptyError(f"{source}: the table has no rows.")
    path_column = _path_column(source, table, settings.path_column)
    columns = {settings.property_column: "property_id", settings.text_column: "text"}
    names = [name for name in table.columns if name != path_column]
    _check_names(source, names, columns)
    written = Path(source).suffix.lower() in WRITTEN_SUFFIXES
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
