"""Which contents go into which shard of the index: decided before anything is embedded.

A plan follows from the catalogue, the index that is there and the settings alone, so machines that
never speak to each other make the same one, and a killed run takes up where it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from annotate.index.folders import MADE_BY, shard_files
from annotate.index.reading import Item
from annotate.index.shards import embedded_contents
from annotate.tables import Table

PLAN = Table(
    "index plan", MADE_BY, {"shard": pa.int32(), "content_hash": pa.string(), "uri": pa.string()}
)


@dataclass(frozen=True)
class PlannedShard:
    """One shard to make.

    Attributes:
        number: of its files.
        batches: what goes into each forward pass. Fixed by the plan and the batch size: the same
            batches give the same bytes, wherever and in whatever order they are embedded.
    """

    number: int
    batches: tuple[tuple[Item, ...], ...]

    def digest(self) -> str:
        """SHA-256 over the contents and how they fall into batches, hex."""
        lines = (" ".join(content for content, _ in batch) for batch in self.batches)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def plan_shards(images: pd.DataFrame, folder: Path, shard_size: int) -> pd.DataFrame:
    """Which contents go into which new shard: by image id, each content once.

    Args:
        images: the catalogue's present images.
        folder: of one model; contents that are embedded there are left out.
        shard_size: rows a shard.

    Returns:
        ``shard``, ``content_hash`` and ``uri``; empty where all is embedded.
    """
    done = pa.array(embedded_contents(folder), pa.string())
    # Arrow's look-up takes a tenth of the time of pandas' over a million hashes.
    there = pc.is_in(pa.array(images["content_hash"], pa.string()), value_set=done)
    todo: pd.DataFrame = images[~there.to_numpy(zero_copy_only=False)]
    todo = todo.sort_values("image_id").drop_duplicates("content_hash")
    first = max(shard_files(folder), default=-1) + 1
    numbers = first + np.arange(len(todo)) // shard_size
    return todo[["content_hash", "uri"]].assign(shard=numbers)[list(PLAN.columns)]


def planned(plan: pd.DataFrame, batch_size: int) -> Iterator[PlannedShard]:
    """The shards of a plan in order, one in memory at a time."""
    for number, rows in plan.groupby("shard", sort=True):
        items = list(zip(rows["content_hash"], rows["uri"], strict=True))
        starts = range(0, len(items), batch_size)
        batches = tuple(tuple(items[start : start + batch_size]) for start in starts)
        yield PlannedShard(int(str(number)), batches)


def deal(plan: pd.DataFrame, part: int, of: int) -> pd.DataFrame:
    """The share of one of several machines: whole shards, dealt out in turn.

    Args:
        plan: of all shards.
        part: from 1 to ``of``.
        of: number of parts.
    """
    first = plan["shard"].min() if len(plan) else 0
    return plan[(plan["shard"] - first) % of == part - 1]


def plan_digest(plan: pd.DataFrame) -> str:
    """SHA-256 over shard numbers and contents, hex: equal on machines that make equal plans."""
    digest = hashlib.sha256()
    for number, content in zip(plan["shard"], plan["content_hash"], strict=True):
        digest.update(f"{number} {content}\n".encode())
    return digest.hexdigest()
