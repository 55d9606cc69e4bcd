"""The index on disk: float16 embeddings in shards, keyed by content, and exact search over them.

Search multiplies blocks of rows in float32, and scores what may be among the best again in float64,
row by row in a fixed order. So neither blocks, shards nor threads change a result.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from annotate.errors import DamagedError, MissingError
from annotate.tables import Table, read

if TYPE_CHECKING:
    from annotate.encoder import Clip

MADE_BY = "mumic-annotate index"
SHARD = Table("index shard", MADE_BY, {"content_hash": pa.string()})
BLOCK = 16_384  # rows of one matrix product
SLACK = 1e-5  # more than the rounding of a float32 product of two unit vectors

Scores = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


def model_folder(index: Path, clip: Clip) -> Path:
    """The folder of one model's embeddings: its name and 8 digits of its weights' hash."""
    last = clip.name.removeprefix("local-dir:").rstrip("/").rpartition("/")[2]
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-.")
    return index / f"{readable}-{clip.weights_hash[:8]}"


def shard_files(folder: Path) -> dict[int, Path]:
    """Finished shards by number: a shard's Parquet file is written last."""
    return {int(file.stem[6:]): file for file in sorted(folder.glob("shard-[0-9]*.parquet"))}


def embedded_contents(folder: Path) -> list[str]:
    """Content hashes of all rows, shard by shard."""
    return [
        value
        for file in shard_files(folder).values()
        for value in read(SHARD, file)["content_hash"]
    ]


@dataclass(frozen=True)
class Index:
    """All embeddings of one model.

    Attributes:
        content_hashes: object (n,), what each row is the embedding of.
        embeddings: float16 (rows, dim) per shard, memory-mapped, rows of unit length.
    """

    content_hashes: npt.NDArray[np.object_]
    embeddings: list[npt.NDArray[np.float16]]

    def search(
        self, queries: npt.NDArray[np.float32], k: int, keep: npt.NDArray[np.bool_] | None = None
    ) -> tuple[Scores, Rows]:
        """The best rows for each query, exactly.

        Args:
            queries: float32 (q, dim), rows of unit length.
            k: how many; fewer where there are not as many rows.
            keep: bool (n,), rows to look at; all by default.

        Returns:
            Cosines float64 (q, k), best first, and row numbers int64 (q, k). Equal scores stand in
            the order of their content hashes.
        """
        keep = np.ones(len(self.content_hashes), bool) if keep is None else keep
        k = min(k, int(keep.sum()))
        best = [_Best(k) for _ in queries]
        first = 0
        for shard in self.embeddings if k else []:
            for start in range(0, len(shard), BLOCK):
                rows = np.flatnonzero(keep[first + start : first + min(start + BLOCK, len(shard))])
                scores = shard[start + rows].astype(np.float32) @ queries.T
                for query, column in zip(best, scores.T, strict=True):
                    query.add(first + start + rows, column)
            first += len(shard)
        found = [self._rescore(q, b, k) for q, b in zip(queries, best, strict=True)]
        shape = (len(queries), k)
        return (
            np.array([scores for scores, _ in found], np.float64).reshape(shape),
            np.array([rows for _, rows in found], np.int64).reshape(shape),
        )

    def vectors(self, rows: Rows) -> npt.NDArray[np.float16]:
        """Embeddings of some rows, float16 (len(rows), dim)."""
        starts = np.cumsum([0, *map(len, self.embeddings)])
        shards = np.searchsorted(starts, rows, side="right") - 1
        return np.stack(
            [self.embeddings[s][r - starts[s]] for s, r in zip(shards, rows, strict=True)]
        )

    def _rescore(self, query: npt.NDArray[np.float32], best: _Best, k: int) -> tuple[Scores, Rows]:
        if not k:
            return np.empty(0), np.empty(0, np.int64)
        rows = best.rows
        # A sum per row, not a matrix product: its order must not depend on the other rows.
        scores = (self.vectors(rows).astype(np.float64) * query.astype(np.float64)).sum(axis=1)
        order = np.lexsort((self.content_hashes[rows].astype(str), -scores))[:k]
        return scores[order], rows[order]


class _Best:
    """Rows that may be among the k best of one query, collected block by block."""

    def __init__(self, k: int) -> None:
        self.k = k
        self.rows = np.empty(0, np.int64)
        self._scores = np.empty(0, np.float32)
        self._floor = -np.inf

    def add(self, rows: Rows, scores: npt.NDArray[np.float32]) -> None:
        passing = scores >= self._floor
        self.rows = np.concatenate([self.rows, rows[passing]])
        self._scores = np.concatenate([self._scores, scores[passing]])
        if len(self.rows) > self.k:
            self._floor = float(np.partition(self._scores, -self.k)[-self.k]) - SLACK
            staying = self._scores >= self._floor
            self.rows, self._scores = self.rows[staying], self._scores[staying]


def load_index(folder: Path) -> Index:
    """Open a model's embeddings.

    Raises:
        MissingError: there are none.
        DamagedError: a shard is cut short; the message names the file and what to do.
    """
    files = shard_files(folder)
    if not files:
        raise MissingError(f"no index of this model at {folder}. Make it with `{MADE_BY}`.")
    hashes = [read(SHARD, file)["content_hash"].to_numpy(object) for file in files.values()]
    embeddings = [
        _open_shard(file, len(content))
        for file, content in zip(files.values(), hashes, strict=True)
    ]
    if len({shard.shape[1] for shard in embeddings}) > 1:
        raise DamagedError(f"{folder}: shards of different widths. Delete it and run `{MADE_BY}`.")
    return Index(np.concatenate(hashes), embeddings)


def _open_shard(table: Path, rows: int) -> npt.NDArray[np.float16]:
    file = table.with_suffix(".npy")
    try:
        shard: npt.NDArray[np.float16] = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DamagedError(_damaged(table, f"not readable ({error})")) from error
    if shard.dtype != np.float16 or shard.ndim != 2 or len(shard) != rows:
        raise DamagedError(_damaged(table, f"holds {shard.dtype} {shard.shape}, not {rows} rows"))
    return shard


def _damaged(table: Path, what: str) -> str:
    file = table.with_suffix(".npy")
    return f"{file}: {what}. Delete it and {table.name}, and run `{MADE_BY}` to make them again."
