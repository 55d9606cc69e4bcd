"""Reading the files of tables: CSV, TSV, Parquet, and Ground Truth's manifests (JSON Lines)."""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from annotate.errors import InputError

MANIFEST_SUFFIXES = (".jsonl", ".manifest")
WRITTEN_SUFFIXES = (".csv", ".tsv")  # of files whose values have no types
TABLE_SUFFIXES = (*WRITTEN_SUFFIXES, ".parquet", *MANIFEST_SUFFIXES)

Rejects = list[tuple[str, str]]


def read_table(source: str, content: Path | bytes) -> tuple[pd.DataFrame, Rejects]:
    """The columns as they stand in a table, and lines of a manifest that cannot be read.

    Args:
        source: path or URI; its suffix says the format.
        content: the file, or the bytes of a remote one.

    Returns:
        A row per row of the table, under the names that stand in it; and the rejected lines with
        their reasons. Of a CSV all values are text.

    Raises:
        InputError: not readable, or two columns have one name.
    """
    suffix = Path(source).suffix.lower()
    file = io.BytesIO(content) if isinstance(content, bytes) else content
    rejects: Rejects = []
    table: pd.DataFrame
    try:
        if suffix == ".parquet":
            table = _read_parquet(file)
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


def _read_parquet(file: io.BytesIO | Path) -> pd.DataFrame:
    """A Parquet file's columns; numbers and truth values are that, whoever wrote the file.

    Only pandas' own files say how pandas is to hold missing whole numbers and truth values, and
    decimals would be Python objects.
    """
    table = pq.read_table(file)
    for place, name in enumerate(table.column_names):
        if pa.types.is_decimal(table.schema.field(place).type):
            table = table.set_column(place, name, _decimals(table.column(place)))
    frame: pd.DataFrame = table.to_pandas(types_mapper=_NULLABLE.get)
    return frame.reset_index(drop=frame.index.name is None)


_NULLABLE = {pa.bool_(): pd.BooleanDtype(), pa.int64(): pd.Int64Dtype()}


def _decimals(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Decimals as numbers: whole ones, which warehouses use for any, as int64, others as float64.

    Codes with so many digits that a number would lose some become text.
    """
    text = column.cast(pa.string())
    if column.type.scale == 0:
        try:
            return column.cast(pa.int64())
        except pa.ArrowInvalid:
            return text
    numbers = text.cast(pa.float64())  # Arrow's cast of the decimals is off by a last bit
    large = pc.max(pc.abs(numbers)).as_py()
    return numbers if large is None or large < 2.0**53 else text


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
    columns: dict[str, list[Any]] = {}  # per key, since a million small dicts would take much more
    rows = 0
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
            if not isinstance(value, dict):
                rejects.append((f"{short} line {number}", "not a JSON object"))
                continue
            _add_row(columns, value, rows)
            rows += 1
    if rejects and not rows:
        raise InputError(f"{source}: no line is a JSON object, as a manifest's are.")
    table = {name: _column(columns.pop(name), rows) for name in list(columns)}
    return pd.DataFrame(table, index=range(rows)), rejects


def _add_row(columns: dict[str, list[Any]], value: dict[str, Any], row: int) -> None:
    """Append the scalars of a line, None for the rows since a key's last one."""
    for name, scalar in value.items():
        if not isinstance(scalar, (dict, list)):
            column = columns.setdefault(name, [])
            column += [None] * (row - len(column))
            column.append(scalar)


def _column(values: list[Any], rows: int) -> pd.Series:
    """Values of one kind as that kind, of several kinds as text; None up to the last row."""
    values += [None] * (rows - len(values))
    kinds = {type(value) for value in values} - {type(None)}
    column = pd.Series(values, dtype=object)
    if kinds == {bool}:
        return column.astype("boolean")
    if kinds and kinds <= {int, float} and all(abs(v) < 2**53 for v in values if v is not None):
        return column.astype("Int64" if kinds == {int} else "float64")
    return column
