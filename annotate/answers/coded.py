"""A column of texts as codes: each distinct text once, and a number a row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Codes = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
_BLOCK = 2**16  # codes that are looked up at a time


@dataclass(frozen=True)
class Coded:
    """A column of texts.

    Attributes:
        values: the distinct ones, sorted.
        codes: (rows,), the place of each row's text in ``values``.
    """

    values: tuple[str, ...]
    codes: Codes

    @classmethod
    def of(cls, texts: Iterable[str]) -> Coded:
        """Encode texts.

        >>> Coded.of(["b", "a", "b"])
        Coded(values=('a', 'b'), codes=array([1, 0, 1], dtype=int32))
        """
        return cls.from_arrow(pa.array(list(texts), pa.string()))

    @classmethod
    def from_arrow(cls, column: pa.Array | pa.ChunkedArray) -> Coded:
        """Encode a column of strings, or of a dictionary of strings, without nulls."""
        if isinstance(column, pa.ChunkedArray):
            column = column.unify_dictionaries().combine_chunks()
        if not pa.types.is_dictionary(column.type):
            return cls._of_texts(column.dictionary_encode())
        codes = column.indices.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
        return cls.sort(column.dictionary.to_pylist(), codes)

    @classmethod
    def _of_texts(cls, column: pa.DictionaryArray) -> Coded:
        """From a dictionary that was made a moment ago: every value is used, and there once."""
        order = pc.array_sort_indices(column.dictionary)  # by bytes of UTF-8, as Python sorts
        rank = np.empty(len(order), np.int32)
        rank[order.to_numpy()] = np.arange(len(order))
        values = column.dictionary.take(order).to_pylist()
        return cls(tuple(values), rank[column.indices.to_numpy(zero_copy_only=False)])

    @classmethod
    def sort(cls, values: Sequence[str], codes: Codes) -> Coded:
        """From values in any order, some perhaps unused or there twice."""
        used = np.flatnonzero(_used(codes, len(values))).tolist()
        kept = sorted({values[at] for at in used})
        rank = {value: at for at, value in enumerate(kept)}
        if len(kept) == len(values) and all(map(str.__eq__, kept, values)):
            return cls(tuple(kept), codes)
        recode = np.zeros(len(values), np.int32)
        recode[used] = [rank[values[at]] for at in used]
        return cls(tuple(kept), _looked_up(recode, codes))

    @classmethod
    def join(cls, columns: Sequence[Coded]) -> Coded:
        """Columns one after another."""
        firsts = np.cumsum([0, *(len(column.values) for column in columns)])
        codes = [column.codes + first for column, first in zip(columns, firsts, strict=False)]
        values = [value for column in columns for value in column.values]
        return cls.sort(values, np.concatenate(codes).astype(np.int32))

    def compact(self) -> Coded:
        """Without values that no row has."""
        used = _used(self.codes, len(self.values))
        if used.all():
            return self
        recode = np.cumsum(used, dtype=np.int32) - np.int32(1)
        return Coded(tuple(compress(self.values, used)), _looked_up(recode, self.codes))

    def take(self, rows: npt.NDArray[Any]) -> Coded:
        """Some rows, by number or mask; values that none of them has stay in the list."""
        return Coded(self.values, self.codes[rows])

    def texts(self) -> npt.NDArray[np.object_]:
        """The text of each row."""
        return np.array(self.values, object)[self.codes]

    def to_arrow(self) -> pa.DictionaryArray:
        """As Arrow's dictionary of strings."""
        return pa.DictionaryArray.from_arrays(
            pa.array(self.codes), pa.array(self.values, pa.string())
        )


def _used(codes: Codes, count: int) -> Mask:
    """(count,) which codes there are. NumPy makes 8 bytes of each: of a block, not of all."""
    used = np.zeros(count, bool)
    for at in range(0, len(codes), _BLOCK):
        used[codes[at : at + _BLOCK]] = True
        if used.all():  # mostly soon: people and questions are few
            break
    return used


def _looked_up(table: Codes, codes: Codes) -> Codes:
    """``table[codes]``, likewise a block at a time."""
    found = np.empty(len(codes), np.int32)
    for at in range(0, len(codes), _BLOCK):
        found[at : at + _BLOCK] = table[codes[at : at + _BLOCK]]
    return found
