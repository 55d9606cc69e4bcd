"""Putting tables of several origins below each other, whose columns may differ in type."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from annotate.tables import CATALOG


def to_arrow(frame: pd.DataFrame) -> pa.Table:
    """A frame's columns without its index."""
    return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """A frame in which whole numbers stay whole where some are missing."""
    whole = {kind(): dtype for kind, dtype in _NULLABLE.items()}
    frame: pd.DataFrame = table.to_pandas(types_mapper=whole.get)
    return frame


_NULLABLE = {
    pa.int8: pd.Int8Dtype(),
    pa.int16: pd.Int16Dtype(),
    pa.int32: pd.Int32Dtype(),
    pa.int64: pd.Int64Dtype(),
}


def stack(tables: Sequence[pa.Table]) -> pa.Table:
    """All rows, in order; a column that a table lacks is null there.

    Where types differ, numbers become the wider type and everything else becomes text: one table
    may call a hotel 17, another one "17b". Tables in which a column has no value have no say.
    """
    names = dict.fromkeys(name for table in tables for name in table.column_names)
    fields = [
        pa.field(name, _common([t.column(name) for t in tables if name in t.column_names]))
        for name in names
    ]
    parts = []
    for table in tables:
        columns = [
            _cast(table.column(field.name), field.type)
            if field.name in table.column_names
            else pa.nulls(table.num_rows, field.type)
            for field in fields
        ]
        parts.append(pa.Table.from_arrays(columns, schema=pa.schema(fields)))
    return pa.concat_tables(parts)


def _common(columns: list[pa.ChunkedArray]) -> pa.DataType:
    filled = [column for column in columns if column.null_count < len(column)]
    kinds = {column.type for column in filled or columns} - {pa.null()}
    if not kinds:
        return pa.large_string()
    if len(kinds) == 1:
        kind = kinds.pop()
        return pa.large_string() if pa.types.is_string(kind) else kind
    if all(pa.types.is_integer(kind) for kind in kinds):
        return pa.int64()
    if all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in kinds):
        return pa.float64()
    return pa.large_string()


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if column.type == kind:
        return column
    if column.null_count == len(column):
        return pa.chunked_array([pa.nulls(len(column), kind)])
    if pa.types.is_boolean(column.type) and pa.types.is_large_string(kind):
        return pc.if_else(column, "True", "False").cast(kind)
    return column.cast(kind, safe=not pa.types.is_floating(kind))


def features_as_now(others: pa.Table, images: pa.Table) -> pa.Table:
    """Earlier images with the features as the sources have them now.

    A feature that none of them has a value of is left out: it was renamed or removed. Where a
    source was corrected from text to numbers, what a gone image has is read as one, or given up.

    Args:
        others: rows of the catalogue that a scan did not find, ``present`` or gone.
        images: rows that it found.
    """
    for name in sorted(set(others.column_names) - set(CATALOG.columns)):
        column, place = others.column(name), others.column_names.index(name)
        if column.null_count == len(column):
            others = others.remove_column(place)
        elif name in images.column_names:
            there = others.column("present")
            others = others.set_column(place, name, _numbers(column, images.column(name), there))
    return others


def _numbers(
    column: pa.ChunkedArray, model: pa.ChunkedArray, there: pa.ChunkedArray
) -> pa.ChunkedArray:
    """Text as numbers where the model holds numbers, unless an image that is there lost its own."""
    text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    numbers = pa.types.is_integer(model.type) or pa.types.is_floating(model.type)
    if not text or not numbers or model.null_count == len(model):
        return column
    values = column.to_pandas()
    read = pd.to_numeric(values, errors="coerce")
    if (values.notna() & read.isna() & there.to_pandas()).any():
        return column
    return pa.chunked_array([pa.Array.from_pandas(read)])


def first_per_key(table: pa.Table, key: str) -> pa.Table:
    """One row per key, sorted by it; in each column the first value that is not missing.

    Arrow's own aggregation gives the same and holds every text of a million rows as an object.
    """
    rows = table.num_rows
    if not rows:
        return table
    order = pc.sort_indices(table, sort_keys=[(key, "ascending")]).to_numpy()
    keys = table.column(key).take(pa.array(order)).combine_chunks()
    differs = pc.not_equal(keys.slice(1), keys.slice(0, rows - 1)).to_numpy(zero_copy_only=False)
    starts = np.flatnonzero(np.concatenate([[True], differs]))
    columns = []
    for name in table.column_names:
        column = table.column(name)
        valid = column.is_valid().to_numpy()[order]
        first = np.minimum.reduceat(np.where(valid, np.arange(rows), rows), starts)
        missing = first == rows
        columns.append(column.take(pa.array(order[np.where(missing, 0, first)], mask=missing)))
    return pa.table(columns, schema=table.schema)
