"""Large tables as numbers: texts become codes into a list of the different ones.

Sixty thousand images with five answers to each of two dozen questions are seven million rows; as
Python's texts and lists they would not fit, as codes they take a hundred megabytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from annotate.tables import Table, read_arrow

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Coded:
    """A table by columns.

    Attributes:
        columns: (rows,) by name: codes (int32) of columns of texts, else the values. Of a column
            of lists of texts, the codes of all entries one after another.
        names: what the codes of a column stand for.
        lengths: (rows,) entries of each list, by name of the column.
    """

    columns: dict[str, Array]
    names: dict[str, tuple[str, ...]]
    lengths: dict[str, Array]

    def __len__(self) -> int:
        flat = [name for name in self.columns if name not in self.lengths]
        return len(self.columns[flat[0]]) if flat else 0


def read_coded(table: Table, path: Path, columns: Sequence[str]) -> Coded:
    """Read columns of a table without a Python object per row.

    A missing number is NaN in a column of floats, and 0 in one of integers or booleans; a missing
    text has code -1.

    Args:
        table: what the file must be.
        path: the Parquet file.
        columns: names; at least one that holds no lists.

    Raises:
        MissingError: no such file; the message names the command that makes it.
        DamagedError: the file is cut short, or a column is missing or of another type.
    """
    found = read_arrow(table, path, list(columns))
    coded = Coded({}, {}, {})
    for name in columns:
        values = found.column(name)
        if pa.types.is_list(values.type):
            coded.lengths[name] = pc.fill_null(pc.list_value_length(values), 0).to_numpy()
            values = pc.list_flatten(values)
        if pa.types.is_string(values.type):
            coded.columns[name], coded.names[name] = _codes(values)
        else:
            coded.columns[name] = _numbers(values)
    return coded


def _codes(values: pa.ChunkedArray) -> tuple[Array, tuple[str, ...]]:
    whole = values.dictionary_encode().combine_chunks()
    if isinstance(whole, pa.ChunkedArray):  # of no rows
        return np.zeros(0, np.int32), ()
    codes = pc.fill_null(whole.indices, -1).to_numpy(zero_copy_only=False).astype(np.int32)
    return codes, tuple(whole.dictionary.to_pylist())


def _numbers(values: pa.ChunkedArray) -> Array:
    if not pa.types.is_floating(values.type):
        values = pc.fill_null(values, False if pa.types.is_boolean(values.type) else 0)
    numbers: Array = values.to_numpy()
    return numbers
