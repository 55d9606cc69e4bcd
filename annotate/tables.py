"""Column names and types of every table on disk, and the only way to read and write them.

``docs/formats.md`` says what each column means. Tables are Parquet and are written atomically, see
:mod:`annotate.files`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from annotate.errors import DamagedError, InputError, MissingError
from annotate.files import atomic


@dataclass(frozen=True)
class Table:
    """A table's name, its columns and types, and the command that makes it.

    Attributes:
        optional: columns that may be missing.
        extra_columns: whether there may be others.
    """

    name: str
    made_by: str
    columns: dict[str, pa.DataType]
    extra_columns: bool = False
    optional: dict[str, pa.DataType] = field(default_factory=dict)


_LABELS = pa.list_(pa.int8())

CATALOG = Table(
    "catalog",
    "mumic-annotate catalog SOURCE",
    {
        "image_id": pa.string(),
        "uri": pa.string(),
        "bytes": pa.int64(),
        "width": pa.int32(),
        "height": pa.int32(),
        "orientation": pa.int8(),
        "content_hash": pa.string(),
        "perceptual_hash": pa.string(),
        "property_id": pa.string(),
        "text": pa.string(),
        "present": pa.bool_(),
    },
    extra_columns=True,  # the property features
)
IMAGE_REJECTS = Table(
    "image rejects", "mumic-annotate catalog SOURCE", {"uri": pa.string(), "reason": pa.string()}
)
CANDIDATES = Table(
    "candidates",
    "mumic-annotate mine",
    {
        "round": pa.int32(),
        "image_id": pa.string(),
        "class_id": pa.string(),
        "strategy": pa.string(),
        "query": pa.string(),
        "rank": pa.int32(),
        "score": pa.float64(),
        "stratum": pa.string(),
        "draw_probability": pa.float64(),
        "inclusion_probability": pa.float64(),
        "seed": pa.int64(),
    },
)
POOLS = Table(
    "pools",
    "mumic-annotate mine",
    {
        "class_id": pa.string(),
        "image_id": pa.string(),
        "rank": pa.int32(),
        "score": pa.float64(),
        "query": pa.string(),
    },
)
ANSWERS = Table(
    "answers",
    "mumic-annotate consolidate",
    {
        "image_id": pa.string(),
        "question_id": pa.string(),
        "annotator_id": pa.string(),
        "ticked": pa.list_(pa.string()),
        "none": pa.bool_(),
        "unsure": pa.bool_(),
        "skipped": pa.bool_(),
        "submitted": pa.string(),
        "seconds": pa.float32(),
    },
)
ANSWER_REJECTS = Table(
    "answer rejects",
    "mumic-annotate consolidate",
    {
        "file": pa.string(),
        "line": pa.int64(),
        "image_id": pa.string(),
        "question_id": pa.string(),
        "annotator_id": pa.string(),
        "reason": pa.string(),
    },
)
LABELS = Table(
    "labels",
    "mumic-annotate consolidate",
    {
        "image_id": pa.string(),
        "class_id": pa.string(),
        "label": pa.int8(),  # 1, 0 or null: unknown
        "yes": pa.int16(),
        "no": pa.int16(),
        "unsure": pa.int16(),
        "rate": pa.float64(),
        "decided": pa.string(),
    },
    optional={"probability": pa.float64()},  # where the method gives one
)
LABEL_CHANGES = Table(
    "label changes",
    "mumic-annotate consolidate",
    {
        "image_id": pa.string(),
        "class_id": pa.string(),
        "before": pa.int8(),  # 1, 0 or null: unknown
        "after": pa.int8(),
    },
)
LACKING = Table(
    "images that lack answers",
    "mumic-annotate consolidate",
    {"image_id": pa.string(), "people": pa.int16()},
)
GOLDEN_SAMPLE = Table(
    "golden sample",
    "mumic-annotate golden sample",
    {
        "image_id": pa.string(),
        "question_id": pa.string(),
        "class_id": pa.string(),
        "drawn_for": pa.string(),  # near, clear, random, or question: beside a class drawn for
        "probability": pa.float64(),
    },
)
GOLDEN_LABELS = Table(
    "golden labels",
    "mumic-annotate golden collect",
    {"image_id": pa.string(), "class_id": pa.string(), "label": pa.int8()},  # 1 or 0
)
DATASET = Table(
    "dataset",
    "mumic-annotate dataset",
    {
        "image_id": pa.string(),
        "uri": pa.string(),
        "content_hash": pa.string(),
        "property_id": pa.string(),
        "group_id": pa.string(),
        "text": pa.string(),
        "split": pa.string(),
        "labels": _LABELS,  # in the order of classes.json; null: unknown
        "rates": pa.list_(pa.float32()),
    },
)
LEARNED = Table(
    "list of what a run has learned",
    "mumic train",
    {"content_hash": pa.string(), "split": pa.string()},
)
PREDICTIONS = Table(
    "predictions",
    "mumic predict",
    {
        "image_id": pa.string(),
        "uri": pa.string(),
        "content_hash": pa.string(),
        "run_id": pa.string(),
        "taxonomy_hash": pa.string(),
        "class_id": pa.string(),
        "logit": pa.float32(),
    },
)


def read(table: Table, path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Read a table and check its columns.

    Args:
        table: what the file must be.
        path: the Parquet file.
        columns: read only these.

    Raises:
        MissingError: no such file; the message names the command that makes it.
        DamagedError: the file is cut short, or a column is missing or of another type.
    """
    return _to_pandas(read_arrow(table, path, columns))


def read_arrow(table: Table, path: Path, columns: list[str] | None = None) -> pa.Table:
    """As :func:`read`, for tables that are too large for a frame of Python's texts."""
    if not path.is_file():
        raise MissingError(f"no {table.name} at {path}. Make it with `{table.made_by}`.")
    try:
        found = pq.read_table(path, columns=columns)
    except (pa.ArrowException, OSError) as error:
        raise DamagedError(
            f"{path}: not a readable Parquet file ({error}). Delete it and run `{table.made_by}`."
        ) from error
    _check(table, found.schema, path, columns)
    return found


def _check(table: Table, schema: pa.Schema, path: Path, columns: list[str] | None) -> None:
    for name, kind in table.columns.items():
        if columns is not None and name not in columns:
            continue
        if name not in schema.names:
            raise DamagedError(f"{path}: the {table.name} table has no column {name!r}.")
        if schema.field(name).type != kind:
            raise DamagedError(
                f"{path}: column {name!r} is {schema.field(name).type}, expected {kind}."
            )


def _to_pandas(found: pa.Table) -> pd.DataFrame:
    """Small integers as pandas' nullable ones: null stays null. A missing text is None or NaN."""
    nullable = {pa.int8(): pd.Int8Dtype(), pa.int16(): pd.Int16Dtype(), pa.int32(): pd.Int32Dtype()}
    frame: pd.DataFrame = found.to_pandas(types_mapper=nullable.get)
    return frame


def write(table: Table, frame: pd.DataFrame | pa.Table, path: Path) -> None:
    """Check a frame, or an Arrow table, against a table's columns; write it atomically as Parquet.

    Raises:
        InputError: a column is missing, unknown, or does not convert to its type.
    """
    names = frame.column_names if isinstance(frame, pa.Table) else list(frame.columns)
    types = table.columns | {name: kind for name, kind in table.optional.items() if name in names}
    unknown = [name for name in names if name not in types]
    missing = [name for name in table.columns if name not in names]
    if missing or (unknown and not table.extra_columns):
        raise InputError(f"{table.name}: columns missing {missing}, unknown {unknown}")
    ordered = [*types, *unknown]
    try:
        if isinstance(frame, pa.Table):
            arrow = frame.select(ordered)
        else:
            arrow = pa.Table.from_pandas(frame[ordered], preserve_index=False)
        schema = pa.schema(
            [(name, types.get(name, arrow.schema.field(name).type)) for name in ordered]
        )
        arrow = _cast(arrow, schema)
    except pa.ArrowException as error:
        raise InputError(f"{table.name}: {error}") from error
    with atomic(path) as file:
        # An Arrow table's dictionaries are a matter of how it is encoded, not of what it says.
        as_it_is = not isinstance(frame, pa.Table)
        pq.write_table(arrow, file, compression="zstd", store_schema=as_it_is)


def _cast(found: pa.Table, schema: pa.Schema) -> pa.Table:
    """Types as they must be on disk. Texts in a dictionary stay in it: Parquet stores them so."""
    kept = [
        pa.field(wanted.name, have.type)
        if pa.types.is_dictionary(have.type) and have.type.value_type == wanted.type
        else wanted
        for wanted, have in zip(schema, found.schema, strict=True)
    ]
    return found.cast(pa.schema(kept)).replace_schema_metadata(None)


def empty(table: Table) -> pd.DataFrame:
    """A table without rows."""
    schema = pa.schema(list(table.columns.items()))
    return _to_pandas(schema.empty_table())
