"""What a draw of candidates is given and gives back, and where its randomness comes from.

Strategies: :mod:`annotate.mining.similarity`, :mod:`annotate.mining.stratified` and
:mod:`annotate.mining.active`. They draw from a frame, see :mod:`annotate.mining.frame`, and
write a receipt for each candidate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from annotate.errors import MissingError
from annotate.tables import CANDIDATES, POOLS, empty

if TYPE_CHECKING:
    from annotate.index.shards import Index
    from annotate.search.halves import Rows


@dataclass(frozen=True)
class Draw:
    """How much is drawn, and by which chance.

    Attributes:
        n: images for each class, or in all where there are no classes.
        top: size of the pool that they are drawn from.
        seed: of all samples.
        round: number of this round, from 1; another round draws other images.
        max_per_property: images of a property that are considered, at most; 0: all.
        near_cosine: embeddings this close are of one picture; more than 1: none are.
    """

    n: int
    top: int
    seed: int
    round: int
    max_per_property: int = 0
    near_cosine: float = 2.0


@dataclass(frozen=True)
class Mined:
    """A round's candidates and what they were drawn from.

    Attributes:
        candidates: ``tables.CANDIDATES``.
        pools: images that were drawn from, for each class or stratum.
        drawn: images drawn, for each class or stratum.
        population: images of each stratum before the cap per property; empty: no strata.
        pool_rows: ``tables.POOLS``.
    """

    candidates: pd.DataFrame
    pools: dict[str, int]
    drawn: dict[str, int]
    population: dict[str, int] = field(default_factory=dict)
    pool_rows: pd.DataFrame = field(default_factory=lambda: empty(POOLS))


def generator(seed: int, round_number: int, what: str) -> np.random.Generator:
    """The random numbers of one class or stratum in one round."""
    digest = hashlib.sha256(what.encode()).digest()[:16]
    return np.random.default_rng([seed, round_number, int.from_bytes(digest)])


def rows_in(index: Index, images: pd.DataFrame) -> Rows:
    """The row of each image in the index, -1 for those that are not embedded.

    Raises:
        MissingError: none is.
    """
    rows = index.rows_of(images["content_hash"])
    if not (rows >= 0).any():
        raise MissingError(
            f"none of the {len(images):,} images that may be drawn is in the index. Embed them "
            "with `mumic-annotate index`."
        )
    return rows


def receipts(parts: Sequence[pd.DataFrame], strategy: str, draw: Draw) -> pd.DataFrame:
    """Rows of :data:`tables.CANDIDATES` from parts that lack some of its columns."""
    rows = pd.concat(parts, ignore_index=True)
    rows = rows.assign(round=draw.round, seed=draw.seed, strategy=strategy)
    rows = rows.reindex(columns=list(CANDIDATES.columns))
    chances = {"draw_probability": float, "inclusion_probability": float}
    return rows.astype({"rank": "Int32", **chances})
